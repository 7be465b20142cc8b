"""How far a recording has come, told to a caller who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from broker.types.job import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionProgress:
    """One look at a recording that is being transcribed. What nobody knows is None.

    :param provider: who works on it, with the account (``aws:prod``).
    :param name: of the recording.
    :param milliseconds: length of the recording; 0: not known yet.
    :param done_ms: how much of it is transcribed, where that happens on this machine.
    :param job_id: of the job; None: it is answered by one request.
    :param state: of the job.
    :param provider_state: the provider's own word for where the job stands.
    :param percent: 0 to 100, where the provider says so.
    """

    provider: str
    name: str
    milliseconds: int
    done_ms: int | None = None
    job_id: str | None = None
    state: JobState | None = None
    provider_state: str | None = None
    percent: int | None = None

    @property
    def ratio(self) -> float | None:
        """0 to 1, where anybody says so."""
        if self.done_ms is not None and self.milliseconds > 0:
            return min(1.0, self.done_ms / self.milliseconds)
        return None if self.percent is None else min(1.0, max(0.0, self.percent / 100))


Watcher: TypeAlias = Callable[[TranscriptionProgress], None]
"""Called now and then, in whatever thread does the work: it has to be quick. What it raises is logged, and ends the telling."""
