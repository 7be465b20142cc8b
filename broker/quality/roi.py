"""What a provider is worth: value of what is right, loss by what is wrong, against what it costs. Money is Decimal.

The user says what a right answer is worth and what each error loses; rates of errors come from items with truth, and
their uncertainty goes into the interval.

* gross: ``(V_final - V_initial) / C * 100``
* net: the ordinary return, ``(V_final - V_initial - C) / C * 100``: always 100 less.

``C`` is everything spent: calls, sampling, labels, engineering's part, failover and retries. Both are shown by name.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from broker.quality.bootstrap import quantile
from broker.quality.chance import check_level
from broker.types.markup import Shown

Cells = Mapping[tuple[str, str], int]
"""Counts of (truth, answer) over items with truth; an answer of ``FAILED`` where the call failed."""
FAILED = "(failed)"
DRAWS = 2000
SEED = 20_260


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueModel:
    """What answers are worth, in the user's money.

    :param right: of a right answer.
    :param losses: of an error, by (truth, answer); 0 or more.
    :param wrong: of an error that ``losses`` does not name.
    :param failed: of a call without an answer.
    :param rights: of a right answer, by truth, where it differs.
    :param doubt: how far ``right`` may be off either way, as a share of it (0.2: a fifth); goes into the interval.
    """

    right: Decimal
    wrong: Decimal = Decimal(0)
    failed: Decimal = Decimal(0)
    losses: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    rights: Mapping[str, Decimal] = field(default_factory=dict)
    doubt: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if min((self.wrong, self.failed, *self.losses.values()), default=Decimal(0)) < 0:
            raise ValueError("a loss is told as an amount of 0 or more")
        if not 0 <= self.doubt < 1:
            raise ValueError("the doubt about a value is a share of it, 0 to below 1")

    def of(self, truth: str, answer: str, factor: Decimal = Decimal(1)) -> Decimal:
        """The value of one answer; below 0 for a loss. ``factor`` scales what right answers are worth."""
        if answer == FAILED:
            return -self.failed
        if answer == truth:
            return self.rights.get(truth, self.right) * factor
        return -self.losses.get((truth, answer), self.wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Everything spent in the same time, in the same money."""

    calls: Decimal
    sampling: Decimal = Decimal(0)
    labelling: Decimal = Decimal(0)
    engineering: Decimal = Decimal(0)
    """Its part for this time, written off over the life of the work."""
    failover: Decimal = Decimal(0)
    """Retries, second providers, answers that were thrown away."""

    @property
    def total(self) -> Decimal:
        """Their sum."""
        return self.calls + self.sampling + self.labelling + self.engineering + self.failover


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyInterval(Shown):
    """An amount or a percentage with its interval."""

    point: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi(Shown):
    """The return on what was spent.

    :param gross: per cent; ``net``: per cent, 100 less.
    :param value: V_final - V_initial.
    :param cost: C.
    :param doubtful: gross at the low and the high end of what a right answer may be worth, rates as they are seen.
    :param break_even: the accuracy from which on an item pays for itself; None: no accuracy does, or what an item is
        worth does not hang on accuracy alone (right answers and unnamed errors are worth the same).
    """

    gross: MoneyInterval
    net: MoneyInterval
    value: MoneyInterval
    cost: Decimal
    level: float
    n: int
    doubtful: tuple[Decimal, Decimal]
    break_even: Decimal | None


