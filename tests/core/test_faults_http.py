"""Every HTTP fault through the public client, sync and async: requests at the vendor equal attempts in the ledger."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from acme_broker import AcmeAdapter
from broker import AsyncBroker, Broker, BrokerError, ProviderError, Throttled, Unavailable
from broker.errors import Outcome
from broker.testing.faults import HTTP_FAULTS, NamedFault
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Image

GOOD = {"labels": [{"name": "Cat", "score": 0.97}, {"name": "Animal", "score": 0.99}]}
ROUTE = "/v1/labels"
ATTEMPTS = 3


def options(stub: VendorStub) -> dict[str, Any]:
    return {
        "adapters": [AcmeAdapter],
        "provider": "acme",
        "providers": {"acme": {"endpoint": stub.url, "key": "canary-7f3a"}},
        "max_attempts": ATTEMPTS,
    }


def call(face: str, stub: VendorStub, image: object, **more: Any) -> Any:
    if face == "sync":
        with Broker(**options(stub)) as broker:
            return broker.vision.label(image, **more)

    async def run() -> Any:
        async with AsyncBroker(**options(stub)) as broker:
            return await broker.vision.label(image, **more)

    return asyncio.run(run())


def rows(path: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=str(fault), marks=[pytest.mark.realtime] * fault.needs_deadline)
        for fault in HTTP_FAULTS
    ],
)
def test_a_fault_is_told_rightly_and_every_request_is_in_the_ledger(
    face: str,
    fault: NamedFault,
    vendor_stub: VendorStub,
    photo: bytes,
    ledger_path: str,
    no_sleep: list[float],
) -> None:
    vendor_stub.on(ROUTE, default=fault.step())
    image = Image.from_bytes(photo + b"\x00" * fault.request_bytes)
    started = time.monotonic()
    with pytest.raises(fault.error) as caught:
        call(face, vendor_stub, image, deadline=0.4 if fault.needs_deadline else 20.0)
    took = time.monotonic() - started

    error = caught.value
    assert isinstance(error, BrokerError)
    assert type(error) is fault.error
    assert error.outcome is fault.outcome
    assert error.billed is fault.billed
    found = rows(ledger_path)
    assert vendor_stub.count == len(found) >= 1
    waits_too_long = fault.hint is not None and fault.hint > 20
    assert len(found) == (ATTEMPTS if fault.retried and not waits_too_long else 1)
    for row in found:
        assert row["state"] == "settled"
        assert row["outcome"] == fault.outcome.value
        assert row["billed"] == {True: "yes", False: "no", None: "unknown"}[fault.billed]
    if fault.needs_deadline:
        assert took < 0.4 + 0.5
    if fault.hint is not None and fault.retried and isinstance(error, ProviderError):
        assert error.retry_after == pytest.approx(fault.hint, abs=1.5)
        assert error.retry_at is not None
        assert all(wait >= fault.hint for wait in no_sleep)
    assert "canary-7f3a" not in repr(error) + str(error)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_fault_that_passes_is_repeated_and_both_attempts_are_told(
    face: str, vendor_stub: VendorStub, photo: bytes, ledger_path: str, no_sleep: list[float]
) -> None:
    vendor_stub.on(ROUTE, Answer(status=503), default=Answer(json=GOOD, headers={"x-request-id": "r-2"}))
    result = call(face, vendor_stub, photo)
    assert [label.name for label in result.value.labels] == ["Cat", "Animal"]
    assert [attempt.outcome.value for attempt in result.attempts] == ["server", "done"]
    assert result.provenance.request_id == "r-2"
    assert result.cost.amount is None, "an attempt of unknown billing makes the sum unknown"
    assert len(rows(ledger_path)) == vendor_stub.count == 2
    assert len(no_sleep) == 1


@pytest.mark.parametrize("face", ["sync", "async"])
def test_ten_thousand_bytes_a_second_or_none_the_deadline_holds_for_connecting_too(
    face: str, vendor_stub: VendorStub, photo: bytes
) -> None:
    vendor_stub.close()  # nobody listens on its port any more
    with pytest.raises(Unavailable) as caught:
        call(face, vendor_stub, photo, deadline=5.0)
    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.billed is False


def test_connections_are_used_again(vendor_stub: VendorStub, photo: bytes) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=GOOD))
    with Broker(**options(vendor_stub)) as broker:
        for _ in range(5):
            broker.vision.label(photo)
        assert vendor_stub.open_connections == 1
    assert vendor_stub.count == 5


def test_a_hint_longer_than_the_deadline_is_raised_at_once_with_the_time_to_come_back(
    vendor_stub: VendorStub, photo: bytes, no_sleep: list[float]
) -> None:
    vendor_stub.on(ROUTE, default=Answer(status=429, headers={"retry-after": "107"}))
    with pytest.raises(Throttled) as caught:
        call("sync", vendor_stub, photo, deadline=10)
    assert caught.value.retry_after == 107
    assert no_sleep == []
    assert vendor_stub.count == 1


def test_respx_sees_what_rest_adapters_send(photo: bytes) -> None:
    respx = pytest.importorskip("respx")
    with (
        respx.mock as router,
        Broker(
            adapters=[AcmeAdapter],
            provider="acme",
            providers={"acme": {"endpoint": "https://api.acme.example", "key": "k"}},
        ) as broker,
    ):
        route = router.post("https://api.acme.example/v1/labels").respond(200, json=GOOD)
        result = broker.vision.label(photo)
        assert route.call_count == 1
        assert route.calls.last.request.content == photo
    assert [label.name for label in result.value.labels] == ["Cat", "Animal"]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_failed_call_tells_its_attempts_and_what_they_may_cost(
    face: str, vendor_stub: VendorStub, photo: bytes, no_sleep: list[float]
) -> None:
    vendor_stub.on(ROUTE, default=Answer(status=503))
    with pytest.raises(Unavailable) as caught:
        call(face, vendor_stub, photo)
    error = caught.value
    assert [attempt.number for attempt in error.attempts] == [1, 2, 3]
    assert {attempt.error for attempt in error.attempts} == {"Unavailable"}
    assert error.cost is not None
    assert error.cost.amount is None
    assert error.cost.billed.value == "unknown"
    assert error.call_id is not None
