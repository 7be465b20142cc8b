"""How fast one target is asked: a set rate, and one found by being throttled.

Places are given in order, each an instant to send at (the generic cell rate algorithm). Being throttled makes the
places given before void: whoever waits for one takes a new one when it wakes.
"""

from __future__ import annotations

import heapq
import math
import threading

LONGEST_HINT = 60.0
"""Seconds that a vendor's hint holds everybody back; after it somebody may look again."""
OBSERVED_SECONDS = 10.0
SLOWEST = 0.2
"""Requests per second that throttling never goes below."""
RECOVERY = 0.1
"""Part of the lowered rate that comes back each second."""
LEAST_RECOVERY = 0.2
"""Requests per second that come back each second at least: one throttle on little traffic must not starve it."""
BURST_SECONDS = 1.0
"""A set rate may be used up for this long at once."""
_FREED = -1.0


class Place:
    """A reserved instant. ``at`` is monotonic seconds."""

    __slots__ = ("_after", "_before", "_epoch", "at")

    def __init__(self, at: float, epoch: int, before: float = 0.0, after: float | None = None) -> None:
        self.at = at
        self._epoch = epoch
        self._before = before
        self._after = after


class Pace:
    """State machine of one target's rate.

    :param rate: requests per second that were set; None for no limit until the target throttles.
    """

    __slots__ = (
        "_epoch",
        "_freed",
        "_lock",
        "_lowered_at",
        "_lowered_to",
        "_next",
        "_open_from",
        "_rate",
        "_vanishes_at",
        "limited",
    )

    def __init__(self, rate: float | None, now: float) -> None:
        self._rate = rate
        self._lock = threading.RLock()
        self._open_from = now
        self._epoch = 0
        self._next = now
        self._freed: list[float] = []
        self._lowered_at, self._lowered_to, self._vanishes_at = now, 0.0, 0.0
        self.limited = rate is not None
        """Whether anybody needs a place; read without the lock."""

    def reserve(self, now: float) -> Place:
        """The next place. Sending before its instant is too fast."""
        with self._lock:
            if self.rate(now) is None:
                return Place(now, self._epoch)
            freed = self._freed
            while freed and freed[0] < now:
                heapq.heappop(freed)
            if freed:
                return Place(heapq.heappop(freed), self._epoch, after=_FREED)
            before = self._next
            base = max(now, before)
            gap = 1.0 / self._rate_then(base)
            burst = 0.0 if self._lowered_to else max(0.0, BURST_SECONDS - gap)
            self._next = base + gap
            return Place(max(now, before - burst), self._epoch, before, self._next)

    def give_back(self, place: Place) -> None:
        """Whoever has the place will not send."""
        with self._lock:
            if place._after is None or place._epoch != self._epoch:  # noqa: SLF001 - its own
                return
            if place._after == self._next:  # noqa: SLF001 - places of its own line
                self._next = place._before  # noqa: SLF001 - places of its own line
            else:
                heapq.heappush(self._freed, place.at)

    def void(self, place: Place) -> bool:
        """Whether the target has throttled since the place was given."""
        return place._epoch != self._epoch  # noqa: SLF001 - places of its own line

    def observed_since(self, now: float) -> float:
        """From when on the requests sent tell the rate that :meth:`throttled` wants."""
        return max(now - OBSERVED_SECONDS, min(now, self._open_from))

    def throttled(self, now: float, *, sent_at: float, seen: float, hint: float | None) -> None:
        """The target asked for less.

        :param sent_at: when the throttled request went out: one sent before the last lowering tells nothing new
            about the rate, only about how long to wait.
        :param seen: requests per second really sent, see :meth:`observed_since`.
        :param hint: seconds the target asks to wait.
        """
        with self._lock:
            free_at = now + min(hint or 0.0, LONGEST_HINT)
            if self._lowered_to and sent_at < self._lowered_at:
                if free_at <= self._open_from:
                    return
            else:
                lower = max(SLOWEST, seen / 2.0)
                if self._lowered_to:
                    # The first after a lowering may go at once, behind its retry's wait. Later ones keep the
                    # distance, or each throttled answer would let the next one out at full speed.
                    free_at = max(free_at, sent_at + 1.0 / lower)
                self._lowered_to, self._lowered_at = lower, now
                self._vanishes_at = 2.0 * max(seen, lower)
            self._epoch += 1
            self._freed.clear()
            self._next = self._open_from = max(free_at, self._open_from)
            self.limited = True

    def rate(self, now: float) -> float | None:
        """Requests per second allowed now; None for no limit."""
        with self._lock:
            if self._lowered_to and self._recovered(now) > self._vanishes_at:
                self._lowered_to = 0.0
                self.limited = self._rate is not None
            return self._rate_then(now) if self.limited else None

    def _rate_then(self, instant: float) -> float:
        lowered = self._recovered(instant) if self._lowered_to else math.inf
        return lowered if self._rate is None else min(lowered, self._rate)

    def _recovered(self, instant: float) -> float:
        each_second = max(RECOVERY * self._lowered_to, LEAST_RECOVERY)
        return self._lowered_to + each_second * max(0.0, instant - self._open_from)

    def reset(self, now: float) -> None:
        """Forget that the target throttled."""
        with self._lock:
            self._epoch += 1
            self._freed.clear()
            self._next, self._lowered_to = now, 0.0
            self.limited = self._rate is not None

    def after_fork(self) -> None:
        """In a child: the rate stays, the places are the parent's."""
        self._lock = threading.RLock()
        self._epoch += 1
        self._freed = []
        self._next = self._open_from
