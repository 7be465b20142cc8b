"""Azure Language: answers and refusals that its schema allows and that are seldom seen; a machine with half of the SDKs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import CANARY, no_module, raised
from azure_text_support import DOCUMENTS, ROUTE, answer, ask, batch, section

from broker import Broker, errors
from broker.contract import HttpReply
from broker.errors import Outcome
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker_azure import AzureAdapter, AzureSettings, faults

pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")


@pytest.fixture
def azure(stub: VendorStub) -> Iterator[AzureAdapter]:
    adapter = AzureAdapter(AzureSettings(endpoint=f"{stub.url}/", key=CANARY))  # type: ignore[arg-type]
    yield adapter
    adapter.close()


def nested(*codes: str) -> dict[str, Any]:
    """An error whose codes lie within each other."""
    code, *deeper = codes
    said: dict[str, Any] = {"code": code, "message": f"about {code}"}
    return {**said, "innererror": nested(*deeper)} if deeper else said


# ---------------------------------------------------------------------- codes that came after us


@pytest.mark.parametrize(
    "codes",
    [
        ("InvalidRequest", "NotYetInvented"),
        ("InvalidRequest", "InvalidDocument", "NotYetInvented"),
        ("InvalidArgument", "NotYetInvented", "NorThis"),
    ],
)
def test_an_unknown_finer_code_leaves_a_document_refused(
    codes: tuple[str, ...], azure: Any, stub: Any, attempt: Any
) -> None:
    """A finer code may be added at any time (Microsoft's REST guidelines); the coarser one still holds."""
    said = answer(DOCUMENTS["sentiment"], errors=[{"id": "1", "error": nested(*codes)}])
    stub.on(ROUTE, said)
    good, bad = azure.sentiment_batch(batch("sentiment", "Hi", "No"), attempt()).payload.items
    assert good.payload.document.name == "positive"
    assert (type(bad), bad.code, bad.outcome) == (errors.BadInput, codes[-1], Outcome.REJECTED)
    assert f"about {codes[-1]}" in str(bad)


def test_a_document_refused_by_an_unknown_finer_code_costs_nothing(stub: Any) -> None:
    said = answer(
        DOCUMENTS["sentiment"], errors=[{"id": "1", "error": nested("InvalidRequest", "NotYetInvented")}]
    )
    stub.on(ROUTE, default=Answer(json=said))
    with Broker(**section(stub)) as broker:
        good, bad = broker.text.sentiment_many(["Hi", "No"], language="en")
        assert good.result is not None
        assert good.result.cost.amount == Decimal("0.001")
        assert type(bad.error) is errors.BadInput
        (row,) = broker.spend()
    assert (row.amount, row.unknown) == (Decimal("0.001"), 0)


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (403, ("QuotaExceeded", "NotYetInvented"), errors.QuotaExhausted),
        (403, ("Forbidden", "NotYetInvented"), errors.AuthFailed),
        (400, ("InvalidRequest", "NotYetInvented"), errors.BadInput),
        (400, ("NotYetInvented", "NorThis"), errors.BadInput),
        (429, ("429", "NotYetInvented"), errors.Throttled),
    ],
)
def test_the_deepest_code_that_is_known_decides(
    status: int, codes: tuple[str, ...], kind: type[errors.BrokerError]
) -> None:
    for body in ({"error": nested(*codes)}, nested(*codes)):
        found = faults.refusal(HttpReply(status=status, headers={}, content=json.dumps(body).encode()))
        assert (type(found), found.code) == (kind, codes[-1])


# ---------------------------------------------------------------------- statistics that cannot be


@pytest.mark.parametrize("characters", [0, -1, -5000])
def test_a_count_of_characters_that_cannot_be_is_no_use(
    characters: int, azure: Any, stub: Any, attempt: Any
) -> None:
    counted = {"charactersCount": characters, "transactionsCount": 1}
    stub.on(ROUTE, answer({**DOCUMENTS["sentiment"], "statistics": counted}))
    (usage,) = azure.sentiment(ask("sentiment"), attempt()).usage
    assert usage.quantity == 1000  # the record that it counts


def test_a_wrong_count_of_one_document_loses_no_answer(stub: Any) -> None:
    wrong = {"charactersCount": -1, "transactionsCount": 1}
    right = {"charactersCount": 2, "transactionsCount": 1}
    said = answer(
        {**DOCUMENTS["sentiment"], "statistics": right}, {**DOCUMENTS["sentiment"], "statistics": wrong}
    )
    stub.on(ROUTE, default=Answer(json=said))
    with Broker(**section(stub)) as broker:
        items = list(broker.text.sentiment_many(["Hi", "No"], language="en"))
        assert [item.ok for item in items] == [True, True]
        (row,) = broker.spend()
    assert row.amount == Decimal("0.002")


# ---------------------------------------------------------------------- a machine without the SDK for texts


def test_a_missing_sdk_for_texts_is_told_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "https://a.cognitiveservices.azure.com"
    key: Any = CANARY
    with no_module(monkeypatch, "azure.ai.textanalytics"):
        whole = AzureAdapter(AzureSettings(endpoint=address, key=key)).setup()
        texts = AzureAdapter(AzureSettings(endpoints={"language": address}, key=key)).setup()
        vision = AzureAdapter(AzureSettings(endpoints={"vision": address}, key=key)).setup()
    assert whole.configured  # pictures can be asked about
    for setup in (whole, texts):
        assert "azure-ai-textanalytics" in setup.problem
        assert "pip install 'mlbroker[azure]'" in setup.problem
    assert not texts.configured  # nothing else has an address
    assert (vision.configured, vision.problem) == (True, "")
    assert AzureAdapter(AzureSettings(endpoint=address, key=key)).setup().problem == ""


def test_pictures_are_asked_about_without_the_sdk_for_texts(
    stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "broker_azure.language_client", raising=False)
    with no_module(monkeypatch, "azure.ai.textanalytics"), Broker(**section(stub)) as broker:
        plan = broker.estimate.text.sentiment("Hi", language="en")
        assert plan.candidates[0].configured
        error = raised(lambda: broker.text.sentiment("Hi", language="en"), errors.NotConfigured)
    assert "pip install 'mlbroker[azure]'" in str(error)
    assert stub.count == 0
