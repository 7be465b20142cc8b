"""Who spoke when (diarisation error rate), and who said what (cpWER). Speakers' names mean nothing: they are matched.

Both match the speakers of an answer with those of the truth one to one, in the way that is best for the answer, within
one recording.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.quality.metrics.assignment import cheapest_assignment
from broker.quality.metrics.edits import distance
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts
from broker.quality.metrics.normalise import Normaliser

VERSION = 1
COLLAR = 0.25
"""Seconds to each side of every boundary of the truth that are not judged, as in NIST's evaluations: people do not
agree on boundaries either. (pyannote.metrics calls this ``collar=0.5``, the width of both sides.)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A stretch of speech of one speaker, in seconds from the beginning of the recording."""

    speaker: str
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not (0 <= self.begin < self.end < math.inf):
            raise ValueError(
                f"a turn begins at 0 or later and ends behind that, not {self.begin}..{self.end}"
            )


def der_metric(collar: float = COLLAR) -> Metric:
    """Diarisation error rate: seconds missed, falsely found and given to the wrong speaker, over seconds of speech.

    Speech of two at once counts for both, and is judged. A ratio of sums; may be above 1.
    """
    if not 0 <= collar < math.inf:
        raise ValueError(f"a collar is 0 seconds or more, not {collar}")
    return Metric(
        id=f"der:collar={collar:g}s",
        version=VERSION,
        parts=("missed", "false", "confused", "speech"),
        of=_error_rate,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def _error_rate(parts: Sequence[float]) -> float | None:
    return sum(parts[:3]) / parts[3] if parts[3] else None


def der_score(
    item: str,
    truth: Sequence[Turn],
    found: Sequence[Turn] | None,
    collar: float = COLLAR,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """Seconds of one recording for :func:`der_metric` of the same collar; None: the call failed, and all is missed."""
    pieces = list(_pieces(truth, found or (), collar))
    match = _matched(pieces)
    missed = false = confused = speech = 0.0
    for seconds, there, told in pieces:
        right = sum(match.get(speaker) in there for speaker in told)
        missed += seconds * max(0, len(there) - len(told))
        false += seconds * max(0, len(told) - len(there))
        confused += seconds * (min(len(there), len(told)) - right)
        speech += seconds * len(there)
    return ItemScore(item=item, parts=(missed, false, confused, speech), failed=found is None, drawn=drawn)


_Piece = tuple[float, frozenset[str], frozenset[str]]
"""Seconds in which nothing changes: how many, who speaks in truth, who is said to."""


def _pieces(truth: Sequence[Turn], found: Sequence[Turn], collar: float) -> Iterable[_Piece]:
    """The recording cut wherever anything changes, without the collars."""
    changes: list[tuple[float, int, str, int]] = []  # when, whose list, speaker, one more or one less
    for side, turns in enumerate((truth, found)):
        for turn in turns:
            changes += [(turn.begin, side, turn.speaker, 1), (turn.end, side, turn.speaker, -1)]
    if collar:
        for turn in truth:
            for edge in (turn.begin, turn.end):
                changes += [(edge - collar, 2, "", 1), (edge + collar, 2, "", -1)]
    changes.sort(key=lambda change: change[0])
    speaking: tuple[dict[str, int], dict[str, int], dict[str, int]] = ({}, {}, {})
    before = 0.0
    for at, side, speaker, by in changes:
        if at > before and not speaking[2] and (speaking[0] or speaking[1]):
            yield at - before, frozenset(speaking[0]), frozenset(speaking[1])
        before = at
        left = speaking[side].get(speaker, 0) + by
        if left:
            speaking[side][speaker] = left
        else:
            del speaking[side][speaker]


def _matched(pieces: Sequence[_Piece]) -> dict[str, str]:
    """For each found speaker the true one: those who speak together longest in all."""
    together: dict[tuple[str, str], float] = {}
    for seconds, there, told in pieces:
        for one in there:
            for other in told:
                together[other, one] = together.get((other, one), 0.0) + seconds
    found, truth = (sorted({pair[side] for pair in together}) for side in (0, 1))
    turned = len(found) > len(truth)
    rows, columns = (truth, found) if turned else (found, truth)
    chosen = cheapest_assignment(
        [
            [-together.get((column, row) if turned else (row, column), 0.0) for column in columns]
            for row in rows
        ]
    )
    pairs = [(row, columns[column]) for row, column in zip(rows, chosen, strict=True)]
    return {column: row for row, column in pairs} if turned else dict(pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one speaker said at one time. None: nobody knows who; those stretches count as one speaker's."""

    speaker: str | None
    text: str


def cpwer_metric(normaliser: Normaliser) -> Metric:
    """Concatenated minimum-permutation word error rate (CHiME-6): each speaker's words in one, matched with a speaker of
    the truth so that errors are fewest; words of speakers without a match are all missed or all invented.

    So a word that is heard rightly and given to the wrong speaker is two errors. A ratio of sums; may be above 1.
    """
    return Metric(
        id=f"cpwer:{normaliser.name}",
        version=VERSION,
        parts=("errors", "words"),
        of=mean_of_parts,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def cpwer_score(
    item: str,
    truth: Sequence[Said],
    found: Sequence[Said] | None,
    normaliser: Normaliser,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """One recording, each list in order of time; None: the call failed, and all words are missed."""
    there, told = _by_speaker(truth, normaliser), _by_speaker(found or (), normaliser)
    size = max(len(there), len(told))
    there += [[] for _ in range(size - len(there))]
    told += [[] for _ in range(size - len(told))]
    costs = [[distance(said, heard) for heard in told] for said in there]
    errors = sum(costs[row][column] for row, column in enumerate(cheapest_assignment(costs)))
    return ItemScore(
        item=item,
        parts=(float(errors), float(sum(map(len, there)))),
        failed=found is None,
        drawn=drawn,
    )


def _by_speaker(said: Sequence[Said], normaliser: Normaliser) -> list[list[str]]:
    texts: dict[str | None, list[str]] = {}
    for each in said:
        texts.setdefault(each.speaker, []).append(each.text)
    return [normaliser.words(" ".join(each)) for each in texts.values()]
