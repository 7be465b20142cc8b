"""A long recording as a job on this machine: nothing runs meanwhile, the work is done by whoever fetches the result.

There is no service that could go on without the program, so that a job survives a crash by being only a name for work to
be done: the recording's own path.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from broker.contract import Context, Phase, Piece, Progress, Reply, Submission
from broker.errors import BadInput
from broker.types import Audio, TranscribeRequest, Transcript


class LocalJobs:
    """:class:`broker.contract.jobs.JobSteps`; the job's name at the provider is the recording's address."""

    def __init__(self, transcribe: Callable[[TranscribeRequest, Context], Reply[Transcript]]) -> None:
        self._transcribe = transcribe

    def stage(self, request: TranscribeRequest, _key: str, _context: Context, /) -> str:
        """Where it is already."""
        if not request.audio.path:
            raise BadInput(
                "a job on this machine goes on from the recording's file, so pass its path; bytes and file objects are "
                "answered at once by transcribe",
                provider="local",
            )
        return Path(request.audio.path).as_uri()

    def submit(self, _request: TranscribeRequest, _key: str, place: str, _context: Context, /) -> Submission:
        """Nothing to tell anybody."""
        return Submission(job_id=place)

    def find(
        self, _request: TranscribeRequest, _key: str, place: str, _context: Context, /
    ) -> Submission | None:
        """As good as taken."""
        return Submission(job_id=place)

    def poll(self, _job_id: str, _context: Context, /) -> Progress:
        """It can be fetched at any time."""
        return Progress(phase=Phase.SUCCEEDED, state="ready")

    def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Reply[Transcript]:
        """Do the work. Raises :class:`~broker.errors.BadInput` where the recording is gone or another."""
        audio = Audio.from_path(os.fsdecode(unquote_to_bytes(urlsplit(job_id).path)))
        if (audio.size, audio.milliseconds) != (request.audio.size, request.audio.milliseconds):
            raise BadInput(f"{audio.name} is another recording than the one the job was started with")
        return self._transcribe(replace(request, audio=audio), context)

    def cancel(self, _job_id: str, _context: Context, /) -> bool:
        """Nothing runs."""
        return True

    def remove_recording(self, _place: str, _context: Context, /) -> None:
        """It is the user's own."""

    def remove_job(self, _job_id: str, _context: Context, /) -> None:
        """There is none."""

    def read(self, _place: str, _start: int, _length: int, _context: Context, /) -> Piece:
        """No store is read here."""
        raise BadInput("a recording on this machine is given by its path", provider="local")
