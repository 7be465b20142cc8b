"""Words within a line, from the columns in which the recogniser saw each letter.

The recogniser reads a line as columns of 8 pixels at 48 pixels of height, and says in which column each letter
came up (CTC). That is a point of the letter, not its edges: the edges of a word lie half a letter before its
first and after its last point, so they are right to about half a letter. ``rapidocr`` can make such boxes itself,
but gives the words of a line the scores of its first letters, and parts words at wide letters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from statistics import median
from typing import Any

Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """One word, and where it lies along its line: 0 is the line's start, 1 its end.

    :param score: the mean of its letters', as a line's score is the mean of all its letters'.
    """

    text: str
    score: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word, in pixels of the upright picture, from its upper left corner clockwise."""

    text: str
    score: float
    corners: tuple[Corner, ...]


def spans(text: str, columns: Sequence[int], scores: Sequence[float], length: float) -> tuple[Span, ...]:
    """Words are what spaces part; a Chinese or Japanese line without spaces is one word.

    Empty where the numbers do not fit the text: then nothing is known of its words.

    :param columns: of each letter that is no space.
    :param scores: of each letter, spaces too.
    :param length: of the line, in columns.
    """
    letters = [number for number, letter in enumerate(text) if not letter.isspace()]
    if len(letters) != len(columns) or len(scores) != len(text) or not letters or length <= 0:
        return ()
    column = dict(zip(letters, columns, strict=True))
    words = [
        [number for number, _ in group]
        for space, group in groupby(enumerate(text), key=lambda each: each[1].isspace())
        if not space
    ]
    steps = [column[b] - column[a] for word in words for a, b in pairwise(word)]
    half = (median(steps) if steps else length / len(text)) / 2
    points = [(column[word[0]] + 0.5, column[word[-1]] + 0.5) for word in words]
    found: list[Span] = []
    for number, (word, (first, last)) in enumerate(zip(words, points, strict=True)):
        before = (points[number - 1][1] + first) / 2 if number else 0.0
        after = (last + points[number + 1][0]) / 2 if number + 1 < len(points) else length
        start, end = max(first - half, before, 0.0), min(last + half, after, length)
        found.append(
            Span(
                text=text[word[0] : word[-1] + 1],
                score=sum(scores[letter] for letter in word) / len(word),
                start=start / length,
                end=max(start, end) / length,
            )
        )
    return tuple(found)


def place(span: Span, line: Sequence[Corner]) -> Word:
    """Where a word is, from its line's corners, which start at the upper left and go clockwise.

    ``rapidocr`` takes a place that is half again as high as wide for a line that runs down.
    """
    one, two, three, four = line
    across = max(math.dist(one, two), math.dist(four, three))
    down = max(math.dist(one, four), math.dist(two, three))
    if int(down) >= 1.5 * int(across):  # turned to the left to be read: its top is on the right
        upper, lower = (two, three), (one, four)
    else:
        upper, lower = (one, two), (four, three)
    corners = (
        _between(*upper, span.start),
        _between(*upper, span.end),
        _between(*lower, span.end),
        _between(*lower, span.start),
    )
    return Word(span.text, span.score, corners)


def _between(start: Corner, end: Corner, ratio: float) -> Corner:
    return start[0] + (end[0] - start[0]) * ratio, start[1] + (end[1] - start[1]) * ratio


class Columns:
    """Stands in for ``rapidocr``'s own reckoning of words (its ``cal_rec_boxes``): keeps our spans instead."""

    def __call__(self, _pictures: Any, _boxes: Any, read: Any, _letters: bool = False) -> Any:
        """Called once for each picture, with what the recogniser said of all its lines."""
        read.word_results = tuple(
            # One entry a line, never an empty one: rapidocr drops those, and lines would lose their words.
            (
                (
                    text,
                    1.0,
                    spans(text, list(chain.from_iterable(info.word_cols)), info.confs, info.line_txt_len),
                ),
            )
            for text, info in zip(read.txts, read.word_results, strict=True)
        )
        return read


def kept(entry: Any) -> tuple[Span, ...]:
    """What :class:`Columns` kept of a line; empty for anything else."""
    try:
        ((_, _, found),) = entry
        return tuple(found) if all(isinstance(each, Span) for each in found) else ()
    except (TypeError, ValueError):
        return ()
