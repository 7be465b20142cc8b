"""Long work that outlives a call, a process and a machine's restart: where it stands, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class JobState(str, Enum):
    """How far a job has come. Written before the step that it names is taken."""

    STAGING = "staging"
    """Its recording is being put into the store of the settings; nothing is asked for yet."""
    STAGED = "staged"
    """Its recording is where the provider can read it; nothing is asked for yet."""
    SUBMITTING = "submitting"
    """It may have been asked for: from here on it may cost."""
    RUNNING = "running"
    """The provider has taken it."""
    DONE = "done"
    """The result was read and its cost is booked. Who asks for it is given it: from one who died it may never have come."""
    COLLECTED = "collected"
    """The result was handed out by a program that has come to its end since; the provider still keeps it."""
    REMOVED = "removed"
    """The result was handed out, and nothing of it is left at the provider."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """It took so long that it was given up; it may have been billed."""
    LOST = "lost"
    """The provider no longer knows it; it may have been billed."""

    @property
    def open(self) -> bool:
        """Somebody still has to do something: it waits for its end, or its result for a taker."""
        return self in _OPEN


_OPEN = frozenset({JobState.STAGING, JobState.STAGED, JobState.SUBMITTING, JobState.RUNNING, JobState.DONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """Where a job stands.

    :param id: names it here and at the provider.
    :param name: of the recording.
    :param milliseconds: length of the recording.
    :param worked_on: a program that runs now waits for it.
    :param provider_state: the provider's own word, where it was asked just now.
    :param percent: done, where the provider says so.
    :param error: why it failed, was lost or given up.
    """

    id: str
    provider: str
    profile: str | None
    operation: str
    state: JobState
    name: str
    milliseconds: int
    made: datetime
    changed: datetime
    worked_on: bool = False
    provider_state: str | None = None
    percent: int | None = None
    error: str | None = None
