"""Key phrases of English text: runs of words that say something, ranked as RAKE does.

Rapid automatic keyword extraction (Rose, Engel, Cramer and Cowley, 2010): words between stop words and marks
form a phrase; a word's weight is the number of words it stands together with, itself among them, divided by
how often it occurs; a phrase's weight is the sum of its words'. ``data/stopwords.txt`` is a list of our own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker_local.models import Lazy

STOP_WORDS = Path(__file__).parent / "data" / "stopwords.txt"
MOST_WORDS = 4
"""A longer run is a list or a heading, not a phrase; it is cut into its last words, where its noun stands."""

_WORD = re.compile(
    r"[^\W_](?:[^\W_]|[\u0300-\u036f\u200c\u200d]|['\u2019.&/\-\u2010\u2011](?=[^\W_]))*(?:\+\+|#(?!\w))?"
)
"""Letters and digits, the accents that stand as characters of their own, and marks within a word."""
_NUMBER = re.compile(r"[\d.,/\-:%]+")
_JOINS = re.compile(r"[ \t\u00a0]+")
"""What may stand between two words of a phrase; a mark, a line's end and all else divide."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase.

    :param text: as it stands where it is met first.
    :param weight: RAKE's: 1 or more, without an upper end; it ranks the phrases of one text and is no
        confidence.
    :param mentions: where it stands, in whatever case; half-open, in code points, in order.
    """

    text: str
    weight: float
    mentions: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    key: str


def extract(text: str) -> tuple[Phrase, ...]:
    """All phrases, heaviest first; of equal ones the one met first. In other languages they mean nothing."""
    runs = list(_runs(text))
    times: Counter[str] = Counter()
    company: Counter[str] = Counter()
    for run in runs:
        for word in run:
            times[word.key] += 1
            company[word.key] += len(run)
    mentions: dict[str, list[tuple[int, int]]] = {}
    weights: dict[str, float] = {}
    for run in runs:
        key = " ".join(word.key for word in run)
        mentions.setdefault(key, []).append((run[0].start, run[-1].end))
        weights[key] = sum(company[word.key] / times[word.key] for word in run)
    found = (
        Phrase(text[slice(*places[0])], round(weights[key], 6), tuple(places))
        for key, places in mentions.items()
    )
    return tuple(sorted(found, key=lambda each: (-each.weight, each.mentions[0])))


def _runs(text: str) -> Iterator[tuple[_Word, ...]]:
    """Words that stand together, without stop words around or between."""
    run: list[_Word] = []
    for match in _WORD.finditer(text):
        key = match.group().casefold().replace("\u2019", "'")
        if run and not _JOINS.fullmatch(text, run[-1].end, match.start()):
            yield from _phrase(run)
            run = []
        if _says_nothing(key):
            yield from _phrase(run)
            run = []
        else:
            run.append(_Word(match.start(), match.end(), key.removesuffix("'s")))
    yield from _phrase(run)


def _says_nothing(key: str) -> bool:
    # Adverbs in -ly tell how, not what; short words in -ly are mostly none (*family* has six letters).
    adverb = len(key) > 6 and key.endswith("ly")
    return key in _stop_words.get() or len(key) == 1 or adverb


def _phrase(run: list[_Word]) -> Iterator[tuple[_Word, ...]]:
    kept = run[-MOST_WORDS:]
    if any(not _NUMBER.fullmatch(word.key) for word in kept):
        yield tuple(kept)


_stop_words = Lazy(lambda: frozenset(STOP_WORDS.read_text(encoding="utf-8").split()))
