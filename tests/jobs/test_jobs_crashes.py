"""Whatever step a caller dies at, and whatever answers are lost: one job at the vendor, one charge in the ledger."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from job_support import START, sound
from job_vendor import PER_SECOND, Died, Vendor, lost, tape

from broker import Broker, BrokerError
from broker.errors import Outcome, ProviderFault, Throttled, Unavailable
from broker.ledger import SqliteLedger
from broker.runtime.virtual import VirtualRuntime

PRICE = 4 * PER_SECOND


class Mortal(SqliteLedger):
    """A ledger whose process dies before or behind one of its writes of jobs."""

    def __init__(self, path: str, strikes: list[str]) -> None:
        super().__init__(path)
        self._strikes = strikes

    def _mortal(self, name: str, *given: Any, **named: Any) -> Any:
        _strike(self._strikes)
        done = getattr(super(), name)(*given, **named)
        _strike(self._strikes)
        return done

    def open_job(self, *given: Any, **named: Any) -> Any:
        return self._mortal("open_job", *given, **named)

    def write_job(self, *given: Any, **named: Any) -> Any:
        return self._mortal("write_job", *given, **named)

    def announce_job(self, *given: Any, **named: Any) -> Any:
        return self._mortal("announce_job", *given, **named)

    def settle_job(self, *given: Any, **named: Any) -> Any:
        return self._mortal("settle_job", *given, **named)


def _strike(strikes: list[str]) -> None:
    """Die where it is time to."""
    if strikes and (event := strikes.pop(0)) == "die":
        raise Died(event)


def _trouble(strikes: list[str]) -> Any:
    def at(step: str) -> None:
        event = strikes.pop(0) if strikes else "go on"
        if event == "die":
            raise Died(step)
        if event == "lose" and step != "submit<":
            raise lost()
        if event == "throttle" and step.endswith("<"):
            raise Throttled("slower", provider="tape")
        if event == "fail" and step.endswith("<"):
            raise Unavailable("later", provider="tape", outcome=Outcome.SERVER)

    return at


_PLACES = 45
"""Writes and steps, each with a before and a behind, that a job with some trouble comes to."""
EVENTS = st.dictionaries(
    st.integers(0, _PLACES), st.sampled_from(["die", "die", "lose", "throttle", "fail"]), max_size=5
).map(lambda found: [found.get(place, "go on") for place in range(max(found, default=-1) + 1)])


@given(
    events=EVENTS,
    named=st.booleans(),
    lag=st.integers(0, 3),
    polls=st.integers(0, 3),
    fails=st.sampled_from([None, None, None, Outcome.REJECTED]),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_one_job_and_one_charge(
    events: list[str], named: bool, lag: int, polls: int, fails: Outcome | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, recording = f"{folder}/ledger.db", Path(folder) / "talk.wav"
        recording.write_bytes(sound())
        vendor = Vendor(named=named, lag=lag, polls=polls)
        vendor.fails = None if fails is None else ProviderFault("torn", outcome=fails)
        strikes = list(events)
        answered, now = None, START
        for _ in range(len(events) + 3):
            before = len(strikes)
            vendor.trouble = _trouble(strikes)
            answered, now = _once(vendor, path, str(recording), strikes, now)
            if answered is not None or (fails is not None and not before):
                break
        vendor.trouble = lambda _step: None
        with Broker(runtime=VirtualRuntime(now), adapters=[tape(vendor)], ledger={"path": path}) as later:
            later.jobs.clean()  # what could not be removed at once
        _cleaned(vendor, path, now)
        _judge(vendor, path, answered, fails)


def _once(
    vendor: Vendor, path: str, recording: str, strikes: list[str], now: datetime
) -> tuple[str | None, datetime]:
    """A process that makes the call; whatever it is when it ends."""
    clock = VirtualRuntime(now)
    ledger = Mortal(path, strikes)
    broker = Broker(
        runtime=clock, adapters=[tape(vendor, settle=120.0)], provider="tape", ledger=ledger, max_attempts=10
    )
    text = None
    with suppress(Died, BrokerError):
        text = broker.transcription.transcribe(recording).value.text
    ledger.close()
    return text, clock.now() + timedelta(seconds=1)


def _cleaned(vendor: Vendor, path: str, now: datetime) -> None:
    """What could not be removed at its time is removed by the command for that."""
    vendor.trouble = lambda _step: None
    adapter = tape(vendor, settle=120.0)
    with Broker(
        runtime=VirtualRuntime(now), adapters=[adapter], provider="tape", ledger={"path": path}
    ) as broker:
        broker.jobs.clean()


def _judge(vendor: Vendor, path: str, answered: str | None, fails: Outcome | None) -> None:
    with closing(sqlite3.connect(path)) as ledger:
        attempts = ledger.execute("SELECT state, billed, amount FROM attempt").fetchall()
        jobs = ledger.execute("SELECT id, state FROM job").fetchall()
    billed = [amount for state, billed, amount in attempts if billed == "yes"]
    if fails is not None:
        assert billed == []
        assert len(set(vendor.made)) == len(vendor.made), "a key was submitted twice"
        return
    assert answered == "well done"
    assert len(vendor.made) == 1, (vendor.made, jobs)
    assert billed == [int(PRICE * 10**12)]
    assert all(state == "settled" for state, *_ in attempts)
    assert [each for each in attempts if each[1] == "unknown"] == []
    assert Decimal(sum(billed)) == PRICE * 10**12
    assert vendor.recordings == {}, "a recording was left"
