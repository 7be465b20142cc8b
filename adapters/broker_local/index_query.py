"""Find documents in a local index: by words (FTS5, bm25), and by words and meaning together (reciprocal rank fusion)."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from broker.types import Facet, FacetValue, Filter, Highlight, MetadataValue, QueryRequest, Snippet
from broker_local import index_vectors
from broker_local.index_files import Damaged
from broker_local.index_filter import KINDS, where
from broker_local.models import Lazy

WEIGHTS = "2.0, 1.0"
"""Of a word in the title and in the content, for bm25."""
MOST_WORDS = 64
"""Words of a query that are looked for; the rarest cannot be told beforehand, so the first ones."""
FUSED = 60
"""The constant of reciprocal rank fusion: Cormack, Clarke, Büttcher, SIGIR 2009."""
DEPTH = 200
"""Of each ranking, what is fused; what stands behind is not found by a hybrid query."""
SNIPPET = 280
"""Characters, about."""
MOST_FACET_VALUES = 100
_WORD = re.compile(r"[^\W_]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARKS = tuple(chr(code) for code in range(0xFDD0, 0xFDF0))
"""Code points that Unicode reserves for a program's own use, and for no text."""


class Found(NamedTuple):
    """A place and its scores.

    :param words: bm25, greater being better; None where no word of it fits.
    :param meaning: the cosine of its vector; None for a query by words.
    :param fused: made of the ranks in both; None for a query by words.
    """

    place: int
    words: float | None
    meaning: float | None = None
    fused: float | None = None


