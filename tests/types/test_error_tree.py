"""Errors travel between processes, name what support needs, and say whether money may have gone."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime

import pytest

from broker import errors
from broker.errors import BILLED, AllProvidersFailed, BrokerError, DeadlineExceeded, Outcome, ProviderError

EVERY = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, BrokerError) and each is not AllProvidersFailed
]


def example(kind: type[BrokerError]) -> BrokerError:
    if issubclass(kind, ProviderError):
        return kind(
            "no such thing",
            provider="aws:prod",
            operation="vision.label",
            outcome=Outcome.THROTTLED,
            retry_after=1.5,
            retry_at=datetime(2026, 1, 2, tzinfo=UTC),
            request_id="r-1",
            status=429,
            code="TooFast",
        )
    if issubclass(kind, DeadlineExceeded):
        return kind("too late", outcome=Outcome.AMBIGUOUS, last_error=ValueError("inner"))
    return kind("what to do next")


def facts(error: BrokerError) -> dict[str, object]:
    return {name: repr(value) for name, value in vars(error).items()} | {
        "text": str(error),
        "kind": type(error),
        "outcome": error.outcome,
        "billed": error.billed,
    }


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling_and_copying_with_all_it_knows(kind: type[BrokerError]) -> None:
    error = example(kind)
    error.call_id = "c-1"
    for back in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert facts(back) == facts(error)


def test_the_group_of_all_failures_survives_pickling() -> None:
    group = AllProvidersFailed("nobody", [example(errors.NotConfigured), example(errors.Unsupported)])
    group.call_id = "c-1"
    back = pickle.loads(pickle.dumps(group))
    assert isinstance(back, AllProvidersFailed)
    assert back.call_id == "c-1"
    assert [facts(each) for each in back.exceptions] == [facts(each) for each in group.exceptions]  # type: ignore[arg-type] # ours


@pytest.mark.parametrize(
    "kind", [each for each in EVERY if issubclass(each, ProviderError)], ids=lambda kind: kind.__name__
)
def test_the_text_names_provider_operation_status_code_and_request(kind: type[BrokerError]) -> None:
    text = str(example(kind))
    for word in ("aws:prod", "vision.label", "no such thing", "429", "TooFast", "r-1"):
        assert word in text


def test_a_bare_error_is_just_its_text() -> None:
    assert str(ProviderError("plain")) == "plain"


def test_every_outcome_has_a_word_on_billing() -> None:
    assert set(BILLED) == set(Outcome)
    assert [BILLED[each] for each in (Outcome.DONE, Outcome.NOT_SENT, Outcome.AMBIGUOUS)] == [
        True,
        False,
        None,
    ]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_error_is_caught_by_the_base(kind: type[BrokerError]) -> None:
    with pytest.raises(BrokerError):
        raise example(kind)
