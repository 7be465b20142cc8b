"""Who would be asked, who not and why; bad input is refused as by the call; nothing is sent or written."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from estimate_support import PICTURE, D, make, tiered, unready, using, written

import broker as module
from broker import AsyncBroker, BadInput, Broker, BrokerError, DeadlineExceeded, LedgerUnavailable
from broker.contract import ImageLimits, OperationSpec, Support
from broker.ledger import SqliteLedger
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider
from broker.types import Estimate, UsageSource

SMALL = OperationSpec(
    operation="vision.label",
    service="Small",
    limits=ImageLimits(formats=("jpeg",), max_bytes=5),
    languages=("en", "de"),
    extensions=("small_mode",),
)


def only(estimate: Estimate) -> Any:
    (candidate,) = estimate.candidates
    return candidate


def test_everything_is_told_of_a_candidate() -> None:
    runtime = VirtualRuntime(datetime(2026, 11, 21, tzinfo=UTC))
    price = tiered((10, "0.01"), (None, "0.005"), checked_on=date(2026, 8, 1), source="the vendor's page")
    with make(fake_provider(price=price, spec=using("4")), runtime=runtime, max_attempts=2) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
    found = only(estimate)
    assert (found.name, found.region, found.configured, found.problem) == ("fake", None, True, None)
    assert (found.amount, found.upper_bound, found.worst_case) == (D("0.04"), D("0.04"), D("0.08"))
    assert (found.free, found.unpriced, found.unknown, found.refused_by) == (False, None, None, ())
    (line,) = found.lines
    assert (line.sku, line.quantity, line.units, line.source) == (
        "fake.vision.label",
        D(4),
        D(4),
        UsageSource.MEASURED,
    )
    assert (line.price_id, line.price_source) == ("fake.vision.label@test", "the vendor's page")
    assert (line.checked_on, line.age_days, line.stale) == (date(2026, 8, 1), 112, True)
    assert estimate.shown == "fake $0.04, at most $0.08 with retries"


def test_nothing_is_sent_and_nothing_is_written(ledger_path: str) -> None:
    adapter = fake_provider()
    with make(adapter) as broker:
        for _ in range(3):
            broker.estimate.vision.label(PICTURE)
        assert broker.spend() == []
    assert adapter.play.seen == []
    assert written(ledger_path) == 0


def test_who_cannot_take_the_call_is_told_with_the_reason_and_what_it_would_cost() -> None:
    never = OperationSpec(
        operation="vision.label", service="None", support=Support.NEVER, reason="it has no pictures"
    )
    kinds = (
        unready("keyless"),
        fake_provider(provider="small", spec=SMALL),
        fake_provider(provider="blind", spec=never),
        fake_provider(provider="good", price=fake_price("0.5", sku="good.vision.label")),
        fake_provider(provider="spare"),
    )
    with make(*kinds) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
        answered = broker.vision.label(PICTURE)
        missing = broker.estimate.vision.label(PICTURE, provider="nobody")
    keyless, small, blind, good, spare = estimate.candidates
    assert (keyless.configured, keyless.problem_kind) == (False, "NotConfigured")
    assert keyless.problem == "no key; type: make a key"
    assert keyless.amount == D("0.001"), "an estimate needs no key"
    assert (small.configured, small.problem_kind) == (True, "BadInput")
    assert "a png picture is not taken here" in small.problem
    assert (blind.configured, blind.problem_kind, blind.amount) == (True, "Unsupported", None)
    assert "it has no pictures" in blind.problem
    assert (good.takes, spare.takes) == (True, True)
    assert estimate.first == good
    assert estimate.amount == D("0.5") == answered.cost.amount
    assert answered.provenance.provider == "good"
    assert only(missing).problem_kind == "NotConfigured"
    assert missing.first is None
    assert (missing.amount, missing.upper_bound, missing.worst_case) == (None, None, None)
    assert missing.shown.startswith("nobody takes the call (nobody: there is no provider 'nobody'")


def test_language_and_extensions_of_one_provider_are_told() -> None:
    with make(fake_provider(provider="small", spec=SMALL), fake_provider(provider="fake")) as broker:
        picture = type(PICTURE)(data=b"x", format="jpeg", width=9, height=9)
        estimate = broker.estimate.vision.label(picture, language="fr")
        assert [each.problem_kind for each in estimate.candidates] == ["Unsupported", "Unsupported"]
        estimate = broker.estimate.vision.label(picture, extensions={"small_speed": 1})
        assert estimate.candidates[0].problem_kind == "Unsupported"
        assert estimate.first is not None
        assert estimate.first.name == "fake"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"max_label": 3}, BadInput),
        ({"min_confidence": 7}, BadInput),
        ({"max_cost": 0.5}, BadInput),
        ({"max_cost": "-1"}, BadInput),
        ({"tags": {"9": "x"}}, BadInput),
        ({"provider": []}, BadInput),
        ({"extensions": {"nobodys": 1}}, BadInput),
        ({"deadline": -1}, DeadlineExceeded),
    ],
)
def test_bad_input_is_refused_as_by_the_call(options: Any, kind: type[BrokerError]) -> None:
    adapter = fake_provider()
    with make(adapter) as broker:
        with pytest.raises(kind) as estimated:
            broker.estimate.vision.label(PICTURE, **options)
        with pytest.raises(kind) as called:
            broker.vision.label(PICTURE, **options)
    assert str(estimated.value) == str(called.value)
    assert adapter.play.seen == []


@pytest.mark.parametrize("image", [b"", b"no picture", "nowhere.png", 7])
def test_a_bad_picture_is_refused_as_by_the_call(image: Any) -> None:
    with make() as broker:
        with pytest.raises(BadInput) as estimated:
            broker.estimate.vision.label(image)
        with pytest.raises(BadInput) as called:
            broker.vision.label(image)
    assert str(estimated.value) == str(called.value)


def test_what_has_no_price_is_unknown_and_never_free() -> None:
    with make(fake_provider(price=fake_price(None))) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
        capped = broker.estimate.vision.label(PICTURE, max_cost=1000)
    found = only(estimate)
    assert (found.amount, found.upper_bound, found.worst_case, found.free) == (None, None, None, False)
    assert found.unpriced == "a test wants it so"
    assert (estimate.worst_case, estimate.shown) == (None, "fake unknown (unpriced)")
    assert only(capped).refused_by == ("max_cost",)
    assert capped.first is None


def test_somebody_without_a_price_who_may_take_over_leaves_the_worst_case_open() -> None:
    vague = fake_provider(provider="vague", price=fake_price(None, sku="vague.vision.label"))
    with make(fake_provider(), vague) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
    assert (estimate.amount, estimate.worst_case) == (D("0.001"), None)
    assert estimate.shown == "fake $0.001, at most unknown: not everybody who may take over has a price"


def test_past_the_last_known_tier_the_amount_is_unknown_with_a_bound() -> None:
    with make(fake_provider(price=tiered((2, "0.01")), spec=using("2"))) as broker:
        assert broker.estimate.vision.label(PICTURE).amount == D("0.02")
        broker.vision.label(PICTURE)
        estimate = broker.estimate.vision.label(PICTURE)
    assert (estimate.amount, estimate.upper_bound) == (None, D("0.02"))
    assert only(estimate).unknown == "the month is past the last tier whose price is known"
    assert estimate.shown.startswith("fake unknown (up to $0.02)")


def test_max_cost_below_one_attempt_refuses_that_provider_only() -> None:
    dear = fake_provider(provider="dear", price=fake_price("0.02", sku="dear.vision.label"))
    cheap = fake_provider(provider="cheap", price=fake_price("0.001", sku="cheap.vision.label"))
    with make(dear, cheap) as broker:
        estimate = broker.estimate.vision.label(PICTURE, max_cost="0.005")
        answered = broker.vision.label(PICTURE, max_cost="0.005")
    assert estimate.candidates[0].refused_by == ("max_cost",)
    assert estimate.first is not None
    assert estimate.first.name == "cheap" == answered.provenance.provider


class Unreadable(SqliteLedger):
    """A ledger whose disk has gone."""

    def positions(self, month: str, account: str, counters: Any) -> Any:
        raise LedgerUnavailable("the disk has gone")


class Strange(SqliteLedger):
    """A ledger of the program's own that cannot tell."""

    positions = None  # type: ignore[assignment]


