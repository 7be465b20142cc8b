"""What is asked beside users' calls: nothing of what is off, but what is being tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker import Broker
from broker.ledger.base import SpendQuery
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach
from broker.testing.fake import fake_price, fake_provider
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
CASE: dict[str, Any] = {
    "operation": "vision.label",
    "sampling": {"design": "rate", "rate": 1.0, "second": ["second"], "budget": "1.00"},
    "switch": {"mode": "enforce", "on_unknown": "closed"},
}
SECOND = Scope(use_case="shop", operation="vision.label", provider="second")


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], Broker]:
    def made() -> Broker:
        kinds = [
            fake_provider(provider=name, price=fake_price("0.001", sku=f"{name}.vision.label"))
            for name in ("first", "second")
        ]
        path = {"path": str(tmp_path / "ledger.db")}
        return Broker(adapters=kinds, provider="first", ledger=path, quality={"use_cases": {"shop": CASE}})

    return made


def asked(broker: Broker) -> int:
    """Requests to the second provider, after one more call to the first."""
    broker.vision.label(PICTURE)
    assert broker._sampler is not None
    assert broker._sampler.flush(30)
    found = broker.spend(SpendQuery(by=("provider",)))
    return sum(row.attempts for row in found if row.group == ("second",))


@pytest.mark.parametrize(
    "scope", [Scope(provider="second"), Scope(operation="vision.label", provider="second"), SECOND]
)
def test_what_a_person_switched_off_is_not_asked_beside_calls_either(
    make: Callable[[], Broker], scope: Scope
) -> None:
    with make() as broker:
        broker.switches.off(scope, by="ann", reason="no more data to them")
        assert asked(broker) == 0
        broker.switches.on(scope, by="ann", reason="fine now")
        assert asked(broker) == 1


def test_what_a_rule_opened_is_asked_beside_calls_once_it_is_tried_again(make: Callable[[], Broker]) -> None:
    with make() as broker:
        now = broker._runtime.now()
        ago = now - timedelta(days=1)
        proof = Evidence(rule="e-process", since=ago)
        broker._board.report(SECOND, HardBreach(cause=Cause.QUALITY, evidence=proof))
        assert asked(broker) == 0
        broker.switches.on(SECOND, by="ann", reason="try it")
        assert asked(broker) == 1
