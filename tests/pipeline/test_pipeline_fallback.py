"""Who takes over, when, and what it costs: only where it helps, and never a second payment by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pipeline_support import GOOD, PICTURE, busy, down, make, rows, seen

from broker import (
    AllProvidersFailed,
    AuthFailed,
    BadInput,
    BrokerError,
    BudgetExceeded,
    ContentRefused,
    DeadlineExceeded,
    MalformedReply,
    NotConfigured,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker.contract import ImageLimits, OperationSpec
from broker.errors import Outcome, ProviderFault
from broker.ledger import SpendQuery
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider

D = Decimal


def pair(first: BaseException | None, **facts: Any) -> tuple[Any, Any]:
    """A provider that fails so, and one that answers."""
    one = fake_provider([first] if first is not None else [GOOD], provider="one", **facts)
    return one, fake_provider([GOOD], provider="two", price=fake_price("0.002", sku="two.vision.label"))


HELPED = {
    "out of reach": down(Outcome.NOT_SENT),
    "fault of the vendor": down(Outcome.SERVER),
    "throttled": busy(),
    "throttled for longer than the deadline": busy(500),
    "quota used up": QuotaExhausted("the day's"),
    "quota of one option used up": QuotaExhausted("the ranker's", outcome=Outcome.REJECTED),
    "credential refused": AuthFailed("bad key", status=401),
    "credential missing": NotConfigured("no key"),
}
FINAL = {
    "the request is refused": BadInput("not a picture to us", status=400),
    "the content is refused": ContentRefused("no"),
    "the answer was lost": down(Outcome.AMBIGUOUS),
    "the answer is unusable": MalformedReply("half a JSON"),
    "an error nobody knows": ProviderFault("599", status=599),
    "the deadline passed": DeadlineExceeded("late", outcome=Outcome.AMBIGUOUS),
}


@pytest.mark.parametrize("words", HELPED)
def test_another_provider_takes_over_where_it_helps(words: str) -> None:
    one, two = pair(HELPED[words])
    with make(one, two, max_attempts=2) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"])
        spent = broker.spend(SpendQuery(by=("provider", "kind")))
    last = result.attempts[-1]
    assert (result.provenance.provider, last.provider, last.kind) == ("two", "two", "fallback")
    assert last.why == f"one: {type(HELPED[words]).__name__}"
    assert result.provenance.passed_over[0].startswith("one: ")
    assert [each.provider for each in result.attempts] == [row["provider"] for row in rows()]
    assert [each.kind for each in result.attempts] == [row["kind"] for row in rows()]
    assert [row.group for row in spent if row.group[0] == "two"] == [("two", "fallback")]
    bounds = [each.cost.upper_bound for each in result.attempts]
    assert result.cost.upper_bound == sum(bounds, D(0)), "the sum over all attempts"


@pytest.mark.parametrize("words", FINAL)
def test_what_others_would_say_too_or_was_paid_is_final(words: str) -> None:
    one, two = pair(FINAL[words])
    with make(one, two, max_attempts=1) as broker, pytest.raises(type(FINAL[words])) as caught:
        broker.vision.label(PICTURE, provider=["one", "two"])
    assert seen(two) == 0
    assert isinstance(caught.value, BrokerError)
    assert len(caught.value.attempts) == 1


@pytest.mark.parametrize("error", [down(Outcome.AMBIGUOUS), MalformedReply("half")])
def test_a_paid_failure_is_taken_over_only_when_asked_for(error: BaseException) -> None:
    one, two = pair(error)
    with make(one, two, max_attempts=1, retry_ambiguous=True) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"])
    assert [each.provider for each in result.attempts] == ["one", "two"]
    assert result.cost.amount is None or result.cost.amount == D("0.003")
    assert result.cost.upper_bound == D("0.003")


def test_each_provider_has_its_own_attempts() -> None:
    one, two = pair(down())
    two = fake_provider([down(), down(), GOOD], provider="two")
    with make(one, two, max_attempts=3) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"])
    kinds = [(each.number, each.provider, each.kind.value) for each in result.attempts]
    assert kinds == [
        (1, "one", "first"),
        (2, "one", "retry"),
        (3, "one", "retry"),
        (4, "two", "fallback"),
        (5, "two", "retry"),
        (6, "two", "retry"),
    ]
    assert [each.why for each in result.attempts] == [
        "",
        "Unavailable",
        "Unavailable",
        "one: Unavailable",
        "Unavailable",
        "Unavailable",
    ]


def test_when_all_fail_every_reason_and_every_attempt_is_told() -> None:
    one, two = pair(busy(400))
    two = fake_provider([down()], provider="two")
    with make(one, two, max_attempts=1) as broker, pytest.raises(AllProvidersFailed) as caught:
        broker.vision.label(PICTURE, provider=["one", "two"])
    error = caught.value
    assert [type(each) for each in error.exceptions] == [Throttled, Unavailable]
    assert [each.provider for each in error.attempts] == ["one", "two"]
    assert error.billed is None, "a failed vendor may have billed"
    assert error.cost is not None
    assert error.cost.upper_bound == D("0.001")


def test_the_one_that_was_tried_is_told_by_its_own_error() -> None:
    one, two = pair(busy(400))
    with make(one, two, max_attempts=1) as broker, pytest.raises(Throttled) as caught:
        broker.vision.label(PICTURE, provider=["missing", "one"])
    assert caught.value.retry_after == 400
    (note,) = caught.value.__notes__
    assert note.startswith("passed over missing: there is no provider 'missing'"), (
        "and why the other could not help"
    )


def test_a_limit_of_one_provider_sends_the_picture_to_the_next() -> None:
    small = OperationSpec(
        operation="vision.label", service="S", limits=ImageLimits(formats=("jpeg",), max_bytes=10)
    )
    one, two = pair(None, spec=small)
    with make(one, two) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"])
        with pytest.raises(BadInput, match="only jpeg"):
            broker.vision.label(PICTURE, provider=["one"])
    assert result.provenance.provider == "two"
    assert "only jpeg" in result.provenance.passed_over[0]
    assert seen(one) == 0


def test_the_deadline_is_one_for_all_providers() -> None:
    clock = VirtualRuntime()

    def slow(*_: Any) -> Any:
        clock.advance(6)
        raise down()

    one, two = fake_provider(slow, provider="one"), fake_provider(slow, provider="two")
    three = fake_provider(provider="three")
    with make(one, two, three, runtime=clock, max_attempts=1) as broker, pytest.raises(DeadlineExceeded):
        broker.vision.label(PICTURE, provider=["one", "two", "three"], deadline=10)
    assert (seen(one), seen(two), seen(three)) == (1, 1, 0)


def test_max_cost_lets_a_cheaper_provider_answer() -> None:
    one, two = pair(None, price=fake_price("0.5", sku="one.vision.label"))
    with make(one, two) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"], max_cost="0.01")
        with pytest.raises(BudgetExceeded):
            broker.vision.label(PICTURE, provider=["one"], max_cost="0.01")
    assert result.provenance.provider == "two"
    assert "above max_cost" in result.provenance.passed_over[0]
    assert seen(one) == 0


def test_max_cost_holds_over_the_failed_attempts_of_the_first() -> None:
    one, two = pair(down())
    with make(one, two, max_attempts=1) as broker, pytest.raises(AllProvidersFailed, match="above max_cost"):
        broker.vision.label(PICTURE, provider=["one", "two"], max_cost="0.0025")
    assert seen(two) == 0, "0.001 may be billed for the first, and 0.002 would come on top"


@pytest.mark.parametrize(
    ("allowed", "answers"),
    [
        (("eu-*",), "two"),
        (("us-east-1", "eu-*"), "one"),
        ((), "one"),
        (("ap-*",), None),
    ],
)
def test_content_goes_to_allowed_regions_only(allowed: tuple[str, ...], answers: str | None) -> None:
    one, two = pair(None)
    providers = {"one": {"region": "us-east-1"}, "two": {"region": "eu-central-1"}}
    with make(one, two, allowed_regions=allowed, providers=providers) as broker:
        if answers is None:
            with pytest.raises(
                AllProvidersFailed, match=r"region is us-east-1, and allowed_regions are ap-\*"
            ):
                broker.vision.label(PICTURE, provider=["one", "two"])
            assert rows() == []
        else:
            assert broker.vision.label(PICTURE, provider=["one", "two"]).provenance.provider == answers


def test_a_region_nobody_knows_is_refused_when_regions_are_limited() -> None:
    with make(allowed_regions=["*"]) as broker, pytest.raises(Unsupported, match="its region is not known"):
        broker.vision.label(PICTURE)


def test_the_local_provider_is_always_allowed() -> None:
    one, two = pair(down())
    local = type("Local", (two,), {"manifest": replace(two.manifest, provider="here")})
    providers = {"one": {"region": "eu-west-1"}, "here": {"region": "local"}}
    with make(one, local, allowed_regions=["eu-*"], providers=providers, max_attempts=1) as broker:
        assert broker.vision.label(PICTURE, provider=["one", "here"]).provenance.provider == "here"
