"""The longer example of a third party's adapter: a text operation, a batch and an analysis, as the document says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from acme_suite import AcmeSuiteAdapter
from broker import BadInput, Broker, MalformedReply, Unsupported
from broker.testing.conformance import AdapterConformance
from broker.testing.peer import HttpPeer, Peer
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Polarity

MOOD = {"mood": "good", "score": 0.9}
SEEN = {"labels": [{"name": "Cat", "score": 0.97}], "harms": [{"name": "gore", "score": 0.01}]}


class TestAcmeSuite(AdapterConformance):
    adapter = AcmeSuiteAdapter
    operations = ("vision.moderate", "vision.analyze", "text.sentiment")

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        return HttpPeer(
            vendor_stub,
            {
                "vision.moderate": ("/v1/harms", SEEN),
                "vision.analyze": ("/v1/analyze", SEEN),
                "text.sentiment": ("/v1/mood", MOOD),
            },
        )

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {"endpoint": peer.url, "key": self.secret}


@pytest.fixture
def acme(vendor_stub: VendorStub) -> Any:
    section = {"endpoint": vendor_stub.url, "key": "k"}
    with Broker(adapters=[AcmeSuiteAdapter], provider="acme", providers={"acme": section}) as client:
        yield client


def test_several_texts_are_one_request_and_each_keeps_its_own_answer(
    acme: Broker, vendor_stub: VendorStub
) -> None:
    results = [
        {"id": "2", "mood": "wry", "score": 0.5},
        {"id": "1", "error": {"code": "text_refused", "message": "no"}},
        {"id": "0", **MOOD},
    ]
    vendor_stub.on("/v1/moods", default=Answer(json={"results": results}))
    items = list(acme.text.sentiment_many(["one", "two", "three", "four"], language="en", concurrency=4))
    assert vendor_stub.count == 1
    assert [item.ok for item in items] == [True, False, True, False]
    assert items[0].value.document.label is Polarity.POSITIVE
    assert isinstance(items[1].error, BadInput)
    assert (items[2].value.document.label, items[2].value.document.name) == (Polarity.OTHER, "wry")
    assert isinstance(items[3].error, MalformedReply)


def test_a_long_text_is_cut_by_the_broker(acme: Broker, vendor_stub: VendorStub) -> None:
    vendor_stub.on("/v1/mood", default=Answer(json=MOOD))
    text = "A sentence about nothing at all. " * 300
    result = acme.text.sentiment(text, language="en")
    assert vendor_stub.count == 2
    assert result.value.aggregated
    assert result.cost.amount == Decimal(len(text)) * Decimal("0.000001")


def test_an_analysis_is_one_request_and_bills_what_was_asked_for(
    acme: Broker, vendor_stub: VendorStub, photo: bytes
) -> None:
    vendor_stub.on("/v1/analyze", default=Answer(json=SEEN))
    result = acme.vision.analyze(photo, operations=["label", "moderate"])
    assert vendor_stub.count == 1
    assert result.value.labels is not None
    assert result.value.moderation is not None
    assert result.cost.amount == Decimal("0.004")
    alone = acme.vision.analyze(photo, operations=["label"])
    assert (alone.value.moderation, alone.cost.amount) == (None, Decimal("0.002"))
    with pytest.raises(Unsupported, match="detect_faces"):
        acme.vision.analyze(photo, operations=["label", "detect_faces"])
