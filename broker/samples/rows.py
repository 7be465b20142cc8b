"""What the store of samples holds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from broker.quality.drift.plan import Watch
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import Drawn
from broker.quality.reference import Reference

UNKNOWN_VERSION = "unknown"
"""Of a model whose vendor does not say."""


class Skipped(str, Enum):
    """Why a call that was drawn, or its shadow call, was not looked at."""

    QUEUE_FULL = "queue full"
    CLOSED = "closed before"
    STORE = "store unavailable"
    BUDGET = "sampling budget used up"
    UNPRICED = "price unknown"
    SPEND = "spend not known"
    OFF = "provider switched off"
    CHANGES = "operation changes what is kept"
    FAILED = "shadow call failed"
    UNSCORED = "could not be scored"
    UNREADABLE = "truth unreadable"


class SampleState(str, Enum):
    """Whether a sample has its truth."""

    SCORED = "scored"
    WAITING = "waiting"
    """For a label or a review; until then nothing behind it enters the evidence (:mod:`broker.samples.evidence`)."""
    GIVEN_UP = "given up"
    """It waited too long, or a reviewer could not tell."""
    NONE = "none"
    """None is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What draws are counted by.

    :param provider: ``aws`` or ``aws:prod``.
    :param day: UTC, as ``2026-11-21``.
    :param stratum: of the design; ``""``: it has none.
    :param failed: the provider gave no answer.
    """

    use_case: str
    provider: str
    model_version: str
    day: str
    design: str
    stratum: str
    probability: float
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCalls:
    """So many draws alike, and how many of them were taken."""

    drawing: Drawing
    calls: int
    taken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One call that was taken, at one provider.

    :param id: in the store; 0: not yet in it. Ids grow with time.
    :param item: the call's id; ``call_id#index`` for an item of a batch.
    :param model_version: as returned; ``unknown`` where the vendor does not say.
    :param probability: with which the call was taken; ``u``: its own number, below that.
    :param least: the smallest probability above 0 that any call had then; for :func:`broker.quality.always.weight_of`.
    :param error: the error's class, of a failed call.
    :param latency: seconds the call took.
    :param cost: of the call; None: not known.
    :param confidence: of the answer, on its provider's scale.
    :param empty: the answer holds nothing.
    :param pending: others are being asked.
    :param asked: other providers that answered the same question; ``agreeing``: of them, with the same answer.
    :param input_digest: HMAC of the input; ``answer_digest``: of the answer; ``answer_token``: of its class, where it is one.
    :param until: when waiting for a truth ends.
    :param refer_probability: of step two, on to people; None: it was not decided. ``refer_least``: the smallest one.
    """

    id: int = 0
    item: str
    use_case: str
    operation: str
    provider: str
    region: str | None = None
    model_version: str
    at: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    design: str
    stratum: str
    probability: float
    least: float
    u: float
    failed: bool = False
    error: str | None = None
    latency: float
    cost: Decimal | None = None
    currency: str | None = None
    empty: bool = False
    confidence: float | None = None
    pending: bool = False
    asked: int = 0
    agreeing: int = 0
    input_digest: str | None = None
    answer_digest: str | None = None
    answer_token: str | None = None
    state: SampleState = SampleState.NONE
    until: datetime | None = None
    refer_probability: float | None = None
    refer_least: float | None = None
    refer_stratum: str | None = None

    @property
    def day(self) -> str:
        """The UTC day of the call."""
        return self.at.date().isoformat()

    @property
    def call_id(self) -> str:
        """Of the call in the ledger, which a batch's items share."""
        return self.item.partition("#")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a sample came to against one reference.

    :param reference: what kind of truth. Only GOLD and REVIEWED enter a figure.
    :param official: of the metric that the use case is judged by.
    :param unit: the item as a score in 0..1, 1 best; None: it has none.
    :param drawn: with which probability it came to this reference, in which stratum and cluster.
    :param least: as of :class:`Sample`, on the way to this reference.
    :param source: where the truth came from: a data set's snapshot, who reviewed.
    :param truth_token: HMAC of the truth's class, where it is one (:mod:`broker.samples.kinds`).
    """

    sample: int
    reference: Reference
    metric: str
    version: int
    official: bool
    parts: tuple[float, ...]
    unit: float | None
    drawn: Drawn
    least: float
    at: datetime
    source: str
    truth_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """What another provider answered to a sample's question.

    :param error: the error's class; None: it answered.
    :param same: it says the same; None: that cannot be told. ``share``: how much of it is the same.
    """

    sample: int
    provider: str
    at: datetime
    call_id: str | None = None
    model_version: str = UNKNOWN_VERSION
    error: str | None = None
    latency: float = 0.0
    cost: Decimal | None = None
    currency: str | None = None
    confidence: float | None = None
    same: bool | None = None
    share: float | None = None
    answer_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Kept content of a sample.

    :param part: ``input``, ``answer``, ``truth``, or ``shadow:PROVIDER``.
    :param kind: ``image/png``, ``text/plain``, ``audio/wav``, ``application/json``: a stored answer, or a truth.
    :param until: when it is deleted.
    """

    sample: int
    part: str
    kind: str
    value: bytes = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSample:
    """A sample with one of its scores."""

    sample: Sample
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleQuery:
    """Which samples.

    :param since: first day (UTC), ``until``: last day, both inclusive.
    :param after: only those with a larger id.
    :param most: at most so many, the oldest first.
    """

    use_case: str | None = None
    provider: str | None = None
    model_version: str | None = None
    state: SampleState | None = None
    item: str | None = None
    since: date | None = None
    until: date | None = None
    after: int = 0
    most: int | None = None


class Stream(str, Enum):
    """What is watched of samples one after another."""

    SCORES = "scores"
    AGREEMENT = "agreement"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamItem:
    """One item of a stream, in the order of the samples.

    :param unit: 0..1, 1 best; None: it adds nothing.
    :param probability: with which it is in the stream; ``least``: the smallest one that any item had then.
    """

    sample: int
    at: datetime
    unit: float | None
    probability: float
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """Where the evidence on one stream stands.

    :param cursor: the last sample that is in it.
    :param since: when its oldest item was called; None: it has none.
    :param state: as :mod:`broker.samples.drift` and :mod:`broker.samples.tolerance` read it.
    """

    use_case: str
    provider: str
    watch: str
    cursor: int = 0
    since: datetime | None = None
    at: datetime
    state: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """How the money for a use case's shadow calls stands.

    :param share: of the usual rate that it allows now, 0..1.
    :param spent: on this UTC day, with what is held for calls under way. ``limit``: what that may come to.
    :param dearest: the most that one was held for.
    """

    per_day: Decimal
    spent: Decimal
    limit: Decimal
    share: float
    dearest: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A detector went off.

    :param verdict: what a person found: ``true``, ``false``; None: nobody has looked.
    :param onset: since when the calls have been worse, as estimated (:mod:`broker.quality.drift.onset`); None: not known.
    """

    id: int = 0
    use_case: str
    provider: str
    watch: Watch
    at: datetime
    text: str
    verdict: bool | None = None
    actor: str | None = None
    reason: str | None = None
    decided_at: datetime | None = None
    onset: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRecord:
    """An estimate as it was told.

    :param estimand: ``delivered``, ``conditional``, ``success``, or ``agreement:PROVIDER`` (which is no accuracy).
    :param model_version: of this version alone; None: of all.
    :param since: first day (UTC) it is about, ``until``: the last.
    """

    id: int = 0
    use_case: str
    provider: str
    model_version: str | None = None
    estimand: str
    metric: str
    version: int
    at: datetime
    since: date
    until: date
    estimate: Estimate
