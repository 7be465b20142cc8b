"""A confidence that says which scale it is on.

Vendors put confidences on different scales; comparing 0.98 with 98 or with VERY_LIKELY is
the classic bug of such libraries. ``value`` is a ratio in 0..1 only where the vendor gave a
probability-like number; for ordinal scales it is None and ``raw`` keeps the vendor's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar


class Scale(str, Enum):
    """The vendor's own scale of a confidence."""

    RATIO = "ratio"
    PERCENT = "percent"
    LIKELIHOOD = "likelihood"
    BUCKET = "bucket"
    SEVERITY = "severity"
    UNBOUNDED = "unbounded"


LIKELIHOODS = ("UNKNOWN", "VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How sure the provider says it is.

    :param value: ratio in 0..1, or None when the vendor gave none; never invented.
    :param raw: exactly what the vendor said, on ``scale``; None if it said nothing.
    :param clamped: the vendor's number lay outside its own scale and was cut to it.
    """

    value: float | None
    raw: float | str | None
    scale: Scale
    clamped: bool = False

    @classmethod
    def ratio(cls, raw: float | str | None) -> Confidence:
        """From a vendor number on 0..1 (a numeric string is read as a number)."""
        if type(raw) is float and 0.0 <= raw <= 1.0:
            return _plain(raw, raw, RATIO)
        return _numeric(raw, Scale.RATIO, 1.0)

    @classmethod
    def percent(cls, raw: float | str | None) -> Confidence:
        """From a vendor number on 0..100."""
        if type(raw) is float and 0.0 <= raw <= 100.0:
            return _plain(raw / 100.0, raw, PERCENT)
        return _numeric(raw, Scale.PERCENT, 100.0)

    @classmethod
    def likelihood(cls, raw: str | int | None) -> Confidence:
        """From Google's likelihood, by name or number; a word of an ordinal scale, so there is no ratio.

        An unknown name or number is kept as it is. Source: google.cloud.vision.v1.Likelihood.
        """
        if isinstance(raw, int) and not isinstance(raw, bool):
            raw = LIKELIHOODS[raw] if 0 <= raw < len(LIKELIHOODS) else str(raw)
        return cls(value=None, raw=raw, scale=Scale.LIKELIHOOD)

    @classmethod
    def severity(cls, raw: int | None) -> Confidence:
        """From a severity (Azure Content Safety: 0, 2, 4, 6, or 0 to 7): how bad, not how sure."""
        if raw is not None and (isinstance(raw, bool) or not isinstance(raw, int) or raw < 0):
            raise ValueError(f"a {type(raw).__name__} is no severity")
        return cls(value=None, raw=raw, scale=Scale.SEVERITY)

    @classmethod
    def unknown(cls, scale: Scale = Scale.RATIO) -> Confidence:
        """The vendor says nothing of how sure it is."""
        return cls(value=None, raw=None, scale=scale)

    @property
    def ordinal(self) -> int | None:
        """The place on an ordinal scale: likelihood 1 (VERY_UNLIKELY) to 5 (VERY_LIKELY), severity 0 to 7.

        None where the vendor's word is UNKNOWN or not of its scale, and on scales that have numbers.
        """
        if self.scale is Scale.SEVERITY:
            return self.raw if isinstance(self.raw, int) else None
        if self.scale is Scale.LIKELIHOOD and self.raw in LIKELIHOODS:
            return LIKELIHOODS.index(str(self.raw)) or None
        return None

    @property
    def shown(self) -> str:
        """For people: a percentage, the vendor's word, or ``unknown``."""
        if self.value is not None:
            return f"{self.value:.1%}"
        if self.scale is Scale.SEVERITY and self.raw is not None:
            return f"severity {self.raw}"
        return "unknown" if self.raw is None else str(self.raw)


class Unfrozen:
    """A confidence under way: the same slots, and they can be written.

    A frozen dataclass sets its fields through ``object.__setattr__``, which takes longer than all else that a call does
    for it, and a call makes dozens. Written as plain attributes and then declared frozen it takes a third of the time.
    """

    __slots__ = ("clamped", "raw", "scale", "value")


RATIO, PERCENT = Scale.RATIO, Scale.PERCENT  # members of enums are not found quickly


def _plain(value: float, raw: float, scale: Scale) -> Confidence:
    made: Any = Unfrozen()
    made.value = value
    made.raw = raw
    made.scale = scale
    made.clamped = False
    made.__class__ = Confidence
    return made  # type: ignore[no-any-return] # it is one now


def _numeric(raw: float | str | None, scale: Scale, top: float) -> Confidence:
    """Read a number on 0..top; outside numbers are clamped and flagged, NaN has no value.

    Raises ValueError for what is no number at all, so that the adapter can call the reply malformed.
    """
    if raw is None:
        return Confidence(value=None, raw=None, scale=scale)
    if isinstance(raw, bool):
        raise ValueError("a confidence cannot be a truth value")
    try:
        number = float(raw)
    except (
        TypeError,
        OverflowError,
        ValueError,
    ):  # a list; an integer beyond all floats; a word, which is not shown
        raise ValueError(f"{type(raw).__name__} is no confidence") from None
    if 0.0 <= number <= top:
        return Confidence(value=number if top == 1.0 else number / top, raw=number, scale=scale)
    if math.isnan(number):
        return Confidence(value=None, raw="NaN", scale=scale, clamped=True)
    return Confidence(value=0.0 if number < 0 else 1.0, raw=number, scale=scale, clamped=True)


class Judged(Protocol):
    """Something the provider is more or less sure of."""

    @property
    def confidence(self) -> Confidence: ...


J = TypeVar("J", bound=Judged)


def sure_enough(found: tuple[J, ...], bar: float) -> tuple[J, ...]:
    """Those of at least ``bar`` (0..1), in their order; what has no ratio does not pass a positive bar."""
    if bar <= 0.0:
        return found
    return tuple(each for each in found if each.confidence.value is not None and each.confidence.value >= bar)