def words_of(text: str) -> list[str]:
    """The words of a query without those that say nothing; if there are no others, with them.

    They are cut no finer than FTS5 cuts texts: it takes an accent that stands apart for a part of its letter, and what it does
    cut, such as the vowel signs of Hindi or Thai, it then looks for side by side.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = "".join(each if _in_word(each) else " " for each in text)
    cut = _WORD.findall(text) if text.isascii() else text.split()
    found = list(dict.fromkeys(each.lower() for each in cut))
    telling = [each for each in found if each not in _stop_words.get()]
    return (telling or found)[:MOST_WORDS]


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in ("Mn", "Mc", "Me", "Co")


def expression(words: Sequence[str]) -> str:
    """Any of the words, as FTS5 reads it: each in quotes, so that none is an operator. They hold no quotes."""
    return " OR ".join(f'"{each}"' for each in words)


def by_words(
    connection: sqlite3.Connection, words: Sequence[str], filter: Filter | None, most: int, start: int = 0
) -> list[Found]:
    """The best by bm25."""
    if not words:
        return []
    holds, values = where(filter, "words.rowid")
    rows = connection.execute(
        f"SELECT rowid, bm25(words, {WEIGHTS}) AS score FROM words WHERE words MATCH ?{holds} "  # noqa: S608 - values are bound
        "ORDER BY score, rowid LIMIT ? OFFSET ?",
        (expression(words), *values, most, start),
    )
    return [Found(place, -score) for place, score in rows]


def total(connection: sqlite3.Connection, words: Sequence[str], filter: Filter | None) -> int:
    """How many documents have one of the words."""
    if not words:
        return 0
    holds, values = where(filter, "words.rowid")
    found: tuple[int] = connection.execute(
        f"SELECT count(*) FROM words WHERE words MATCH ?{holds}",  # noqa: S608 - values are bound
        (expression(words), *values),
    ).fetchone()
    return found[0]


def by_both(
    connection: sqlite3.Connection, path: Path, request: QueryRequest, words: Sequence[str]
) -> list[Found]:
    """All that either ranking has among its first :data:`DEPTH`, by their ranks in both."""
    allowed = None
    if request.filter is not None:
        holds, values = where(request.filter, "document.place")
        rows = connection.execute(f"SELECT place FROM document WHERE 1{holds}", values)  # noqa: S608 - values are bound
        allowed = [place for (place,) in rows]
    worded = by_words(connection, words, request.filter, DEPTH)
    near = index_vectors.vectors.nearest(connection, str(path), request.text, DEPTH, allowed)
    marks = ", ".join("?" * len(near))
    rows = connection.execute(
        f"SELECT place FROM document WHERE place IN ({marks})",  # noqa: S608 - only marks
        [place for place, _ in near],
    )
    there = {place for (place,) in rows}
    near = [each for each in near if each[0] in there]  # of this view of the index
    scores: dict[int, float] = {}
    for ranking in ([each.place for each in worded], [place for place, _ in near]):
        for rank, place in enumerate(ranking, 1):
            scores[place] = scores.get(place, 0.0) + 1.0 / (FUSED + rank)
    bm25, cosines = {each.place: each.words for each in worded}, dict(near)
    order = sorted(scores, key=lambda place: (-scores[place], place))
    return [Found(place, bm25.get(place), cosines.get(place), scores[place]) for place in order]


def snippets(
    connection: sqlite3.Connection, words: Sequence[str], places: Sequence[int]
) -> dict[int, Marked]:
    """For each place its title and content with what matches in them."""
    found: dict[int, Marked] = {}
    for place in places:
        whole = connection.execute("SELECT title, content FROM document WHERE place = ?", (place,)).fetchone()
        if whole is None:
            raise Damaged("the words name a document that is not there")
        title, content = whole
        marks = [mark for mark in _MARKS if mark not in content and mark not in (title or "")][:2]
        row = None
        if words and len(marks) == 2:
            row = connection.execute(
                "SELECT highlight(words, 0, ?, ?), highlight(words, 1, ?, ?) FROM words WHERE words MATCH ? AND rowid = ?",
                (*marks, *marks, expression(words), place),
            ).fetchone()
        in_title, in_content = row if row is not None else (None, None)
        found[place] = Marked(
            _places(title or "", in_title, marks), cut(content, _places(content, in_content, marks))
        )
    return found


class Marked(NamedTuple):
    """What matches in a document."""

    title: tuple[Highlight, ...]
    snippet: Snippet


def _places(text: str, marked: str | None, marks: Sequence[str]) -> tuple[Highlight, ...]:
    """Offsets in code points from a text with marks; none, if without them it is another one."""
    if not marked:
        return ()
    before, after = marks
    found: list[Highlight] = []
    at = 0
    plain: list[str] = []
    for number, piece in enumerate(marked.split(before)):
        inside, _, outside = piece.partition(after) if number else ("", "", piece)
        if inside:
            found.append(Highlight(begin=at, end=at + len(inside)))
        plain += (inside, outside)
        at += len(inside) + len(outside)
    return tuple(found) if "".join(plain) == text else ()


def cut(text: str, places: Sequence[Highlight]) -> Snippet:
    """The stretch of about :data:`SNIPPET` characters with most highlights, from a word's begin to a word's end."""
    best, most = 0, 0
    last = 0
    for first, each in enumerate(places):
        while last < len(places) and places[last].end <= each.begin + SNIPPET:
            last += 1
        if last - first > most:
            best, most = first, last - first
    begin = max(0, places[best].begin - SNIPPET // 6) if places else 0
    end = min(len(text), begin + SNIPPET)
    begin = max(0, min(begin, end - SNIPPET))
    if begin:
        space = text.find(" ", begin, begin + 30)
        if 0 <= space < (places[best].begin if places else end):
            begin = space + 1
    if end < len(text):
        space = text.rfind(" ", max(begin, end - 30), end)
        kept = max((each.end for each in places if begin <= each.begin and each.end <= end), default=begin)
        end = space if space > max(kept, begin) else end
    return Snippet(
        text=text[begin:end],
        highlights=tuple(
            Highlight(begin=each.begin - begin, end=each.end - begin)
            for each in places
            if begin <= each.begin and each.end <= end
        ),
        member="content",
    )


def facets(
    connection: sqlite3.Connection,
    words: Sequence[str],
    filter: Filter | None,
    names: Sequence[str],
    *,
    exact: bool = True,
) -> tuple[Facet, ...]:
    """The values of each name over all documents that have one of the words, counted.

    :param exact: no others are found.
    """
    holds, values = where(filter, "words.rowid")
    found = []
    for name in names:
        rows = (
            connection.execute(
                "SELECT kind, value, count(*) AS number FROM words CROSS JOIN fact ON fact.place = words.rowid "  # noqa: S608 - values are bound
                f"AND fact.name = (SELECT number FROM name WHERE name = ?) WHERE words MATCH ?{holds} "
                "GROUP BY kind, value ORDER BY number DESC, kind, value LIMIT ?",
                (name, expression(words), *values, MOST_FACET_VALUES),
            )
            if words
            else ()
        )
        found.append(
            Facet(
                name=name,
                values=tuple(
                    FacetValue(value=_shown(kind, value), count=number) for kind, value, number in rows
                ),
                exact=exact,
            )
        )
    return tuple(found)


_BOOLEAN, _TIME = (
    next(number for kind, number in KINDS.items() if kind.value == name) for name in ("boolean", "time")
)


def _shown(kind: int, value: str | int | float) -> MetadataValue:
    if kind == _BOOLEAN:
        return bool(value)
    return _EPOCH + timedelta(microseconds=int(value)) if kind == _TIME else value


def titles(connection: sqlite3.Connection, begin: str, most: int) -> list[tuple[str, str]]:
    """Titles that begin so, whatever the case of ASCII letters, in their order; each with one document's id."""
    return connection.execute(
        "SELECT title, min(id) FROM document WHERE title IS NOT NULL AND title COLLATE NOCASE >= ? "
        "AND title COLLATE NOCASE < ? GROUP BY title COLLATE NOCASE ORDER BY title COLLATE NOCASE LIMIT ?",
        (begin, begin + "\U0010ffff", most),
    ).fetchall()


def _read() -> frozenset[str]:
    path = Path(__file__).parent / "data" / "stopwords.txt"
    return frozenset(word for each in path.read_text("utf-8").split() for word in _WORD.findall(each))


_stop_words = Lazy(_read)
