"""search.query and search.suggest: what is asked of an index, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, ClassVar, Self

from broker.errors import BadInput
from broker.types.filter_text import parse_filter, shown_filter
from broker.types.filters import Filter, check_filter, is_filter
from broker.types.hit import Answer, Facet, Hit, Score
from broker.types.metadata import check_name
from broker.types.request import Request, check_count, check_text

DEFAULT_TOP = 10
MOST_FACETS = 50
_MOST_INDEX = 256


class SearchMode(str, Enum):
    """How hits are found and ordered; a provider has some of them, and one it takes where none is asked for."""

    KEYWORD = "keyword"
    """By their words."""
    VECTOR = "vector"
    """By their meaning: near vectors."""
    HYBRID = "hybrid"
    """By both, the rankings made into one."""
    RERANKED = "reranked"
    """The best of a first search put in order by a model that reads them (Azure's semantic ranker); often of its own price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(Request):
    """What every operation on an index has.

    :param index: its name: of the settings' ``indexes``, or the provider's own; None: the one that the settings name.
    """

    index: str | None = None

    PROBE: ClassVar[Any] = "?"
    """A subject that can be meant, to look at options before there is one."""

    def __post_init__(self) -> None:
        if self.index is not None:
            check_index(self.index)

    @classmethod
    def subject_of(cls, given: Any) -> Any:
        """What the caller gave, checked. Raises :class:`BadInput`."""
        return check_text(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a query's next hits begin. It belongs to one account of one provider and to one query, and is asked for by hand.

    :param provider: with its account, where that has a name: ``aws:prod-eu``.
    :param token: the provider's own word for it.
    :param query: digest of the query; another one cannot go on from here.
    :param shown: hits before it.
    """

    provider: str
    token: str
    query: str
    shown: int

    @property
    def text(self) -> str:
        """To be kept or passed on; :meth:`parse` reads it. It holds nothing of the query's words."""
        known = json.dumps([self.provider, self.token, self.query, self.shown], separators=(",", ":"))
        return _PREFIX + base64.urlsafe_b64encode(known.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: Any) -> Page:
        """From :attr:`text`. Raises :class:`BadInput`."""
        if isinstance(text, Page):
            return text
        try:
            coded = text.removeprefix(_PREFIX) if len(text) <= _MOST_PAGE else ""
            known = json.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)))
            provider, token, query, shown = known
        except (AttributeError, TypeError, ValueError, RecursionError):
            provider = token = query = shown = None
        if not (
            isinstance(provider, str)
            and isinstance(token, str)
            and isinstance(query, str)
            and type(shown) is int
            and shown >= 0
        ):
            raise BadInput("page must be what the result before it has as its page (value.page, or its text)")
        return cls(provider=provider, token=token, query=query, shown=shown)


