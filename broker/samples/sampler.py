"""The sampler: decides on each call when it is over, counts the draw, and leaves the rest to threads of its own.

A user's call pays for the decision and a count. It never waits, and never fails for it: what cannot be looked at (no room,
no store, no money) is dropped and counted by its reason.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from broker.errors import BrokerError
from broker.quality.sampling import Draw, number_of
from broker.runtime.forks import first_use
from broker.samples.mirror import Crew, Mirror
from broker.samples.plan import Plan
from broker.samples.rows import UNKNOWN_VERSION, Drawing, Skipped
from broker.samples.store import SampleStore

if TYPE_CHECKING:
    from broker.samples.rounds import Rounds
    from broker.samples.seen import Seen

log = logging.getLogger("broker")

PAUSE = 1.0
"""Seconds that draws are collected before they are written."""
AGAIN = 30.0
"""Seconds until the store is tried again after it failed."""
IDLE = 10.0
"""Seconds without anything to do, after which the thread ends."""
ROOM_BYTES = 64 * 1024 * 1024
"""Of inputs that may wait in memory; what does not fit is dropped and counted."""
CLOSE_SECONDS = 5.0
"""How long closing waits for what is under way."""
_CUT_SECONDS = 1.0
_Key = tuple[str, str, str | None, int, str | None, float, float, bool]
"""Use case, provider, model's version, day, stratum, rate, share, failed."""


class _Cell:
    """Draws that have all in common but their number."""

    __slots__ = ("calls", "drawing", "least", "probability", "taken")

    def __init__(self, plan: Plan, key: _Key) -> None:
        use_case, provider, model_version, day, stratum, rate, _, failed = key
        self.probability = plan.probability(rate)
        # The plan may be changed by another thread right now; no item weighs more than what its own probability says.
        self.least = min(plan.least(provider), self.probability)
        self.calls = self.taken = 0
        self.drawing = Drawing(
            use_case=use_case,
            provider=provider,
            model_version=model_version or UNKNOWN_VERSION,
            day=datetime.fromordinal(day).date().isoformat(),
            design=plan.designs.of(provider).first.id,
            stratum=stratum or "",
            probability=self.probability,
            failed=failed,
        )


