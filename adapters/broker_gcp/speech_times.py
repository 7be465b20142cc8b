"""Durations as Google writes them in JSON, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from broker.types import JsonValue
from broker.types.money import EXACT

_LONGEST = Decimal(10**9)


def milliseconds(value: JsonValue, name: str) -> int:
    """A google.protobuf.Duration in JSON, to the nearest millisecond. Raises ValueError.

    >>> milliseconds("1.400s", "endOffset"), milliseconds({"seconds": "2", "nanos": 500000}, "endTime")
    (1400, 2000)
    """
    return int(seconds(value, name).scaleb(3, EXACT).to_integral_value(ROUND_HALF_EVEN))


def seconds(value: JsonValue, name: str) -> Decimal:
    """The same in seconds: a text ending in ``s``, or, as Google's libraries print it, whole seconds and nanoseconds."""
    try:
        if isinstance(value, str) and value.endswith("s"):
            found = Decimal(value[:-1])
        elif isinstance(value, Mapping):
            whole, parts = value.get("seconds", 0), value.get("nanos", 0)
            if isinstance(whole, bool) or not isinstance(whole, (int, str)) or type(parts) is not int:
                raise ValueError(f"{name} is no duration")
            found = EXACT.add(Decimal(whole), Decimal(parts).scaleb(-9, EXACT))
        else:
            raise ValueError(f"{name} is no duration")
    except InvalidOperation:
        raise ValueError(f"{name} is no duration") from None
    if not found.is_finite() or not 0 <= found < _LONGEST:
        raise ValueError(f"{name} is no duration within a recording")
    return found
