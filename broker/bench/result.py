"""What a benchmark found: frozen, whole in memory, out to JSON and back without loss.

What is not known is None, never 0 and never guessed; every figure that rests on a sample is an
:class:`~broker.quality.estimate.Estimate` with its interval. Money is Decimal, time is UTC, durations are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from broker.bench.volume import BreakEven, VolumeCurve
from broker.errors import BadInput
from broker.quality.estimate import Estimate
from broker.quality.kpi import Latency
from broker.quality.paired import Comparison
from broker.types.markup import Shown

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1
"""Of the JSON; raised when an older reader would misread it."""


class Origin(str, Enum):
    """Where a lane's answers come from."""

    ASKED = "asked"
    """The provider was really asked, in this run."""
    REPLAYED = "replayed"
    """Recorded elsewhere; latency, cost and reliability are known only where the recording tells them."""
    MADE_UP = "made_up"
    """Invented, to show what a result looks like: it says nothing of any vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane(Shown):
    """One provider with its options at one operation: a row of every table.

    :param name: unique among the lanes of its operation; the plan's name for the provider.
    :param provider: who is asked: ``aws`` or ``aws:prod``; of a replayed lane, whose answers they are said to be.
    :param options: of its calls, as the plan has them, for people.
    :param note: what a reader must know: where a recording comes from, that it is made up.
    :param recorded: the day of a recording; None: it was asked, or nobody says.
    """

    name: str
    provider: str
    operation: str
    origin: Origin
    options: str = ""
    note: str = ""
    recorded: date | None = None

    @property
    def key(self) -> str:
        """Unique in a result: ``aws vision.label``."""
        return f"{self.name} {self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality(Shown):
    """One metric of one lane.

    :param metric: its id with what it depends on (``wer:spoken-en/1``), ``version``: of its definition.
    :param primary: the operation's first metric: verdicts and the cost of a right answer rest on it.
    :param best: value of perfect answers.
    :param delivered: of everything that was asked and has truth; a failed call counts as the worst answer.
    :param conditional: of what was answered. Both have the number of items in ``n``.
    """

    metric: str
    version: int
    primary: bool
    higher_is_better: bool
    best: float
    delivered: Estimate
    conditional: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(Shown):
    """Calls that ended without an answer, of one kind.

    :param kind: the error's name: ``Throttled``, ``ContentRefused``.
    :param example: its text for the first of them, without the user's content.
    """

    kind: str
    calls: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability(Shown):
    """How often there was an answer: apart from how good it was.

    :param questions: items x repetitions.
    :param answered: with a valid answer, be it empty. ``failed``: without one, whatever was tried.
    :param unsettled: paid or perhaps paid for, with the answer lost in a crash; not asked again without being told to.
    :param left: not asked (interrupted, the cap, a lane that was stopped).
    :param success: answered to answered and failed.
    :param attempts: requests sent; None where a recording does not tell.
    :param errors: attempts that ended neither in an answer nor by being throttled, ``throttled``: by being told to wait.
    :param error_rate: errors to attempts, ``throttle_rate``: throttled to attempts; None as above.
    """

    questions: int
    answered: int
    failed: int
    unsettled: int
    left: int
    success: Estimate
    failures: tuple[Failure, ...] = ()
    attempts: int | None = None
    errors: int | None = None
    throttled: int | None = None
    error_rate: Estimate | None = None
    throttle_rate: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing(Shown):
    """Quantiles of durations in seconds, each with its interval as far as there are calls enough."""

    n: int
    mean: float
    p50: Latency
    p95: Latency
    p99: Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed(Shown):
    """How fast a lane was; of a replayed one what its recording tells. The first calls of each sitting (warm-up) are left out.

    :param attempt: from sending to answer, of the attempts that answered: the provider's own speed.
    :param call: the whole call, with retries and all waiting; None where a recording does not tell.
    :param waited: part of all calls' time that went into waiting between attempts, 0..1.
    :param throughput: answers a second while the lane was at work, with ``concurrency`` calls allowed at once.
    :param least_in_flight: to how many calls at once throttling brought it down; ``concurrency`` where it did not.
    """

    attempt: Timing | None
    call: Timing | None
    waited: float | None
    throughput: float | None
    concurrency: int | None
    least_in_flight: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitUse(Shown):
    """What a call uses of one sku, on average over the data set: what the cost at other volumes rests on.

    :param per_call: billing units, after the vendor's rounding.
    :param price_id: the row of the price book, read at ``price_source`` on ``checked_on``.
    """

    sku: str
    unit: str
    per_call: Decimal
    price_id: str
    price_source: str
    checked_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Money(Shown):
    """What a lane cost.

    :param known: certain, ``at_risk``: upper bound of what may have been billed besides.
    :param unpriced: attempts without a known price, in neither sum.
    :param per_1000: questions, at this run's tiers; None unless all of it is known.
    :param per_correct: of one right answer, ``per_1000 / 1000 / delivered``; ``per_correct_low`` and ``_high``: at the ends of
        that interval. None where quality or cost is not known, or nothing is right.
    :param correct_of: what counts as right: the id of the primary metric (of an error rate, one less it).
    :param source: ``ledger``, or ``recording``, or ``list price`` (a replayed lane's answers at today's prices), or ``the plan``
        (at the prices that it states).
    """

    currency: str
    known: Decimal
    at_risk: Decimal
    unpriced: int
    per_1000: Decimal | None
    per_correct: Decimal | None
    per_correct_low: Decimal | None
    per_correct_high: Decimal | None
    correct_of: str | None
    source: str
    uses: tuple[UnitUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResult:
    """Everything of one lane.

    :param money: None where nothing is known of cost.
    :param flips: share of the items whose answer differed between repetitions; None with one repetition.
    :param stopped: why the lane ended before its last item.
    """

    lane: Lane
    quality: tuple[Quality, ...]
    reliability: Reliability
    speed: Speed
    money: Money | None
    flips: Estimate | None = None
    stopped: str | None = None

    @property
    def primary(self) -> Quality | None:
        """The quality that verdicts rest on."""
        return next((each for each in self.quality if each.primary), None)

    def _repr_html_(self) -> str:
        """For notebooks."""
        from broker.bench.notebook import lane_html

        return lane_html(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing(Shown):
    """Two lanes of one operation on the same items, by one metric: ``first`` is ``comparison.verdict`` than ``second``."""

    operation: str
    metric: str
    first: str
    second: str
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement(Shown):
    """How often two lanes of one operation answer alike: how alike they are, never how right.

    :param same: share of the items that both answered.
    """

    operation: str
    first: str
    second: str
    same: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload(Shown):
    """What the user means to run. None: not stated.

    :param p95_limit: seconds. ``budget``: a month. ``peak_per_second``: calls.
    """

    calls_per_month: int | None = None
    p95_limit: float | None = None
    budget: Decimal | None = None
    currency: str = "USD"
    peak_per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSetFacts(Shown):
    """What was asked.

    :param snapshot: digest of all items and truths: the same snapshot, the same questions.
    :param kind: ``image``, ``text``, ``audio`` or ``query``.
    :param skipped: what was found and not taken, with the reason.
    """

    name: str
    source: str
    snapshot: str
    kind: str
    items: int
    with_truth: int
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSeen(Shown):
    """A model version that answered; ``version`` None: the vendor does not say."""

    lane: str
    version: str | None
    answers: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchProvenance(Shown):
    """What the figures rest on.

    :param price_book: digest of the rows in force; ``prices_oldest``: the day on which the oldest row used was read.
    :param prices_stale: skus whose row was read more than 90 days ago.
    :param scorers: metrics with their versions, normalisers, concept maps.
    :param command: as it was typed; of a resumed run the last one.
    """

    mlbroker: str
    python: str
    platform: str
    data: DataSetFacts
    price_book: str
    prices_day: date
    prices_oldest: date | None
    prices_stale: tuple[str, ...]
    models: tuple[ModelSeen, ...]
    scorers: tuple[str, ...]
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts(Shown):
    """The run itself.

    :param id: also the value of the tag ``bench`` in the ledger.
    :param folder: where its answers are.
    :param finished: every question was asked. ``sittings``: how often it was begun or resumed.
    :param seconds: at work, over all sittings.
    """

    id: str
    name: str
    folder: str
    started: datetime
    ended: datetime
    finished: bool
    sittings: int
    seconds: float
    seed: int
    concurrency: int
    warm_up: int
    repetitions: int
    plan_digest: str
    cost_cap: Decimal | None
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """A benchmark's result.

    :param delta: the smallest difference in quality that matters, ``level``: of all intervals.
    :param notes: what a reader must know before any figure.
    """

    run: RunFacts
    provenance: BenchProvenance
    workload: Workload
    delta: float
    level: float
    lanes: tuple[LaneResult, ...]
    pairings: tuple[Pairing, ...]
    curves: tuple[VolumeCurve, ...]
    break_evens: tuple[BreakEven, ...]
    agreements: tuple[Agreement, ...] = ()
    notes: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def operations(self) -> tuple[str, ...]:
        """In the plan's order."""
        return tuple(dict.fromkeys(each.lane.operation for each in self.lanes))

    def of(self, operation: str) -> tuple[LaneResult, ...]:
        """The lanes of one operation, in the plan's order."""
        return tuple(each for each in self.lanes if each.lane.operation == operation)

    def _repr_html_(self) -> str:
        """For notebooks: who stands how; :mod:`broker.report` says more."""
        from broker.bench.notebook import result_html

        return result_html(self)

    def to_json(self) -> str:
        """All of it; amounts are texts, times ISO 8601."""
        return _adapter().dump_json(self, indent=1).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> BenchResult:
        """Back again. Raises :class:`~broker.errors.BadInput` for what is no result, or one of a later format."""
        from pydantic import ValidationError

        try:
            result = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadInput(
                f"this is no result of 'mlbroker bench' ({where or 'it'}: {first['msg']}); name a run's result.json"
            ) from None
        if result.format > FORMAT:
            raise BadInput("this result was written by a later mlbroker; install that version to read it")
        return result


def _adapter() -> TypeAdapter[BenchResult]:
    global _ADAPTER  # noqa: PLW0603 - made once, on first use: it takes 50 ms
    if _ADAPTER is None:
        from pydantic import TypeAdapter

        _ADAPTER = TypeAdapter(BenchResult)
    return _ADAPTER


_ADAPTER: TypeAdapter[BenchResult] | None = None
