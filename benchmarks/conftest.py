"""Fixtures of the benchmarks, and the table of ratios at the end."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pair import compare
from broker import Broker
from broker.ledger import SqliteLedger

ROWS: list[tuple[str, str, str, str, str]] = []


@pytest.fixture(scope="session")
def vendors() -> Iterator[tuple[str, str]]:
    """URL of the HTTP stand-in and target of the gRPC one."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.vendors"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        url, target = process.stdout.readline().split()
        yield url, target
        process.stdin.close()


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of about 50 kB."""
    from PIL import Image

    out = io.BytesIO()
    Image.effect_noise((360, 270), 60).convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """A broker with its ledger on disk."""
    made: list[Broker] = []

    def make(**options: Any) -> Broker:
        broker = Broker(ledger=SqliteLedger(str(tmp_path / "ledger.db")), **options)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def paired(benchmark: Any) -> Callable[..., None]:
    """Compare A with its baseline B, note the ratio, and let pytest-benchmark keep A's own time."""

    def run(
        name: str, a: Callable[[], object], b: Callable[[], object], *, goal: str, **options: Any
    ) -> None:
        found = compare(a, b, **options)
        benchmark.extra_info.update(ratio=found.ratio, low=found.low, high=found.high)
        ROWS.append(
            (
                name,
                f"{found.a:.0f} us",
                f"{found.b:.0f} us",
                f"{found.ratio:.2f} ({found.low:.2f}-{found.high:.2f})",
                goal,
            )
        )
        benchmark.pedantic(a, rounds=20, iterations=1)

    return run


@pytest.fixture
def noted() -> Callable[[str, str, str], None]:
    """Note a figure that is no ratio."""
    return lambda name, value, goal: ROWS.append((name, value, "", "", goal))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table a person reads."""
    if not ROWS:
        return
    heads = ("benchmark", "broker, CPU", "baseline, CPU", "ratio (quartiles)", "goal")
    widths = [max(len(row[column]) for row in (heads, *ROWS)) for column in range(5)]
    terminalreporter.write_line("")
    for row in (heads, *ROWS):
        terminalreporter.write_line(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        )