class Sampler:
    """One broker's. Share it between threads; a forked child begins with nothing drawn.

    :param plans: use cases that are sampled, by name.
    :param mirror: makes what asks others, when first needed.
    :param rounds: makes what looks at taken calls, when first needed: it brings metrics and statistics along.
    :param room: taken calls that may wait.
    """

    def __init__(
        self,
        store: SampleStore,
        plans: Mapping[str, Plan],
        *,
        mirror: Callable[[], Mirror],
        rounds: Callable[[Sampler], Rounds],
        now: Callable[[], datetime],
        room: int,
    ) -> None:
        self.store = store
        self.plans = dict(plans)
        self.now = now
        self._make_mirror = mirror
        self._make_rounds = rounds
        self._room = room
        self._mirror: Mirror | None = None
        self._closed = False
        self._fresh()
        _samplers.add(self)

    def _fresh(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may close the broker in the midst of a count
        self._changed = threading.Condition(self._lock)
        self._cells: dict[_Key, _Cell] = {}
        self._late: dict[Drawing, tuple[int, int]] = {}
        self._skips: dict[tuple[str, str, Skipped], int] = {}
        self._taken: deque[Seen] = deque()
        self._held = 0
        self._thread: threading.Thread | None = None
        self._hurry = False
        self._flushing = 0
        self._touched: set[tuple[str, str]] = set()
        self._working = False
        self._failed_at: float | None = None
        self._warned = False
        self._rounds: Rounds | None = None
        self._crew = Crew(self._room)

    def draw(
        self,
        plan: Plan,
        item: str,
        provider: str,
        model_version: str | None,
        at: datetime,
        tags: Mapping[str, str],
        answer: Any,
    ) -> tuple[Draw, float] | None:
        """Decide on a call, as :func:`broker.quality.sampling.decide` does, and count it; None: it is not taken.

        With the draw comes the smallest probability above 0 of any call now. Every call of a sampled use case pays for
        this, so what calls have in common is made once.

        :param answer: None: the provider gave none.
        """
        stratum, rate = plan.stratum(provider, tags, answer)
        u = number_of(plan.seed, item)
        key = (plan.name, provider, model_version, at.toordinal(), stratum, rate, plan.share, answer is None)
        with self._lock:
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = _Cell(plan, key)
                self._wake()
            cell.calls += 1
            if u >= cell.probability:
                return None
            cell.taken += 1
        draw = Draw(
            taken=True, probability=cell.probability, u=u, stratum=stratum, design=cell.drawing.design
        )
        return draw, cell.least

    def take(self, seen: Seen) -> None:
        """Have a taken call looked at. Returns at once."""
        size = seen.bytes_held
        with self._lock:
            if self._closed:
                self._skip(seen.use_case, Skipped.CLOSED)
            elif len(self._taken) >= self._room or self._held + size > ROOM_BYTES:
                self._skip(seen.use_case, Skipped.QUEUE_FULL)
            else:
                self._taken.append(seen)
                self._held += size
                self._wake()

    def skip(self, use_case: str, reason: Skipped) -> None:
        """Count what is not looked at."""
        with self._lock:
            self._skip(use_case, reason)
            self._wake()

    def _skip(self, use_case: str, reason: Skipped) -> None:
        key = (use_case, self.now().astimezone(UTC).date().isoformat(), reason)
        self._skips[key] = self._skips.get(key, 0) + 1

    def _wake(self) -> None:
        """Under the lock."""
        if self._thread is None and not self._closed:
            thread = threading.Thread(target=self._work, name="mlbroker samples", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return  # no thread can be had now; the next draw tries again, and close() writes by itself
            self._thread = thread
        self._changed.notify_all()

    @property
    def _full(self) -> bool:
        return bool(self._cells or self._late or self._skips or self._taken or self._touched)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is under way: closing then takes no time."""
        with self._lock:
            return not self._full and not self._working and not self._crew.busy

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._full or self._closed, timeout=IDLE):
                    self._thread = (
                        None  # the next draw begins another; a broker that is let go of is kept by none
                    )
                    return
                pause = PAUSE if self._failed_at is None else AGAIN
                self._changed.wait_for(self._must_not_wait, timeout=pause)
                self._hurry = False
                self._working = True
            try:
                self._round()
            finally:
                with self._changed:
                    self._working = False
                    ended = self._closed
                    self._changed.notify_all()
            if ended:
                return

    def _must_not_wait(self) -> bool:
        """Under the lock: somebody waits for what was collected. A store that failed is not asked again and again for it."""
        return self._hurry or self._closed or (self._flushing > 0 and self._failed_at is None)

    def _round(self) -> None:
        """Write what was collected and look at what was taken. Raises nothing."""
        with self._lock:
            cells, self._cells = self._cells, {}
            draws, self._late = self._late, {}
            skips, self._skips = self._skips, {}
            taken, self._taken = self._taken, deque()
            self._held = 0
            touched, self._touched = self._touched, set()
        for cell in cells.values():
            calls, kept = draws.get(cell.drawing, (0, 0))
            draws[cell.drawing] = (calls + cell.calls, kept + cell.taken)
        try:
            if self._rounds is None:
                with first_use:
                    self._rounds = self._make_rounds(self)
            self._rounds.go(draws, skips, taken, touched)
            self._failed_at = None
            self._warned = False
        except Exception as error:  # noqa: BLE001 - whatever it is, users' calls go on
            self._failed_at = time.monotonic()
            self._put_back(draws, skips, taken, error)
            with self._lock:
                self._touched |= touched

    def _put_back(
        self,
        draws: Mapping[Drawing, tuple[int, int]],
        skips: dict[tuple[str, str, Skipped], int],
        taken: Sequence[Seen],
        error: Exception,
    ) -> None:
        """Counts are kept for the next time; calls that were taken are not, as they hold their inputs."""
        with self._lock:
            for drawing, (calls, kept) in draws.items():
                before = self._late.get(drawing, (0, 0))
                self._late[drawing] = (before[0] + calls, before[1] + kept)
            for skipped, count in skips.items():
                self._skips[skipped] = self._skips.get(skipped, 0) + count
            for seen in taken:
                self._skip(seen.use_case, Skipped.STORE)
            warned, self._warned = self._warned, True
        if not warned:
            told = str(error) if isinstance(error, BrokerError) else type(error).__name__
            log.warning("samples cannot be kept now, and are counted as skipped until they can: %s", told)

    def touch(self, use_case: str, provider: str) -> None:
        """There is something new in the store of a use case at a provider: have it taken into the evidence."""
        with self._lock:
            self._touched.add((use_case, provider))
            self._wake()

    def mirror(self) -> Mirror:
        """What asks others; made when first needed."""
        with self._lock:
            if self._mirror is None:
                with first_use:
                    self._mirror = self._make_mirror()
            return self._mirror

    def aside(self, use_case: str, work: Callable[[], None]) -> bool:
        """Have something done by threads that may wait for others; counted as skipped where there is no room.

        :param work: raises nothing.
        """
        given = self._crew.give(work, partial(self.skip, use_case, Skipped.CLOSED))
        if not given:
            self.skip(use_case, Skipped.CLOSED if self._closed else Skipped.QUEUE_FULL)
        return given

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Write and look at everything now, shadow calls too; whether that was done in time."""
        with self._changed:
            self._flushing += 1
        try:
            return self._flushed(time.monotonic() + seconds)
        finally:
            with self._changed:
                self._flushing -= 1

    def _flushed(self, until: float) -> bool:
        while True:
            with self._changed:
                if self._full:
                    self._hurry = True
                    self._wake()
                    if self._thread is None:
                        break
                done = self._changed.wait_for(
                    lambda: not self._full and not self._working, timeout=max(0.0, until - time.monotonic())
                )
            if not done or not self._crew.ended(max(0.0, until - time.monotonic())):
                return False
            if self.idle:
                return True
        self._round()
        return self.idle

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Look at what was taken, within these seconds; what others have not answered by then is given up and counted."""
        until = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))
        if not self._crew.ended(max(0.0, until - time.monotonic())):
            left = self._crew.stop()
            if left:
                log.warning("shadow calls given up at the end: %d", left)
            if self._mirror is not None:
                self._mirror.cut()
            self._crew.ended(_CUT_SECONDS)
        self._crew.stop()
        if (thread is None or not thread.is_alive()) and self._full:
            self._round()  # counts of the last shadow calls, or no thread could be had
        if self._mirror is not None:
            self._mirror.close()
        self.store.close()
        _samplers.discard(self)

    def renew(self) -> None:
        """In a forked child: what was drawn is the parent's, and so are the threads."""
        self._fresh()


_samplers: weakref.WeakSet[Sampler] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for each in list(_samplers):
        each.renew()


def _at_exit() -> None:
    until = time.monotonic() + CLOSE_SECONDS
    for each in list(_samplers):
        each.close(max(0.1, until - time.monotonic()))


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
