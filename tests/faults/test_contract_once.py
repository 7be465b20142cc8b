"""Once per process, and once at a time with nobody waiting past his deadline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest

from broker.contract import Context, PerProcess, SingleFlight
from broker.errors import AuthFailed, DeadlineExceeded, Outcome
from broker.testing.deadlines import until


def context(seconds: float = 60.0) -> Context:
    until = time.monotonic() + seconds
    nowhere: Any = None
    return Context(
        call_id="c", attempt=1, operation="o", http=nowhere, remaining=lambda: until - time.monotonic()
    )


def in_threads(work: Callable[[int], Any], count: int = 8) -> list[Any]:
    found: list[Any] = [None] * count

    def one(index: int) -> None:
        try:
            found[index] = work(index)
        except BaseException as error:
            found[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    return found


def test_one_thread_makes_it_for_all() -> None:
    made: list[object] = []

    def make() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    holder = PerProcess(make)
    assert holder.held is None
    found = in_threads(lambda _: holder.get())
    assert len(made) == 1
    assert all(each is made[0] for each in found)
    assert holder.held is holder.take() is made[0]
    assert holder.held is None
    assert holder.get() is made[1]


def test_what_cannot_be_made_is_tried_again_by_the_next() -> None:
    answers: list[Any] = [OSError("not yet"), "made"]

    def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    holder = PerProcess(make)
    with pytest.raises(OSError, match="not yet"):
        holder.get()
    assert holder.get() == "made"


def test_a_forked_child_makes_its_own_though_the_lock_was_held() -> None:
    holder = PerProcess(object)
    mine = holder.get()
    holder._lock.acquire()  # by a thread that does not exist in the child
    holder._pid = os.getpid() + 1  # as if this were the child
    assert holder.held is None
    theirs = holder.get()
    assert theirs is not mine
    assert holder._inherited == [mine], "the parent's is kept, not closed"
    assert holder.take() is theirs


class Company:
    """Whom work may wait for: as many as are expected have joined the flight when each has looked at his time."""

    def __init__(self, count: int) -> None:
        self._joined = threading.Semaphore(0)
        self._count = count

    def context(self) -> Context:
        """Of one caller, who looks at his time behind the joining."""
        plain = context()

        def remaining() -> float:
            self._joined.release()
            return plain.remaining()

        return replace(plain, remaining=remaining)

    def wait(self) -> None:
        """Until all are there."""
        for _ in range(self._count):
            assert self._joined.acquire(timeout=30.0)


def test_one_flight_serves_all_who_wait() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    runs: list[int] = []

    company = Company(8)

    def work() -> int:
        runs.append(1)
        if len(runs) == 1:
            company.wait()
        return 7

    def one(_: int) -> int:
        return flight.run(work, company.context())

    assert in_threads(one) == [7] * 8
    assert len(runs) == 1
    assert flight.run(work, context()) == 7
    assert len(runs) == 2, "it keeps nothing"


@pytest.mark.realtime
def test_nobody_waits_past_his_deadline_and_none_starts_another() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    release, runs = threading.Event(), []

    def work() -> int:
        runs.append(1)
        release.wait(60.0)
        return 7

    try:
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(DeadlineExceeded, match="while it was fetched") as caught:
                flight.run(work, context(0.1))
            assert caught.value.outcome is Outcome.NOT_SENT
        assert time.monotonic() - started < 30.0
        assert len(runs) == 1
        later = threading.Timer(0.05, release.set)
        later.start()
        assert flight.run(work, context()) == 7, "who has time waits for the one that is under way"
        assert len(runs) == 1
        later.join()
    finally:
        release.set()


def test_a_failure_is_told_to_each_with_an_error_of_his_own() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    company = Company(4)

    def work() -> int:
        company.wait()
        raise AuthFailed("refused", status=400, code="X")

    def one(_: int) -> int:
        return flight.run(work, company.context())

    found = in_threads(one, 4)
    assert all(isinstance(each, AuthFailed) and each.code == "X" for each in found)
    assert len({id(each) for each in found}) == 4


def test_who_has_more_time_than_the_one_that_began_goes_on_himself() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    begun, company, runs = threading.Event(), Company(2), []

    def work() -> int:
        runs.append(1)
        if len(runs) == 1:
            begun.set()
            company.wait()
            raise DeadlineExceeded("the transport's deadline, of the one that began")
        return 7

    def short(_: int) -> int:
        return flight.run(work, company.context())

    def long(_: int) -> int:
        begun.wait(30.0)
        return flight.run(work, company.context())

    found = in_threads(lambda index: (short, long)[index](index), 2)
    assert isinstance(found[0], DeadlineExceeded)
    assert found[1] == 7
    assert len(runs) == 2


def test_it_keeps_neither_the_value_nor_the_failure() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    assert flight.run(lambda: 7, context()) == 7
    assert until(lambda: flight._flight is None)


def test_an_exception_that_cannot_be_copied_is_told_as_it_is() -> None:
    class Odd(Exception):
        def __init__(self, *, must: int) -> None:
            super().__init__()
            self.must = must

    flight: SingleFlight[int] = SingleFlight("it was fetched")
    company = Company(3)

    def work() -> int:
        company.wait()
        raise Odd(must=1)

    def one(_: int) -> int:
        return flight.run(work, company.context())

    assert [type(each) for each in in_threads(one, 3)] == [Odd] * 3


def test_it_sees_the_context_of_the_one_that_began() -> None:
    who: ContextVar[str] = ContextVar("who")
    who.set("me")
    flight: SingleFlight[str] = SingleFlight("it was fetched")
    assert flight.run(who.get, context()) == "me"


def test_work_that_was_begun_is_joined_by_who_waits() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    release = threading.Event()
    runs: list[int] = []

    def work() -> int:
        runs.append(1)
        release.wait(30.0)
        return 7

    flight.begin(work)
    flight.begin(work)
    release.set()
    assert flight.run(work, context()) == 7
    assert len(runs) in (1, 2), "one, or another if the first was done before"


def test_a_forked_child_does_not_wait_for_its_parents_flight() -> None:
    flight: SingleFlight[int] = SingleFlight("it was fetched")
    release = threading.Event()
    flight.begin(lambda: int(release.wait(30.0)))
    flight._pid = os.getpid() + 1
    assert flight.run(lambda: 9, context()) == 9
    release.set()
