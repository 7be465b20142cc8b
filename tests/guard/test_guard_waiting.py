"""What happens while a call waits: the target throttles, another breaks it, the retry budget and trials go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guard_support import HOUR, PICTURE, Vendor, ask, denied, down, health

from broker import Broker
from broker.errors import AuthFailed, NotConfigured, Outcome
from broker.guard.breaker import State
from broker.guard.bulkhead import Seat
from broker.guard.guards import Guard
from broker.runtime.virtual import VirtualRuntime


class Eventful(VirtualRuntime):
    """Something happens during the first wait."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait, and let it happen at the end."""
        await super().sleep(seconds)
        work, self.meanwhile = self.meanwhile, None
        if work is not None:
            work()


def only_guard(broker: Broker) -> Guard:
    (guard,) = broker._core.services.guards.all()
    return guard


def test_who_waits_for_its_place_waits_on_when_another_is_throttled_meanwhile() -> None:
    runtime = Eventful()
    vendor = Vendor(runtime=runtime)
    with vendor.broker(providers={"fake": {"max_rate": 1.0}}) as broker:
        ask(broker)
        pace = only_guard(broker).pace
        runtime.meanwhile = lambda: pace.throttled(1.0, sent_at=1.0, seen=1.0, hint=20.0)
        assert ask(broker) == "answered"
    assert vendor.sent == [0.0, 21.0]


def test_who_waits_for_a_seat_waits_on_when_another_is_throttled_meanwhile() -> None:
    runtime = Eventful()
    vendor = Vendor(runtime=runtime)
    with vendor.broker(providers={"fake": {"max_concurrency": 1}}) as broker:
        ask(broker)
        guard = only_guard(broker)
        other = Seat(guard.bulkhead)
        assert guard.bulkhead.try_enter(other)

        def meanwhile() -> None:
            guard.pace.throttled(30.0, sent_at=29.0, seen=1.0, hint=20.0)
            other.leave()

        runtime.meanwhile = meanwhile
        # The virtual clock jumps to the deadline in one wait for a seat, so the call has none left behind it.
        assert ask(broker, deadline=30.0) == "Throttled held back"
        assert len(vendor.sent) == 1
        assert (health(broker).in_flight, health(broker).waiting) == (0, 0)
        assert ask(broker) == "answered"
        assert vendor.sent[-1] == 50.0


def test_who_waits_is_refused_when_the_target_breaks_meanwhile() -> None:
    runtime = Eventful()
    vendor = Vendor(runtime=runtime)
    with vendor.broker(providers={"fake": {"max_rate": 1.0}}) as broker:
        ask(broker)
        guard = only_guard(broker)

        def breaks() -> None:
            for _ in range(3):
                ticket = guard.breaker.enter(1.0)
                assert isinstance(ticket, int)
                guard.breaker.record(ticket, Outcome.NOT_SENT, 0.1, 1.0)

        runtime.meanwhile = breaks
        assert ask(broker) == "Unavailable held back"
        assert len(vendor.sent) == 1
        broker.health.reset()
        assert ask(broker) == "answered"
        assert vendor.sent[-1] == 1.0, "its place was given back"


def test_first_attempts_pay_for_retries_and_retries_do_not() -> None:
    vendor = Vendor()
    vendor.fails(down)
    limits = {"breaker": False, "retry_ratio": 1.0}
    with vendor.broker(max_attempts=3, limits=limits) as broker:
        for _ in range(40):
            ask(broker, deadline=5.0)
    retries = len(vendor.sent) - 40
    # Ten to begin with, one for each call, and what time brings; two a call would be eighty.
    assert 40 <= retries <= 10 + 40 + 0.1 * vendor.runtime.monotonic()
    assert retries < 70


def test_a_trial_whose_credential_cannot_be_renewed_isolates_without_ever_opening() -> None:
    vendor = Vendor()
    vendor.adapter.renew = lambda *_: False  # type: ignore[attr-defined]
    told: list[Any] = []
    vendor.fails(denied)
    with vendor.broker(max_attempts=3) as broker:
        object.__setattr__(broker._core.services, "notify", told.append)
        for _ in range(5):
            assert ask(broker) == "AuthFailed rejected"
            assert ask(broker) == "AuthFailed held back"
            assert health(broker).state is State.ISOLATED
            vendor.runtime.advance(60.0)
    assert [each.kind for each in told] == ["breaker.isolated"]
    assert len(vendor.sent) == 5


@pytest.mark.parametrize(
    "met", [AuthFailed("the service account is gone"), NotConfigured("no file any more")]
)
def test_a_renewal_that_is_refused_itself_isolates(met: BaseException) -> None:
    vendor = Vendor()

    def renew(*_: object) -> bool:
        raise met

    vendor.adapter.renew = renew  # type: ignore[attr-defined]
    vendor.fails(denied)
    with vendor.broker(max_attempts=3) as broker:
        with pytest.raises((AuthFailed, NotConfigured)):
            broker.vision.label(PICTURE, deadline=HOUR)
        assert ask(broker) == "AuthFailed held back"
    assert len(vendor.sent) == 1
