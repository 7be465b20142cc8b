"""How long a vendor asks us to wait, in any of the headers vendors use.

Sources: RFC 9110 section 10.2.3 (Retry-After), azure-core's ``retry-after-ms`` and
``x-ms-retry-after-ms``, botocore's ``x-amz-retry-after`` (milliseconds), gRFC A6
(``grpc-retry-pushback-ms``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from broker.errors import LONGEST_HINT

__all__ = ["LONGEST_HINT", "retry_hint"]

_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after", "grpc-retry-pushback-ms")


def retry_hint(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the vendor asks to wait, or None when it says nothing usable.

    :param headers: names in lower case.
    :param now: the present in UTC, for hints given as a date.
    """
    for name in _MILLISECONDS:
        seconds = _number(headers.get(name))
        if seconds is not None:
            return min(seconds / 1000.0, LONGEST_HINT)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):  # the second from a zone or day of more digits than a C int has
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - now).total_seconds())
    return None if seconds is None else min(seconds, LONGEST_HINT)


def _number(text: str | None) -> float | None:
    """A finite number of 0 or more, else None: negative and garbage hints are no hints."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
