"""The sound as an adapter is given it: cut, paced, announced before it goes out, and at an end when it must not go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from broker.contract.streams import PIECE_MILLISECONDS, TICK, StreamLimits
from broker.errors import BadInput, BrokerClosed, BrokerError, DeadlineExceeded, Outcome
from broker.pipeline.call import Call, Services, Target
from broker.pipeline.live import Left, Live
from broker.pipeline.stream_meter import SLICE_MILLISECONDS
from broker.pipeline.stream_slices import Slices
from broker.runtime.blocking import drive
from broker.types.stream import SAMPLE_BYTES

AHEAD_SECONDS = 1.0
"""Of sound that may be sent ahead of the pace, as after a slow moment."""
_NO_LIMITS = StreamLimits()


class MeteredSound:
    """One attempt's :class:`~broker.contract.streams.Sound`. It is iterated by one thread.

    :ivar stopped: why the sound was ended before the user's was at its end; its results are given first.
    :ivar ended: the adapter was told that there is no more.
    :param until: the instant at which the stream may last no longer.
    :param farewell: seconds for the last results behind it.
    """

    def __init__(
        self,
        live: Live,
        slices: Slices,
        call: Call,
        services: Services,
        target: Target,
        *,
        until: float,
        farewell: float,
    ) -> None:
        limits = target.spec.limits
        self._limits = limits if isinstance(limits, StreamLimits) else _NO_LIMITS
        self._live = live
        self._slices = slices
        self._call = call
        self._services = services
        self._target = target
        self._runtime = services.runtime.in_thread()
        self._until = until
        self._latest = until + farewell
        self._second = live.format.bytes_per_second
        self._piece = SAMPLE_BYTES * max(1, self._second * PIECE_MILLISECONDS // 1000 // SAMPLE_BYTES)
        self._most = None if self._limits.longest is None else int(self._limits.longest * self._second)
        self._began = self._runtime.monotonic()
        self._moved = self._began
        self._due = 0.0
        self._closed = False
        self._lock = threading.Lock()
        self._opened: float | None = None
        self.stopped: BrokerError | None = None
        self.ended = False

    # ---- what the adapter uses

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """See :class:`~broker.contract.streams.Sound`."""
        self.touch()
        if self._opened is None:
            self._opened = self._runtime.monotonic()
        piece = self._next()
        self.touch()
        if piece is None:
            self.ended = True
            raise StopIteration
        return piece

    def when_left(self, interrupt: Callable[[], object]) -> None:
        """See :class:`~broker.contract.streams.Sound`."""
        self._live.when_left(interrupt)

    def remaining(self) -> float:
        """See :meth:`broker.contract.streams.CanStream.stream`."""
        if self._live.left or self._closed or self._services.door.is_cut:
            return 0.0
        now = self._runtime.monotonic()
        if self._opened is None:
            return min(self._call.deadline, self._latest) - now
        return min(self._moved + self._limits.silence, self._latest) - now

    # ---- what the stage uses

    def touch(self) -> None:
        """The stream has moved."""
        self._moved = self._runtime.monotonic()

    def close(self) -> None:
        """No sound is handed out from now on: it is being settled."""
        with self._lock:
            self._closed = True
        self._slices.freeze()

    @property
    def latency(self) -> float:
        """Seconds until the provider had accepted the stream, or until it ended."""
        return (self._runtime.monotonic() if self._opened is None else self._opened) - self._began

    # ---- one piece

    def _next(self) -> bytes | None:
        if self.ended:
            return None
        self._live.check()
        self._services.door.check()
        if self._services.door.closed:
            return self._stop(
                BrokerClosed("the broker was closed; the results of what was sent until then were given")
            )
        if self._runtime.monotonic() >= self._until:
            return self._stop(
                DeadlineExceeded(
                    "the stream's deadline passed; the results of what was sent until then were given",
                    outcome=Outcome.DONE,
                )
            )
        room = self._room()
        if room == 0:
            return self._stop(
                DeadlineExceeded(
                    f"{self._target.candidate} takes streams of at most {self._limits.longest:,.0f} s; the results of what "
                    "was sent until then were given: begin another stream with the sound that follows",
                    outcome=Outcome.DONE,
                )
            )
        if not self._in_pace():
            return b""
        size = min(self._piece, room)
        piece = self._live.sound.take(size, size, SAMPLE_BYTES, TICK)
        if piece is None:
            self._live.check()
            return self._stop(self._ended_with())
        if piece:
            return self._hand_out(piece)
        self._live.check()
        return b""

    def _room(self) -> int:
        """Bytes up to the end of the slice, and of what the vendor takes."""
        sent = self._live.sent
        border = SLICE_MILLISECONDS * self._second // 1000
        room = border - sent % border
        return room if self._most is None else min(room, max(0, self._most - sent))

    def _hand_out(self, piece: bytes) -> bytes | None:
        live = self._live
        if not self._slices.free:
            needed = (live.sent + len(piece)) * 1000
            if needed > self._slices.announced * self._second:
                try:
                    self._slices.announce()
                except (
                    BrokerError
                ) as refused:  # a budget, or the ledger; what was sent has still results to give
                    return self._stop(refused)
        with self._lock:
            if self._closed or live.left:
                raise Left
            live.sent += len(piece)
        if self._limits.pace is not None:
            now = self._runtime.monotonic()
            seconds = len(piece) / self._second / self._limits.pace
            self._due = max(self._due, now - AHEAD_SECONDS) + seconds
        return piece

    def _in_pace(self) -> bool:
        """Wait a moment where the next piece would be early; whether it may go now."""
        early = self._due - self._runtime.monotonic() if self._limits.pace is not None else 0.0
        if early > 0.0:
            drive(self._runtime.sleep(min(early, TICK)))
        return early <= TICK

    def _stop(self, reason: BrokerError | None) -> bytes | None:
        """No more sound."""
        self.stopped = reason
        self._live.sound.end()
        return None

    def _ended_with(self) -> BrokerError | None:
        """What the user's sound ended with, if it was no good end."""
        sound = self._live.sound
        if isinstance(sound.error, BrokerError):
            return sound.error
        if sound.rest and sound.error is None and not self._live.finished:
            return BadInput(
                "the sound ended in the midst of a sample: two bytes each, signed 16-bit little-endian; the results of "
                "what was whole were given",
                outcome=Outcome.DONE,
            )
        return None
