"""Asking every question of a run: block by block, lanes taking turns, each answer kept before the next is paid for.

Items come in blocks. Within a block the lanes take turns in an order drawn anew for each block, so that no provider gets
the quiet hours, and one lane alone is asked at a time, so that its latency and throughput are its own and not those of a
machine that runs a local model besides. An unfinished run is gone on with: what has an answer is not asked again.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from broker.bench.asking import Asker, Asking, Tried, Written
from broker.bench.in_flight import InFlight
from broker.bench.kept import Question, State, StoredItem
from broker.bench.lanes import Asked
from broker.bench.store import Store
from broker.core import Core
from broker.ledger.job import JobLedger
from broker.runtime.blocking import drive
from broker.types.job import JobState
from broker.types.money import EXACT

BLOCK_ROUNDS = 8
"""Calls in a row of each seat within a block: fewer, and the end of a block, when seats run empty, would weigh on throughput."""
SMALLEST_BLOCK = 16
PATIENCE = 900.0
"""Seconds without any answer, for which a lane that is held back is waited for."""
_ZERO = Decimal(0)


class Watcher(Protocol):
    """Is told how a run goes on; from the thread that runs it."""

    def asked(self, lane: Asked, spent: Decimal, *, ok: bool) -> None:
        """A question has ended; ``spent`` is what it cost at the most."""
        ...

    def waiting(self, lane: Asked, seconds: float) -> None:
        """The lane is held back by throttling or by failures."""
        ...


@dataclass(slots=True)
class LaneState:
    """A lane while it runs."""

    lane: Asked
    asker: Asker
    in_flight: InFlight
    cold_left: int
    stopped: str | None = None
    last_answer: float = 0.0


class Runner:
    """Asks what is left of one run.

    :param concurrency: calls of a lane at once. ``warm_up``: first calls of each lane whose time does not count.
    """

    def __init__(
        self,
        core: Core,
        store: Store,
        lanes: Sequence[Asked],
        written: Written,
        watcher: Watcher,
        *,
        concurrency: int,
        warm_up: int,
        repetitions: int,
        seed: int,
    ) -> None:
        self._runtime = core.services.runtime
        self._store = store
        self._watcher = watcher
        self._concurrency = concurrency
        self._repetitions = repetitions
        self._seed = seed
        now = self._runtime.monotonic()
        self._states = [
            LaneState(
                each, Asker(core, each, store, written), InFlight(concurrency), warm_up, last_answer=now
            )
            for each in lanes
        ]
        self.spent = _ZERO

    @property
    def stopped(self) -> dict[str, str]:
        """Lanes that were given up, and why."""
        return {each.lane.lane.key: each.stopped for each in self._states if each.stopped is not None}

    def run(self) -> None:
        """Until nothing is left, or every lane is stopped. An interrupt waits for what is on its way, and is raised."""
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="bench") as pool:
            for number, block in enumerate(self._blocks()):
                for repetition, state in self._turns(number):
                    if state.stopped is None:
                        self._lane_block(pool, state, repetition, block)
                if all(each.stopped is not None for each in self._states):
                    return

    def _blocks(self) -> Iterator[list[StoredItem]]:
        size, after = max(SMALLEST_BLOCK, BLOCK_ROUNDS * self._concurrency), 0
        while block := self._store.items(after, size):
            yield block
            after = block[-1].number

    def _turns(self, block: int) -> list[tuple[int, LaneState]]:
        """Every lane in every repetition, in an order of this block's own; the same for the same seed."""
        turns = [
            (repetition, each) for repetition in range(1, self._repetitions + 1) for each in self._states
        ]
        random.Random(f"{self._seed}:{block}").shuffle(turns)  # noqa: S311 - an order, no secret
        return turns

    def _lane_block(
        self, pool: ThreadPoolExecutor, state: LaneState, repetition: int, block: Sequence[StoredItem]
    ) -> None:
        number = state.lane.number
        state.last_answer = self._runtime.monotonic()  # others had their turns meanwhile
        settled = self._store.settled(number, repetition, block[0].number, block[-1].number)
        queue = deque(
            Tried(item=item, question=Question(lane=number, repetition=repetition, item=item.number))
            for item in block
            if item.number not in settled
        )
        cold: deque[Tried] = deque()
        while queue and len(cold) < state.cold_left:
            tried = queue.popleft()
            tried.cold = True
            cold.append(tried)
        if cold:
            state.cold_left -= len(cold)
            self._work(pool, state, cold, most=1)
        if not queue or state.stopped is not None:
            return
        began = self._runtime.monotonic()
        answers = self._work(pool, state, queue, most=self._concurrency)
        seconds = self._runtime.monotonic() - began
        self._store.was_busy(number, seconds, answers, state.in_flight.least)

    def _work(self, pool: ThreadPoolExecutor, state: LaneState, queue: deque[Tried], *, most: int) -> int:
        """Ask what is in the queue. Returns how many were answered."""
        under_way: set[Future[Asking]] = set()
        answers = 0
        try:
            while under_way or (queue and state.stopped is None):
                while queue and state.stopped is None and len(under_way) < min(most, state.in_flight.allowed):
                    under_way.add(pool.submit(state.asker.ask, queue.popleft()))
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                pause = 0.0
                for each in done:
                    asking = each.result()
                    answers += asking.answered
                    pause = max(pause, self._note(state, asking, queue))
                if pause and queue and state.stopped is None:
                    self._watcher.waiting(state.lane, pause)
                    drive(self._runtime.sleep(pause))
        except BaseException:
            wait(under_way)  # they are paid for, or will be; each writes its answer itself
            raise
        return answers

    def _note(self, state: LaneState, asking: Asking, queue: deque[Tried]) -> float:
        """What a call's end means for its lane. Returns the seconds to wait."""
        now = self._runtime.monotonic()
        if asking.throttled:
            state.in_flight.throttled(asking.began, now)
        elif asking.answered:
            state.in_flight.answered()
        if asking.again is None:
            if asking.answered:
                state.last_answer = now
            if asking.stop is None or asking.answered or asking.spent:
                self.spent = EXACT.add(self.spent, asking.spent)
            if asking.stop is None:
                self._watcher.asked(state.lane, asking.spent, ok=asking.answered)
            else:
                self._stop(state, asking.stop)
            return 0.0
        queue.append(asking.tried)
        if now - state.last_answer > PATIENCE and asking.held:
            self._stop(
                state,
                f"no answer for {PATIENCE:.0f} seconds; the provider is left alone by its circuit breaker",
            )
            return 0.0
        return asking.again

    def _stop(self, state: LaneState, why: str) -> None:
        if state.stopped is None:
            state.stopped = why
            self._store.stop_lane(state.lane.number, why)


