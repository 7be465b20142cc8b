"""What importing costs, and whether memory stays flat."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from broker import Broker
from broker.testing.fake import fake_provider, labels

Noted = Callable[[str, str, str], None]


def import_cpu(statement: str, runs: int = 15) -> float:
    """Median CPU milliseconds of a statement in a fresh process, the bare interpreter's start not counted."""
    code = f"import time; t = time.process_time(); {statement}; print((time.process_time() - t) * 1e3)"
    return statistics.median(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        for _ in range(runs)
    )


def test_import(noted: Noted, benchmark: Any) -> None:
    """``import broker`` against ``import boto3``."""
    ours, theirs = import_cpu("import broker"), import_cpu("import boto3")
    benchmark.extra_info.update(ratio=ours / theirs)
    noted("import broker / import boto3", f"{ours:.1f} ms / {theirs:.0f} ms = {ours / theirs:.3f}", "<= 0.10")
    benchmark.pedantic(lambda: None, rounds=1)


def test_memory(noted: Noted, benchmark: Any, make_broker: Callable[..., Broker], photo: bytes) -> None:
    """Resident memory between call 1,000 and call 11,000."""
    reply = labels("Cat", "Animal")
    broker = make_broker(adapters=[fake_provider(lambda *_: reply)], provider="fake")
    broker.registry.adapter("fake").play.seen = _Forgetful()  # type: ignore[attr-defined] # its memory is not ours

    def many(count: int) -> int:
        for _ in range(count):
            broker.vision.label(photo)
        return _resident()

    before = many(1_000)
    after = many(10_000)
    noted("memory over 10,000 calls", f"{before / 1024:.1f} MB -> {after / 1024:.1f} MB", "flat")
    benchmark.pedantic(lambda: broker.vision.label(photo), rounds=5)


class _Forgetful(list[Any]):
    def append(self, item: Any, /) -> None:
        """Keep nothing."""


def _resident() -> int:
    """KiB now in memory; the peak where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() // 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
