"""Who works on a job: a process and one call of it. A lease ends with its call, or with its process.

Whether a process on another host (a container that was killed comes back as one) still lives nobody here can tell: its
lease ends when it has been silent for long, so that those who wait for a job say now and then that they do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from broker.ledger import owner

SILENT = timedelta(minutes=15)
"""Behind this another host's lease has ended. Clocks may jump, so that a word from the future counts the same way."""
RENEWED = timedelta(minutes=2)
"""After so long it is said again that a job is worked on."""

_working: set[str] = set()
"""Calls of this process; a forked child has another owner, so that the parent's are not taken for its own."""


def worker_of(call_id: str) -> str:
    """This call's name on a lease."""
    return f"{owner.me()}#{call_id}"


def begin(worker: str) -> None:
    """It works from now on."""
    _working.add(worker)


def end(worker: str) -> None:
    """It does not work any more."""
    _working.discard(worker)


def lives(worker: str | None, seen: datetime, at: datetime) -> bool:
    """Whether somebody works under this name.

    :param seen: when it was last heard of.
    """
    if worker is None:
        return False
    process = worker.partition("#")[0]
    if process == owner.me():
        return worker in _working
    return owner.alive(process) and (owner.is_here(process) or abs(at - seen) < SILENT)
