"""Tell a caller who waits how far a recording has come. Without one nothing of this costs anything."""

from __future__ import annotations

import logging
from collections.abc import Callable

from broker.contract.context import nobody_waits
from broker.contract.jobs import Progress
from broker.ledger.job import JobRow
from broker.pipeline.call import Call
from broker.types.progress import TranscriptionProgress, Watcher
from broker.types.speech import TranscribeRequest

log = logging.getLogger("broker")


class Watch:
    """What is told of one call."""

    def __init__(self, told: Watcher) -> None:
        self._told: Watcher | None = told
        self._row: JobRow | None = None

    def job(self, call: Call, row: JobRow, progress: Progress | None = None) -> None:
        """Where its job stands."""
        self._row = row
        self._tell(call, row, progress=progress)

    def done(self, call: Call, seconds: float, *, by_job: bool) -> None:
        """So much of it is transcribed."""
        self._tell(call, self._row if by_job else None, done_ms=round(seconds * 1000))

    def _tell(
        self,
        call: Call,
        row: JobRow | None,
        *,
        progress: Progress | None = None,
        done_ms: int | None = None,
    ) -> None:
        request, told = call.request, self._told
        if told is None or call.target is None or not isinstance(request, TranscribeRequest):
            return
        seen = TranscriptionProgress(
            provider=str(call.target.candidate),
            name=request.audio.name,
            milliseconds=request.audio.milliseconds,
            done_ms=done_ms,
            job_id=None if row is None else row.id,
            state=None if row is None else row.state,
            provider_state=None if progress is None else progress.state,
            percent=None if progress is None else progress.percent,
        )
        try:
            told(seen)
        except Exception as error:  # noqa: BLE001 - the caller's own; the call goes on
            self._told = None
            log.warning("progress is not told any more, for what was told of it raised %r", error)


def show(call: Call, row: JobRow, progress: Progress | None = None) -> None:
    """Where a job stands, if anybody waits to know."""
    if call.watch is not None:
        call.watch.job(call, row, progress)


def progress_of(call: Call, *, by_job: bool = False) -> Callable[[float], None]:
    """What an adapter tells of its work: seconds of the recording that are done."""
    watch = call.watch
    if watch is None:
        return nobody_waits
    return lambda seconds: watch.done(call, seconds, by_job=by_job)
