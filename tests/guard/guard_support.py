"""Brokers over scripted providers on the virtual clock, for what stands before each attempt."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from broker import Broker
from broker.errors import AuthFailed, BadInput, Outcome, ProviderError, QuotaExhausted, Throttled, Unavailable
from broker.guard.health import TargetHealth
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter, fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
GOOD = labels("Cat", "Animal")
HOUR = 3600.0


class Vendor:
    """A provider that does what ``now_does`` says at the moment, and keeps count."""

    def __init__(self, provider: str = "fake", runtime: VirtualRuntime | None = None, **facts: Any) -> None:
        self.runtime = runtime or VirtualRuntime()
        self.now_does: Callable[[], Any] = lambda: GOOD
        self.takes = 0.0
        self.adapter: type[FakeAdapter] = fake_provider(self._answer, provider=provider, **facts)
        self.sent: list[float] = []

    def _answer(self, *_: object) -> Any:
        self.sent.append(self.runtime.monotonic())
        self.runtime.advance(self.takes)
        return self.now_does()

    def fails(self, make: Callable[[], BaseException]) -> None:
        """From now on."""

        def fail() -> Any:
            raise make()

        self.now_does = fail

    def works(self) -> None:
        """From now on."""
        self.now_does = lambda: GOOD

    def broker(self, *others: Vendor, **settings: Any) -> Broker:
        """A broker that asks this one first."""
        settings.setdefault("provider", self.adapter.manifest.provider)
        settings.setdefault("max_attempts", 1)
        return Broker(
            adapters=[self.adapter, *(each.adapter for each in others)], runtime=self.runtime, **settings
        )


def down(outcome: Outcome = Outcome.SERVER) -> ProviderError:
    return Unavailable("it is down", outcome=outcome)


def rejected() -> ProviderError:
    return BadInput("not this picture")


def denied() -> ProviderError:
    return AuthFailed("no", status=401)


def quota(**facts: Any) -> ProviderError:
    return QuotaExhausted("enough for today", **facts)


def busy(**facts: Any) -> ProviderError:
    return Throttled("slower", status=429, **facts)


def ask(broker: Broker, **options: Any) -> str:
    """How one call ends."""
    options.setdefault("deadline", HOUR)
    try:
        broker.vision.label(PICTURE, **options)
    except ProviderError as error:
        return f"{type(error).__name__} {'held back' if error.held_back else error.outcome.value}"
    return "answered"


def health(broker: Broker) -> TargetHealth:
    """Of the one target there is."""
    (found,) = broker.health.targets()
    return found


def rows(path: str = "ledger.db") -> list[sqlite3.Row]:
    """The attempts in the ledger."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


async def soon(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 90
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)
