"""``broker.health``: what it shows, switching off and on by hand, and a forked child's own state."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

import pytest
from guard_support import GOOD, HOUR, PICTURE, Vendor, ask, busy, denied, down, health, until

from broker import BadInput, Broker, NotConfigured, Unavailable
from broker.guard.breaker import State
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_provider


def test_it_shows_how_the_targets_stand() -> None:
    vendor = Vendor()
    with vendor.broker() as broker:
        assert broker.health.targets() == ()
        ask(broker)
        vendor.fails(down)
        begun = vendor.runtime.now()
        vendor.runtime.advance(2.0)
        for _ in range(5):
            ask(broker)
        vendor.runtime.advance(10.0)
        found = health(broker)
        assert str(found.target) == "fake vision.label"
        assert found.state is State.OPEN
        assert found.reason.startswith("5 failures in a row")
        assert found.since == begun + timedelta(seconds=2)
        assert found.retry_at == begun + timedelta(seconds=32)
        assert (found.calls, found.failures) == (6, 5)
        assert (found.in_flight, found.waiting, found.rate) == (0, 0, None)
        vendor.runtime.advance(60.0)
        assert (health(broker).calls, health(broker).failures) == (0, 0)


def test_by_hand_a_provider_is_switched_off_until_it_is_switched_on() -> None:
    vendor = Vendor()
    with vendor.broker() as broker:
        ask(broker)
        broker.health.isolate("fake", reason="a wrong bill")
        vendor.runtime.advance(1000 * HOUR)
        with pytest.raises(
            Unavailable,
            match=r"switched off since .* \(a wrong bill\); switch it on again with broker\.health\.reset",
        ) as caught:
            broker.vision.label(PICTURE)
        assert caught.value.retry_at is None
        assert caught.value.billed is False
        assert len(vendor.sent) == 1
        broker.health.reset("fake")
        assert ask(broker) == "answered"


@pytest.mark.parametrize(
    ("isolated", "reset", "shut"),
    [
        ([("fake", None)], [], {"eu", "us"}),
        ([("fake:eu", None)], [], {"eu"}),
        ([("fake", "vision.label")], [], {"eu", "us"}),
        ([("fake", "vision.detect_text")], [], set()),
        ([("other", None)], [], set()),
        ([("fake", None)], [("fake:eu", None)], {"us"}),
        ([("fake", None)], [("fake", "vision.label")], set()),
        ([("fake:eu", None), ("fake:us", None)], [("fake", None)], set()),
        ([("fake:eu", None), ("fake:us", None)], [(None, None)], set()),
        ([("fake:eu", None), ("fake:us", None)], [(None, "vision.label")], set()),
    ],
)
@pytest.mark.parametrize("seen", [False, True], ids=["unseen", "seen"])
def test_what_is_meant_by_a_name(
    isolated: list[tuple[str, str | None]],
    reset: list[tuple[str | None, str | None]],
    shut: set[str],
    seen: bool,
) -> None:
    vendor = Vendor()
    profiles = {"fake": {"profiles": {"eu": {}, "us": {}}}}
    with vendor.broker(providers=profiles) as broker:
        for name in ("eu", "us") if seen else ():
            ask(broker, provider=f"fake:{name}")
        for provider, operation in isolated:
            broker.health.isolate(provider, operation)
        for which, operation in reset:
            broker.health.reset(which, operation)
        found = {name for name in ("eu", "us") if ask(broker, provider=f"fake:{name}") != "answered"}
    assert found == shut


def test_a_slip_in_an_operations_name_switches_nothing_off_silently() -> None:
    with Vendor().broker() as broker:
        for work in (broker.health.isolate, broker.health.reset):
            with pytest.raises(BadInput, match=r"no operation 'vision\.lable'.*did you mean 'vision\.label'"):
                work("fake", "vision.lable")
        assert broker.health.targets() == ()


def test_what_is_switched_off_before_it_was_asked_is_shown() -> None:
    with Vendor().broker() as broker:
        broker.health.isolate("aws", reason="not yet")
        broker.health.isolate("gcp", "vision.label")
        shown = {str(each.target): (each.state, each.reason) for each in broker.health.targets()}
        assert shown == {
            "aws *": (State.ISOLATED, "not yet"),
            "gcp vision.label": (State.ISOLATED, "by hand"),
        }
        broker.health.reset()
        assert broker.health.targets() == ()


def test_reset_forgets_throttling_and_refused_credentials() -> None:
    vendor = Vendor()
    with vendor.broker() as broker:
        for make in (lambda: busy(retry_after=50.0), denied):
            vendor.fails(make)
            ask(broker)
            vendor.works()
            assert ask(broker, deadline=10) != "answered"
            broker.health.reset()
            assert ask(broker, deadline=10) == "answered"
        assert vendor.runtime.slept == []


def test_brokers_do_not_share_their_state() -> None:
    first, second = Vendor(), Vendor()
    first.fails(down)
    with first.broker() as one, second.broker() as other:
        for _ in range(6):
            ask(one)
        assert ask(other) == "answered"
        assert health(one).state is State.OPEN
        assert health(other).state is State.CLOSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {"failure_ratio": 1.5}},
        {"limits": {"window": 0}},
        {"limits": {"concurrency": 0}},
        {"limits": {"breakers": True}},
    ],
)
def test_wrong_limits_are_told(wrong: dict[str, object]) -> None:
    with pytest.raises(NotConfigured, match="limits"):
        Broker(**wrong)  # type: ignore[arg-type]


def test_wrong_limits_of_an_account_are_told() -> None:
    with (
        Broker(adapters=[fake_provider()], provider="fake", providers={"fake": {"max_rate": 0}}) as broker,
        pytest.raises(NotConfigured, match="max_rate"),
    ):
        broker.vision.label(PICTURE)


def test_a_limit_left_empty_is_none() -> None:
    section = {"fake": {"max_rate": "", "max_concurrency": ""}}
    with Vendor().broker(providers=section) as broker:
        assert ask(broker) == "answered"
        assert health(broker).rate is None


def test_the_local_provider_has_a_seat_for_each_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    local = pytest.importorskip("broker_local")
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert local.LocalAdapter.Settings().max_concurrency == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert local.LocalAdapter.Settings().max_concurrency == 2
    assert local.LocalAdapter.Settings(max_concurrency=5).max_concurrency == 5


def in_child(work: object) -> None:
    """Run it in a forked child and fail if it fails or hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(90)
        try:
            work()  # type: ignore[operator]
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_the_counts_and_nobody_on_the_way() -> None:
    release, began = threading.Event(), threading.Semaphore(0)
    slow = threading.Event()
    slow.set()
    parent = os.getpid()

    def answer(*_: object) -> object:
        if slow.is_set() and os.getpid() == parent:
            began.release()
            assert release.wait(90)
        return GOOD

    adapter = fake_provider(answer)  # type: ignore[arg-type]
    with Broker(adapters=[adapter], provider="fake", providers={"fake": {"max_concurrency": 2}}) as broker:
        threads = [threading.Thread(target=lambda: broker.vision.label(PICTURE)) for _ in range(3)]
        for each in threads:
            each.start()
        for _ in range(2):
            assert began.acquire(timeout=90)
        until(lambda: broker.health.targets()[0].waiting == 1)
        (guard,) = broker._core.services.guards.all()
        held = [guard.breaker._lock, guard.bulkhead._lock, guard.pace._lock, guard.budget._lock]
        taken, done = threading.Event(), threading.Event()

        def hold() -> None:  # as a thread that is in the middle of something when the process forks
            for lock in held:
                lock.acquire()
            taken.set()
            done.wait(90)
            for lock in held:
                lock.release()

        holder = threading.Thread(target=hold)
        holder.start()
        assert taken.wait(90)

        def child() -> None:
            (found,) = broker.health.targets()
            assert (found.in_flight, found.waiting) == (0, 0)
            assert found.calls == 2
            for _ in range(3):
                broker.vision.label(PICTURE)
            broker.health.isolate("fake")

        in_child(child)
        done.set()
        holder.join(90)
        release.set()
        for each in threads:
            each.join(90)
        (found,) = broker.health.targets()
        assert (found.state, found.in_flight) == (State.CLOSED, 0), "the child's state is its own"


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_during_the_parents_trial_makes_its_own() -> None:
    runtime = VirtualRuntime()
    vendor = Vendor(runtime=runtime)
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(5):
            ask(broker)
        runtime.advance(30.0)
        (guard,) = broker._core.services.guards.all()
        ticket = guard.breaker.enter(runtime.monotonic())
        assert isinstance(ticket, int)
        vendor.works()
        assert ask(broker) == "Unavailable held back"

        def child() -> None:
            assert ask(broker) == "answered"
            assert health(broker).state is State.CLOSED

        in_child(child)
        assert health(broker).state is State.HALF_OPEN
