"""What an adapter does for a stream of sound: take pieces as they come, give what is understood.

An adapter writes one plain ``def`` generator. It runs in a thread of its own for as long as the stream lasts, so it may
block; the broker does everything else: it reads the user's sound, cuts it, paces it, announces and meters it, holds it back
while nobody takes results, and ends the stream when the user leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from broker.contract.context import Context
from broker.errors import BadInput
from broker.types.money import Usage
from broker.types.request import Request
from broker.types.stream import StreamEvent, StreamRequest

TICK = 0.1
"""Seconds after which :class:`Sound` gives ``b""`` where no sound has come."""
PIECE_MILLISECONDS = 100
"""The most that one piece holds."""


class Sound(Protocol):
    """The sound of one stream, as an adapter is given it: an iterator, to be used by one thread, whichever it is.

    Take none before the vendor has accepted the stream: what is taken is metered as sent. Of what is taken nothing may wait
    in the adapter but what the next write sends.
    """

    def __iter__(self) -> Iterator[bytes]: ...

    def __next__(self) -> bytes:
        """Whole samples, at most :data:`PIECE_MILLISECONDS`, in order; ``b""`` when none came for :data:`TICK` seconds: look
        what the vendor has said, then ask again. The end of the iteration: there is no more; tell the vendor so, and give
        what it still says.

        Raises :class:`~broker.errors.BrokerError` where the user has left or the ledger cannot be written; let it pass.
        """
        ...

    def when_left(self, interrupt: Callable[[], object]) -> None:
        """Have this called, once and from another thread, when the user leaves before the end: whatever makes a blocked wait
        come back (a connection shut down, a call cancelled). It must not wait. Called at once where he has left already.

        A wait that is never longer than :data:`TICK` and looks at ``context.remaining()`` needs none.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnd:
    """What an adapter's generator may return (``return StreamEnd(...)``) when a stream has come to its end.

    :param usage: what the vendor reports as billed for the whole stream; empty: what was measured.
    """

    usage: tuple[Usage, ...] = ()
    request_id: str | None = None
    model_version: str | None = None


@runtime_checkable
class CanStream(Protocol):
    """transcription.stream"""

    def stream(self, request: StreamRequest, sound: Sound, context: Context, /) -> Iterator[StreamEvent]:
        """What is said, as it is recognised.

        Begins with the connection: raises with outcome NOT_SENT until the vendor has taken the first sound, so that another
        provider may take over; afterwards with AMBIGUOUS unless the vendor says what it bills. ``context.remaining()``
        counts how long the vendor may still say and take nothing: each piece and each event begins it anew; it is 0 when the
        user has left. ``context.http`` is for requests before the stream (a token).

        Partial results only with ``request.partials``; each replaces the one before, and a final result replaces them all.
        Closing the generator ends the stream at once.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What sound a stream takes.

    :param rates: samples a second, from and to.
    :param longest: seconds of sound after which the vendor ends a stream; the broker ends it a moment before.
    :param pace: how many times as fast as real time sound may be sent; None: as fast as it is taken.
    :param silence: seconds that the vendor, or the model, may say and take nothing before it is given up.
    """

    rates: tuple[int, int] = (8_000, 48_000)
    longest: float | None = None
    pace: float | None = None
    silence: float = 60.0
    source: str = ""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""
        if not isinstance(request, StreamRequest):
            return
        rate, (low, high) = request.sound.sample_rate, self.rates
        if not low <= rate <= high:
            raise BadInput(
                f"sound of {rate:,} Hz is not taken here, only {low:,} to {high:,}; resample it",
                provider=provider,
                operation=operation,
            )
