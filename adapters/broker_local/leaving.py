"""The end of the process while a daemon thread works with a model.

Python ends such a thread where it comes back from native code, and up to Python 3.13 C++ answers by aborting the
process. So the end waits a moment for those who are inside, and nobody goes in behind it.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 5.0
"""Seconds that the end of the process waits, as it does for the default broker."""

_changed = threading.Condition()
_inside = 0
_ending = False


@contextmanager
def inside() -> Iterator[None]:
    """In native code. Other threads than daemons are waited for by Python itself, and pass."""
    global _inside  # noqa: PLW0603 - of the process, as its end is
    if not threading.current_thread().daemon:
        yield
        return
    with _changed:
        while _ending:
            _changed.wait()  # for ever: the process ends
        _inside += 1
    try:
        yield
    finally:
        with _changed:
            _inside -= 1
            _changed.notify_all()


def _end() -> None:
    global _ending  # noqa: PLW0603 - see above
    with _changed:
        _ending = True
        _changed.wait_for(lambda: _inside <= 0, PATIENCE)


def _renew() -> None:
    """In a forked child, which has none of the parent's threads."""
    global _changed, _inside
    _changed, _inside = threading.Condition(), 0


atexit.register(_end)
os.register_at_fork(after_in_child=_renew)
