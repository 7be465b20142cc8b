"""Whether other answers are given than used to be, and whether the mix of inputs explains it.

A population stability index with a fixed bar is not used: at 100 items "PSI > 0.1" is a false alarm most of the time, at
1,000 never. A chi-square test at a level that the false alarms of a year allow takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.quality.chance import chi2_above

LEAST_EXPECTED = 5.0
REST = "(rest)"


@dataclass(frozen=True, slots=True, kw_only=True)
class MixShift:
    """A window's answers beside those of a reference window.

    :param p_value: of chi-square for the same mix; 1 where there is too little to compare.
    :param largest: the answer whose share moved most, and by how much.
    :param pooled: answers too rare to stand for themselves, counted together.
    """

    statistic: float
    freedom: int
    p_value: float
    largest: tuple[str, float] | None
    pooled: int

    def shifted(self, alpha: float) -> bool:
        """The mix changed, at this level."""
        return self.p_value <= alpha


def mix_shift(reference: Mapping[str, int], window: Mapping[str, int]) -> MixShift:
    """Chi-square of two windows of fixed sizes, drawn alike. Answers with fewer than 5 expected are pooled."""
    before, now = sum(reference.values()), sum(window.values())
    names = sorted({*reference, *window})
    if not before or not now or len(names) < 2:
        return MixShift(statistic=0.0, freedom=0, p_value=1.0, largest=None, pooled=0)
    share = min(before, now) / (before + now)
    rows: list[tuple[int, int]] = []
    rest, pooled = [0, 0], 0
    for name in names:
        pair = reference.get(name, 0), window.get(name, 0)
        if sum(pair) * share < LEAST_EXPECTED:
            rest[0] += pair[0]
            rest[1] += pair[1]
            pooled += 1
        else:
            rows.append(pair)
    if pooled:
        if sum(rest) * share < LEAST_EXPECTED and rows:  # still too rare: with the smallest of the others
            smallest = min(rows, key=sum)
            rows.remove(smallest)
            rest = [rest[0] + smallest[0], rest[1] + smallest[1]]
        rows.append((rest[0], rest[1]))
    statistic = 0.0
    for one, other in rows:
        for count, size in ((one, before), (other, now)):
            expected = (one + other) * size / (before + now)
            statistic += (count - expected) ** 2 / expected
    moved = max(names, key=lambda name: abs(window.get(name, 0) / now - reference.get(name, 0) / before))
    freedom = len(rows) - 1
    return MixShift(
        statistic=statistic,
        freedom=freedom,
        p_value=chi2_above(statistic, freedom) if freedom else 1.0,
        largest=(moved, window.get(moved, 0) / now - reference.get(moved, 0) / before),
        pooled=pooled,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShift:
    """The mix of true labels that explains the answers, if the model makes the same errors as on gold (BBSE).

    :param mix: share of each true label now.
    :param accuracy: what the provider's accuracy is on that mix; what it falls below this, the mix does not explain.
    """

    mix: Mapping[str, float]
    accuracy: float


def label_shift(
    confusion: Mapping[tuple[str, str], int], answers: Mapping[str, int], classes: Sequence[str]
) -> LabelShift | None:
    """Solves ``answers = confusion x mix`` for the mix, negative shares set to 0.

    :param confusion: counts of (truth, answer) on gold.
    :param answers: counts of the answers now.

    None where it cannot be told: a class without gold, or answers that do not tell two classes apart.
    """
    totals = {truth: sum(confusion.get((truth, answer), 0) for answer in classes) for truth in classes}
    now = sum(answers.get(answer, 0) for answer in classes)
    if not now or not all(totals.values()):
        return None
    rows = [[confusion.get((truth, answer), 0) / totals[truth] for truth in classes] for answer in classes]
    solved = _solved(rows, [answers.get(answer, 0) / now for answer in classes])
    if solved is None:
        return None
    shares = [max(0.0, share) for share in solved]
    whole = sum(shares)
    if not whole:
        return None
    mix = {truth: share / whole for truth, share in zip(classes, shares, strict=True)}
    accuracy = sum(mix[truth] * confusion.get((truth, truth), 0) / totals[truth] for truth in classes)
    return LabelShift(mix=mix, accuracy=accuracy)


def _solved(rows: list[list[float]], wanted: list[float]) -> list[float] | None:
    """Gauss with pivots; None where the rows hardly differ."""
    size = len(rows)
    table = [[*row, value] for row, value in zip(rows, wanted, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(table[row][column]))
        if abs(table[pivot][column]) < 1e-6:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        for row in range(size):
            if row != column:
                factor = table[row][column] / table[column][column]
                table[row] = [a - factor * b for a, b in zip(table[row], table[column], strict=True)]
    return [table[row][size] / table[row][row] for row in range(size)]
