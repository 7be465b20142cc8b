"""The maturity score of one cell: an interval from *unknown is 0* to *unknown is 4*, under caps.

``score = 100 * sum(weight * grade) / (4 * sum(weight))`` over all members; then at most

* 40, if the service is closed to new customers;
* 60, if its retirement is announced for less than 36 months from the day, 20 for less than 12, 0 once it has come.

Source of the caps: this project's design; docs/maturity.md says so. Nothing that is unknown is filled in.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from broker.contract.manifest import Lifecycle, Manifest, OperationSpec, Support
from broker.maturity.checklist import Checklist, Evidence, Member
from broker.maturity.interval import Interval
from broker.types.markup import Shown

EQUAL: Mapping[Member, float] = MappingProxyType(dict.fromkeys(Member, 1.0))
"""Every member counts the same. Whoever weighs otherwise says so; a report names who made its weights."""
HIGHEST = 4
_STAGES = {"closed_to_new": 1, "retiring": 1, "preview": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap(Shown):
    """A score that cannot be passed, and why."""

    limit: float
    why: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """How mature one operation of one provider is, as of a day.

    :param known: the evidence by member; a member that is missing is unknown.
    :param score: 0 to 100, after the caps.
    """

    provider: str
    service: str
    operation: str
    as_of: date
    known: Mapping[Member, Evidence]
    weights: Mapping[Member, float]
    caps: tuple[Cap, ...]
    lifecycle: Lifecycle
    score: Interval = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", self.weighed(self.weights))

    def weighed(self, weights: Mapping[Member, float]) -> Interval:
        """The score under other weights. Raises ValueError for weights that cannot be meant."""
        total = _checked(weights)
        low = sum(weights[each] * row.grade for each, row in self.known.items())
        gap = sum(weights[each] * HIGHEST for each in Member if each not in self.known)
        bare = Interval(low=100 * low / (HIGHEST * total), high=100 * (low + gap) / (HIGHEST * total))
        return bare.capped(min((cap.limit for cap in self.caps), default=100.0))

    @property
    def unknown(self) -> tuple[Member, ...]:
        """Members without evidence."""
        return tuple(each for each in Member if each not in self.known)

    @property
    def stale(self) -> tuple[Member, ...]:
        """Members whose evidence is over 90 days old on the day, or of no known day."""
        return tuple(each for each, row in self.known.items() if row.stale(self.as_of))

    def _repr_html_(self) -> str:
        """For notebooks: the score, its caps, and each member with its evidence."""
        from broker.maturity.checklist import GRADES
        from broker.types.markup import escaped, table

        rows = []
        for member in Member:
            row = self.known.get(member)
            said = (
                ("unknown", "", "")
                if row is None
                else (f"{row.grade} of 4", f"{GRADES[member][row.grade]}: {row.says}", row.source)
            )
            rows.append((member.words, *said))
        caps = "".join(f"<p>{escaped(f'at most {cap.limit:.0f}: {cap.why}')}</p>" for cap in self.caps)
        caption = (
            f"{self.provider} {self.service}, {self.operation}: maturity {self.score} as of {self.as_of}"
        )
        return (
            f"<div>{table(caption, ('asked', 'grade', 'what the source says', 'source'), rows)}{caps}</div>"
        )


def _checked(weights: Mapping[Member, float]) -> float:
    if set(weights) != set(Member) or not all(math.isfinite(each) and each >= 0 for each in weights.values()):
        raise ValueError("weights name each member once, and are numbers of 0 or more")
    total = math.fsum(weights.values())
    if total <= 0:
        raise ValueError("a weight above 0 is needed")
    return total


def assess(
    manifest: Manifest,
    spec: OperationSpec,
    checklist: Checklist,
    as_of: date,
    weights: Mapping[Member, float] = EQUAL,
) -> Assessment:
    """The maturity of one operation of a provider."""
    known = checklist.of(manifest.provider, spec.service, spec.operation)
    stage = _stage(manifest.provider, spec, as_of)
    if stage is not None:
        known[Member.LAUNCH_STAGE] = stage
    return Assessment(
        provider=manifest.provider,
        service=spec.service,
        operation=spec.operation,
        as_of=as_of,
        known=MappingProxyType({each: known[each] for each in Member if each in known}),
        weights=weights,
        caps=tuple(_caps(spec.lifecycle, as_of)),
        lifecycle=spec.lifecycle,
    )


def assess_all(
    manifests: list[Manifest], checklist: Checklist, as_of: date, weights: Mapping[Member, float] = EQUAL
) -> list[Assessment]:
    """Of every operation that is supported, in the order of the manifests."""
    return [
        assess(manifest, spec, checklist, as_of, weights)
        for manifest in manifests
        for spec in manifest.operations
        if spec.support is Support.YES
    ]


def _stage(provider: str, spec: OperationSpec, as_of: date) -> Evidence | None:
    """What the manifest says of the launch stage; None for ``ga``, which is also said of what nobody looked up."""
    life = spec.lifecycle
    grade = _STAGES.get(life.status)
    if grade is None:
        return None
    if life.status == "retiring" and life.on is not None and life.on <= as_of:
        grade = 0
    when = f" on {life.on}" if life.on else ""
    said = f"{life.status.replace('_', ' ')}{when}: {life.note}".removesuffix(": ")
    return Evidence(
        provider=provider,
        member=Member.LAUNCH_STAGE,
        grade=grade,
        says=f"{said} (the adapter's manifest)",
        source=life.source,
        services=(spec.service,),
        operations=(spec.operation,),
    )


def _caps(life: Lifecycle, as_of: date) -> Iterator[Cap]:
    if life.status == "closed_to_new":
        later = life.on is not None and life.on > as_of
        why = f"closes to new customers on {life.on}" if later else "closed to new customers"
        yield Cap(limit=40.0, why=why, source=life.source)
    if life.status == "retiring":
        limit, why = _retirement(life.on, as_of)
        yield Cap(limit=limit, why=why, source=life.source)


def _retirement(on: date | None, as_of: date) -> tuple[float, str]:
    if on is None:  # it could be any day
        return 20.0, "its retirement is announced for no known day"
    if on <= as_of:
        return 0.0, f"it retired on {on}"
    if on < months_after(as_of, 12):
        return 20.0, f"it retires on {on}, in less than 12 months"
    if on < months_after(as_of, 36):
        return 60.0, f"it retires on {on}, in less than 36 months"
    return 100.0, f"it retires on {on}"


def months_after(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
