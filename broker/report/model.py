"""What a report says, before it is written as HTML, Markdown or JSON: frozen data, made by :mod:`broker.report.build`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from broker.bench.result import BenchResult, LaneResult, Origin
from broker.maturity.checklist import Member
from broker.maturity.observed import Observed
from broker.maturity.position import Area, Pair, Relation, Sensitivity
from broker.maturity.readiness import Ratio, Readiness
from broker.maturity.score import Assessment
from broker.quality.estimate import Estimate
from broker.types.json import JsonValue
from broker.types.markup import Shown, table
from broker.types.view import View

FEW = 100
"""Below so many items a lane is grey: its quality is hardly known."""
OLD_DAYS = 90
"""Older measurements make it grey, too."""


class Standing(str, Enum):
    """How a lane's quality stands among those of its operation, by the paired verdicts."""

    UNBEATEN = "not beaten"
    """No other lane is better by more than chance."""
    BEATEN = "beaten"
    UNKNOWN = "not known"
    """Nothing to compare it with, or no truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a lane stands: one row of the summary, one area of the chart.

    :param maturity: None: the provider's adapter is not here, so that nothing is known of it.
    :param items: with truth, that its quality rests on.
    :param measured_on: the day of its answers; None: of a recording that does not tell.
    :param grey: why its quality should not be leant on: few items, old, made up; empty: it may be.
    :param beaten_by: names of the lanes that are better.
    """

    lane: LaneResult
    area: Area
    readiness: Readiness
    maturity: Assessment | None
    items: int
    measured_on: date | None
    standing: Standing
    beaten_by: tuple[str, ...] = ()
    grey: str = ""

    @property
    def name(self) -> str:
        """The lane's."""
        return self.lane.lane.name

    @property
    def mark(self) -> str:
        """What must stand beside its name wherever it is shown; empty for answers of this run."""
        origin = self.lane.lane.origin
        return "" if origin is Origin.ASKED else origin.value.replace("_", " ")

    def _repr_html_(self) -> str:
        """For notebooks."""
        return table("where a lane stands", _STANDS, [self.stands()])

    def stands(self) -> tuple[str, ...]:
        """In words: name, scale readiness, maturity, quality beside the others, and why it is grey."""
        named = f"{self.name} ({self.mark})" if self.mark else self.name
        area = self.area
        return named, str(area.readiness), str(area.maturity), self.standing.value, self.grey or "no"


_STANDS = ("lane", "scale readiness", "maturity", "quality", "grey")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationReport:
    """One operation on the data set.

    :param pairs: how every two areas lie.
    :param by_known: how much the first in maturity hangs on the weights, with what is unknown as 0; ``by_possible``: as 4 of 4.
    :param by_readiness: the same for scale readiness, at its low end.
    """

    operation: str
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]
    by_known: Sensitivity | None = None
    by_possible: Sensitivity | None = None
    by_readiness: Sensitivity | None = None

    @property
    def all_overlap(self) -> bool:
        """There are several areas, and no two of them lie apart."""
        return bool(self.pairs) and all(each.relation is Relation.NOT_SEPARATED for each in self.pairs)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return table(self.operation, _STANDS, (each.stands() for each in self.places))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(Shown):
    """What one lane answered to one item.

    :param view: None: it failed, or its answer cannot be read any more.
    :param error: what happened instead, without the user's content.
    """

    lane: str
    operation: str
    view: View | None
    error: str = ""
    latency: float | None = None
    score: float | None = None
    model: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Shown):
    """One item with all its answers.

    :param kind: ``image``, ``audio``, ``text`` or ``query``.
    :param input: path of a file, or the text itself.
    """

    id: str
    kind: str
    input: str
    truth: JsonValue
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityPoint(Shown):
    """Quality of one use case and provider over one window.

    :param since: its first day; ``day``: its last one.
    :param alarmed: an alarm went off in it.
    """

    stream: str
    since: date
    day: date
    estimate: Estimate
    alarmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine(Shown):
    """What one provider's operation cost over some days, by the ledger.

    :param at_risk: what may have been billed besides.
    """

    provider: str
    operation: str
    calls: int
    currency: str
    known: Decimal
    at_risk: Decimal
    unpriced: int


NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiLine(Shown):
    """One figure of one month; ``value`` is for people. By the name :data:`NOTE`: what must be said of its figures."""

    scope: str
    month: str
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLine(Shown):
    """A step of an off switch.

    :param to: the state after it, and whether it was observed only.
    :param by: a person, or ``rules``.
    """

    at: datetime
    scope: str
    to: str
    by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Shown):
    """What was recorded outside of the benchmark; each part says plainly where there is nothing.

    :param no_quality: why there is no quality over time; ``no_spend``, ``no_kpis``: the same. Empty: there is.
    """

    quality: tuple[QualityPoint, ...] = ()
    alarms: tuple[str, ...] = ()
    switches: tuple[SwitchLine, ...] = ()
    spend: tuple[SpendLine, ...] = ()
    spend_days: str = ""
    kpis: tuple[KpiLine, ...] = ()
    observed: tuple[Observed, ...] = ()
    no_quality: str = "no quality store was given"
    no_spend: str = "no ledger was given"
    no_kpis: str = "no quality store was given"
    no_observed: str = "no quality store was given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a report says.

    :param samples_of: how many items there were to choose samples from.
    :param weights: of maturity; ``ratio_weights``: of scale readiness; ``weights_by``: who made them.
    """

    title: str
    as_of: date
    result: BenchResult
    operations: tuple[OperationReport, ...]
    samples: tuple[Sample, ...] = ()
    samples_of: int = 0
    no_samples: str = ""
    history: History = History()
    weights: Mapping[Member, float]
    ratio_weights: Mapping[Ratio, float]
    weights_by: str = "mlbroker's defaults: every member and every ratio counts the same"
    command: str = ""

    def _repr_html_(self) -> str:
        """For notebooks: what stands first in the report; :func:`broker.report.page.html` makes the page."""
        from broker.report.notebook import report_html

        return report_html(self)
