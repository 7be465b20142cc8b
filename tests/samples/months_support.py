"""Months of calls and of samples, made up for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from samples_support import a_drawing, a_sample, a_score

from broker import Broker, BrokerError
from broker.errors import Outcome, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.samples.store import SampleStore
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image
from broker.types.money import Price

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
DAY = 86_400.0


def call(
    tmp_path: Path,
    *,
    month: int,
    good: int,
    lost: int = 0,
    team: str = "shop",
    price: Price | None = None,
    provider: str = "fake",
) -> None:
    """Calls in a month of 2026, at 0.001 each."""
    clock = VirtualRuntime()
    clock.advance((31 * (month - 1) + 1) * DAY)
    error = Unavailable("busy", outcome=Outcome.SERVER)
    kind = fake_provider(
        [*[error] * lost, labels("Cat")],
        price=price or fake_price("0.001", sku=f"{provider}.vision.label"),
        provider=provider,
    )
    settings = {"provider": provider, "runtime": clock, "max_attempts": 1, "limits": {"breaker": False}}
    path = {"path": str(tmp_path / "ledger.db")}
    with Broker(adapters=[kind], ledger=path, **settings) as broker:
        for _ in range(good + lost):
            try:
                broker.vision.label(PICTURE, tags={"team": team})
            except BrokerError:
                continue


def sample(tmp_path: Path, *, month: int, right: int, wrong: int) -> None:
    """Samples with truth in a month."""
    at = datetime(2026, month, 5, tzinfo=UTC)
    store = SampleStore(str(tmp_path / "ledger.quality.db"))
    try:
        facts = {"provider": "fake", "at": at}
        samples = [(a_sample(f"{month}-{n}", **facts), []) for n in range(right + wrong)]
        ids = store.write(
            {a_drawing(provider="fake", day=f"{at:%Y-%m-%d}"): (10 * (right + wrong), right + wrong)},
            {},
            samples,
        )
        store.add_scores([a_score(number, n < right, at=at) for n, number in enumerate(ids)])
    finally:
        store.close()


def months(found: Any) -> list[Any]:
    (case,) = found["use_cases"]
    return list(case["months"])
