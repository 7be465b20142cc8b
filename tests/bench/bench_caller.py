"""One sitting of a benchmark in a process of its own: ``python bench_caller.py FACTS``; it may kill itself.

FACTS is JSON: ``folder`` (with the data set, ledger and runs), ``plan`` (its text), ``paid`` (a file that gets a byte for each
request that a provider is paid for), ``kill_at`` (the request, counted in this process from 1, at which it kills itself; 0:
never), ``point`` (``sent``: the provider has the request; ``settled``: the ledger knows that it answered, the run not yet;
``announced``: the run has announced the question, the ledger knows nothing), ``interrupt_at`` (the same, for Ctrl-C),
``again_unknown``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from bench_support import Sitting, plan_of

from broker.bench import session
from broker.bench.store import Store
from broker.contract import Context, Reply
from broker.testing.fake import fake_provider, labels
from broker.types import LabelRequest, LabelSet


class Death:
    """Counts, and ends the process at once where it is told to."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._count = 0
        self._lock = threading.Lock()

    def pass_by(self, point: str) -> None:
        if point != self._facts["point"]:
            return
        with self._lock:
            self._count += 1
            if self._count == self._facts["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._count == self._facts["interrupt_at"]:
                os.kill(os.getpid(), signal.SIGINT)


def main(facts: dict[str, Any]) -> None:
    death = Death(facts)
    paid = os.open(facts["paid"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def answer(request: LabelRequest, context: Context) -> Reply[LabelSet]:
        os.write(paid, b".")
        death.pass_by("sent")
        return labels("Cat")

    announce = Store.announce

    def announced(store: Store, *given: Any) -> None:
        announce(store, *given)
        death.pass_by("announced")

    stored = session.stored_answer

    def settled(operation: str, value: Any) -> str:
        death.pass_by("settled")
        return stored(operation, value)

    Store.announce = announced  # type: ignore[method-assign]
    session.stored_answer = settled
    folder = Path(facts["folder"])
    sitting = Sitting(
        folder,
        plan_of(folder, facts["plan"]),
        [fake_provider(answer, provider="one"), fake_provider(answer, provider="two")],
        again_unknown=facts["again_unknown"],
    )
    told = {
        each.lane.name: [each.reliability.answered, each.reliability.unsettled, each.reliability.left]
        for each in sitting.result.lanes
    }
    money = {
        each.lane.name: str(each.money.known + each.money.at_risk)
        for each in sitting.result.lanes
        if each.money
    }
    print(json.dumps({"lanes": told, "money": money, "sittings": sitting.result.run.sittings}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
