"""A ledger that is busy or lost in the midst of a stream: no sound goes out that it does not know of."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from stream_support import each_second, endless, sound_of, streaming_provider, threads_end

from broker import AsyncBroker, Broker, LedgerUnavailable
from broker.ledger.base import Intent, LedgerBusy, Ticket
from broker.ledger.sqlite import SqliteLedger
from broker.pipeline import stream_slices
from broker.types.stream import StreamEvent


class Moody(SqliteLedger):
    """From its second announcement on it fails so many times."""

    def __init__(self, path: str, error: type[LedgerUnavailable], times: int) -> None:
        super().__init__(path)
        self.announced = 0
        self._error, self._times = error, times

    def announce(self, intent: Intent) -> Ticket:
        if self.announced and self._times:
            self._times -= 1
            raise self._error("not now")
        self.announced += 1
        return super().announce(intent)


def test_a_busy_ledger_is_waited_for(tmp_path: Any) -> None:
    ledger = Moody(str(tmp_path / "spend.db"), LedgerBusy, 5)
    with Broker(adapters=[streaming_provider()], provider="fake", ledger=ledger) as broker:
        stream = broker.transcription.stream(sound_of(130))
        list(stream)
        assert stream.cost.amount == Decimal("0.130")
    assert ledger.announced == 3
    ledger.close()


@pytest.mark.parametrize("error", [LedgerUnavailable, LedgerBusy])
def test_a_ledger_that_is_lost_ends_the_sound_behind_its_results(
    error: type[LedgerUnavailable], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_slices, "_PATIENCE", 0.2)
    ledger = Moody(str(tmp_path / "spend.db"), error, 10**9)
    with Broker(adapters=[streaming_provider()], provider="fake", ledger=ledger) as broker:
        stream = broker.transcription.stream(endless())
        seen: list[StreamEvent] = []
        with pytest.raises(LedgerUnavailable):
            seen.extend(stream)
        assert stream.milliseconds == 60_000
        assert seen[-1].final
        assert stream.cost.amount == Decimal("0.060")
        assert [(row.attempts, row.open) for row in broker.spend()] == [(1, 0)]
    ledger.close()


class Slow(SqliteLedger):
    """Its second announcement waits."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.begun, self.go_on = threading.Event(), threading.Event()
        self._announced = 0

    def announce(self, intent: Intent) -> Ticket:
        self._announced += 1
        if self._announced == 2:
            self.begun.set()
            assert self.go_on.wait(30)
        return super().announce(intent)


def test_a_user_who_leaves_while_a_slice_is_announced_leaves_nothing_open(tmp_path: Any) -> None:
    ledger = Slow(str(tmp_path / "spend.db"))
    with Broker(adapters=[streaming_provider(each_second)], provider="fake", ledger=ledger) as broker:
        stream = broker.transcription.stream(endless())

        def leave() -> None:
            assert ledger.begun.wait(30)
            threading.Timer(0.2, ledger.go_on.set).start()
            stream.close()

        leaving = threading.Thread(target=leave)
        leaving.start()
        list(stream)
        leaving.join()
        threads_end()
        assert stream.milliseconds == 60_000
        assert sum(row.open for row in broker.spend()) == 0
        assert sum(row.amount for row in broker.spend()) == Decimal("0.060")
    ledger.close()


def test_a_slice_that_is_announced_behind_the_settlement_is_taken_back(tmp_path: Any) -> None:
    """The event loop ends: its tasks are cancelled, and the thread goes on for a moment."""
    ledger = Slow(str(tmp_path / "spend.db"))

    async def run() -> None:
        broker = AsyncBroker(adapters=[streaming_provider()], provider="fake", ledger=ledger)
        stream = broker.transcription.stream(endless())

        async def listen() -> None:
            async for _ in stream:
                pass

        task = asyncio.create_task(listen())
        while not ledger.begun.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.005)
        for each in asyncio.all_tasks():
            if each.get_name() == "mlbroker-stream":
                each.cancel()
        with suppress(asyncio.CancelledError):
            await task
        ledger.go_on.set()
        await broker.aclose()

    asyncio.run(run())
    threads_end()
    with Broker(adapters=[streaming_provider()], provider="fake", ledger=ledger) as broker:
        rows = broker.spend()
        assert sum(row.open for row in rows) == 0
        assert sum(row.attempts for row in rows) == 2
        assert sum(row.amount for row in rows) == Decimal("0.060")
    ledger.close()
