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
    return started in ("", _started(pid))


def _started(pid: int) -> str:
    """Start time in clock ticks since boot, from proc(5); empty where there is no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command in parentheses may hold spaces; fields are counted behind its end.
            return file.read().rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, IndexError):
        return ""
