"""Brokers over scripted providers and a clock that moves only when someone waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from broker import Broker
from broker.errors import Outcome, ProviderError, Throttled, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter, fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
GOOD = labels("Cat", "Animal", "Pet")


def down(outcome: Outcome = Outcome.SERVER, **facts: Any) -> ProviderError:
    """A failure of an attempt."""
    return Unavailable("it is down", outcome=outcome, **facts)


def busy(seconds: float | None = None) -> ProviderError:
    """The vendor's wish to be asked less."""
    return Throttled("slower", retry_after=seconds)


def make(*adapters: type[FakeAdapter], runtime: VirtualRuntime | None = None, **settings: Any) -> Broker:
    """A broker over these adapters, the first one being asked."""
    kinds = adapters or (fake_provider(),)
    settings.setdefault("provider", kinds[0].manifest.provider)
    return Broker(adapters=list(kinds), runtime=runtime or VirtualRuntime(), **settings)


def rows(path: str = "ledger.db") -> list[sqlite3.Row]:
    """The attempts in the ledger."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


def seen(adapter: type[FakeAdapter]) -> int:
    """How many requests reached it."""
    return len(adapter.play.seen)
