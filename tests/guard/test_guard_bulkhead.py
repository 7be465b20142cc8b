"""Seats: never too many, in turn, none lost; with threads, with tasks that are cancelled, with abandoned workers."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time

import pytest
from guard_support import soon, until
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.errors import DeadlineExceeded, Outcome
from broker.guard.bulkhead import Bulkhead, Seat
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime, drive
from broker.runtime.virtual import VirtualRuntime


def test_threads_are_never_too_many_and_none_is_forgotten() -> None:
    bulkhead, runtime = Bulkhead(3), BlockingRuntime()
    inside, most, done, guard = 0, 0, 0, threading.Lock()

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(100):
            seat = Seat(bulkhead)
            try:
                assert drive(bulkhead.enter(seat, runtime, time.monotonic() + 90))
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)
                with guard:
                    inside -= 1
                    done += 1
            finally:
                seat.leave()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(90)
        assert not each.is_alive(), "a wake-up was lost"
    assert done == 1600
    assert most == 3
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


def test_first_come_first_served() -> None:
    bulkhead, runtime = Bulkhead(1), BlockingRuntime()
    first = Seat(bulkhead)
    assert bulkhead.try_enter(first)
    order: list[int] = []

    def work(number: int) -> None:
        seat = Seat(bulkhead)
        try:
            assert drive(bulkhead.enter(seat, runtime, time.monotonic() + 90))
            order.append(number)
        finally:
            seat.leave()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for number, each in enumerate(threads, start=1):
        each.start()
        until(lambda number=number: bulkhead.waiting == number)
    assert not bulkhead.try_enter(Seat(bulkhead))
    first.leave()
    for each in threads:
        each.join(90)
    assert order == list(range(10))


def test_waiting_ends_at_the_deadline_and_leaves_nothing_behind() -> None:
    bulkhead, runtime = Bulkhead(1), VirtualRuntime()
    first, second = Seat(bulkhead), Seat(bulkhead)
    assert bulkhead.try_enter(first)
    assert not drive(bulkhead.enter(second, runtime, 7.5))
    assert runtime.slept == [7.5]
    second.leave()
    assert (bulkhead.in_flight, bulkhead.waiting) == (1, 0)
    first.leave()
    first.leave()
    assert bulkhead.in_flight == 0


@pytest.mark.parametrize("others", [0, 1])
def test_a_seat_given_to_who_is_just_leaving_is_free_again(others: int) -> None:
    bulkhead, runtime = Bulkhead(1), VirtualRuntime()
    first, late, behind = Seat(bulkhead), Seat(bulkhead), [Seat(bulkhead) for _ in range(others)]
    assert bulkhead.try_enter(first)
    for each in (late, *behind):
        assert not drive(bulkhead.enter(each, runtime, runtime.monotonic() + 1.0))

    class Meanwhile(set[object]):
        """The seat becomes free at the worst instant: when the late one has looked and found that it has none."""

        def discard(self, number: object) -> None:
            super().discard(number)
            if number == id(late) and id(first) in self:
                first.leave()

    bulkhead._seated = Meanwhile(bulkhead._seated)  # type: ignore[assignment]
    late.leave()  # and is kept alive, as by the traceback of its error
    assert bulkhead.in_flight == others
    for each in behind:
        each.leave()
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


def test_the_last_of_caller_and_threads_frees_the_seat() -> None:
    bulkhead = Bulkhead(1)
    seat = Seat(bulkhead)
    assert bulkhead.try_enter(seat)
    seat.take()
    seat.drop()
    assert bulkhead.in_flight == 1, "the caller still settles"
    seat.take()
    seat.take()
    seat.leave()
    seat.drop()
    assert bulkhead.in_flight == 1, "one thread still runs"
    seat.drop()
    assert bulkhead.in_flight == 0


def test_a_seat_that_is_thrown_away_is_free() -> None:
    bulkhead = Bulkhead(1)
    seat = Seat(bulkhead)
    assert bulkhead.try_enter(seat)
    del seat
    assert bulkhead.in_flight == 0


def test_a_storm_of_cancellations_loses_no_seat_and_no_turn() -> None:
    bulkhead, runtime = Bulkhead(4), AsyncRuntime()
    chance = random.Random(7)
    inside, most, through = 0, 0, 0

    async def work() -> None:
        nonlocal inside, most, through
        seat = Seat(bulkhead)
        try:
            assert await bulkhead.enter(seat, runtime, time.monotonic() + 90)
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(chance.random() / 500)
            finally:
                inside -= 1
            through += 1
        finally:
            seat.leave()

    async def storm() -> None:
        tasks = [asyncio.ensure_future(work()) for _ in range(600)]
        kept = tasks[::3]
        for _ in range(200):
            for each in chance.sample(tasks, 10):
                if each not in kept:
                    each.cancel()
            await asyncio.sleep(0)
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 90)
        assert all(results[index] is None for index in range(0, 600, 3)), "whoever stayed got a seat"

    asyncio.run(storm())
    assert through >= 200
    assert most == 4
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


def test_a_turn_is_given_on_by_who_is_cancelled_when_it_has_just_got_it() -> None:
    bulkhead, runtime = Bulkhead(1), AsyncRuntime()

    async def scene() -> None:
        first = Seat(bulkhead)
        assert bulkhead.try_enter(first)
        got: list[str] = []

        async def wait(name: str) -> None:
            seat = Seat(bulkhead)
            try:
                assert await bulkhead.enter(seat, runtime, time.monotonic() + 90)
                got.append(name)
            finally:
                seat.leave()

        tasks = [asyncio.ensure_future(wait(name)) for name in ("a", "b")]
        await soon(lambda: bulkhead.waiting == 2)
        first.leave()  # a has the seat, but has not run yet
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        await asyncio.wait_for(tasks[1], 90)
        assert got == ["b"]

    asyncio.run(scene())
    assert bulkhead.in_flight == 0


def test_a_waiter_whose_loop_is_gone_does_not_take_the_seat_with_it() -> None:
    bulkhead, runtime = Bulkhead(1), AsyncRuntime()
    first = Seat(bulkhead)
    assert bulkhead.try_enter(first)
    seat = Seat(bulkhead)
    loop = asyncio.new_event_loop()

    async def begin() -> object:
        waiting = bulkhead.enter(seat, runtime, time.monotonic() + 90)
        waiting.send(None)  # suspended for ever: its loop ends
        return waiting

    waiting = loop.run_until_complete(begin())
    loop.close()
    assert bulkhead.waiting == 1
    first.leave()
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)
    waiting.close()  # type: ignore[attr-defined]
    gc.collect()


def test_threads_and_loops_share_the_seats() -> None:
    bulkhead = Bulkhead(2)
    done = []

    def sync() -> None:
        runtime = BlockingRuntime()
        for _ in range(50):
            seat = Seat(bulkhead)
            assert drive(bulkhead.enter(seat, runtime, time.monotonic() + 90))
            assert bulkhead.in_flight <= 2
            seat.leave()
        done.append(50)

    async def task(runtime: AsyncRuntime) -> None:
        for _ in range(10):
            seat = Seat(bulkhead)
            assert await bulkhead.enter(seat, runtime, time.monotonic() + 90)
            await asyncio.sleep(0)
            seat.leave()
        done.append(10)

    async def tasks() -> None:
        runtime = AsyncRuntime()
        await asyncio.gather(*[task(runtime) for _ in range(10)])

    threads = [threading.Thread(target=sync) for _ in range(3)]
    threads += [threading.Thread(target=lambda: asyncio.run(tasks())) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(90)
        assert not each.is_alive()
    assert sum(done) == 3 * 50 + 2 * 10 * 10
    assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)


def test_a_worker_left_behind_holds_its_seat_until_it_ends() -> None:
    bulkhead, runtime = Bulkhead(2), AsyncRuntime()
    began, release, ended = threading.Event(), threading.Event(), threading.Event()

    def adapter() -> None:
        began.set()
        release.wait(90)
        ended.set()

    async def call(seat: Seat) -> None:
        try:
            assert await bulkhead.enter(seat, runtime, time.monotonic() + 90)
            await runtime.call(adapter, deadline=time.monotonic() + 90, hold=seat)
        finally:
            seat.leave()

    async def scene() -> None:
        task = asyncio.ensure_future(call(Seat(bulkhead)))
        await soon(began.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bulkhead.in_flight == 1, "the caller is gone, the thread is not"
        release.set()
        await soon(lambda: bulkhead.in_flight == 0)
        assert ended.is_set()

    asyncio.run(asyncio.wait_for(scene(), 120))


def test_one_left_behind_at_the_deadline_too() -> None:
    bulkhead, runtime = Bulkhead(1), AsyncRuntime()
    release = threading.Event()

    async def scene() -> None:
        seat = Seat(bulkhead)
        assert bulkhead.try_enter(seat)
        with pytest.raises(DeadlineExceeded) as caught:
            await runtime.call(lambda: release.wait(90), deadline=time.monotonic() + 2.5, hold=seat)
        assert caught.value.outcome is Outcome.AMBIGUOUS
        seat.leave()
        assert bulkhead.in_flight == 1
        release.set()
        await soon(lambda: bulkhead.in_flight == 0)

    asyncio.run(asyncio.wait_for(scene(), 120))


def test_work_that_never_began_holds_nothing() -> None:
    class Counted:
        def __init__(self) -> None:
            self.held = self.taken = 0

        def take(self) -> None:
            self.held += 1
            self.taken += 1

        def drop(self) -> None:
            self.held -= 1

    runtime = AsyncRuntime()
    holds = [Counted() for _ in range(200)]
    release, began = threading.Event(), []

    def adapter() -> None:
        began.append(1)
        release.wait(90)

    async def scene() -> None:
        later = time.monotonic() + 90
        tasks = [asyncio.ensure_future(runtime.call(adapter, deadline=later, hold=hold)) for hold in holds]
        await soon(lambda: len(began) >= 20)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        release.set()
        await soon(lambda: not any(each.held for each in holds))

    asyncio.run(asyncio.wait_for(scene(), 120))
    assert len(began) < 200, "some had to be cancelled before they began"
    assert all(each.held == 0 for each in holds)


@pytest.mark.parametrize("fails", [False, True])
def test_a_hold_is_dropped_once_whether_the_adapter_answers_or_raises(fails: bool) -> None:
    events: list[str] = []

    class Noted:
        def take(self) -> None:
            events.append("take")

        def drop(self) -> None:
            events.append("drop")

    def adapter() -> int:
        if fails:
            raise ValueError("broken")
        return 7

    async def scene() -> int:
        return await AsyncRuntime().call(adapter, deadline=time.monotonic() + 90, hold=Noted())

    if fails:
        with pytest.raises(ValueError, match="broken"):
            asyncio.run(scene())
    else:
        assert asyncio.run(scene()) == 7
    assert events == ["take", "drop"]


def test_an_async_signal_is_set_from_another_thread_and_can_be_waited_for_again() -> None:
    async def scene() -> None:
        signal = AsyncRuntime().signal()
        assert not await signal.wait(0.01)
        thread = threading.Thread(target=signal.set)
        thread.start()
        assert await signal.wait(90)
        thread.join()
        assert signal.set()
        assert await signal.wait(0)

    asyncio.run(asyncio.wait_for(scene(), 120))


def test_a_blocking_and_a_virtual_signal() -> None:
    blocking = BlockingRuntime().signal()
    assert not drive(blocking.wait(0.01))
    threading.Timer(0.01, blocking.set).start()
    assert drive(blocking.wait(90))
    runtime = VirtualRuntime()
    signal = runtime.signal()
    assert not drive(signal.wait(5.0))
    assert runtime.monotonic() == 5.0
    signal.set()
    assert drive(signal.wait(5.0))
    assert runtime.monotonic() == 5.0, "what is set already is not waited for"


class SeatRules(RuleBasedStateMachine):
    """Any order of coming, waiting, giving up and leaving, against a list."""

    def __init__(self) -> None:
        super().__init__()
        self.bulkhead = Bulkhead(2)
        self.runtime = BlockingRuntime()
        self.loop = asyncio.new_event_loop()
        self.waiting: list[tuple[Seat, asyncio.Task[bool]]] = []
        self.seated: list[Seat] = []

    @rule()
    def come(self) -> None:
        async def begin(seat: Seat) -> asyncio.Task[bool]:
            task = asyncio.ensure_future(self.bulkhead.enter(seat, AsyncRuntime(), time.monotonic() + 600))
            await asyncio.sleep(0)
            return task

        seat = Seat(self.bulkhead)
        self.waiting.append((seat, self.loop.run_until_complete(begin(seat))))
        self._turn()

    @rule(which=st.integers(0, 10))
    def give_up(self, which: int) -> None:
        if self.waiting:
            seat, task = self.waiting.pop(which % len(self.waiting))
            task.cancel()
            seat.leave()
        self._turn()

    @rule(which=st.integers(0, 10), twice=st.booleans())
    def leave(self, which: int, twice: bool) -> None:
        if self.seated:
            seat = self.seated.pop(which % len(self.seated))
            seat.leave()
            if twice:
                seat.leave()
        self._turn()

    def _turn(self) -> None:
        """Those whose turn it is go in, the first first."""
        while self.waiting and len(self.seated) < 2:
            seat, task = self.waiting.pop(0)
            assert self.loop.run_until_complete(asyncio.wait_for(task, 90))
            self.seated.append(seat)

    @invariant()
    def holds(self) -> None:
        assert self.bulkhead.in_flight == len(self.seated) <= 2
        assert self.bulkhead.waiting == len(self.waiting)

    def teardown(self) -> None:
        async def end() -> None:
            for _, task in self.waiting:
                task.cancel()
            await asyncio.gather(*[task for _, task in self.waiting], return_exceptions=True)

        self.loop.run_until_complete(end())
        self.loop.close()


SeatRules.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSeatRules = SeatRules.TestCase
