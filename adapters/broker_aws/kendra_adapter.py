"""The Kendra adapter: a provider of its own, so that it can be compared with the knowledge bases of the same account."""

from __future__ import annotations

from typing import Any, ClassVar

from broker.contract import AdapterSettings, Context, HttpReply, Manifest, Reply
from broker.types import (
    DeleteRequest,
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
from broker_aws import kendra, kendra_documents, rereading
from broker_aws.account import AccountAdapter, read_reply
from broker_aws.kendra_manifest import MANIFEST
from broker_aws.settings import KendraSettings


class KendraAdapter(AccountAdapter):
    """Amazon Kendra for one account and region; it takes no new customers.

    Every operation raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_aws.faults`,
    :class:`MalformedReply`, and what the transport raises.
    """

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = KendraSettings

    def __init__(self, settings: KendraSettings, /) -> None:
        super().__init__(settings)
        self._settings = settings

    def rereads(self) -> frozenset[str]:
        """Operations whose kept answers it reads."""
        return rereading.KENDRA_READS

    def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
        """See :class:`~broker.contract.Rereads`."""
        return rereading.reread_kendra(operation, raw, request)

    def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
        """Documents and answers by Query; with ``kendra_passages`` longer passages by Retrieve."""
        passages = kendra.is_passages(request)
        method, read = ("retrieve", kendra.passages_of) if passages else ("query", kendra.results_of)
        reply = self._ask(method, kendra.questions(request, self._settings), request, context)
        return read_reply(reply, "a result", lambda body: read(body, request), request.raw)

    def suggest(self, request: SuggestRequest, context: Context, /) -> Reply[SuggestionSet]:
        """Queries that others have made, by GetQuerySuggestions."""
        reply = self._ask("get_query_suggestions", kendra.prefix(request, self._settings), request, context)
        return read_reply(reply, "a suggestion", kendra.suggestions_of, request.raw)

    def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
        """By BatchPutDocument; indexed in a while."""
        wanted = kendra_documents.additions(request, self._settings)
        reply = self._ask("batch_put_document", wanted, request, context)
        return read_reply(
            reply, "a failure", lambda body: kendra_documents.begun_of(body, request), request.raw
        )

    def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
        """By BatchDeleteDocument; they are gone in up to an hour or more."""
        wanted = kendra_documents.deletion(request, self._settings)
        reply = self._ask("batch_delete_document", wanted, request, context)
        return read_reply(
            reply, "a failure", lambda body: kendra_documents.begun_of(body, request), request.raw
        )

    def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
        """By BatchGetDocumentStatus."""
        wanted = kendra_documents.question(request, self._settings)
        reply = self._ask("batch_get_document_status", wanted, request, context)
        return read_reply(reply, "a document's status", kendra_documents.standing_of, request.raw)

    def _ask(self, method: str, wanted: dict[str, Any], request: Request, context: Context) -> HttpReply:
        return self._send(kendra.SERVICE, method, wanted, request, context)