@pytest.mark.parametrize(("kind", "why"), [(Unreadable, "the disk has gone"), (Strange, "TypeError")])
def test_without_the_ledger_the_bound_is_still_told(
    kind: type[SqliteLedger], why: str, ledger_path: str
) -> None:
    ledger = kind(ledger_path)
    paid = fake_provider(provider="paid", price=tiered((2, "0.01"), (None, "0.005"), sku="paid.vision.label"))
    free = fake_provider(provider="free", price=fake_price(free=True, sku="free.vision.label"))
    with make(paid, free, ledger=ledger) as broker:
        one, other = broker.estimate.vision.label(PICTURE).candidates
    ledger.close()
    assert (one.amount, one.upper_bound) == (None, D("0.01"))
    assert why in one.unknown
    assert (one.lines[0].amount, one.lines[0].upper_bound) == (None, D("0.01"))
    assert (other.amount, other.unknown) == (D(0), None), "what is free needs no ledger"


def test_the_async_broker_estimates_alike(ledger_path: str) -> None:
    adapter = fake_provider(price=tiered((2, "0.01"), (None, "0.005")))

    async def work() -> list[Any]:
        async with AsyncBroker(adapters=[adapter], provider="fake") as broker:
            plan = broker.estimate.plan()
            told = [(await plan.vision.label(PICTURE)).amount for _ in range(3)]
            told.append((await broker.estimate.vision.label(PICTURE)).amount)
            return told

    assert asyncio.run(work()) == [D("0.01"), D("0.01"), D("0.005"), D("0.01")]
    assert adapter.play.seen == []


