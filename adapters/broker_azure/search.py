"""The search operations of the Azure adapter: one wire request each."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from broker.contract import Context, HttpReply, Reply, json_object, reading
from broker.types import (
    DeleteRequest,
    DocumentState,
    DocumentStatus,
    JsonValue,
    QueryRequest,
    Request,
    SearchResults,
    StatusRequest,
    SuggestionSet,
    SuggestRequest,
    UpsertRequest,
    WriteReport,
)
from broker.types.search import SearchRequest
from broker_azure import search_answer, search_faults, search_request
from broker_azure.search_keys import key_of
from broker_azure.settings import SEARCH

if TYPE_CHECKING:
    from broker_azure.rest import Resources
    from broker_azure.search_settings import IndexShape
    from broker_azure.settings import AzureSettings

P = TypeVar("P")
_ANSWERED, _PARTIAL, _EACH = (200,), (200, 206), (200, 207)
_HEADERS = {"Content-Type": "application/json", "Accept": search_request.ACCEPT}


class SearchMethods:
    """Azure AI Search by REST. Each method raises NotConfigured, BadInput, the mapped refusals of
    :mod:`broker_azure.search_faults`, MalformedReply, and what the transport raises.
    """

    _settings: AzureSettings
    _resources: Resources

    async def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
        """One page of hits."""
        index, shape = self._index(request)
        body = search_request.query_body(request, shape)
        reply = await self._post_to(index, "docs/search.post.search", body, context)
        read = partial(search_answer.results_of, request=request, shape=shape, status=reply.status)
        return _reply(reply, request, read, accepted=_PARTIAL)

    async def suggest(self, request: SuggestRequest, context: Context, /) -> Reply[SuggestionSet]:
        """Texts of documents, or words (``azure_autocomplete``)."""
        index, shape = self._index(request)
        body = search_request.suggest_body(request, shape)
        words = search_request.completes(request)
        what = "docs/search.post.autocomplete" if words else "docs/search.post.suggest"
        reply = await self._post_to(index, what, body, context)
        read = search_answer.completions_of if words else partial(search_answer.suggestions_of, shape=shape)
        return _reply(reply, request, read)

    async def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
        """Documents, each replaced whole."""
        index, shape = self._index(request)
        action = search_request.action_of(request.extensions)
        actions: list[JsonValue] = []
        refused: list[DocumentStatus] = []
        for document in request.documents:
            made = search_request.document_action(document, shape, action)
            if isinstance(made, str):
                refused.append(DocumentStatus(id=document.id, state=DocumentState.FAILED, reason=made))
            else:
                actions.append(made)
        return await self._write(request, index, actions, refused, context, deleted=False)

    async def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
        """Documents by their ids; one that is not there is no failure."""
        index, shape = self._index(request)
        keys = {each: key_of(each) for each in request.ids}
        actions: list[JsonValue] = [
            search_request.delete_action(key, shape) for key in keys.values() if key is not None
        ]
        absent = [
            DocumentStatus(id=each, state=DocumentState.DONE) for each, key in keys.items() if key is None
        ]
        return await self._write(request, index, actions, absent, context, deleted=True)

    async def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
        """Whether documents are there: one is looked up, several are searched for by their keys.

        The service tells nothing of what it still works on: it is absent until it is there, and one that is replaced is
        there all the time.
        """
        index, shape = self._index(request)
        keys = {each: key_of(each) for each in request.ids}
        asked = [key for key in keys.values() if key is not None]
        found: frozenset[str] = frozenset()
        whole, reply, raw = True, None, None
        if len(asked) == 1:
            reply = await self._look_up(index, asked[0], shape, context)
            if reply.status != 404:
                read = partial(search_answer.key_in, shape=shape)
                raw, key = _read(reply, read, _ANSWERED)
                found = frozenset({key})
        elif asked:
            body = search_request.probe_body(asked, shape)
            reply = await self._post_to(index, "docs/search.post.search", body, context)
            raw, (found, whole) = _read(reply, partial(search_answer.keys_of, shape=shape), _ANSWERED)
        with reading("the answer", request_id=None if reply is None else search_faults.request_id(reply)):
            if not found <= set(asked):
                raise ValueError("it has a document that was not asked for")
        missing = DocumentState.ABSENT if whole else DocumentState.UNKNOWN
        report = WriteReport(
            statuses=tuple(
                DocumentStatus(id=each, state=DocumentState.DONE if key in found else missing)
                for each, key in keys.items()
            )
        )
        return _made(report, reply, request, raw)

    def _index(self, request: SearchRequest) -> tuple[str, IndexShape]:
        return self._settings.address(request.index, provider="azure"), self._settings.shape_of(request.index)

    async def _write(
        self,
        request: UpsertRequest | DeleteRequest,
        index: str,
        actions: list[JsonValue],
        known: list[DocumentStatus],
        context: Context,
        *,
        deleted: bool,
    ) -> Reply[WriteReport]:
        """A batch; the service answers 207 where a document failed, and 200 where none did.

        :param known: what is known without asking.
        """
        if not actions:
            return _made(WriteReport(statuses=tuple(known)), None, request)
        reply = await self._post_to(index, "docs/search.index", {"value": actions}, context)
        body, statuses = _read(reply, partial(search_answer.statuses_of, deleted=deleted), _EACH)
        return _made(WriteReport(statuses=(*statuses, *known)), reply, request, body)

    async def _post_to(
        self, index: str, what: str, body: dict[str, JsonValue], context: Context
    ) -> HttpReply:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        reply = await self._resources.exchange(
            "POST",
            SEARCH,
            search_request.path_of(index, what),
            context,
            params=search_request.VERSION,
            headers=_HEADERS,
            content=content,
        )
        if not 200 <= reply.status < 300:
            raise search_faults.refusal(reply)
        return reply

    async def _look_up(self, index: str, key: str, shape: IndexShape, context: Context) -> HttpReply:
        """One document's key, or the 404 that means there is none: it is empty, where that of an index has a reason."""
        reply = await self._resources.exchange(
            "GET",
            SEARCH,
            search_request.lookup_path(index, key),
            context,
            params={**search_request.VERSION, "$select": shape.id},
            headers={"Accept": search_request.ACCEPT},
        )
        absent = reply.status == 404 and not reply.content.strip()
        if not absent and not 200 <= reply.status < 300:
            raise search_faults.refusal(reply)
        return reply


def _read(
    reply: HttpReply, reader: Callable[[Mapping[str, Any]], P], accepted: Container[int]
) -> tuple[dict[str, JsonValue], P]:
    request_id = search_faults.request_id(reply)
    body = json_object(reply, request_id=request_id, accepted=accepted)
    with reading("the answer", status=reply.status, request_id=request_id):
        return body, reader(body)


def _reply(
    reply: HttpReply,
    request: Request,
    reader: Callable[[Mapping[str, Any]], P],
    accepted: Container[int] = _ANSWERED,
) -> Reply[P]:
    body, payload = _read(reply, reader, accepted)
    return _made(payload, reply, request, body)


def _made(payload: P, reply: HttpReply | None, request: Request, body: JsonValue = None) -> Reply[P]:
    return Reply(
        payload=payload,
        request_id=None if reply is None else search_faults.request_id(reply),
        raw=body if request.raw else None,
    )
