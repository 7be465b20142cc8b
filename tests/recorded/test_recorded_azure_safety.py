"""What Content Safety really sent, played through the public client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorded_support import ask, proving

from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Scale

HARMS = {"Hate": "hate", "SelfHarm": "self_harm", "Sexual": "sexual", "Violence": "violence"}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("azure", "text.moderate"))
def test_a_text(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    usage = {
        "CSP-Billing-Usage": "CognitiveServices.ContentSafety.Text:Analyze=1"
    }  # as the index tells of it
    vendor_stub.on("/contentsafety/text:analyze", default=Answer(json=body, headers=usage))
    section = {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus2"}
    result = ask(face, "text.moderate", "You are an idiot", "azure", section)
    said = body["categoriesAnalysis"]
    assert len(said) == 4
    labels = result.value.labels
    assert [each.name for each in labels] == [each["category"] for each in said]
    assert [each.harm.value for each in labels] == [HARMS[each["category"]] for each in said]
    assert [each.confidence.raw for each in labels] == [each["severity"] for each in said]
    assert {each.confidence.scale for each in labels} == {Scale.SEVERITY}
    assert {each.confidence.value for each in labels} == {None}
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.000375000000"
    assert vendor_stub.requests[0].json()["text"] == "You are an idiot"  # type: ignore[index, call-overload]
