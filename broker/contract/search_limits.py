"""What an engine takes: of a query, and of documents. Checked before sending, so before anything can be billed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from broker.errors import BadInput, Unsupported
from broker.types.document import Document
from broker.types.filters import Filter
from broker.types.metadata import ValueKind, kind_of
from broker.types.request import Request
from broker.types.search import QueryRequest, SearchMode, SuggestRequest
from broker.types.write import UpsertRequest, WriteRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """What queries an engine takes.

    :param max_characters: of the words.
    :param max_top: hits of one page.
    :param reach: hits that paging can reach in all (Kendra: 100); None: all.
    :param modes: what it has, its usual one first; with one only, ``mode`` may still be said.
    :param facets: it counts values.
    :param filters: it takes filters.
    :param translate: the adapter's own way from a filter to the engine's; called here with every filter and its result
        thrown away, so that what the engine lacks (:class:`~broker.errors.Unsupported`) is refused before money. Pure.
    """

    max_characters: int
    max_top: int
    reach: int | None = None
    modes: tuple[SearchMode, ...] = (SearchMode.KEYWORD,)
    facets: bool = True
    filters: bool = True
    translate: Callable[[Filter], object] | None = None
    source: str = ""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` or :class:`Unsupported` naming the limit and the way out."""
        if isinstance(request, SuggestRequest):
            self._check_size(request.text, request.top, provider, operation)
        if not isinstance(request, QueryRequest):
            return
        self._check_size(request.text, request.top, provider, operation)
        if request.mode is not None and request.mode not in self.modes:
            modes = ", ".join(each.value for each in self.modes)
            raise Unsupported(
                f"mode {request.mode.value} is not offered (offered: {modes})",
                provider=provider,
                operation=operation,
            )
        if request.facets and not self.facets:
            raise Unsupported(
                "facets are not offered; leave them out", provider=provider, operation=operation
            )
        self._check_page(request, provider, operation)
        if request.filter is not None:
            if not self.filters:
                raise Unsupported(
                    "filters are not offered; leave it out", provider=provider, operation=operation
                )
            if self.translate is not None:
                try:
                    self.translate(request.filter)
                except (BadInput, Unsupported) as error:
                    error.provider, error.operation = error.provider or provider, error.operation or operation
                    raise

    def _check_size(self, text: str, top: int, provider: str, operation: str) -> None:
        if len(text) > self.max_characters:
            raise BadInput(
                f"a query of {len(text):,} characters is above the limit of {self.max_characters:,}; shorten it",
                provider=provider,
                operation=operation,
            )
        if top > self.max_top:
            raise BadInput(
                f"top {top} is above the limit of {self.max_top}; ask for further pages with page=",
                provider=provider,
                operation=operation,
            )

    def _check_page(self, request: QueryRequest, provider: str, operation: str) -> None:
        page = request.page
        if page is None:
            return
        if self.reach is not None and page.shown >= self.reach:
            raise BadInput(
                f"it gives no hits behind the first {self.reach}; make the query or its filter narrower",
                provider=provider,
                operation=operation,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLimits:
    """What goes into one request that writes or asks for documents; more become several requests.

    :param max_items: documents or ids.
    :param max_bytes: of all together, by :attr:`~broker.types.document.Document.size`; leave room for what a format adds.
    :param max_item: bytes of one document; a larger one is not sent, and reported as failed.
    :param kinds: values of metadata it can keep; a document with others is not sent, and reported as failed.
    :param refuse: says why a document cannot be sent, beside these; empty: it can. Pure.
    :param eventual: what is accepted is found by queries only after a while; ``search.status`` tells.
    """

    max_items: int
    max_bytes: int | None = None
    max_item: int | None = None
    kinds: frozenset[ValueKind] = frozenset(ValueKind)
    refuse: Callable[[Document], str] | None = None
    eventual: bool = False
    source: str = ""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Nothing of the whole: each document is looked at by itself, and one that cannot be sent stops no other."""

    def problem(self, request: WriteRequest, place: int, size: int) -> str:
        """Why the document at this place cannot be sent; empty: it can."""
        most = min((each for each in (self.max_item, self.max_bytes) if each is not None), default=None)
        if most is not None and size > most:
            return f"it has {size:,} bytes, above the limit of {most:,}; cut it into several documents"
        if not isinstance(request, UpsertRequest):
            return ""
        document = request.documents[place]
        for name, value in document.metadata.items():
            if (kind := kind_of(value)) not in self.kinds:
                kinds = ", ".join(sorted(each.value for each in self.kinds)) or "no metadata"
                return f"the metadata {name} is a {kind.value}, which cannot be kept (kept: {kinds})"
        return "" if self.refuse is None else self.refuse(document)
