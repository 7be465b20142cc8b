"""Word error rate where a reference may be worded in several ways: ``2020``, ``twenty twenty``, ``two thousand twenty``.

Transcripts write numbers as they like. Where a data set says which wordings of a piece are right, the one nearest to what
was answered counts, so that writing is not taken for hearing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broker.quality.metrics.edits import Edit, alignment, distance
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts
from broker.quality.metrics.normalise import Normaliser

VERSION = 1
_ROUNDS = 3
"""Choosing one wording can move its neighbours; more rounds than these changed nothing where measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worded:
    """A piece of a reference and every wording of it that is right, as it was written first."""

    wordings: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.wordings:
            raise ValueError("a piece of a reference has one wording at least")


def worded_wer_metric(normaliser: Normaliser) -> Metric:
    """Errors to the words of the chosen wordings, as a ratio of sums. Not comparable with the plain word error rate."""
    return Metric(
        id=f"worded-wer:{normaliser.name}",
        version=VERSION,
        parts=("errors", "words"),
        of=mean_of_parts,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def worded_wer_score(
    item: str,
    reference: Sequence[Worded],
    answer: str | None,
    normaliser: Normaliser,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """Errors and words of one recording; None: the call failed, and the first wordings are all missed."""
    choices = [
        tuple(dict.fromkeys(tuple(normaliser.words(each)) for each in piece.wordings)) for piece in reference
    ]
    chosen = [choice[0] for choice in choices]
    if answer is None:
        total = float(sum(len(words) for words in chosen))
        return ItemScore(item=item, parts=(total, total), failed=True, drawn=drawn)
    found = normaliser.words(answer)
    best = _words(chosen)
    errors = distance(best, found)
    for _ in range(_ROUNDS):
        chosen = _nearest(choices, chosen, found)
        words = _words(chosen)
        tried = distance(words, found)
        if tried >= errors:
            break
        best, errors = words, tried
    return ItemScore(item=item, parts=(float(errors), float(len(best))), drawn=drawn)


def _words(chosen: Sequence[tuple[str, ...]]) -> list[str]:
    return [word for words in chosen for word in words]


def _nearest(
    choices: Sequence[tuple[tuple[str, ...], ...]], chosen: Sequence[tuple[str, ...]], found: Sequence[str]
) -> list[tuple[str, ...]]:
    """For each piece the wording nearest to what stands between its neighbours in the answer."""
    owner = [index for index, words in enumerate(chosen) for _ in words]
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    for step in alignment(_words(chosen), found):
        if step.edit is not Edit.INSERTED:
            piece = owner[step.at]
            begins.setdefault(piece, step.found)
            ends[piece] = step.found + (step.edit is not Edit.DELETED)
    picked = list(chosen)
    behind = 0
    following = _following(begins, len(chosen), len(found))
    for index, choice in enumerate(choices):
        if len(choice) > 1:
            there = found[behind : max(behind, following[index])]
            picked[index] = min(choice, key=lambda words: distance(words, there))
        behind = ends.get(index, behind)
    return picked


def _following(begins: dict[int, int], count: int, end: int) -> list[int]:
    """For each piece, where the next piece that has words begins in the answer."""
    found = [end] * count
    for index in range(count - 2, -1, -1):
        found[index] = begins.get(index + 1, found[index + 1])
    return found
