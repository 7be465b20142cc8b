"""The adapter's operations on an index: Vertex AI Search (Discovery Engine) v1 over REST."""

from __future__ import annotations

import json

from broker.contract import Context, Reply, json_object, reading
from broker.errors import NotConfigured
from broker.types import (
    DeleteRequest,
    DocumentState,
    DocumentStatus,
    JsonValue,
    QueryRequest,
    SearchResults,
    StatusRequest,
    SuggestionSet,
    SuggestRequest,
    UpsertRequest,
    WriteReport,
)
from broker_gcp import search_answer, search_documents, search_request
from broker_gcp.proto_json import spelled
from broker_gcp.rest import JSON, Rest, error_in, refusal
from broker_gcp.search_keys import key_of
from broker_gcp.search_place import Place, place_of
from broker_gcp.settings import DISCOVERY, DISCOVERY_QUERIES, GcpSettings, location_of

_QUERIES = ("search.query",)
_NO_KEY = "Vertex AI Search takes no api_key; use a credential file in its place, or a profile of provider gcp without api_key"


class SearchOperations:
    """Vertex AI Search for one account.

    Every method raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_gcp.faults`,
    :class:`MalformedReply`, and what the transport raises.
    """

    def __init__(self, settings: GcpSettings) -> None:
        self._search_settings = settings
        self._queries = Rest(settings, DISCOVERY_QUERIES)
        self._documents = Rest(settings, DISCOVERY)

    async def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
        """A page by ``servingConfigs:search``. Raises :class:`Unsupported` for a filter that cannot be said."""
        place, parent = await self._place(self._queries, request.index, context)
        body = await self._queries.post(
            f"/v1/{place.searched(parent)}:search",
            search_request.question(request, place, parent, self._search_settings),
            context,
        )
        with reading("an answer to a query"):
            found = search_answer.results_of(body, request)
            token = body.get(spelled(body, "attributionToken"))
        return Reply(
            payload=found,
            usage=search_request.used(self._search_settings, request),
            # "helps to identify a request during the customer support scenarios"
            request_id=token if isinstance(token, str) else None,
            raw=body if request.raw else None,
        )

    async def suggest(self, request: SuggestRequest, context: Context, /) -> Reply[SuggestionSet]:
        """Queries that begin so, by ``dataStores:completeQuery``."""
        place, parent = await self._place(self._documents, request.index, context)
        reply = await self._documents.send(
            "GET",
            f"/v1/{place.kept(parent)}:completeQuery",
            context,
            params=search_request.prefix(request),
        )
        body = json_object(reply, request_id=None)
        with reading("an answer to a prefix"):
            found = search_answer.suggestions_of(body)
        return Reply(
            payload=found,
            usage=search_request.used(self._search_settings, request),
            raw=body if request.raw else None,
        )

    async def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
        """Several by one import, which goes on behind its answer; one by itself, which is looked at before the answer."""
        place, parent = await self._place(self._documents, request.index, context)
        made: list[JsonValue] = [
            search_documents.written(each, self._search_settings) for each in request.documents
        ]
        if len(made) == 1:
            reply = await self._documents.send(
                "PATCH",
                f"/v1/{place.document(parent, request.keys[0])}",
                context,
                headers=JSON,
                params={"allowMissing": "true"},
                content=json.dumps(made[0], ensure_ascii=False, separators=(",", ":")).encode(),
            )
            body = json_object(reply, request_id=None)
            with reading("a document"):
                report = search_documents.put(request.keys, body)
        else:
            asked: dict[str, JsonValue] = {
                "inlineSource": {"documents": made},
                "reconciliationMode": "INCREMENTAL",
            }
            body = await self._documents.post(
                f"/v1/{place.documents(parent)}/documents:import", asked, context
            )
            with reading("an import"):
                report = search_documents.imported(request.keys, body)
        return Reply(payload=report, raw=body if request.raw else None)

    async def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
        """One document. It is out of the data store with the answer, and out of the index a while later."""
        body = await self._asked("DELETE", request, context)
        state = DocumentState.DONE if body is None else DocumentState.ACCEPTED
        return _one(request, DocumentStatus(id=request.ids[0], state=state), body)

    async def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
        """Where one document stands."""
        body = await self._asked("GET", request, context)
        key = request.ids[0]
        if body is None:
            return _one(request, DocumentStatus(id=key, state=DocumentState.ABSENT), body)
        with reading("a document"):
            return _one(request, search_documents.stands(key, body), body)

    async def _asked(
        self, method: str, request: DeleteRequest, context: Context
    ) -> dict[str, JsonValue] | None:
        """The answer about one document; None: there is none, or can be none."""
        place, parent = await self._place(self._documents, request.index, context)
        if key_of(request.ids[0]) is None:
            return None
        reply = await self._documents.send(
            method, f"/v1/{place.document(parent, request.ids[0])}", context, accepted=(404,)
        )
        if reply.status != 404:
            return json_object(reply, request_id=None)
        if not search_documents.is_gone(reply, error_in(reply)):
            raise refusal(reply, DISCOVERY.api)
        return None

    async def _place(self, rest: Rest, index: str | None, context: Context) -> tuple[Place, str]:
        """The index, and ``projects/…/locations/…`` that it lies in."""
        if self._search_settings.api_key is not None:
            raise NotConfigured(_NO_KEY)
        place = place_of(self._search_settings, index)
        if place.project is None:
            return place, await rest.parent(context)
        return place, f"projects/{place.project}/locations/{location_of(self._search_settings, DISCOVERY)}"

    def _search_problems(self) -> dict[str, str]:
        """What stops the service, as far as it can be told without network; empty where nothing does."""
        key = _NO_KEY if self._search_settings.api_key is not None else ""
        return {DISCOVERY.name: key or self._documents.problem()}

    def _renew_search(self, context: Context) -> bool:
        """Whether the service has another credential now."""
        return (self._queries if context.operation in _QUERIES else self._documents).renew(context)


def _one(
    request: DeleteRequest, status: DocumentStatus, body: dict[str, JsonValue] | None
) -> Reply[WriteReport]:
    report = WriteReport(statuses=(status,))
    return Reply(payload=report, raw=({} if body is None else body) if request.raw else None)
