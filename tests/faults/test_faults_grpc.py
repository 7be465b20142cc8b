"""Every fault of the gRPC transport, under both facades: calls at the vendor equal attempts in the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from fault_support import ATTEMPTS, CANARY, FACES, GRPC, Caller, billed_text, shown

from broker import (
    AuthFailed,
    BadInput,
    MalformedReply,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker.testing.deadlines import ended_by_deadline
from broker.testing.peer import GRPC_FAULTS, GrpcPeer, NamedGrpcFault

faces = pytest.mark.parametrize("face", FACES)


@faces
@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=str(each), marks=[pytest.mark.realtime] * each.needs_deadline) for each in GRPC_FAULTS],
)  # fmt: skip
def test_a_fault_is_told_rightly_and_every_call_is_in_the_ledger(
    fault: NamedGrpcFault, face: str, vision_grpc_stub: Any, call: Caller
) -> None:
    peer = GrpcPeer(vision_grpc_stub, {})
    peer.misbehave(fault)
    if fault.needs_deadline:
        error = ended_by_deadline(
            lambda seconds: call(face, GRPC, peer.url, deadline=seconds), lambda: peer.count
        )
    else:
        with pytest.raises(fault.error) as caught:
            call(face, GRPC, peer.url, deadline=20.0)
        error = caught.value

    assert type(error) is fault.error
    assert (error.outcome, error.billed) == (fault.outcome, fault.billed)
    rows = [row for row in call.rows() if row["call_id"] == error.call_id]
    assert peer.count == len(rows) == len(error.attempts) == (ATTEMPTS if fault.retried else 1)
    told = {(row["state"], row["outcome"], row["billed"]) for row in rows}
    assert told == {("settled", fault.outcome.value, billed_text(error))}
    if isinstance(error, ProviderError) and fault.hint is not None:
        assert error.retry_after == pytest.approx(fault.hint)
        assert error.retry_at is not None
    assert CANARY not in shown(error)
    assert CANARY.encode() not in call.bytes()


def test_the_table_knows_every_code_of_grpc() -> None:
    import grpc

    assert {fault.code for fault in GRPC_FAULTS} >= {code.name for code in grpc.StatusCode} - {"OK"}


@faces
@pytest.mark.parametrize(
    ("code", "error", "attempts"),
    [
        (3, BadInput, 1),
        (7, AuthFailed, 1),
        (8, Throttled, ATTEMPTS),
        (13, Unavailable, ATTEMPTS),
        (16, AuthFailed, 1),
        (99, ProviderFault, 1),
    ],
)
def test_47_an_error_inside_a_good_answer_is_that_error(
    code: int, error: Any, attempts: int, face: str, vision_grpc_stub: Any, call: Caller
) -> None:
    vision_grpc_stub.reply({"responses": [{"error": {"code": code, "message": "Bad image data."}}]})
    with pytest.raises(error) as caught:
        call(face, GRPC, f"http://{vision_grpc_stub.target}")
    assert type(caught.value) is error
    assert "Bad image data." in str(caught.value)
    assert vision_grpc_stub.count == len(call.rows()) == attempts


@faces
@pytest.mark.parametrize("answers", [0, 2])
def test_48_a_gap_or_a_surplus_in_the_answer_is_malformed(
    answers: int, face: str, vision_grpc_stub: Any, call: Caller
) -> None:
    one = {"labelAnnotations": [{"description": "Cat", "score": 0.9}]}
    vision_grpc_stub.reply({"responses": [one] * answers})
    with pytest.raises(MalformedReply) as caught:
        call(face, GRPC, f"http://{vision_grpc_stub.target}")
    assert caught.value.billed is True
    assert vision_grpc_stub.count == len(call.rows()) == 1


@faces
def test_33_a_fault_that_passes_is_repeated_and_both_attempts_are_told(
    face: str, vision_grpc_stub: Any, call: Caller
) -> None:
    import grpc

    from broker.testing.grpc_stub import GrpcAnswer, GrpcError

    vision_grpc_stub.script([GrpcError(grpc.StatusCode.UNAVAILABLE), GrpcAnswer(GRPC.labels("Cat"))])
    result = call(face, GRPC, f"http://{vision_grpc_stub.target}")
    assert [attempt.outcome.value for attempt in result.attempts] == ["server", "done"] == call.outcomes()
    assert vision_grpc_stub.count == 2
    assert result.cost.amount is None


@faces
def test_27_a_quota_of_the_day_is_not_asked_again(face: str, vision_grpc_stub: Any, call: Caller) -> None:
    import grpc
    from google.rpc import error_details_pb2 as details

    violation = details.QuotaFailure.Violation(subject="p", description="Requests per day")
    vision_grpc_stub.error(
        grpc.StatusCode.RESOURCE_EXHAUSTED, details=[details.QuotaFailure(violations=[violation])]
    )
    with pytest.raises(QuotaExhausted) as caught:
        call(face, GRPC, f"http://{vision_grpc_stub.target}")
    assert caught.value.billed is False
    assert vision_grpc_stub.count == 1
