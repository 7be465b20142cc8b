"""What an adapter says of itself: operations, limits, lifecycle, and why it lacks what it lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import TypeAlias, Union

from broker.contract.jobs import JobPath
from broker.contract.limits import AudioLimits, BatchLimits, ImageLimits, TextLimits
from broker.contract.meters import Meter, one_image
from broker.contract.search_limits import QueryLimits, WriteLimits
from broker.contract.streams import StreamLimits
from broker.errors import Unsupported
from broker.types.confidence import Scale
from broker.types.money import Price
from broker.types.speech import SpeechOption

Limits: TypeAlias = Union[ImageLimits, TextLimits, AudioLimits, StreamLimits, QueryLimits, WriteLimits]
"""What an operation takes; checked before anything is sent."""


class Support(str, Enum):
    """Whether a provider has an operation."""

    YES = "yes"
    NOTIMPL = "notimpl"
    """The vendor has it, this adapter does not yet."""
    NOTYET = "notyet"
    """The vendor does not offer it today."""
    NEVER = "never"
    """It makes no sense for this vendor, or the vendor ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Where a vendor's service stands: ``ga``, ``preview``, ``retiring``, ``closed_to_new``.

    :param on: the day the status changes (retirement), if announced.
    """

    status: str
    on: date | None = None
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """One cell of the support table.

    :param operation: ``vision.label``, …
    :param service: the vendor's name of the service.
    :param sku: the price-book entry it is billed under; default ``provider.operation``.
    :param meter: usage of a request, known before it is sent.
    :param reason: why it is not ``yes``.
    :param limits: what it takes; checked before anything is sent.
    :param batch: the vendor answers several items in one request, by the adapter's method ``<method>_batch``; None: each
        item is a request.
    :param together: sets of operations that one request can answer, for ``vision.analyze``.
    :param scale: of the confidences it gives; None: it gives none. ``min_confidence`` is refused where it would be
        compared with nothing.
    :param languages: BCP-47 tags ``language=`` takes; empty: the operation has no language.
    :param needs_language: the vendor does not find the language out by itself, or silently takes it for English.
    :param options: of a transcription, those it has; others are refused, or left out if the caller says so.
    :param direct: of a transcription: short recordings are answered in one request; False: it has jobs only.
    :param job: of a transcription: the way for what the limits, options or addresses of one request do not allow, and for
        ``start``; the adapter has ``transcription_jobs``.
    :param standing: skus of what is paid while it stands, by the clock and not by the call (an index's hours).
    :param extensions: names of the vendor-only options it takes (``aws_features``).
    :param notes: what a user should know: quality measured, scale of confidence.
    :param unproven: built from the vendor's schema but never seen answering for real.
    """

    operation: str
    service: str
    support: Support = Support.YES
    reason: str = ""
    sku: str = ""
    meter: Meter = one_image
    limits: Limits | None = None
    batch: BatchLimits | None = None
    together: tuple[frozenset[str], ...] = ()
    scale: Scale | None = Scale.RATIO
    languages: tuple[str, ...] = ()
    needs_language: bool = False
    options: frozenset[SpeechOption] = frozenset()
    direct: bool = True
    job: JobPath | None = None
    standing: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    lifecycle: Lifecycle = Lifecycle(status="ga")
    notes: str = ""
    unproven: bool = False

    def __post_init__(self) -> None:
        if self.support is not Support.YES and not self.reason:
            raise ValueError(f"{self.operation}: {self.support.value} needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One provider's adapter: who it is and what it can do.

    :param extra: what to install for it: ``mlbroker[aws]``.
    :param prices: rows for skus that the shipped price book does not have (third parties).
    """

    provider: str
    version: str
    operations: tuple[OperationSpec, ...]
    extra: str = ""
    prices: tuple[Price, ...] = ()
    by_name: dict[str, OperationSpec] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {spec.operation: spec for spec in self.operations}
        if len(names) != len(self.operations):
            raise ValueError(f"{self.provider}: an operation is listed twice")
        object.__setattr__(self, "by_name", names)

    def spec(self, operation: str) -> OperationSpec:
        """The cell for an operation. Raises :class:`Unsupported` with the vendor's reason."""
        spec = self.by_name.get(operation)
        if spec is None:
            raise Unsupported(
                "the adapter does not name this operation", provider=self.provider, operation=operation
            )
        if spec.support is not Support.YES:
            raise Unsupported(
                f"{spec.reason} (support: {spec.support.value}); 'mlbroker providers' shows who can",
                provider=self.provider,
                operation=operation,
            )
        return spec
