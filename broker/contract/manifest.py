"""What an adapter says of itself: operations, limits, lifecycle, and why it lacks what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum

from broker.errors import BadInput, Unsupported
from broker.types.media import Image
from broker.types.money import Price, Unit, Usage
from broker.types.vision import ImageRequest


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
class ImageLimits:
    """What pictures an operation takes; checked before sending, because a refused request costs time."""

    formats: tuple[str, ...]
    max_bytes: int
    min_side: int = 1
    max_side: int | None = None
    source: str = ""

    def check(self, image: Image, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""

        def refuse(text: str) -> BadInput:
            return BadInput(f"{image.name}: {text}", provider=provider, operation=operation)

        if image.format not in self.formats:
            raise refuse(
                f"a {image.format} picture is not taken here, only {', '.join(self.formats)}; convert it"
            )
        if len(image.data) > self.max_bytes:
            raise refuse(f"{len(image.data):,} bytes is above the limit of {self.max_bytes:,}; scale it down")
        if min(image.width, image.height) < self.min_side:
            raise refuse(
                f"{image.width} x {image.height} pixels is below the smallest side of {self.min_side}; "
                "use a larger picture"
            )
        if self.max_side is not None and max(image.width, image.height) > self.max_side:
            raise refuse(
                f"{image.width} x {image.height} pixels is above the longest side of {self.max_side}; "
                "scale it down"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Where a vendor's service stands: ``ga``, ``preview``, ``retiring``, ``closed_to_new``.

    :param on: the day the status changes (retirement), if announced.
    """

    status: str
    on: date | None = None
    note: str = ""
    source: str = ""


def one_image(request: ImageRequest) -> tuple[Usage, ...]:  # noqa: ARG001 - a meter looks at the request; this one need not
    """The usual meter of an operation on one picture. The empty sku stands for the spec's own."""
    return _ONE_IMAGE


_ONE_IMAGE = (Usage(sku="", unit=Unit.IMAGE, quantity=Decimal(1)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSpec:
    """One cell of the support table.

    :param operation: ``vision.label``, …
    :param service: the vendor's name of the service.
    :param sku: the price-book entry it is billed under; default ``provider.operation``.
    :param meter: usage of a request, known before it is sent.
    :param reason: why it is not ``yes``.
    :param languages: BCP-47 tags ``language=`` takes; empty: the operation has no language.
    :param extensions: names of the vendor-only options it takes (``aws_features``).
    :param notes: what a user should know: quality measured, scale of confidence.
    :param unproven: built from the vendor's schema but never seen answering for real.
    """

    operation: str
    service: str
    support: Support = Support.YES
    reason: str = ""
    sku: str = ""
    meter: Callable[[ImageRequest], tuple[Usage, ...]] = one_image
    limits: ImageLimits | None = None
    languages: tuple[str, ...] = ()
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
