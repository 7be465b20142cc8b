"""A long recording on this machine: how far it is, and a job whose work is done by whoever waits for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import Broker
from broker.types import TranscriptionProgress
from speech.speech_support import wav

pytest.importorskip("numpy", reason="numpy is not installed (extra: local-speech)")
pytest.importorskip("soundfile", reason="soundfile is not installed (extra: local-speech)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: local-speech)")

from broker_local import moonshine

SECONDS = 40


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Forty seconds, and a model that is quick."""
    monkeypatch.setattr(moonshine, "recognize", lambda _samples: "A piece.")
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(SECONDS))
    return str(path)


def told_well(seen: list[TranscriptionProgress]) -> None:
    done = [each.done_ms for each in seen if each.done_ms is not None]
    assert len(done) >= 4
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, SECONDS * 1000)
    assert {each.milliseconds for each in seen} == {SECONDS * 1000}


def test_pieces_are_told_as_they_are_done(recording: str) -> None:
    seen: list[TranscriptionProgress] = []
    with Broker(provider="local", deadline=60) as broker:
        broker.transcription.transcribe(recording, progress=seen.append)
    told_well(seen)
    assert {each.job_id for each in seen} == {None}


def test_a_job_is_done_by_whoever_resumes_it(recording: str) -> None:
    from broker.cli.main import app

    def mlbroker(*arguments: str) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    (begun,) = mlbroker("transcribe", "--start", recording, "--provider", "local")["started"]
    (job,) = mlbroker("jobs")["jobs"]
    assert (job["id"], job["state"], job["name"], job["seconds"]) == (
        begun["job"],
        "running",
        "talk.wav",
        40.0,
    )
    assert mlbroker("jobs", "status", job["id"])["job"]["provider_state"] == "ready"
    found = mlbroker("jobs", "resume", job["id"], "--vtt")
    assert found["text"].startswith("A piece.")
    assert found["subtitles"].startswith("WEBVTT")
    assert mlbroker("jobs")["jobs"] == []


def test_who_waits_for_the_job_is_told_how_far_it_is(recording: str) -> None:
    seen: list[TranscriptionProgress] = []
    with Broker(provider="local", deadline=60) as broker:
        job = broker.transcription.start(recording)
        job.wait(progress=seen.append)
    told_well([each for each in seen if each.done_ms is not None])
    assert {each.job_id for each in seen} == {job.id}
