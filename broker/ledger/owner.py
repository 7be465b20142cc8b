"""Which process wrote a row, and whether it still lives: a killed process must not leave rows in limbo."""

from __future__ import annotations

import os
import socket
from functools import cache


@cache
def me() -> str:
    """This process: host, pid and start time (pids are used again, start times are not)."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def forget() -> None:
    """After a fork: the child is somebody else."""
    me.cache_clear()


def is_here(owner: str) -> bool:
    """Whether it is on this host, so that :func:`alive` knows."""
    return owner.rsplit(":", 2)[0] == socket.gethostname()


def alive(owner: str) -> bool:
    """Whether the owner still runs. Owners on other hosts count as alive: nobody here can tell."""
    host, pid_text, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, under another user
    fields = _stat(pid)
    if not fields:
        return True  # no /proc here: a process of this number runs, and more cannot be known
    # A killed process whose parent has not asked for it yet is still listed, as a zombie.
    return fields[0] not in ("Z", "X") and started in ("", fields[_START])


_START = 19


def _started(pid: int) -> str:
    """Start time in clock ticks since boot; empty where there is no /proc."""
    fields = _stat(pid)
    return fields[_START] if fields else ""


def _stat(pid: int) -> list[str]:
    """State, parent and so on, from proc(5); empty where there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command in parentheses may hold spaces; fields are counted behind its end.
            fields = file.read().rpartition(b")")[2].decode("ascii").split()
    except OSError:
        return []
    return fields if len(fields) > _START else []