def roi(
    final: Cells,
    *,
    items: int,
    model: ValueModel,
    costs: Costs,
    initial: Cells | Decimal = Decimal(0),
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Roi:
    """The return for ``items`` calls whose answers are as ``final`` shows.

    :param initial: what was before: counts of its answers, or its value for the same items (0: nothing was done).
    :param draws: of error rates (Dirichlet) and of the value of a right answer. For the low end each price of an error
        that the model knows has been paid once more than it was seen: an error that costs a thousand and happens once in a
        hundred is mostly not among a hundred items. For the high end there are only the errors that were seen.

    Rates before and after are drawn independently, which is too wide rather than too narrow where the same items
    were judged. Raises ValueError without items, without truth or where nothing was spent.
    """
    check_level(level)
    cost = costs.total
    if cost <= 0:
        raise ValueError("nothing was spent, so there is no return on it")
    if (
        items < 1
        or not sum(final.values())
        or (not isinstance(initial, Decimal) and not sum(initial.values()))
    ):
        raise ValueError("the value of answers needs items, and counts of answers with truth")

    def gained(factor: Decimal) -> Decimal:
        return _value(_rates(final), model, items, factor) - (
            initial if isinstance(initial, Decimal) else _value(_rates(initial), model, items, factor)
        )

    draw = random.Random(seed)
    worse, better = [], []
    for _ in range(draws):
        factor = 1 + float(model.doubt) * draw.uniform(-1, 1)
        low_after, high_after = _drawn(final, model, factor, draw)
        low_before, high_before = (
            (float(initial) / items,) * 2
            if isinstance(initial, Decimal)
            else _drawn(initial, model, factor, draw)
        )
        worse.append(low_after - high_before)
        better.append(high_after - low_before)
    worse.sort()
    better.sort()
    tail = (1 - level) / 2
    point = gained(Decimal(1))
    low = min(point, items * Decimal(repr(quantile(worse, tail))))
    high = max(point, items * Decimal(repr(quantile(better, 1 - tail))))
    gross = MoneyInterval(point=_percent(point, cost), low=_percent(low, cost), high=_percent(high, cost))
    return Roi(
        gross=gross,
        net=MoneyInterval(point=gross.point - 100, low=gross.low - 100, high=gross.high - 100),
        value=MoneyInterval(point=point, low=low, high=high),
        cost=cost,
        level=level,
        n=sum(final.values()),
        doubtful=(_percent(gained(1 - model.doubt), cost), _percent(gained(1 + model.doubt), cost)),
        break_even=None
        if model.right + model.wrong <= 0
        else break_even(value=model.right, loss=model.wrong, unit_cost=cost / items),
    )


def break_even(*, value: Decimal, loss: Decimal, unit_cost: Decimal) -> Decimal | None:
    """The accuracy at which an item is worth what it costs: ``(c + l) / (v + l)``; the natural tolerance.

    None where even right answers do not pay (it would be above 1). Raises ValueError where right and wrong are alike.
    """
    if value + loss <= 0:
        raise ValueError("right and wrong answers are worth the same, so no accuracy breaks even")
    wanted = (unit_cost + loss) / (value + loss)
    return max(Decimal(0), wanted) if wanted <= 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost(Shown):
    """What one right answer costs."""

    per_call: Decimal
    per_right: Decimal | None
    """None: nothing was right."""


def cost_per_right(spent: Decimal, calls: int, accuracy: float) -> UnitCost:
    """Spend to right answers: ``spent / (calls * accuracy)``. Give it delivered accuracy."""
    if calls < 1 or not 0 <= accuracy <= 1:
        raise ValueError("there is one call or more, and an accuracy lies in 0..1")
    right = calls * Decimal(repr(accuracy))
    return UnitCost(per_call=spent / calls, per_right=spent / right if right else None)


def _percent(value: Decimal, cost: Decimal) -> Decimal:
    return value / cost * 100


def _rates(cells: Cells) -> dict[tuple[str, str], Decimal]:
    total = sum(cells.values())
    return {cell: Decimal(count) / total for cell, count in cells.items()}


def _drawn(cells: Cells, model: ValueModel, factor: float, draw: random.Random) -> tuple[float, float]:
    """The value of an item at rates that could be: with each price of an error paid once more, and as they were seen."""
    parts = [
        (draw.gammavariate(count, 1.0), _worth(cell, model, factor)) for cell, count in cells.items() if count
    ]
    unseen = [
        (draw.gammavariate(1.0, 1.0), -float(loss))
        for loss in sorted({model.wrong, model.failed, *model.losses.values()})
    ]
    seen = sum(part * worth for part, worth in parts) / sum(part for part, _ in parts)
    both = [*parts, *unseen]
    return sum(part * worth for part, worth in both) / sum(part for part, _ in both), seen


def _worth(cell: tuple[str, str], model: ValueModel, factor: float) -> float:
    return float(model.of(*cell)) * (factor if cell[0] == cell[1] != FAILED else 1.0)


def _value(
    rates: Mapping[tuple[str, str], Decimal], model: ValueModel, items: int, factor: Decimal
) -> Decimal:
    return items * sum((rate * model.of(*cell, factor) for cell, rate in rates.items()), Decimal(0))
