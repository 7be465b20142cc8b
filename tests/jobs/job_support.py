"""What tests of jobs share beside fixtures."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from broker import Broker

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECONDS = 4
Opens: TypeAlias = Callable[..., Broker]
"""Makes a broker of a vendor in memory, with a virtual clock of its own."""


def sound(seconds: float = SECONDS) -> bytes:
    """Silence of so many seconds."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * round(8000 * seconds)))
    return out.getvalue()
