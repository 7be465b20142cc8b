"""What a forked child does first: locks and connections of the parent are not its own.

A lock that another thread held at the fork stays held for ever in the child, where that thread is not. So
whoever holds locks or sockets is listed here and starts anew in the child, before anything else runs there.
Python's own locks of modules cannot be renewed, so a fork waits until no module is imported on first use.
"""

from __future__ import annotations

import logging  # noqa: F401 - first, as hooks run in reverse: an import that we wait for may want logging's lock
import os
import threading
import weakref
from types import TracebackType
from typing import Protocol


class Renewable(Protocol):
    """Something that holds what no child may use."""

    def renew(self) -> None:
        """Start anew. Called in a forked child, where no other thread lives; must not wait for any lock."""
        ...


_renewables: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renewed_in_child(each: Renewable) -> None:
    """Have ``each.renew()`` called in every forked child, for as long as it lives."""
    _renewables.add(each)


def _renew() -> None:
    for each in list(_renewables):
        each.renew()


class _FirstUse:
    """``with first_use:`` around an import that happens in the midst of work."""

    def __init__(self) -> None:
        self._gate = threading.RLock()
        self._mine = threading.local()

    def __enter__(self) -> None:
        self._gate.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.release()

    def before_fork(self) -> None:
        """Wait for other threads' imports; should one never end, the fork is no worse off than without us."""
        self._mine.held = self._gate.acquire(timeout=LONGEST_IMPORT)

    def after_fork(self) -> None:
        """Let imports go on."""
        if self._mine.held:
            self._gate.release()

    def after_fork_in_child(self) -> None:
        """The same; a gate that another thread holds is replaced."""
        if self._mine.held:
            self._gate.release()
        else:
            self._gate = threading.RLock()


LONGEST_IMPORT = 20.0
"""Seconds that a fork waits; a vendor's SDK takes one or two to load."""
first_use = _FirstUse()
os.register_at_fork(
    before=first_use.before_fork,
    after_in_parent=first_use.after_fork,
    after_in_child=first_use.after_fork_in_child,
)
os.register_at_fork(after_in_child=_renew)
