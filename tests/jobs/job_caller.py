"""One process that has a recording transcribed: ``python job_caller.py FACTS``, which prints the text.

FACTS is JSON: ``ledger``, ``recording``, ``provider``, ``section`` (its settings), ``now`` (its clock's beginning), and
``halt``: at which write of the ledger's jobs it stops for good, counted from 0, with an ``end`` of ``before`` or ``behind`` it.
There it makes the file ``barrier`` and waits to be killed. Time passes on a virtual clock.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from broker import Broker
from broker.ledger import SqliteLedger
from broker.runtime.virtual import VirtualRuntime
from broker.testing.spend_guard import SpendGuard


class Halting(SqliteLedger):
    """Stops at a write."""

    def __init__(self, path: str, facts: dict[str, Any]) -> None:
        super().__init__(path)
        self._facts = facts
        self._writes = 0

    def _write(self, name: str, *given: Any, **named: Any) -> Any:
        number, self._writes = self._writes, self._writes + 1
        self._halt(number, "before")
        done = getattr(super(), name)(*given, **named)
        self._halt(number, "behind")
        return done

    def _halt(self, number: int, end: str) -> None:
        if (number, end) == (self._facts["halt"], self._facts["end"]):
            Path(self._facts["barrier"]).touch()
            threading.Event().wait()

    def open_job(self, *given: Any, **named: Any) -> Any:
        return self._write("open_job", *given, **named)

    def write_job(self, *given: Any, **named: Any) -> Any:
        return self._write("write_job", *given, **named)

    def announce_job(self, *given: Any, **named: Any) -> Any:
        return self._write("announce_job", *given, **named)

    def settle_job(self, *given: Any, **named: Any) -> Any:
        return self._write("settle_job", *given, **named)


def main(facts: dict[str, Any]) -> None:
    clock = VirtualRuntime(datetime.fromisoformat(facts["now"]))
    broker = Broker(
        runtime=clock,
        ledger=Halting(facts["ledger"], facts),
        provider=facts["provider"],
        providers={facts["provider"]: facts["section"]},
        budgets={"month": {"limit": "1.00", "window": "month", "unpriced": "0.10"}},
        prices={"files": facts["prices"]},
    )
    job = broker.transcription.start(facts["recording"], language="en-US")
    print(job.wait().value.text, flush=True)


if __name__ == "__main__":
    with SpendGuard():
        main(json.loads(sys.argv[1]))
