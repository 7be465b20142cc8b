"""Recordings that take their time: how far each is, and what to type for those that are left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from broker.cli import output

if TYPE_CHECKING:
    from broker.types.progress import TranscriptionProgress


class Waiting:
    """Takes what ``progress`` of a call is told; calls may come from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, TranscriptionProgress] = {}
        self._stopped = False
        self.bar: output.Progress | None = None

    def __call__(self, seen: TranscriptionProgress) -> None:
        """Show it. Raises KeyboardInterrupt once the user has stopped the command: other threads are told nothing else."""
        with self._lock:
            if seen.job_id is not None:
                self._jobs[seen.job_id] = seen
            stopped = self._stopped
        if stopped:
            raise KeyboardInterrupt
        if self.bar is not None:
            self.bar.tell(shown(seen), seen.ratio)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C ends what other threads wait for too, at their next look."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stopped = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def left(self, but: Collection[str] = ()) -> list[TranscriptionProgress]:
        """Jobs that were seen and that nobody was given the transcript of.

        :param but: not these.
        """
        from broker.types.job import JobState

        with self._lock:
            seen = [(name, each) for name, each in self._jobs.items() if name not in but]
        ended = (None, JobState.DONE)
        return [each for _, each in seen if each.state not in ended and each.state.open]

    def tell_left(self, but: Collection[str] = ()) -> None:
        """What to type, a line each."""
        for each in self.left(but):
            output.complain(f"{each.name}: {advice(each)}", "note")

    def document(self, but: Collection[str] = ()) -> list[dict[str, Any]]:
        """``id``, ``name``, ``provider``, ``state`` of each job that is left."""
        return [
            {
                "id": each.job_id,
                "name": each.name,
                "provider": each.provider,
                "state": None if each.state is None else each.state.value,
            }
            for each in self.left(but)
        ]


def shown(seen: TranscriptionProgress) -> str:
    """In a few words."""
    name = seen.name if len(seen.name) <= 32 else f"…{seen.name[-31:]}"
    if seen.done_ms is not None:
        return f"{name}: {output.clock(seen.done_ms)} of {output.clock(seen.milliseconds)}"
    words = [] if seen.state is None else [seen.state.value]
    if seen.provider_state is not None:
        words.append(f"({seen.provider}: {seen.provider_state})")
    if seen.percent is not None:
        words.append(f"{seen.percent} %")
    return f"{name}: {' '.join(words)}"


def advice(seen: TranscriptionProgress) -> str:
    """How to go on with a job that was left."""
    from broker.types.job import JobState

    if seen.state in (JobState.STAGING, JobState.STAGED):
        return (
            "it was not submitted, and nothing was billed; the same command goes on from there, "
            f"'mlbroker jobs cancel {seen.job_id}' tidies up"
        )
    if seen.done_ms is not None:  # the work was done here, and ended with the program
        return f"nothing goes on without a program that waits for it; to begin anew: mlbroker jobs resume {seen.job_id}"
    return f"it goes on at {seen.provider}; for its transcript type: mlbroker jobs resume {seen.job_id}"
