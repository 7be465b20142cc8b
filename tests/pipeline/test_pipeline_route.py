"""Who answers: the first of the order that is configured and has the operation."""

from __future__ import annotations

from typing import Any

import pytest
from pipeline_support import PICTURE, make, rows, seen

from broker import AllProvidersFailed, BrokerError, NotConfigured, Unsupported
from broker.contract import OperationSpec, Setup, Support
from broker.testing.fake import fake_provider

LACKING = OperationSpec(
    operation="vision.label", service="L", support=Support.NEVER, reason="the vendor ended it in 2025"
)


def unready(provider: str) -> Any:
    return type(
        "Unready",
        (fake_provider(provider=provider),),
        {"setup": lambda self: Setup(configured=False, problem=f"no key; set {provider.upper()}_KEY")},
    )


def test_the_order_passes_over_what_cannot_answer_and_says_so() -> None:
    adapters = [
        fake_provider(provider="lacking", spec=LACKING),
        unready("unready"),
        fake_provider(provider="good"),
    ]
    last = fake_provider(provider="last")
    with make(*adapters, last) as broker:
        result = broker.vision.label(PICTURE, provider=["lacking", "unready", "missing", "good", "last"])
    assert result.provenance.provider == "good"
    told = result.provenance.passed_over
    assert [text.split(":")[0] for text in told] == ["lacking", "unready", "missing"]
    for text, words in zip(
        told, ("ended it in 2025", "set UNREADY_KEY", "no provider 'missing'"), strict=True
    ):
        assert words in text
    assert seen(last) == 0
    assert [row["provider"] for row in rows()] == ["good"]


def test_nothing_is_passed_over_when_the_first_can_answer() -> None:
    with make(fake_provider(provider="a"), fake_provider(provider="b")) as broker:
        assert broker.vision.label(PICTURE, provider=["b", "a"]).provenance.passed_over == ()


def test_when_none_can_answer_every_reason_is_told() -> None:
    with make(fake_provider(provider="lacking", spec=LACKING), unready("unready")) as broker:
        with pytest.raises(AllProvidersFailed) as caught:
            broker.vision.label(PICTURE, provider=["lacking", "unready", "missing"])
        assert [type(each) for each in caught.value.exceptions] == [Unsupported, NotConfigured, NotConfigured]
        for words in ("ended it in 2025", "set UNREADY_KEY", "no provider 'missing'", "vision.label"):
            assert words in str(caught.value)
        assert isinstance(caught.value, BrokerError)
        assert caught.value.call_id
        assert caught.value.billed is False
        with pytest.raises(Unsupported, match=r"ended it in 2025 \(support: never\)"):
            broker.vision.label(PICTURE, provider="lacking")
        with pytest.raises(NotConfigured):
            broker.vision.label(PICTURE, provider=["missing"])
    assert rows() == []


def test_an_operation_the_adapter_only_claims_to_have_is_told() -> None:
    spec = OperationSpec(operation="vision.detect_text", service="T")
    with make(fake_provider(spec=spec)) as broker:
        with pytest.raises(Unsupported, match="no method 'detect_text'"):
            broker.vision.detect_text(PICTURE)
        with pytest.raises(Unsupported, match="does not name this operation"):
            broker.vision.detect_faces(PICTURE)


def test_profiles_are_accounts_of_their_own() -> None:
    providers = {"fake": {"region": "us", "profiles": {"eu": {"region": "eu"}}}}
    with make(fake_provider(), providers=providers) as broker:
        results = [broker.vision.label(PICTURE, provider=name) for name in ("fake", "fake:eu", "fake")]
        with pytest.raises(NotConfigured, match="did you mean 'fake:eu'"):
            broker.vision.label(PICTURE, provider="fake:ue")
    assert [(each.provenance.profile, each.provenance.region) for each in results] == [
        (None, "us"),
        ("eu", "eu"),
        (None, "us"),
    ]
    assert [(row["profile"], row["region"]) for row in rows()] == [("", "us"), ("eu", "eu"), ("", "us")]


def test_the_provenance_says_who_answered_what_and_where() -> None:
    with make(providers={"fake": {"region": "mars"}}) as broker:
        result = broker.vision.label(PICTURE)
    found = result.provenance
    assert (found.provider, found.service, found.operation) == ("fake", "Fake Vision", "vision.label")
    assert (found.region, found.model_version, found.request_id) == ("mars", "fake-1", "fake-request")
    (attempt,) = result.attempts
    (row,) = rows()
    assert row["call_id"] == result.call_id
    assert attempt.id == f"{result.call_id}-1"
    assert (row["request_id"], row["model_version"], row["region"]) == ("fake-request", "fake-1", "mars")
