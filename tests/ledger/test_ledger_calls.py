"""What became of calls by their ids: for whoever lost their answers."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from broker import Broker
from broker.errors import BrokerError, ContentRefused, Throttled, Unavailable
from broker.testing.fake import fake_price, fake_provider, labels


def test_calls_are_told_with_all_their_attempts(photo: bytes, tmp_path: Path, no_sleep: list[float]) -> None:
    script = [Throttled("slow"), labels("Cat"), Unavailable("down"), ContentRefused("no")]
    paid = fake_provider(script, provider="paid")
    free = fake_provider(provider="free", price=fake_price(free=True, sku="free.vision.label"))
    bare = fake_provider(provider="bare", price=fake_price(None, sku="bare.vision.label"))
    with Broker(adapters=[paid, free, bare], ledger={"path": str(tmp_path / "l.db")}) as broker:
        answered = broker.vision.label(photo, provider="paid").call_id
        with pytest.raises(BrokerError) as failed:
            broker.vision.label(photo, provider="paid")
        nothing = broker.vision.label(photo, provider="free").call_id
        unpriced = broker.vision.label(photo, provider="bare").call_id
        wanted = [answered, failed.value.call_id or "", nothing, unpriced, "never"]
        # More than SQLite takes values in one statement, and some of them twice.
        found = broker.ledger.calls([*wanted, *(f"none-{number}" for number in range(1200)), *wanted])
    assert set(found) == set(wanted) - {"never"}
    done = found[answered]
    assert (done.attempts, done.known, done.at_risk, done.answered) == (2, Decimal("0.001"), Decimal(0), True)
    lost = found[wanted[1]]
    assert (lost.attempts, lost.known, lost.at_risk, lost.answered) == (
        2,
        Decimal(0),
        Decimal("0.001"),
        False,
    )
    assert (found[nothing].free, found[unpriced].free, lost.free) == (True, False, False)
    assert found[unpriced].unpriced == 1
