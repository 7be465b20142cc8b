"""Months of calls and of samples, made up for tests."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from samples_support import SEED, a_drawing, a_sample, a_score

from broker import Broker, BrokerError
from broker.errors import Outcome, Unavailable
from broker.ledger.sqlite import SqliteLedger
from broker.quality.estimate import Estimate
from broker.quality.kpi import Kpis
from broker.runtime.virtual import VirtualRuntime
from broker.samples.month_rows import MonthRow, Months
from broker.samples.months import Reckoning
from broker.samples.plan import Plan
from broker.samples.seen import class_token
from broker.samples.store import SampleStore
from broker.sections_quality import UseCaseSettings
from broker.switches.use_cases import UseCases
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image
from broker.types.money import Price

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
DAY = 86_400.0
NOW = datetime(2026, 4, 1, tzinfo=UTC)
VALUE = {"right": "0.002", "wrong": "0.001"}
LOSSES = {"cat": {"dog": "0.100"}, "dog": {"cat": "0.004"}}


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


def shop(**facts: Any) -> UseCaseSettings:
    value = {**VALUE, **facts.pop("value", {})}
    given: dict[str, Any] = {
        "operation": "vision.label",
        "tags": {"team": "shop"},
        "sampling": {"design": "rate", "rate": 0.1},
        "value": value,
        **facts,
    }
    return UseCaseSettings.model_validate(given)


def reckoned(
    folder: Path, case: UseCaseSettings, *, now: datetime = NOW, count: int = 2, plain: bool = False
) -> Months:
    """With the files that are there."""
    with (
        closing(SqliteLedger(str(folder / "ledger.db"))) as ledger,
        closing(SampleStore(str(folder / "ledger.quality.db"))) as store,
    ):
        sampling = case.sampling
        plans = {} if sampling is None or plain else {"shop": Plan("shop", case, sampling, SEED)}
        made = Reckoning(
            ledger, None if plain else store, UseCases({"shop": case}), plans, level=0.95, now=now
        )
        found = made.months("shop", count)
    for row in found.rows:
        assert unknown_ones(row.kpis) == set(row.unknown)
        assert all(row.unknown.values())
    return found


def unknown_ones(told: Kpis) -> set[str]:
    found = set()
    for each in fields(told):
        value = getattr(told, each.name)
        if value is None or value == {} or (isinstance(value, Estimate) and not value.known):
            found.add(each.name)
    return found


def march(found: Months, provider: str = "fake") -> MonthRow:
    (row,) = [row for row in found.rows if (row.month, row.provider) == ("2026-03", provider)]
    return row


def judged(
    folder: Path, *pairs: tuple[str, str], old: bool = False, right: int = 0, provider: str = "fake"
) -> None:
    """Answers with truth in March: (truth, answer), as tokens alone; and so many right ones."""
    at = datetime(2026, 3, 5, tzinfo=UTC)
    every = [*pairs, *[("cat", "cat")] * right]
    with closing(SampleStore(str(folder / "ledger.quality.db"))) as store:
        rows = [
            a_sample(f"m{n}", provider=provider, at=at, answer_token=class_token(SEED, "shop", said))
            for n, (_, said) in enumerate(every)
        ]
        ids = store.write(
            {a_drawing(provider=provider, day="2026-03-05"): (len(rows), len(rows))},
            {},
            [(each, ()) for each in rows],
        )
        store.add_scores(
            [
                a_score(
                    number, true == said, at=at,
                    truth_token=None if old else class_token(SEED, "shop", true),
                )
                for number, (true, said) in zip(ids, every, strict=True)
            ]
        )  # fmt: skip
