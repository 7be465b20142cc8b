"""What the tests of the bench share: a data set of one small picture under many names, and a sitting of a run."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from broker.bench.lanes import Asked
from broker.bench.plan import Plan, parse_plan
from broker.bench.result import BenchResult
from broker.bench.session import Session, folder_for
from broker.client import Broker
from broker.runtime.blocking import BlockingRuntime
from broker.runtime.virtual import VirtualRuntime

PLAN = """
operations = "vision.label"
[data]
path = "items.csv"
kind = "image"
"""


_TEXTS: dict[str, str] = {}
"""Of plans, by their digest: a run keeps the text."""


def png() -> bytes:
    """A picture of 8 x 8 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes((9, 0, 0)) * 8 for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def data_set(folder: Path, count: int, truth: str = "cat") -> Path:
    """``items.csv``: so many items, all of the same picture."""
    (folder / "one.png").write_bytes(png())
    with open(folder / "items.csv", "w", encoding="utf-8") as file:
        file.write("id,path,truth\n")
        file.writelines(f"item-{number:06},one.png,{truth}\n" for number in range(count))
    return folder / "items.csv"


def plan_of(folder: Path, rest: str, head: str = PLAN) -> Plan:
    """A plan that stands in this folder."""
    plan = parse_plan(head + rest, "plan.toml", folder=str(folder))
    _TEXTS[plan.digest] = head + rest
    return plan


class Quiet:
    """A watcher that counts."""

    def __init__(self) -> None:
        self.asks: list[str] = []
        self.waits: list[float] = []

    def asked(self, lane: Asked, spent: Decimal, *, ok: bool) -> None:
        self.asks.append(lane.lane.name)

    def waiting(self, lane: Asked, seconds: float) -> None:
        self.waits.append(seconds)


def nothing(*_: object) -> None:
    """Progress that nobody looks at."""


class Sitting:
    """A run begun or gone on with, and what came of it."""

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        adapters: Sequence[Any],
        *,
        again_unknown: bool = False,
        restart: bool = False,
        cap: Decimal | None = None,
        runtime: BlockingRuntime | None = None,
        watch: Quiet | None = None,
        **settings: Any,
    ) -> None:
        self.watch = watch or Quiet()
        with Broker(
            adapters=adapters, ledger={"path": str(folder / "ledger.db")}, runtime=runtime, **settings
        ) as broker:
            self.folder, self.resumed = folder_for(plan, broker.core.services.runtime.now(), restart=restart)
            session = Session(broker, plan, self.folder, "mlbroker bench plan.toml")
            try:
                session.prepare(_TEXTS.get(plan.digest, ""), nothing, again_unknown=again_unknown)
                self.cost = session.cost(nothing)
                self.stopped = session.ask(self.watch, self.cost.cap if cap is None else cap)
                self.finished = session.finished
                self.result: BenchResult = session.result(nothing)
            finally:
                session.close()


def virtual() -> VirtualRuntime:
    """A clock that moves only when someone waits."""
    return VirtualRuntime()
