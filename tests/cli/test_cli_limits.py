"""Limits of recordings, as people read them: of one request, and of a job where those are others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broker.cli.support import shown_spec_limits
from broker.contract import AudioLimits, JobPath, OperationSpec, audio_seconds


def limits(**more: Any) -> AudioLimits:
    return AudioLimits(formats=("wav", "flac"), source="https://example.org", **more)


JOB = JobPath(service="Tape batch", sku="tape.batch", limits=limits(max_bytes=2_000_000_000))
SPEC = OperationSpec(
    operation="transcription.transcribe",
    service="Tape",
    sku="tape.direct",
    meter=audio_seconds,
    limits=limits(max_bytes=7_400_000, max_milliseconds=60_000),
    job=JOB,
)


def test_sizes_are_written_out() -> None:
    assert shown_spec_limits(replace(SPEC, job=None)) == "wav, flac; up to 7.4 MB; up to 1 min"
    assert shown_spec_limits(replace(SPEC, job=None, limits=JOB.limits)) == "wav, flac; up to 2,000 MB"


def test_a_job_has_limits_of_its_own() -> None:
    assert shown_spec_limits(SPEC) == "wav, flac; up to 7.4 MB; up to 1 min; as a job up to 2,000 MB"
    endless = replace(SPEC, job=replace(JOB, limits=limits()))
    assert shown_spec_limits(endless).endswith("; as a job any size and length")


def test_who_has_jobs_alone_or_works_here_has_one_set_of_limits() -> None:
    assert "as a job" not in shown_spec_limits(replace(SPEC, direct=False))
    assert "as a job" not in shown_spec_limits(replace(SPEC, job=replace(JOB, attended=True)))
