"""A program that fails before it has saved a result is given it again, and pays once; one that another stopped is told so."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker import AsyncBroker, Broker, ProviderFault
from broker.runtime.virtual import VirtualRuntime
from jobs.job_vendor import Vendor, tape
from speech.speech_support import wav

SOUND = wav(4.0, rate=8000)


class DiskFull(Exception):
    """What a program may die of."""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"provider": "tape", "ledger": {"path": str(tmp_path / "ledger.db")}}


def test_a_program_that_fails_is_given_the_result_again(settings: dict[str, Any]) -> None:
    vendor = Vendor()

    def program(*, fails: bool) -> Any:
        with Broker(adapters=[tape(vendor)], runtime=VirtualRuntime(), **settings) as broker:
            result = broker.transcription.transcribe(SOUND)
            if fails:
                raise DiskFull
            return result

    with pytest.raises(DiskFull):
        program(fails=True)
    assert len(vendor.jobs) == 1
    result = program(fails=False)
    assert (result.value.text, result.cost.amount) == ("well done", Decimal("0.004"))
    assert len(vendor.made) == 1
    assert vendor.jobs == {}


def test_an_asynchronous_one_too(settings: dict[str, Any]) -> None:
    vendor = Vendor(polls=0)

    async def program(*, fails: bool) -> str:
        async with AsyncBroker(adapters=[tape(vendor)], **settings) as broker:
            result = await broker.transcription.transcribe(SOUND)
            if fails:
                raise DiskFull
            return result.value.text

    with pytest.raises(DiskFull):
        asyncio.run(program(fails=True))
    assert len(vendor.jobs) == 1
    assert asyncio.run(program(fails=False)) == "well done"
    assert (len(vendor.made), vendor.jobs) == (1, {})


def test_who_waits_is_told_that_another_cancelled_it(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    vendor = Vendor(stuck=True)

    def stop(step: str) -> None:
        if step == "poll<":
            vendor.trouble = lambda _step: None
            with Broker(adapters=[tape(vendor)], runtime=VirtualRuntime(), **settings) as other:
                (job,) = other.jobs.list()
                assert job.worked_on
                assert other.jobs.get(job.id).cancel()

    vendor.trouble = stop
    with (
        Broker(adapters=[tape(vendor)], runtime=VirtualRuntime(), **settings) as broker,
        pytest.raises(ProviderFault, match="is cancelled: the job was cancelled"),
    ):
        broker.transcription.transcribe(SOUND)
    assert caplog.text == ""
    with Broker(adapters=[tape(vendor)], runtime=VirtualRuntime(), **settings) as broker:
        (ended,) = broker.jobs.list(ended=True)
        assert ended.state.value == "cancelled"
        assert [(row.attempts, row.unknown) for row in broker.spend()] == [(1, 1)]
