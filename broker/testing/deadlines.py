"""Faults that nothing but the caller's deadline ends, on a machine that may stall for seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from broker.errors import BrokerError, DeadlineExceeded, Outcome

DEADLINES = (0.4, 2.0, 10.0, 50.0)
"""Seconds to try, one after the other."""
GRACE = 20.0
"""How late the end of a deadline may be noticed; the faults last longer than that."""


def ended_by_deadline(
    call: Callable[[float], object],
    arrived: Callable[[], int],
    deadlines: Sequence[float] = DEADLINES,
) -> BrokerError:
    """The error of the first call that met the fault before its deadline passed.

    A short deadline keeps the suite quick. On a machine that stalls it may pass before anything is sent: the error
    must then be the deadline's too, but shows nothing of the fault, so a longer one follows.

    :param call: makes one call with so many seconds.
    :param arrived: how many requests have met the fault.
    """
    for seconds in deadlines:
        error = _ended(call, arrived, seconds)
        if error is not None:
            return error
    raise AssertionError(f"no call met the fault within {deadlines[-1]} s")


def _ended(call: Callable[[float], object], arrived: Callable[[], int], seconds: float) -> BrokerError | None:
    """None: nothing arrived in time."""
    before, started = arrived(), time.monotonic()
    with pytest.raises(BrokerError) as caught:
        call(seconds)
    assert time.monotonic() - started < seconds + GRACE, "the deadline did not end it"
    error: BrokerError = caught.value
    # What was sent may be on its way still. It need not be: of a worker thread left behind nobody can say what it did.
    if arrived() > before or (
        error.outcome is not Outcome.NOT_SENT and until(lambda: arrived() > before, 5.0)
    ):
        return error
    assert type(error) is DeadlineExceeded, error
    return None


def until(true: Callable[[], object], seconds: float = 30.0) -> bool:
    """Wait for what another thread or process does; whether it came."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
