"""A confidence that says which scale it is on.

Vendors put confidences on different scales; comparing 0.98 with 98 or with VERY_LIKELY is
the classic bug of such libraries. ``value`` is a ratio in 0..1 only where the vendor gave a
probability-like number; for ordinal scales it is None and ``raw`` keeps the vendor's word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class Scale(str, Enum):
    """The vendor's own scale of a confidence."""

    RATIO = "ratio"
    PERCENT = "percent"
    LIKELIHOOD = "likelihood"
    BUCKET = "bucket"
    SEVERITY = "severity"
    UNBOUNDED = "unbounded"


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
            return _plain(raw, raw, Scale.RATIO)
        return _numeric(raw, Scale.RATIO, 1.0)

    @classmethod
    def percent(cls, raw: float | str | None) -> Confidence:
        """From a vendor number on 0..100."""
        if type(raw) is float and 0.0 <= raw <= 100.0:
            return _plain(raw / 100.0, raw, Scale.PERCENT)
        return _numeric(raw, Scale.PERCENT, 100.0)

    @property
    def shown(self) -> str:
        """For people: a percentage, the vendor's word, or ``unknown``."""
        if self.value is not None:
            return f"{self.value:.1%}"
        return "unknown" if self.raw is None else str(self.raw)


# A frozen dataclass sets its fields through object.__setattr__ by name; through the slots' own descriptors
# it takes half the time, and a call makes dozens of these.
_new = object.__new__
_set_value, _set_raw, _set_scale, _set_clamped = (
    getattr(Confidence, name).__set__ for name in ("value", "raw", "scale", "clamped")
)


def _plain(value: float, raw: float, scale: Scale) -> Confidence:
    made: Confidence = _new(Confidence)
    _set_value(made, value)
    _set_raw(made, raw)
    _set_scale(made, scale)
    _set_clamped(made, False)
    return made


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
    except (TypeError, OverflowError) as error:  # a list; an integer beyond all floats
        raise ValueError(f"{type(raw).__name__} is no confidence") from error
    if 0.0 <= number <= top:
        return Confidence(value=number if top == 1.0 else number / top, raw=number, scale=scale)
    if math.isnan(number):
        return Confidence(value=None, raw="NaN", scale=scale, clamped=True)
    return Confidence(value=0.0 if number < 0 else 1.0, raw=number, scale=scale, clamped=True)