def settle_lost(store: Store, core: Core, *, again_unknown: bool) -> int:
    """Find out what became of questions that a dead process had on their way. Returns how many stay unsettled.

    Of which nothing reached the ledger, or nothing was or can be billed, is asked again; so is what became a job that is still
    there (its key finds it, so it is not paid for twice), and everything with ``again_unknown``. The rest was paid, or may have been, and its answer is lost: that is not bought a second time unless
    a person says so.
    """
    lost = store.in_state(State.ANNOUNCED)
    found = core.services.ledger.calls([call_id for _, call_id in lost]) if lost else {}
    jobs = _jobs_of(core) if lost else frozenset()
    for question, call_id in lost:
        spend = found.get(call_id)
        if spend is None or spend.free or call_id in jobs:
            store.withdraw(question)
        else:
            store.lost(question, spend.known, spend.at_risk, spend.unpriced, spend.currency)
    if again_unknown:
        for question, _ in store.in_state(State.UNSETTLED):
            store.give_up(question)
    return store.count(State.UNSETTLED)


def _jobs_of(core: Core) -> frozenset[str]:
    """Ids of the calls whose jobs somebody can still wait for, or take the result of."""
    ledger = core.services.ledger
    if not isinstance(ledger, JobLedger):
        return frozenset()
    return frozenset(row.call_id for row in ledger.jobs([state for state in JobState if state.open]))
