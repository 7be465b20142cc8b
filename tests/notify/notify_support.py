"""What the tests of notices share."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from broker.notify import Notice

SECRET = "T0CANARY/B0CANARY/xyzCANARYxyz"
"""As chat services have it in the path of a webhook."""
WRITER = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"
HANGING = "import sys, time; open(sys.argv[1], 'w').write('began'); time.sleep(600)"


def notice(text: str = "The budget team-a is used up.", kind: str = "budget.used_up") -> Notice:
    return Notice(
        kind=kind,
        subject="team-a",
        text=text,
        at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        facts=(("spent", "10.00"), ("limit", "10.00"), ("currency", "USD")),
    )


def writing(file: Path) -> list[str]:
    """A command that appends what it is told to a file."""
    return [sys.executable, "-c", WRITER, str(file)]


def threads() -> list[str]:
    """Threads of notifiers that live now."""
    return [each.name for each in threading.enumerate() if each.name.startswith("mlbroker notify")]


def until(found: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def everything_logged(records: list[logging.LogRecord]) -> str:
    """Messages, arguments and tracebacks."""
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
    return "\n".join(formatter.format(each) + repr(each.args) for each in records)
