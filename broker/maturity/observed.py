"""Observed maturity: how often a provider's answers to a pinned set changed, by quarter. It stands beside the checklist, never in it.

Only what was recorded is told. Whether a change was announced is not recorded, so nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from broker.quality.drift.pinned import Replay
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.types.markup import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """One run of a pinned set, compared with the run before.

    :param snapshot: of the set; another set is another row.
    """

    use_case: str
    provider: str
    snapshot: str
    day: date
    replay: Replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Shown):
    """A quarter of one use case, provider and pinned set.

    :param quarter: such as ``2026 Q4``.
    :param runs: comparisons; ``changed``: of them those after which any answer was another, if only in its confidence.
    :param items: of the smallest run that was compared.
    :param flipped: mean share of the items whose labels changed from one run to the next; None: no item was compared. Its
        interval counts the items of one run only, for runs of a set ask the same items again.
    """

    use_case: str
    provider: str
    snapshot: str
    quarter: str
    runs: int
    changed: int
    items: int
    flipped: Estimate | None


def observed(reruns: Iterable[Rerun], level: float = 0.95) -> tuple[Observed, ...]:
    """By quarter, oldest first."""
    groups: dict[tuple[str, str, str, str], list[Replay]] = {}
    for each in sorted(reruns, key=lambda one: one.day):
        key = (each.use_case, each.provider, each.snapshot, quarter(each.day))
        groups.setdefault(key, []).append(each.replay)
    return tuple(_observed(key, replays, level) for key, replays in groups.items())


def quarter(day: date) -> str:
    """That a day is in."""
    return f"{day.year} Q{(day.month + 2) // 3}"


def _observed(key: tuple[str, str, str, str], replays: Sequence[Replay], level: float) -> Observed:
    rates = [(each.flipped, each.items) for each in replays if each.items]
    items = min((number for _, number in rates), default=0)
    flipped = None
    if items:
        mean = sum(flips / number for flips, number in rates) / len(rates)
        flipped = share_interval(mean * items, items, level, estimand="flipped")
    use_case, provider, snapshot, within = key
    return Observed(
        use_case=use_case,
        provider=provider,
        snapshot=snapshot,
        quarter=within,
        runs=len(replays),
        changed=sum(each.updated for each in replays),
        items=items,
        flipped=flipped,
    )
