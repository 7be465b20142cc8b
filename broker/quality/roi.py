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

Cells = Mapping[tuple[str, str], float]
"""Counts of (truth, answer) over items with truth; they need not be whole where items stand for others. An answer of
``FAILED`` where the call failed, of ``UNTOLD`` where an answer is wrong and nobody knows which error it is."""
FAILED = "(failed)"
UNTOLD = "(some error)"
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

    @property
    def cheapest(self) -> Decimal:
        """The least that a wrong answer may lose."""
        return min((self.wrong, *self.losses.values()))

    @property
    def dearest(self) -> Decimal:
        """The most that a wrong answer may lose."""
        return max((self.wrong, *self.losses.values()))

    def of(
        self, truth: str, answer: str, factor: Decimal = Decimal(1), *, untold: Decimal | None = None
    ) -> Decimal:
        """The value of one answer; below 0 for a loss.

        :param factor: scales what right answers are worth.
        :param untold: what an error of unknown kind is taken to lose; None: the most.
        """
        if answer == FAILED:
            return -self.failed
        if answer == UNTOLD:
            return -(self.dearest if untold is None else untold)
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
    standing: Decimal = Decimal(0)
    """Its part of what is paid by the hour."""

    @property
    def total(self) -> Decimal:
        """Their sum."""
        return self.calls + self.sampling + self.labelling + self.engineering + self.failover + self.standing


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyInterval(Shown):
    """An amount or a percentage with its interval.

    :param point: None: it cannot be told, only between which ends it is.
    """

    point: Decimal | None
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi(Shown):
    """The return on what was spent.

    :param gross: per cent; ``net``: per cent, 100 less.
    :param value: V_final - V_initial.
    :param cost: C.
    :param doubtful: gross at the low and the high end of what a right answer may be worth, rates as they are seen.
    :param untold: share of the wrong answers of which nobody knows which error they are. If kinds of errors lose
        differently, there is no point then: the interval goes from the dearest error to the cheapest.
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
    untold: float = 0.0


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
    :param draws: of error rates (Dirichlet) and of the value of a right answer. For the low end each worth that the model
        knows, and that is below the mean, came once more than it was seen: an error that costs a thousand and happens once in
        a hundred is mostly not among a hundred items. For the high end it is each one above the mean, right answers first:
        that none was right among a few is no proof that none is.

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

    dearest, cheapest = model.dearest, model.cheapest
    blind = any(
        count and UNTOLD in cell
        for cells in (final, initial)
        if not isinstance(cells, Decimal)
        for cell, count in cells.items()
    )
    exact = not blind or dearest == cheapest

    def gained(factor: Decimal, after: Decimal, before: Decimal) -> Decimal:
        return _value(_rates(final), model, items, factor, after) - (
            initial if isinstance(initial, Decimal) else _value(_rates(initial), model, items, factor, before)
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
    least, most = gained(Decimal(1), dearest, cheapest), gained(Decimal(1), cheapest, dearest)
    point = least if exact else None
    low = min(least, items * Decimal(repr(quantile(worse, tail))))
    high = max(most, items * Decimal(repr(quantile(better, 1 - tail))))
    gross, net = (
        MoneyInterval(
            point=None if point is None else _percent(point, cost) - off,
            low=_percent(low, cost) - off,
            high=_percent(high, cost) - off,
        )
        for off in (0, 100)
    )
    return Roi(
        gross=gross,
        net=net,
        value=MoneyInterval(point=point, low=low, high=high),
        cost=cost,
        level=level,
        n=round(sum(final.values())),
        doubtful=(
            _percent(gained(1 - model.doubt, dearest, cheapest), cost),
            _percent(gained(1 + model.doubt, cheapest, dearest), cost),
        ),
        break_even=None
        if model.right + model.wrong <= 0
        else break_even(value=model.right, loss=model.wrong, unit_cost=cost / items),
        untold=_untold(final),
    )


def _untold(cells: Cells) -> float:
    wrong = {cell: count for cell, count in cells.items() if cell[1] not in (FAILED, cell[0])}
    whole = sum(wrong.values())
    return sum(count for (_, answer), count in wrong.items() if answer == UNTOLD) / whole if whole else 0.0


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
    counts = {cell: Decimal(repr(count)) for cell, count in cells.items()}
    total = sum(counts.values(), Decimal(0))
    return {cell: count / total for cell, count in counts.items()}


def _drawn(cells: Cells, model: ValueModel, factor: float, draw: random.Random) -> tuple[float, float]:
    """The value of an item at rates that could be: with all once more that is worth less than it, and all that is worth more.

    Errors of unknown kind are the dearest ones in the first, and the cheapest ones in the second.
    """
    seen = [(cell, draw.gammavariate(count, 1.0)) for cell, count in cells.items() if count > 0]
    losses = [-float(loss) for loss in {model.wrong, model.failed, *model.losses.values()}]
    gains = [float(worth) * factor for worth in {model.right, *model.rights.values()}]
    unseen = [(draw.gammavariate(1.0, 1.0), worth) for worth in sorted((*losses, *gains))]
    whole = sum(part for _, part in seen)
    low = sum(part * _worth(cell, model, factor, model.dearest) for cell, part in seen) / whole
    high = sum(part * _worth(cell, model, factor, model.cheapest) for cell, part in seen) / whole
    worse = [(whole, low), *((part, worth) for part, worth in unseen if worth < low)]
    better = [(whole, high), *((part, worth) for part, worth in unseen if worth > high)]
    return _mean(worse), _mean(better)


def _mean(parts: list[tuple[float, float]]) -> float:
    return sum(part * worth for part, worth in parts) / sum(part for part, _ in parts)


def _worth(cell: tuple[str, str], model: ValueModel, factor: float, untold: Decimal) -> float:
    return float(model.of(*cell, untold=untold)) * (factor if cell[0] == cell[1] != FAILED else 1.0)


def _value(
    rates: Mapping[tuple[str, str], Decimal],
    model: ValueModel,
    items: int,
    factor: Decimal,
    untold: Decimal,
) -> Decimal:
    return items * sum(
        (rate * model.of(*cell, factor, untold=untold) for cell, rate in rates.items()), Decimal(0)
    )
