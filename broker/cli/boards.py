"""The ledger's switches, for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.config import Settings


@contextmanager
def opened(settings: Settings, *, make: bool) -> Iterator[Any]:
    """The ledger's switches; None where there is no ledger and looking must not make one."""
    import time

    from broker.cli import standing
    from broker.ledger.sqlite import SqliteLedger
    from broker.notify.notifier import Notifier
    from broker.switches.board import Board
    from broker.switches.use_cases import UseCases

    ledger = standing.open_there(settings)
    if ledger is None and not make:
        yield None
        return
    if ledger is None:
        ledger = SqliteLedger(standing.ledger_path(settings), durability=settings.ledger.durability)
    notifier = Notifier.of(settings.notify)
    try:
        yield Board(
            ledger,
            UseCases(settings.quality.use_cases),
            monotonic=time.monotonic,
            now=standing.now,
            notify=notifier.send,
        )
    finally:
        notifier.close()
        ledger.close()
