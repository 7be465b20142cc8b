"""What two providers in a row save: the cheap one is asked first, the other only where the first is not sure.

A cascade is learned on one half of the items with truth and told by the other half, so that its figures are not those it
was chosen by. Savings depend on the data: on eight sets of real answers they went from about 90 % to a few per cent at
the accuracy of the best provider alone, and a provider that is never unsure saves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations
from statistics import fmean

from broker.types.markup import Shown

SPLITS = 5
SHARES = 40
"""Thresholds are looked for at fortieths of the first provider's confidences: finer ones fit chance."""
LEAST_ITEMS = 100


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
    """What cascades save beside the best provider alone, over several splits into halves; on the halves held out.

    :param saved: share of the best provider's cost, mean over splits; below 0: it costs more. ``lowest``, ``highest``: of
        the splits, which share their items: no interval of confidence.
    :param accuracy: of the cascade less that of the best provider, mean over splits.
    :param cascades: what was learned on each split.
    :param best: the best provider of each split's learning half.
    """

    saved: float
    lowest: float
    highest: float
    accuracy: float
    cascades: tuple[Cascade, ...]
    best: tuple[str, ...]
    items: int


Answers = Mapping[str, Sequence[Answered]]
"""By provider: its answers to the same items in the same order."""


def learn_cascade(answers: Answers, prices: Mapping[str, Decimal]) -> Cascade:
    """The cheapest cascade of two (or one alone) that is at least as accurate as the best provider on these items.

    Raises ValueError for providers without a price, or with different numbers of items.
    """
    count = _count(answers, prices)
    hits = {name: sum(each.right for each in given) for name, given in answers.items()}
    wanted = max(hits.values())
    alone = min((name for name in answers if hits[name] == wanted), key=lambda name: prices[name])
    found, cost = Cascade(first=alone), prices[alone] * count
    for first, second in permutations(answers, 2):
        order = sorted(range(count), key=lambda i: _sureness(answers[first][i]))
        right, done = hits[first], 0
        for part in range(1, SHARES + 1):
            at = min(count - 1, part * count // SHARES)
            bar = answers[first][order[at]].confidence
            while done < count and Cascade(first=first, second=second, above=bar or 0.0).asks_second(
                answers[first][order[done]].confidence
            ):
                right += answers[second][order[done]].right - answers[first][order[done]].right
                done += 1
            spent = prices[first] * count + prices[second] * done
            if bar is not None and right >= wanted and spent < cost:
                found, cost = Cascade(first=first, second=second, above=bar), spent
    return found


def routing_gain(
    answers: Answers, prices: Mapping[str, Decimal], *, splits: int = SPLITS, seed: int = 1
) -> RoutingGain | None:
    """Cascades learned on a random half and told by the other, ``splits`` times.

    None below :data:`LEAST_ITEMS` items, for one provider, and where the best costs nothing. Raises ValueError as
    :func:`learn_cascade` does.
    """
    count = _count(answers, prices)
    if splits < 1:
        raise ValueError("at least one split is made")
    if count < LEAST_ITEMS or len(answers) < 2:
        return None
    cascades, best, saved, gained = [], [], [], []
    for split in range(splits):
        order = list(range(count))
        random.Random(f"{seed}:{split}").shuffle(order)
        half, rest = order[: count // 2], order[count // 2 :]
        train = {name: [given[i] for i in half] for name, given in answers.items()}
        top = max(train, key=lambda name: (sum(each.right for each in train[name]), -prices[name]))
        if prices[top] <= 0:
            return None
        cascade = learn_cascade(train, prices)
        right = asked = 0
        for i in rest:
            first = answers[cascade.first][i]
            goes_on = cascade.asks_second(first.confidence)
            asked += goes_on
            right += answers[cascade.second][i].right if goes_on and cascade.second else first.right
        second = prices[cascade.second] * asked if cascade.second else Decimal(0)
        saved.append(1 - float((prices[cascade.first] * len(rest) + second) / (prices[top] * len(rest))))
        gained.append((right - sum(answers[top][i].right for i in rest)) / len(rest))
        cascades.append(cascade)
        best.append(top)
    return RoutingGain(
        saved=fmean(saved),
        lowest=min(saved),
        highest=max(saved),
        accuracy=fmean(gained),
        cascades=tuple(cascades),
        best=tuple(best),
        items=count,
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
