"""``progress``: how far a recording is, told while somebody waits; on every way, in both worlds, and at no risk to the call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from broker import AsyncBroker, BadInput, Broker
from broker.contract import Context, Reply
from broker.runtime.virtual import VirtualRuntime
from broker.types import TranscribeRequest, Transcript, TranscriptionProgress
from broker.types.job import JobState
from jobs.job_vendor import Vendor, tape
from speech.speech_support import said, transcribing, wav


def listening() -> type[Any]:
    """An adapter that works on the recording itself, and tells how far it is."""
    adapter, _ = transcribing("able")

    class Telling(adapter):  # type: ignore[misc, valid-type]
        def transcribe(self, _request: TranscribeRequest, context: Context, /) -> Reply[Transcript]:
            for seconds in (0.0, 0.5, 2.0):
                context.progress(seconds)
            return Reply(payload=Transcript(text="hello", segments=(said("hello", 0, 900),)))

    return Telling


def seen_at(done_ms: int) -> TranscriptionProgress:
    return TranscriptionProgress(provider="able", name="audio", milliseconds=2000, done_ms=done_ms)


def test_what_an_adapter_has_done_is_told() -> None:
    seen: list[TranscriptionProgress] = []
    with Broker(adapters=[listening()], provider="able") as broker:
        broker.transcription.transcribe(wav(2.0), progress=seen.append)
        assert broker.transcription.transcribe(wav(2.0)).value.text == "hello", "nobody has to listen"
    assert seen == [seen_at(0), seen_at(500), seen_at(2000)]
    assert [each.ratio for each in seen] == [0.0, 0.25, 1.0]


def test_async_code_is_told_too() -> None:
    seen: list[TranscriptionProgress] = []

    async def run() -> None:
        async with AsyncBroker(adapters=[listening()], provider="able") as broker:
            await broker.transcription.transcribe(wav(2.0), progress=seen.append)
            items = broker.transcription.transcribe_many([wav(2.0)], progress=seen.append)
            assert [item.ok async for item in items] == [True]

    asyncio.run(run())
    assert seen == 2 * [seen_at(0), seen_at(500), seen_at(2000)]


def test_every_state_of_a_job_is_told_with_the_providers_word() -> None:
    seen: list[TranscriptionProgress] = []
    vendor = Vendor(polls=1)
    with Broker(adapters=[tape(vendor)], provider="tape", runtime=VirtualRuntime()) as broker:
        broker.transcription.transcribe(wav(4.0, rate=8000), progress=seen.append)
    (key,) = vendor.made
    assert {each.job_id for each in seen} == {key}
    told = [(each.state, each.provider_state, each.percent) for each in seen]
    assert list(dict.fromkeys(told)) == [
        (JobState.STAGING, None, None),
        (JobState.STAGED, None, None),
        (JobState.SUBMITTING, None, None),
        (JobState.RUNNING, None, None),
        (JobState.RUNNING, "winding", 10),
        (JobState.RUNNING, "wound", None),
        (JobState.DONE, None, None),
    ]
    assert [each.ratio for each in seen if each.percent is not None] == [0.1]


def test_who_waits_for_a_started_job_is_told() -> None:
    seen: list[TranscriptionProgress] = []
    with Broker(adapters=[tape(Vendor())], provider="tape", runtime=VirtualRuntime()) as broker:
        job = broker.transcription.start(wav(4.0, rate=8000), progress=seen.append)
        assert [each.state for each in seen][-1] is JobState.RUNNING
        seen.clear()
        job.wait(progress=seen.append)
    assert [each.state for each in seen][-1] is JobState.DONE
    assert {each.job_id for each in seen} == {job.id}


def test_a_watcher_that_fails_costs_nobody_his_transcript(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[float | None] = []

    def watcher(seen: TranscriptionProgress) -> None:
        calls.append(seen.ratio)
        raise RuntimeError("no screen")

    with Broker(adapters=[listening()], provider="able") as broker, caplog.at_level(logging.WARNING):
        assert broker.transcription.transcribe(wav(2.0), progress=watcher).value.text == "hello"
    assert calls == [0.0], "it is not asked again"
    assert "no screen" in caplog.text


def test_progress_is_an_option_of_transcription_alone_and_a_function() -> None:
    with Broker(adapters=[listening()], provider="able") as broker:
        with pytest.raises(BadInput, match="progress must be a function, not str"):
            broker.transcription.transcribe(wav(2.0), progress="yes")  # type: ignore[arg-type]
        transcribed: Callable[..., Any] = broker.text.sentiment
        with pytest.raises(BadInput, match="no option 'progress'"):
            transcribed("good", progress=print)
        assert broker.estimate.transcription.transcribe(wav(2.0), progress=print).amount == 0


def test_a_job_that_is_done_where_it_is_fetched_tells_how_far_it_is() -> None:
    """Also beyond the minute that one step of other jobs may take."""
    clock, seen = VirtualRuntime(), list[TranscriptionProgress]()
    vendor = Vendor(polls=0)
    adapter = tape(vendor)
    (spec,) = adapter.manifest.operations
    attended = replace(spec, job=replace(spec.job, attended=True))
    adapter.manifest = replace(adapter.manifest, operations=(attended,))
    steps = type(adapter.transcription_jobs.fget(None))  # type: ignore[attr-defined]

    class Working(steps):  # type: ignore[misc, valid-type]
        def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Reply[Transcript]:
            for minute in range(1, 4):
                clock.advance(60.0)
                assert context.remaining() > 0.0
                context.progress(float(minute))
            reply: Reply[Transcript] = super().fetch(request, job_id, context)
            return reply

    adapter.transcription_jobs = property(lambda _self: Working(vendor))  # type: ignore[assignment, method-assign]
    with Broker(adapters=[adapter], provider="tape", runtime=clock) as broker:
        job = broker.transcription.start(wav(4.0, rate=8000))
        assert job.wait(progress=seen.append).value.text == "well done"
    assert [each.ratio for each in seen if each.done_ms is not None] == [0.25, 0.5, 0.75]
    assert {each.job_id for each in seen} == {job.id}
