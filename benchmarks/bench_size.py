"""What a benchmark of many items takes: ``python -m benchmarks.bench_size ITEMS FOLDER`` (an empty one) asks the fake provider.

Prints JSON: of start, preparing, asking and telling the peak of resident memory so far (bytes), and the seconds it took.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import time
import zlib
from collections import deque
from pathlib import Path

from broker.bench.plan import parse_plan
from broker.bench.session import Session, folder_for
from broker.client import Broker
from broker.testing.fake import fake_provider, labels

PLAN = """
operations = "vision.label"
[data]
path = "items.csv"
kind = "image"
[[provider]]
provider = "one"
[run]
cost_cap = "1000"
raw = false
"""


class Nobody:
    """A watcher that keeps nothing."""

    def asked(self, *_: object, **__: object) -> None:
        """Drop it."""

    def waiting(self, *_: object) -> None:
        """Drop it."""


def picture() -> bytes:
    """A PNG of 8 x 8 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(24) for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def peak() -> int:
    """Of resident memory, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(items: int, folder: Path) -> dict[str, tuple[int, float]]:
    """Peak and seconds of each part of a run."""
    (folder / "one.png").write_bytes(picture())
    with open(folder / "items.csv", "w", encoding="utf-8") as file:
        file.write("id,path,truth\n")
        file.writelines(f"item-{number:07},one.png,cat\n" for number in range(items))
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
        where, _ = folder_for(plan, broker.core.services.runtime.now(), restart=False)
        session = Session(broker, plan, where, "")
        session.prepare(PLAN, lambda *_: None, again_unknown=False)
        session.cost(lambda *_: None)
        note("preparing")
        session.ask(Nobody(), plan.run.cost_cap)
        note("asking")
        result = session.result(lambda *_: None)
        note("telling")
        session.close()
    if result.lanes[0].reliability.answered != items:
        raise SystemExit(f"{result.lanes[0].reliability.answered} of {items} were answered")
    return told


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), Path(sys.argv[2]))))
