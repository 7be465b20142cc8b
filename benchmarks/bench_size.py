"""What a benchmark of many items takes: ``python -m benchmarks.bench_size ITEMS FOLDER`` (an empty one).

The fake provider is asked about every item, beside a recording of as many answers; then the run is shown, scored again, compared with
a copy of itself, and reported, each by the command in a process of its own. Prints JSON: of each step the peak of its process's
resident memory so far (bytes), and the seconds it took; and the size of ``result.json``.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections import deque
from pathlib import Path

PLAN = """
operations = "vision.label"
[data]
path = "items.csv"
kind = "image"
[[provider]]
provider = "one"
[[replay]]
name = "recorded"
provider = "two"
answers = "recorded.jsonl"
[run]
cost_cap = "1000"
raw = false
"""
TRUTHS = ("cat", "dog", "cat;car")


class Nobody:
    """A watcher that keeps nothing."""

    def asked(self, *_: object, **__: object) -> None:
        """Drop it."""

    def waiting(self, *_: object, **__: object) -> None:
        """Drop it."""


def picture() -> bytes:
    """A PNG of 8 x 8 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(24) for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def write(items: int, folder: Path) -> None:
    """The data set, and a recording that is right about some of it and fails now and then."""
    (folder / "one.png").write_bytes(picture())
    with open(folder / "items.csv", "w", encoding="utf-8") as file:
        file.write("id,path,truth\n")
        file.writelines(f"item-{number:07},one.png,{TRUTHS[number % 3]}\n" for number in range(items))
    with open(folder / "recorded.jsonl", "w", encoding="utf-8") as file:
        for number in range(items):
            row = {
                "item": f"item-{number:07}",
                "answer": [("cat", "dog", "bird")[number % 5 % 3], "animal"],
                "failed": number % 101 == 0,
                "latency": 0.1 + number % 997 / 1000,
                "price": "0.001",
            }
            file.write(json.dumps(row) + "\n")


def peak() -> int:
    """Of resident memory, in bytes."""
    return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _bytes(maxrss: int) -> int:
    return maxrss * (1 if sys.platform == "darwin" else 1024)


def ask(items: int, folder: Path) -> dict[str, tuple[int, float]]:
    """Peak and seconds of each part of a run, which goes into ``folder / "run"``."""
    write(items, folder)
    from broker.bench.plan import parse_plan
    from broker.bench.session import Session
    from broker.client import Broker
    from broker.testing.fake import fake_provider, labels

    plan = parse_plan(PLAN, "plan.toml", folder=str(folder))
    told: dict[str, tuple[int, float]] = {}
    one = fake_provider([labels("Cat", "Animal")], provider="one")
    one.play.seen = deque(maxlen=1)  # type: ignore[assignment] # it would keep every request
    with Broker(adapters=[one], ledger={"path": str(folder / "ledger.db")}) as broker:
        broker.vision.label(str(folder / "one.png"), provider="one")
        began = time.monotonic()

        def note(name: str) -> None:
            nonlocal began
            told[name] = (peak(), round(time.monotonic() - began, 2))
            began = time.monotonic()

        note("start")
        session = Session(broker, plan, str(folder / "run"), "")
        session.prepare(PLAN, lambda *_: None, again_unknown=False)
        session.cost(lambda *_: None)
        note("preparing")
        session.ask(Nobody(), plan.run.cost_cap)
        note("asking")
        result = session.result(lambda *_: None)
        note("telling")
        session.close()
    for lane in result.lanes:
        if lane.reliability.answered + lane.reliability.failed != items:
            raise SystemExit(f"{lane.lane.key}: {lane.reliability} of {items} items")
    return told


def run(command: list[str], folder: Path) -> tuple[str, int, float]:
    """A program's output, the peak of its resident memory in bytes, and its seconds.

    What measures is small and holds nothing, for a new process's peak begins with that of the one which made it.
    """
    began = time.monotonic()
    with (
        open(folder / "output", "w+", encoding="utf-8") as file,
        open(folder / "errors", "w+", encoding="utf-8") as errors,
    ):
        program = subprocess.Popen(
            [sys.executable, *command],
            stdout=file,
            stderr=errors,
            env={**os.environ, "MLBROKER_LEDGER__PATH": str(folder / "ledger.db"), "COLUMNS": "120"},
        )
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        if program.returncode:
            errors.seek(0)
            raise SystemExit(f"{command}: exit code {program.returncode}: {errors.read()}")
        file.seek(0)
        return file.read(), _bytes(used.ru_maxrss), round(time.monotonic() - began, 2)


def measure(items: int, folder: Path) -> dict[str, tuple[int, float] | int]:
    """Peak and seconds of every step, and the result's size."""
    asked, _, _ = run(["-m", "benchmarks.bench_size", str(items), str(folder), "--ask"], folder)
    told: dict[str, tuple[int, float] | int] = json.loads(asked)
    made, copy = str(folder / "run"), str(folder / "copy")
    shutil.copytree(made, copy)
    steps = {
        "show": ["bench", "show", made],
        "rescore": ["bench", "rescore", made],
        "compare": ["bench", "compare", copy, made],
        "report": ["report", made, "--markdown"],
        "report as a page": ["report", made],
    }
    for name, words in steps.items():
        _, most, seconds = run(["-m", "broker.cli", *words], folder)
        told[name] = (most, seconds)
    told["result.json"] = (folder / "run" / "result.json").stat().st_size
    return told


if __name__ == "__main__":
    where = Path(sys.argv[2]).resolve()
    print(json.dumps((ask if "--ask" in sys.argv else measure)(int(sys.argv[1]), where)))
