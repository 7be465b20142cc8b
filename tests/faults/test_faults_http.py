"""Every HTTP fault by every HTTP transport, under both facades: requests at the vendor equal attempts in the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from fault_support import (
    ATTEMPTS,
    BOTOCORE,
    CANARY,
    FACES,
    HTTP,
    PICTURE,
    REST,
    Caller,
    Family,
    billed_text,
    by_turns,
    script,
    shown,
)

from broker import Broker, MalformedReply, ProviderError, Throttled, Unavailable
from broker.testing.deadlines import ended_by_deadline
from broker.testing.faults import HTTP_FAULTS, NamedFault
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error
from broker.types import Image

faces = pytest.mark.parametrize("face", FACES)
families = pytest.mark.parametrize("family", HTTP, ids=lambda family: family.name)


@faces
@families
@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=str(each), marks=[pytest.mark.realtime] * each.needs_deadline) for each in HTTP_FAULTS],
)  # fmt: skip
def test_a_fault_is_told_rightly_and_every_request_is_in_the_ledger(
    fault: NamedFault, family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    limits = family.adapter.manifest.by_name["vision.label"].limits
    room = limits.max_bytes - len(PICTURE.data) - 1024 if limits is not None else fault.request_bytes
    image = Image.from_bytes(PICTURE.data + bytes(min(fault.request_bytes, room)))
    good = 0

    def late(seconds: float) -> None:
        """Behind a good call: making a client takes longer than a short deadline."""
        vendor_stub.on(family.route, Answer(json=family.labels("Cat")), default=fault.step(family.vendor))
        more = {"times": 2, "patient": 20.0, "between": count_the_good}
        call(face, family, vendor_stub.url, image, deadline=seconds, **more)

    def count_the_good() -> None:
        nonlocal good
        good += 1

    if fault.needs_deadline:
        error = ended_by_deadline(late, lambda: vendor_stub.count - good)
    else:
        vendor_stub.on(family.route, default=fault.step(family.vendor))
        with pytest.raises(fault.error) as caught:
            call(face, family, vendor_stub.url, image, deadline=20.0)
        error = caught.value

    assert type(error) is fault.error
    assert (error.outcome, error.billed) == (fault.outcome, fault.billed)
    rows = [row for row in call.rows() if row["call_id"] == error.call_id]
    assert vendor_stub.count - good == len(rows) == len(error.attempts)
    waits_too_long = fault.hint is not None and fault.hint > 20
    assert len(rows) == (ATTEMPTS if fault.retried and not waits_too_long else 1)
    told = {(row["state"], row["outcome"], row["billed"]) for row in rows}
    assert told == {("settled", fault.outcome.value, billed_text(error))}
    if isinstance(error, ProviderError):
        assert error.provider == family.provider
        if fault.status is not None:
            assert error.status == fault.status
        if fault.hint is not None:
            assert error.retry_after == pytest.approx(fault.hint, abs=1.5)
            assert error.retry_at is not None
    assert CANARY not in shown(error)
    assert CANARY.encode() not in call.bytes()


@faces
@families
def test_31_throttling_as_http_400_is_known_by_its_code(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    """AWS's JSON protocol; the others say 429, and a 400 of theirs is a refusal whatever it is called."""
    vendor_stub.on(family.route, default=aws_error("ThrottlingException", "Rate exceeded", 400))
    expected = Throttled if family is BOTOCORE else ProviderError
    with pytest.raises(expected) as caught:
        call(face, family, vendor_stub.url)
    assert caught.value.billed is False
    assert vendor_stub.count == len(call.rows()) == (ATTEMPTS if family is BOTOCORE else 1)


@faces
@families
def test_33_a_fault_that_passes_is_repeated_and_both_attempts_are_told(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    script(vendor_stub, family, Answer(status=503))
    result = call(face, family, vendor_stub.url)
    assert [label.name for label in result.value.labels] == ["Cat"]
    assert [attempt.outcome.value for attempt in result.attempts] == ["server", "done"] == call.outcomes()
    assert result.cost.amount is None, "an attempt of unknown billing makes the sum unknown"
    assert vendor_stub.count == 2
    assert len(call.slept) == 1


@faces
@families
def test_33_a_failed_call_tells_its_attempts_and_what_they_may_cost(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    vendor_stub.on(family.route, default=Answer(status=503))
    with pytest.raises(Unavailable) as caught:
        call(face, family, vendor_stub.url)
    error = caught.value
    assert [attempt.number for attempt in error.attempts] == [1, 2, 3]
    assert {attempt.error for attempt in error.attempts} == {"Unavailable"}
    assert error.cost is not None
    assert (error.cost.amount, error.cost.billed.value) == (None, "unknown")
    assert error.call_id is not None


@families
@by_turns("status", [201, 202, 204, 206, 207])
def test_13_a_2xx_that_is_no_answer_is_malformed_and_counts_as_billed(
    status: int, family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    """Even with a body that looks like one: 202 means accepted and not done, 206 a part."""
    vendor_stub.on(family.route, default=Answer(status=status, json=family.labels("Cat")))
    with pytest.raises(MalformedReply) as caught:
        call(face, family, vendor_stub.url)
    assert caught.value.billed is True
    assert caught.value.status == status
    assert vendor_stub.count == 1
    assert call.outcomes() == ["bad_reply"]


@families
@by_turns("status", [301, 302, 303, 307, 308])
def test_14_no_redirect_is_followed_and_no_credential_goes_elsewhere(
    status: int, family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    with VendorStub() as elsewhere:
        away = Answer(status=status, headers={"location": f"{elsewhere.url}/steal"})
        vendor_stub.on(family.route, default=away)
        with pytest.raises(ProviderError) as caught:
            call(face, family, vendor_stub.url)
        assert elsewhere.count == 0
    assert "redirect" in str(caught.value)
    assert caught.value.billed is False
    assert (vendor_stub.count, call.outcomes()) == (1, ["rejected"])


@faces
@families
@pytest.mark.parametrize("again", [False, True], ids=["", "retry_ambiguous"])
def test_6_a_lost_answer_is_repeated_only_when_asked_to(
    again: bool, family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    from broker.testing.script import Fault

    script(vendor_stub, family, Fault.reset_after_body())
    if again:
        result = call(face, family, vendor_stub.url, retry_ambiguous=True)
        assert [attempt.outcome.value for attempt in result.attempts] == ["ambiguous", "done"]
        assert result.cost.amount is None, "it may have been billed twice"
    else:
        with pytest.raises(Unavailable):
            call(face, family, vendor_stub.url)
    assert vendor_stub.count == len(call.rows()) == 1 + again


def test_connections_are_used_again(vendor_stub: VendorStub, call: Caller) -> None:
    vendor_stub.on(REST.route, default=Answer(json=REST.labels("Cat")))
    with Broker(**call.options(REST, vendor_stub.url)) as broker:
        for _ in range(5):
            broker.vision.label(PICTURE)
        assert vendor_stub.open_connections == 1
    assert vendor_stub.count == 5


def test_respx_sees_what_rest_adapters_send(call: Caller) -> None:
    respx = pytest.importorskip("respx")
    url = "https://api.acme.example"
    with respx.mock as router, Broker(**call.options(REST, url)) as broker:
        route = router.post(f"{url}{REST.route}").respond(200, json=REST.labels("Cat", "Animal"))
        result: Any = broker.vision.label(PICTURE)
        assert route.call_count == 1
        assert route.calls.last.request.content == PICTURE.data
    assert [label.name for label in result.value.labels] == ["Cat", "Animal"]
