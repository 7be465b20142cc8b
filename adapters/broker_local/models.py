"""Models that load on first use, once per process, and again in a forked child."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """One thing that is dear to make and that all threads of a process share.

    :param make: makes it; called again only after it failed, or in a forked child, because a
        runtime's threads and locks do not come along with a fork.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []
        _all.append(self)

    def get(self) -> T:
        """The thing, made now if it is the first time. Raises what making it raises."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]

    def forget(self) -> None:
        """Start anew in a forked child; another thread of the parent may have held the lock."""
        self._lock = threading.Lock()
        for each in self._made:
            # Never destroyed, not even when the child ends: a runtime's destructor waits for its threads,
            # which only the parent has.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
        self._made = []


_all: list[Lazy[Any]] = []


def _forget_all() -> None:
    for each in _all:
        each.forget()


os.register_at_fork(after_in_child=_forget_all)
