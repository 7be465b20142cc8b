"""What two providers in a row save: the cheap one is asked first, the other only where the first is not sure.

A cascade is learned on one half of the items with truth and told by the other half, and the other way round, so that each
item tells of a rule that it had no part in. Savings depend on the data: on eight sets of real answers they went from about
90 % to a few per cent at the accuracy of the best provider alone, and a provider that is never unsure saves nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations
from statistics import fmean

from broker.quality.chance import z_of
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import EVERY_ITEM, Drawn
from broker.types.markup import Shown

SPLITS = 5
SHARES = 40
"""Thresholds are looked for at fortieths of the first provider's confidences: finer ones fit chance."""
LEAST_ITEMS = 100
METHOD = "cross-fitted/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One item as a provider answered it.

    :param right: against the truth; a failed call is wrong.
    :param confidence: on the provider's own scale; None: unknown, which is never sure enough.
    """

    right: bool
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade(Shown):
    """Who is asked, and when the second is.

    :param second: None: nobody, the first alone is best.
    :param above: the second is asked unless the first is surer than this.
    """

    first: str
    second: str | None = None
    above: float = 0.0

    def asks_second(self, confidence: float | None) -> bool:
        """Whether an answer of this confidence is not sure enough."""
        return self.second is not None and not (confidence is not None and confidence > self.above)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingGain(Shown):
    """What cascades save beside the best provider alone, over several splits into halves; on items held out.

    :param saved: share of the best provider's cost; below 0: it costs more. ``gained``: accuracy of the cascade less that of
        the best provider. Both are means over splits. Their intervals are about what the rules that were learned here would do
        on further items (held in 93 to 100 % of simulated runs with 120 and 400 items); other items to learn from would
        give other rules.
    :param lowest: of the splits, ``highest``: they share their items, so that this is no interval.
    :param cascades: what was learned on each half.
    :param best: the best provider of each learning half, which is what one would ask without a cascade.
    :param rule: what is learned on all items: the one to use. Nothing is left to tell how good it is, but the figures above
        are those of rules learned on half as much.
    """

    saved: Estimate
    gained: Estimate
    lowest: float
    highest: float
    cascades: tuple[Cascade, ...]
    best: tuple[str, ...]
    rule: Cascade
    items: int

    @property
    def usual(self) -> tuple[str, int]:
        """The provider that was best alone in most of the halves, and in how many."""
        return Counter(self.best).most_common(1)[0]


Answers = Mapping[str, Sequence[Answered]]
"""By provider: its answers to the same items in the same order."""


def learn_cascade(
    answers: Answers, prices: Mapping[str, Decimal], weights: Sequence[float] | None = None
) -> Cascade:
    """The cheapest cascade of two (or one alone) that is at least as accurate as the best provider on these items.

    :param weights: for how many items each one stands; None: all for one.

    Raises ValueError for providers without a price, or with different numbers of items.
    """
    count = _count(answers, prices)
    weighs = [1.0] * count if weights is None else list(weights)
    whole, price = sum(weighs), {name: float(prices[name]) for name in answers}
    hits = {
        name: sum(weight for each, weight in zip(given, weighs, strict=True) if each.right)
        for name, given in answers.items()
    }
    wanted = max(hits.values()) - 1e-9 * whole
    alone = min((name for name in answers if hits[name] >= wanted), key=lambda name: prices[name])
    found, cost = Cascade(first=alone), price[alone] * whole
    for first, second in permutations(answers, 2):
        order = sorted(range(count), key=lambda i: _sureness(answers[first][i]))
        right, asked, done = hits[first], 0.0, 0
        for part in range(1, SHARES + 1):
            at = min(count - 1, part * count // SHARES)
            bar = answers[first][order[at]].confidence
            while done < count and Cascade(first=first, second=second, above=bar or 0.0).asks_second(
                answers[first][order[done]].confidence
            ):
                item = order[done]
                right += weighs[item] * (answers[second][item].right - answers[first][item].right)
                asked += weighs[item]
                done += 1
            spent = price[first] * whole + price[second] * asked
            if bar is not None and right >= wanted and spent < cost * (1 - 1e-12):
                found, cost = Cascade(first=first, second=second, above=bar), spent
    return found


def routing_gain(
    answers: Answers,
    prices: Mapping[str, Decimal],
    *,
    drawn: Sequence[Drawn] | None = None,
    level: float = 0.95,
    splits: int = SPLITS,
    seed: int = 1,
) -> RoutingGain | None:
    """Cascades learned on a random half and told by the other, both ways, ``splits`` times.

    :param drawn: how each item came to be looked at. What belongs together stays in one half.

    The interval of a split is that of a mean of items, or of clusters; over splits variances are those within them and between
    them together (Chernozhukov and others 2018, of sample splitting). None below :data:`LEAST_ITEMS` items, for one
    provider, and where the best costs nothing. Raises ValueError as :func:`learn_cascade` does.
    """
    count = _count(answers, prices)
    if splits < 1:
        raise ValueError("at least one split is made")
    if count < LEAST_ITEMS or len(answers) < 2:
        return None
    ways = [EVERY_ITEM] * count if drawn is None else list(drawn)
    clusters = [str(i) if way.cluster is None else f"/{way.cluster}" for i, way in enumerate(ways)]
    weights = [1 / way.probability for way in ways]
    names = sorted(set(clusters))
    if len(names) < 2:
        return None
    cascades: list[Cascade] = []
    best: list[str] = []
    told: list[tuple[_Figure, _Figure]] = []
    for split in range(splits):
        order = names.copy()
        random.Random(f"{seed}:{split}").shuffle(order)
        one = set(order[: len(order) // 2])
        halves = (
            [i for i in range(count) if clusters[i] in one],
            [i for i in range(count) if clusters[i] not in one],
        )
        held: list[_Held] = []
        for learned, rest in (halves, halves[::-1]):
            made = _told(answers, prices, weights, learned, rest)
            if made is None:
                return None
            cascades.append(made[0])
            best.append(made[1])
            held += made[2]
        told.append(_figures(held, weights, clusters))
    saved, gained = (
        _over_splits([each[place] for each in told], estimand, level, count)
        for place, estimand in enumerate(("saved", "accuracy-gain"))
    )
    return RoutingGain(
        saved=saved,
        gained=gained,
        lowest=min(each.value for each, _ in told),
        highest=max(each.value for each, _ in told),
        cascades=tuple(cascades),
        best=tuple(best),
        rule=learn_cascade(answers, prices, weights),
        items=count,
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """An item that was held out: what the best provider costs, what the cascade does, and right answers of the two.

    :param differs: the cascade is another way to ask than the best provider alone. ``asks``: it may ask a second one, at
        this price.
    """

    item: int
    best: float
    cascade: float
    gain: int
    differs: bool
    asks: float


@dataclass(frozen=True, slots=True)
class _Figure:
    value: float
    variance: float


def _told(
    answers: Answers,
    prices: Mapping[str, Decimal],
    weights: Sequence[float],
    learned: Sequence[int],
    rest: Sequence[int],
) -> tuple[Cascade, str, list[_Held]] | None:
    """What is learned on some items, and what it comes to on the others; None where the best provider costs nothing."""
    train = {name: [given[i] for i in learned] for name, given in answers.items()}
    weighs = [weights[i] for i in learned]

    def worth(name: str) -> tuple[float, Decimal]:
        hits = sum(weight for each, weight in zip(train[name], weighs, strict=True) if each.right)
        return hits, -prices[name]

    top = max(train, key=worth)
    if prices[top] <= 0 or not rest:
        return None
    cascade = learn_cascade(train, prices, weighs)
    first, second = cascade.first, cascade.second
    dear = 0.0 if second is None else float(prices[second])
    held = []
    for i in rest:
        goes_on = cascade.asks_second(answers[first][i].confidence)
        right = answers[second][i].right if goes_on and second else answers[first][i].right
        held.append(
            _Held(
                item=i,
                best=float(prices[top]),
                cascade=float(prices[first]) + (dear if goes_on else 0.0),
                gain=right - answers[top][i].right,
                differs=second is not None or first != top,
                asks=dear,
            )
        )
    return cascade, top, held


def _figures(
    held: Sequence[_Held], weights: Sequence[float], clusters: Sequence[str]
) -> tuple[_Figure, _Figure]:
    """Saved and gained of one split. No spread among few items is no certainty: rates are smoothed for the variance."""
    whole = sum(weights[each.item] for each in held)
    cost = sum(weights[each.item] * each.best for each in held)
    saved = 1 - sum(weights[each.item] * each.cascade for each in held) / cost
    gained = sum(weights[each.item] * each.gain for each in held) / whole
    by_cluster: dict[str, list[float]] = {}
    least_saved = least_gained = 0.0
    unlike = [each for each in held if each.differs]
    rare = 1 / (len(unlike) + 2)  # what was never seen may be that often
    for each in held:
        weight = weights[each.item]
        into = by_cluster.setdefault(clusters[each.item], [0.0, 0.0])
        into[0] += weight * (each.best * (1 - saved) - each.cascade)
        into[1] += weight * (each.gain - gained)
        if each.differs:
            least_saved += (weight * each.asks) ** 2 * rare
            least_gained += weight**2 * rare
    size = len(by_cluster)
    more = size / (size - 1) if size > 1 else 1.0
    return (
        _Figure(saved, max(more * sum(one**2 for one, _ in by_cluster.values()), least_saved) / cost**2),
        _Figure(gained, max(more * sum(two**2 for _, two in by_cluster.values()), least_gained) / whole**2),
    )


def _over_splits(told: Sequence[_Figure], estimand: str, level: float, count: int) -> Estimate:
    point = fmean(each.value for each in told)
    variance = fmean(each.variance + (each.value - point) ** 2 for each in told)
    half = z_of(level) * variance**0.5
    return Estimate(
        estimand=estimand,
        method=METHOD,
        point=point,
        low=point - half,
        high=point + half,
        level=level,
        n=count,
        effective_n=float(count),
        notes=(f"of rules learned on {count // 2} items and told by the others",),
    )


def _sureness(given: Answered) -> float:
    return float("-inf") if given.confidence is None else given.confidence


def _count(answers: Answers, prices: Mapping[str, Decimal]) -> int:
    counts = {len(given) for given in answers.values()}
    if len(counts) > 1:
        raise ValueError("each provider has an answer (or a failed one) to each item, in the same order")
    if missing := sorted(set(answers) - set(prices)):
        raise ValueError(f"a cascade needs the price of {', '.join(missing)}")
    if any(not prices[name].is_finite() or prices[name] < 0 for name in answers):
        raise ValueError("a price is 0 or more")
    return counts.pop() if counts else 0