_PREFIX = "p1."
_MOST_PAGE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest(SearchRequest):
    """Which documents fit these words?

    :param language: BCP-47 tag of the words, where the provider offers it.
    :param filter: only hits for which it holds; a text is read by :func:`~broker.types.filter_text.parse_filter`.
    :param top: hits of one page at most.
    :param page: the page to fetch, from the result before; None: the first. No page is ever fetched that was not asked for.
    :param facets: names whose values are counted over all hits.
    :param mode: how hits are found; None: the provider's usual way.
    """

    SUBJECT: ClassVar[str] = "text"

    text: str = field(repr=False)
    filter: Filter | None = None
    top: int = DEFAULT_TOP
    page: Page | None = None
    facets: tuple[str, ...] = ()
    mode: SearchMode | None = None

    def __post_init__(self) -> None:
        SearchRequest.__post_init__(self)
        check_count("top", self.top)
        if self.top is None:
            raise BadInput("top must be a number: nobody gives all hits")
        if self.filter is not None:
            given: Any = self.filter
            if is_filter(given):
                check_filter(given)
            else:
                object.__setattr__(self, "filter", parse_filter(given))
        object.__setattr__(self, "facets", _names(self.facets))
        if self.mode is not None:
            try:
                object.__setattr__(self, "mode", SearchMode(self.mode))
            except ValueError:
                modes = ", ".join(each.value for each in SearchMode)
                raise BadInput(f"mode must be one of {modes}, not {self.mode!r:.80}") from None
        if self.page is not None:
            object.__setattr__(self, "page", Page.parse(self.page))
            if self.page.query != self.digest():
                raise BadInput(
                    "this page belongs to another query: text, index, filter, top, facets, mode and language must be "
                    "those of the result it is from"
                )

    @property
    def shown(self) -> int:
        """Hits on the pages before this one."""
        return 0 if self.page is None else self.page.shown

    def digest(self) -> str:
        """What tells this query from others, whatever its page."""
        known = [
            self.text,
            self.index,
            None if self.filter is None else shown_filter(self.filter),
            self.top,
            list(self.facets),
            None if self.mode is None else self.mode.value,
            self.language,
            json.dumps(self.extensions, sort_keys=True, default=str),
        ]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:24]

    def next_page(self, provider: str, token: str | None, hits: int) -> Page | None:
        """The page behind this one, for an adapter: its own token, and the hits it gives now. None: there is none."""
        if not token:
            return None
        return Page(provider=provider, token=token, query=self.digest(), shown=self.shown + hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResults:
    """One page of a query's hits, the best first.

    :param total: hits in all, as far as the engine tells.
    :param total_exact: it has counted them; False: an estimate or a floor; None: it does not tell.
    :param page: where the next hits begin; None: there are none.
    :param answers: what the engine takes for answers.
    :param corrected: the words it searched for instead, or suggests (a provider's notes say which), if it says so.
    :param mode: how it searched.
    :param partial: the engine answered from a part of the index (Azure: coverage below 100 %).
    """

    hits: tuple[Hit, ...]
    total: int | None = None
    total_exact: bool | None = None
    page: Page | None = None
    facets: tuple[Facet, ...] = ()
    answers: tuple[Answer, ...] = ()
    corrected: str | None = None
    mode: SearchMode | None = None
    partial: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the hits, in their order."""
        return tuple(hit.id for hit in self.hits)

    def select(self, request: QueryRequest) -> Self:
        """Not more than ``top``, beside what is featured: pages do not count it, so what it pushed out would be on none."""
        if len(self.hits) <= request.top:
            return self
        first = next((place for place, hit in enumerate(self.hits) if not hit.featured), len(self.hits))
        return replace(self, hits=self.hits[: first + request.top])


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest(SearchRequest):
    """How may these words go on?

    :param top: suggestions at most.
    """

    SUBJECT: ClassVar[str] = "text"

    text: str = field(repr=False)
    top: int = DEFAULT_TOP

    def __post_init__(self) -> None:
        SearchRequest.__post_init__(self)
        check_count("top", self.top)
        if self.top is None:
            raise BadInput("top must be a number: nobody gives all suggestions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Words to search for.

    :param id: of the document it is from, where the engine suggests documents.
    """

    text: str
    id: str | None = None
    score: Score | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionSet:
    """The likeliest first."""

    suggestions: tuple[Suggestion, ...]

    def select(self, request: SuggestRequest) -> Self:
        """Not more than ``top``."""
        if len(self.suggestions) <= request.top:
            return self
        return replace(self, suggestions=self.suggestions[: request.top])


def check_index(given: Any) -> str:
    """Refuse what can be no index's name. Raises :class:`BadInput`."""
    if not isinstance(given, str) or not given.strip() or len(given) > _MOST_INDEX or not given.isprintable():
        raise BadInput(f"index must be a name of 1 to {_MOST_INDEX} printable characters")
    return given


def _names(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise BadInput('facets must be a list of names, as ["year", "tags"]')
    found = tuple(dict.fromkeys(check_name(each) for each in given))
    if len(found) > MOST_FACETS:
        raise BadInput(f"a query counts at most {MOST_FACETS} facets, not {len(found)}")
    return found
