"""A benchmark from Python, in one call: for notebooks and programs that need no command line."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

from broker.bench.lanes import Asked
from broker.bench.plan import read_plan
from broker.bench.result import BenchResult
from broker.bench.run import Watcher
from broker.bench.session import Session, above_cap, folder_for
from broker.client import Broker


class Unwatched:
    """A watcher that looks away."""

    def asked(self, lane: Asked, spent: Decimal, *, ok: bool) -> None:
        """Drop it."""

    def waiting(self, lane: Asked, seconds: float) -> None:
        """Drop it."""


def _unseen(what: str, done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def run_plan(
    broker: Broker,
    path: str,
    *,
    watcher: Watcher | None = None,
    restart: bool = False,
    again_unknown: bool = False,
) -> BenchResult:
    """Run the plan in this file, or go on with its unfinished run; the result is in ``bench-runs`` too.

    Raises :class:`~broker.errors.BudgetExceeded` before anything is sent where it could cost more than the plan's cap, and
    what is wrong with plan, data set and providers as :mod:`broker.errors` has it.

    :param restart: begin a new run. ``again_unknown``: ask again what may have been paid for before a crash.
    """
    plan, text = read_plan(path)
    now = broker.core.services.runtime.now()
    folder, _ = folder_for(plan, now, restart=restart)
    with closing(Session(broker, plan, folder, f"run_plan({path!r})")) as session:
        session.prepare(text, _unseen, again_unknown=again_unknown)
        cost = session.cost(_unseen)
        if cost.above:
            session.discard_if_new()
            raise above_cap(cost)
        session.ask(Unwatched() if watcher is None else watcher, cost.cap)
        return session.result(_unseen)
