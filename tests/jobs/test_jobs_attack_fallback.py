"""What is paid at one provider is not bought from another, and a paid result is not lost to a refused credential."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest
from job_support import START, Opens
from job_vendor import Vendor, lost, tape

from broker import AuthFailed, BadInput, Broker, BrokerError, NotConfigured, Unavailable, Unsupported
from broker.errors import Outcome
from broker.quality.scope import Scope
from broker.runtime.virtual import VirtualRuntime

Pair = Callable[..., Broker]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Brokers that ask one provider, and another where that helps."""
    with ExitStack() as stack:

        def make(first: Vendor, second: Vendor, **options: Any) -> Broker:
            spool = tape(second, provider="spool")
            spool.manifest = replace(spool.manifest, prices=())  # the same as the first's
            return stack.enter_context(
                Broker(
                    runtime=VirtualRuntime(START),
                    adapters=[tape(first), spool],
                    provider=["tape", "spool"],
                    **options,
                )
            )

        yield make


def state(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as ledger:
        return [each for (each,) in ledger.execute("SELECT state FROM job ORDER BY number")]


REFUSALS: list[Callable[[], BrokerError]] = [
    lambda: AuthFailed("the credential has expired", provider="tape"),
    lambda: NotConfigured("the credential is gone"),
    lambda: Unsupported("not here", provider="tape"),
    lambda: BadInput("not so", provider="tape"),
]


def failing(vendor: Vendor, step: str, error: Callable[[], BrokerError]) -> None:
    """Every such step fails."""

    def trouble(name: str) -> None:
        if name == step:
            raise error()

    vendor.trouble = trouble


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("step", ["poll<", "fetch<"])
def test_a_job_that_runs_is_not_bought_elsewhere(
    pair: Pair, recording: str, step: str, refusal: Callable[[], BrokerError]
) -> None:
    first, second = Vendor(), Vendor()
    failing(first, step, refusal)
    with pytest.raises(BrokerError) as caught:
        pair(first, second).transcription.transcribe(recording)
    assert caught.value.billed is not False
    assert (len(first.made), len(second.made)) == (1, 0)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_submission_nobody_saw_the_answer_of_is_not_bought_elsewhere(
    pair: Pair, recording: str, refusal: Callable[[], BrokerError]
) -> None:
    first, second = Vendor(), Vendor()

    def trouble(name: str) -> None:
        if name == "submit>":
            raise lost()
        if name == "find<":
            raise refusal()

    first.trouble = trouble
    with pytest.raises(BrokerError):
        pair(first, second).transcription.transcribe(recording)
    assert (len(first.made), len(second.made)) == (1, 0)


@pytest.mark.parametrize(
    "refusal", [*REFUSALS[:2], lambda: Unavailable("down", outcome=Outcome.SERVER), lost]
)
def test_a_paid_result_that_waits_is_neither_lost_nor_bought_elsewhere(
    pair: Pair, opened: Opens, recording: str, ledger_path: str, refusal: Callable[[], BrokerError]
) -> None:
    first, second = Vendor(), Vendor()
    opened(first).transcription.transcribe(recording)  # who dies before he has saved it asks again
    failing(first, "fetch<", refusal)
    broker = pair(first, second)
    with pytest.raises(BrokerError) as caught:
        broker.transcription.transcribe(recording, deadline=120)
    assert caught.value.billed is not False
    assert any("mlbroker jobs resume" in note for note in caught.value.__notes__)
    assert second.made == []
    assert state(ledger_path) == ["done"]
    first.trouble = lambda _step: None
    assert broker.transcription.transcribe(recording).value.text == "well done"
    assert len(first.made) == 1


def test_before_anything_is_asked_for_another_provider_takes_over(pair: Pair, recording: str) -> None:
    first, second = Vendor(), Vendor()
    failing(first, "submit<", REFUSALS[0])
    result = pair(first, second).transcription.transcribe(recording)
    assert result.provenance.provider == "spool"
    assert (first.made, first.recordings) == ([], {})


def test_a_result_that_is_gone_for_good_ends_its_job(opened: Opens, recording: str, ledger_path: str) -> None:
    """Else its reservation stays for ever, and the recording cannot be transcribed any more."""
    vendor = Vendor()
    failing(vendor, "fetch<", lambda: BadInput("the result was deleted in the store", provider="tape"))
    broker = opened(vendor, budgets={"small": {"limit": "0.009", "window": "day", "action": "stop"}})
    with pytest.raises(BadInput, match="deleted") as caught:
        broker.transcription.transcribe(recording)
    assert caught.value.billed is None
    assert state(ledger_path) == ["lost"]
    assert vendor.recordings == {}
    (budget,) = broker.ledger.budgets(START)
    assert (budget.reserved, budget.unknown, budget.spent) == (0, budget.spent, budget.spent)
    vendor.trouble = lambda _step: None
    assert broker.transcription.transcribe(recording).value.text == "well done"
    assert len(vendor.made) == 2


def test_what_runs_at_a_provider_that_was_switched_off_is_fetched_and_not_bought_elsewhere(
    pair: Pair, recording: str
) -> None:
    first, second = Vendor(), Vendor()
    failing(first, "poll<", lambda: Unavailable("down", outcome=Outcome.SERVER))
    broker = pair(first, second)
    with pytest.raises(BrokerError):
        broker.transcription.transcribe(recording, deadline=120)
    first.trouble = lambda _step: None
    broker.switches.off(Scope(provider="tape"), by="ann", reason="no more of it")
    assert broker.transcription.transcribe(recording).value.text == "well done"
    assert (len(first.made), len(second.made)) == (1, 0)


def test_no_recording_goes_to_a_provider_that_was_switched_off(
    pair: Pair, recording: str, ledger_path: str
) -> None:
    first, second = Vendor(), Vendor()
    steps: list[str] = []
    first.trouble = steps.append
    broker = pair(first, second)
    broker.switches.off(Scope(provider="tape"), by="ann", reason="no more of it")
    assert broker.transcription.transcribe(recording).provenance.provider == "spool"
    assert steps == []
    assert len(state(ledger_path)) == 1  # none that was never to be
