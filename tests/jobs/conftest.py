"""What tests of jobs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from job_support import START, Opens, sound
from job_vendor import Vendor, tape

from broker import Broker
from broker.runtime.virtual import VirtualRuntime


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """A WAV file of four seconds."""
    path = tmp_path / "talk.wav"
    path.write_bytes(sound())
    return str(path)


@pytest.fixture
def opened() -> Iterator[Opens]:
    """Brokers of one vendor and one ledger, each with a virtual clock of its own; closed at the end."""
    with ExitStack() as stack:

        def make(vendor: Vendor, *, clock: VirtualRuntime | None = None, **options: Any) -> Broker:
            names = ("direct", "settle")
            adapter = tape(vendor, **{name: options.pop(name) for name in names if name in options})
            runtime = clock if clock is not None else VirtualRuntime(START)
            options.setdefault("provider", "tape")
            return stack.enter_context(Broker(runtime=runtime, adapters=[adapter], **options))

        yield make