def test_other_operations_have_the_same_methods() -> None:
    with make() as broker:
        for method in (broker.estimate.vision.detect_text, broker.estimate.vision.detect_faces):
            assert only(method(PICTURE)).problem_kind == "Unsupported"


def test_the_module_estimates_with_the_default_broker(photo: bytes) -> None:
    estimate = module.estimate.vision.label(photo, provider="local")
    assert estimate.candidates[0].free
    assert "estimate" in dir(module)
    import broker.facades.estimate  # noqa: F401 - a module of that name must not hide it

    assert isinstance(module.estimate.vision.label(photo, provider="local"), Estimate)


def test_a_closed_broker_estimates_nothing() -> None:
    broker = make()
    broker.close()
    with pytest.raises(BrokerError):
        broker.estimate.vision.label(PICTURE)


def test_positions_of_a_ledger(ledger_path: str) -> None:
    with make(fake_provider(spec=using("2.5"))) as broker:
        broker.vision.label(PICTURE)
        broker.vision.label(PICTURE)
        assert broker.ledger.positions("2026-01", "fake:", ["fake.vision.label", "other"]) == {
            "fake.vision.label": D(5),
            "other": D(0),
        }
        assert broker.ledger.positions("2026-02", "fake:", ["fake.vision.label"]) == {"fake.vision.label": 0}
        assert broker.ledger.positions("2026-01", "fake:x", ["fake.vision.label"]) == {"fake.vision.label": 0}
        assert broker.ledger.positions("2026-01", "fake:", []) == {}


def test_estimating_needs_a_broker_of_its_own_nowhere() -> None:
    with Broker(adapters=[fake_provider()], provider="fake") as broker:
        assert broker.estimate is broker.estimate
        assert broker.estimate.plan() is not broker.estimate.plan()
