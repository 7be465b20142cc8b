"""One answer of ``:analyze-text``: the documents in it by their ids, and what the service says of those that failed.

The SDK calls API 2023-04-01, which answers ``{"kind", "results": {"documents", "errors", "modelVersion"}}``; 3.x had
the members of ``results`` at the top, and a container of that time still does.

Sources: Azure/azure-rest-api-specs, Language stable/2023-04-01, analyzetext.json; TextAnalytics stable/v3.0 and v3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeVar

from broker.contract import HttpReply, Reply, given, json_object, needed, reading
from broker.errors import MalformedReply, ProviderError
from broker.types import JsonValue, Unit, Usage, UsageSource
from broker_azure import faults

P = TypeVar("P")

SKU = "azure.language.text_records"
RECORD = 1000
"""Characters of a text record; a document begun is a record (data-limits.md, pricing)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back for the documents of one request.

    :param found: by id, of each document that was answered.
    :param failed: by id, the service's own error object.
    :param twice: ids that were answered more than once, so that nobody knows which answer holds.
    :param version: the model's.
    """

    found: dict[str, dict[str, Any]]
    failed: dict[str, Any]
    twice: frozenset[str]
    version: str | None
    request_id: str | None
    status: int
    body: dict[str, JsonValue]

    def sole(self) -> Answers:
        """For a request of one document: its answer, under whatever id, for it can be no other's."""
        if len(self.found) + len(self.failed) != 1 or self.twice:
            return self
        return replace(
            self,
            found=dict(zip("0", self.found.values(), strict=False)),
            failed=dict(zip("0", self.failed.values(), strict=False)),
        )

    def item(self, name: str, read: Callable[[Any], P], *, raw: bool) -> Reply[P] | ProviderError:
        """The reply to one document, or its error.

        :param read: makes the payload of the document; what it raises for one of another shape becomes a
            :class:`MalformedReply`.
        :param raw: keep the document's own part of the answer.
        """
        if name in self.twice:
            return self._malformed("the answer has the document's id more than once")
        if name in self.failed:
            return self._error(self.failed[name])
        document = self.found.get(name)
        if document is None:
            return self._malformed("the answer has neither a result nor an error for the document")
        try:
            with reading("the document's result", status=self.status, request_id=self.request_id):
                return Reply(
                    payload=read(document),
                    usage=_usage(document),
                    request_id=self.request_id,
                    model_version=self.version,
                    raw=document if raw else None,
                )
        except MalformedReply as error:
            return error

    def _error(self, said: Any) -> ProviderError:
        error = faults.item_error(said, status=self.status, request_id=self.request_id)
        return error or self._malformed("the answer has an error without a code for the document")

    def _malformed(self, text: str) -> MalformedReply:
        return MalformedReply(text, status=self.status, request_id=self.request_id)


def answers_of(reply: HttpReply) -> Answers:
    """Read the envelope. Raises :class:`MalformedReply` for an answer that has no list of documents."""
    request_id = faults.request_id(reply)
    body = json_object(reply, request_id=request_id)
    with reading("the answer", status=reply.status, request_id=request_id):
        return answers_in(body, status=reply.status, request_id=request_id)


def answers_in(body: dict[str, JsonValue], *, status: int, request_id: str | None) -> Answers:
    """The same of an answer's JSON. Raises ValueError."""
    results: Any = body if "results" not in body and "documents" in body else needed(body, "results", dict)
    found: dict[str, Any] = {}
    failed: dict[str, Any] = {}
    twice: set[str] = set()
    for document in needed(results, "documents", list):
        _put(found, needed(document, "id", str), document, twice, failed)
    for each in given(results, "errors", list) or ():
        _put(failed, needed(each, "id", str), each.get("error"), twice, found)
    version = results.get("modelVersion")
    return Answers(
        found=found,
        failed=failed,
        twice=frozenset(twice),
        version=version if isinstance(version, str) else None,
        request_id=request_id,
        status=status,
        body=body,
    )


def items_of(
    answers: Answers, reads: Sequence[Callable[[Any], P]], *, raw: bool
) -> tuple[Reply[P] | ProviderError, ...]:
    """For each document of the request, in its order and by its id ("0", "1", …)."""
    return tuple(answers.item(str(place), read, raw=raw) for place, read in enumerate(reads))


def _put(where: dict[str, Any], name: str, what: Any, twice: set[str], other: dict[str, Any]) -> None:
    if name in where or name in other:
        twice.add(name)
    where[name] = what


def _usage(document: Any) -> tuple[Usage, ...]:
    """What the service counted for the document (``showStats``); nothing where it did not say, or said nothing is due.

    It counts records. Where its own count of characters makes as many, that count is told, for it says more.
    """
    said = document.get("statistics")
    if not isinstance(said, dict):
        return ()
    records, characters = said.get("transactionsCount"), said.get("charactersCount")
    if type(records) is not int or records < 1:
        return ()  # an answered document that claims to be free is not believed: the meter's own count stands
    quantity = records * RECORD
    if type(characters) is int and characters > 0 and -(-characters // RECORD) == records:
        quantity = characters
    return (Usage(sku=SKU, unit=Unit.CHARACTER, quantity=Decimal(quantity), source=UsageSource.REPORTED),)
