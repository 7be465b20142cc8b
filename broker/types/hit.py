"""What a search finds: hits with their snippets, scores on a scale of their own, facets and answers."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Generic, TypeVar

from broker.types.metadata import Metadata, MetadataValue


class ScoreKind(str, Enum):
    """What a score can be read as."""

    UNBOUNDED = "unbounded"
    """Greater is better and there is no top; equal numbers of two queries say nothing of each other."""
    RATIO = "ratio"
    """In 0..1."""
    BUCKET = "bucket"
    """A word of an order, such as HIGH."""
    FUSED = "fused"
    """Made of the ranks of several rankings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreScale:
    """Where a score belongs. Scores of two scales, or of two queries, are never compared: ranks are.

    :param name: unique to the engine: ``azure.search.score``.
    :param buckets: of a bucket scale its words, best first.
    """

    name: str
    kind: ScoreKind
    buckets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=True)
class Score:
    """How well a hit fits, as the engine says it; it has no order, for the rank is what is comparable.

    :param value: a number; None on a bucket scale, or where the engine gives none.
    :param raw: exactly what the engine said; None if it said nothing.
    :param others: further scores the engine gives (a re-ranker's, a vector's), each on its own scale.
    """

    value: float | None
    raw: float | str | None
    scale: ScoreScale
    others: tuple[Score, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """A place that matched: ``text[begin:end]``, in code points.

    :param top: the engine takes it for the answer itself.
    """

    begin: int
    end: int
    top: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A piece of a document, with what matched in it.

    :param member: where it is from: ``content``, ``title`` or a name of the engine's; None where it does not tell.
    :param offset_ok: the engine's offsets lie within the text; False: do not cut by them (they are kept as given).
    """

    text: str
    highlights: tuple[Highlight, ...] = ()
    member: str | None = None
    offset_ok: bool = True

    def marked(self, before: str = "**", after: str = "**") -> str:
        """The text with its highlights between these; plain, where the offsets do not hold."""
        if not self.offset_ok:
            return self.text
        parts: list[str] = []
        upto = 0
        for each in sorted(self.highlights, key=lambda mark: mark.begin):
            if each.begin < upto:
                continue
            parts += [self.text[upto : each.begin], before, self.text[each.begin : each.end], after]
            upto = each.end
        return "".join([*parts, self.text[upto:]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One document that was found.

    :param rank: 1 for the best of the query, going on over its pages.
    :param snippets: the best piece first; none where the engine gives none.
    :param title_highlights: places in the title.
    :param metadata: what the engine gives back of it.
    :param id: of the document, as it was put in; where the engine cut documents into passages, of the document.
    :param passage: the engine's id of the passage, where the hit is one.
    :param featured: it stands there because somebody put it there, not by its score.
    """

    id: str
    rank: int
    score: Score
    title: str | None = None
    url: str | None = None
    snippets: tuple[Snippet, ...] = ()
    title_highlights: tuple[Highlight, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    passage: str | None = None
    featured: bool = False

    @property
    def snippet(self) -> Snippet | None:
        """The best piece."""
        return self.snippets[0] if self.snippets else None


class AnswerKind(str, Enum):
    """Where an answer's words are from."""

    EXTRACTED = "extracted"
    """They stand so in a document."""
    FAQ = "faq"
    """Somebody wrote the question and its answer."""
    GENERATED = "generated"
    """A language model wrote them; they may be wrong."""
    TABLE = "table"
    """Cells of a table in a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the engine takes for the answer itself.

    :param ids: documents it rests on, as far as the engine tells.
    """

    text: str
    kind: AnswerKind
    highlights: tuple[Highlight, ...] = ()
    offset_ok: bool = True
    ids: tuple[str, ...] = ()
    title: str | None = None
    url: str | None = None
    score: Score | None = None


V = TypeVar("V", bound=MetadataValue)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetValue(Generic[V]):
    """How many of all hits have this value.

    :param low: of a value that is a range of numbers or times, its first; ``high``: the one behind its last.
    """

    value: V | None
    count: int
    low: MetadataValue | None = None
    high: MetadataValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """The values of one name over all hits, the commonest first.

    :param exact: the engine has counted all hits; False: an estimate, or of the best ones only; None: it does not tell.
    """

    name: str
    values: tuple[FacetValue[MetadataValue], ...]
    exact: bool | None = None


def marked_text(
    text: str, before: str, after: str, *, escaped: bool = False, member: str | None = None
) -> Snippet:
    """A snippet from a text in which an engine put marks around what matched (``<em>``, ``<b>``).

    :param escaped: it is HTML: entities become their characters. A mark in the document itself is then known from
        the engine's; else choose marks that cannot be in a document.
    """
    parts: list[str] = []
    found: list[Highlight] = []
    length = 0
    pieces = text.split(before)
    for number, piece in enumerate(pieces):
        inside, mark, outside = piece.partition(after) if number else ("", "", piece)
        if number and not mark:  # never closed: it was no mark
            inside, outside = "", before + piece
        for part, is_inside in ((inside, True), (outside, False)):
            plain = html.unescape(part) if escaped else part
            if is_inside and plain:
                found.append(Highlight(begin=length, end=length + len(plain)))
            parts.append(plain)
            length += len(plain)
    return Snippet(text="".join(parts), highlights=tuple(found), member=member)


def placed(text: str, places: Iterable[tuple[int, int, bool]], *, member: str | None = None) -> Snippet:
    """A snippet from an engine's offsets in code points: ``(begin, end, top)``. Raises ValueError for what is no offset.

    Offsets that do not lie within the text are kept, and the snippet says so: they must not be cut by.
    """
    found = []
    inside = True
    for begin, end, top in places:
        if type(begin) is not int or type(end) is not int:  # True is an int, too
            raise ValueError("an offset must be a whole number")
        inside = inside and 0 <= begin < end <= len(text)
        found.append(Highlight(begin=begin, end=end, top=top))
    return Snippet(text=text, highlights=tuple(found), member=member, offset_ok=inside)


def ranked(hits: Iterable[Hit], shown: int) -> tuple[Hit, ...]:
    """The hits with the ranks they have behind ``shown`` earlier ones."""
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, shown + 1))
