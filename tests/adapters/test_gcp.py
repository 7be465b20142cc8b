"""The Google adapter against a loopback gRPC server."""

from __future__ import annotations

import os
import socket
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from adapter_support import CANARY, FIXTURES, close, load, no_module, raised, recorded
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details

from broker import errors
from broker.testing.deadlines import ended_by_deadline
from broker.testing.grpc_stub import VisionGrpcStub
from broker_gcp import GcpAdapter, GcpSettings
from broker_gcp import faults as gcp_faults

Code = grpc.StatusCode
"""TLS on loopback: credentials are used, and nothing answers."""
LABEL = {"mid": "/m/01yrx", "description": "Cat", "score": 0.98}


@pytest.fixture
def vision() -> Iterator[VisionGrpcStub]:
    with VisionGrpcStub() as server:
        yield server


@pytest.fixture
def gcp(vision: VisionGrpcStub) -> Iterator[GcpAdapter]:
    adapter = GcpAdapter(GcpSettings(endpoint=f"http://{vision.target}"))
    yield adapter
    adapter.close()


def answers(path: Path) -> Any:
    """One image's answer; some recordings hold several images' or lack the envelope."""
    said = load(path)
    return said["responses"][0] if "responses" in said else said


ALL = [*recorded("gcp/vision/label"), *recorded("gcp/vision/multi_feature"), *recorded("gcp/vision/batch")]


@pytest.mark.parametrize("path", ALL)
def test_every_recorded_answer(path: Path, gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    said = answers(path)
    vision.reply({"responses": [said]})
    reply = gcp.label(ask(raw=True), attempt())
    expected = said.get("labelAnnotations", [])
    assert expected
    assert [label.name for label in reply.payload.labels] == [each["description"] for each in expected]
    assert [label.id for label in reply.payload.labels] == [each["mid"] for each in expected]
    for label, each in zip(reply.payload.labels, expected, strict=True):
        assert close(label.confidence.value, each["score"], 1e-7)
    (raw,) = reply.raw["responses"]
    assert [each["mid"] for each in raw["labelAnnotations"]] == [each["mid"] for each in expected]
    assert set(raw) == set(said)


def test_several_responses_for_one_picture_are_malformed(
    gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    vision.reply({"responses": [{"labelAnnotations": [LABEL]}, {}]})
    raised(lambda: gcp.label(ask(), attempt()), errors.MalformedReply)


def test_what_is_sent(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.reply({"responses": [{}]})
    request = ask(max_labels=1, min_confidence=0.9)
    assert gcp.label(request, attempt(20)).payload.labels == ()
    (seen,) = vision.requests
    (one,) = seen.request.requests
    assert one.image.content == request.image.data
    assert [(feature.type_, feature.max_results) for feature in one.features] == [(4, 100)]
    assert seen.metadata["x-goog-api-client"].startswith("mlbroker gl-python/")
    assert "authorization" not in seen.metadata
    assert 0 < seen.time_remaining <= 20


def test_options_narrow(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.reply({"responses": [{}]})
    gcp.label(ask(extensions={"gcp_max_results": 3, "gcp_model": "builtin/latest"}), attempt())
    (feature,) = vision.requests[0].request.requests[0].features
    assert (feature.max_results, feature.model) == (3, "builtin/latest")
    for wrong in (
        {"gcp_max_results": "3"},
        {"gcp_max_results": 0},
        {"gcp_max_results": True},
        {"gcp_model": 1},
    ):
        raised(lambda wrong=wrong: gcp.label(ask(extensions=wrong), attempt()), errors.BadInput)
    assert vision.count == 1


@pytest.mark.parametrize(
    ("score", "value", "raw", "clamped"),
    [
        (0.5, 0.5, 0.5, False),
        (1.5, 1.0, 1.5, True),
        (-0.5, 0.0, -0.5, True),
        ("NaN", None, "NaN", True),
        (None, None, None, False),
    ],
)
def test_confidences(
    score: Any, value: Any, raw: Any, clamped: bool, gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    label = {"description": "Cat"} | ({} if score is None else {"score": score})
    vision.reply({"responses": [{"labelAnnotations": [label], "futureField": 1}]})
    (seen,) = gcp.label(ask(), attempt()).payload.labels
    assert (seen.confidence.value, seen.confidence.raw, seen.confidence.clamped) == (value, raw, clamped)
    assert seen.id is None


@pytest.mark.parametrize(
    "answer", [{"responses": []}, {"responses": [{"labelAnnotations": [{"mid": "/m/1"}]}]}]
)
def test_unusable_answers_are_malformed_never_empty(
    answer: Any, gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    vision.reply(answer)
    assert raised(lambda: gcp.label(ask(), attempt()), errors.MalformedReply).billed is True


def test_broken_bytes_are_malformed(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.malformed()
    assert raised(lambda: gcp.label(ask(), attempt()), errors.MalformedReply).billed is True
    assert vision.count == 1


STATUSES = [
    (Code.INVALID_ARGUMENT, errors.BadInput, errors.Outcome.REJECTED),
    (Code.FAILED_PRECONDITION, errors.BadInput, errors.Outcome.REJECTED),
    (Code.OUT_OF_RANGE, errors.BadInput, errors.Outcome.REJECTED),
    (Code.NOT_FOUND, errors.BadInput, errors.Outcome.REJECTED),
    (Code.ALREADY_EXISTS, errors.BadInput, errors.Outcome.REJECTED),
    (Code.UNIMPLEMENTED, errors.BadInput, errors.Outcome.REJECTED),
    (Code.UNAUTHENTICATED, errors.AuthFailed, errors.Outcome.REJECTED),
    (Code.PERMISSION_DENIED, errors.AuthFailed, errors.Outcome.REJECTED),
    (Code.RESOURCE_EXHAUSTED, errors.Throttled, errors.Outcome.THROTTLED),
    (Code.UNAVAILABLE, errors.Unavailable, errors.Outcome.SERVER),
    (Code.INTERNAL, errors.Unavailable, errors.Outcome.SERVER),
    (Code.ABORTED, errors.Unavailable, errors.Outcome.SERVER),
    (Code.CANCELLED, errors.Unavailable, errors.Outcome.AMBIGUOUS),
    (Code.DATA_LOSS, errors.Unavailable, errors.Outcome.AMBIGUOUS),
    (Code.UNKNOWN, errors.ProviderFault, errors.Outcome.UNKNOWN),
    (Code.DEADLINE_EXCEEDED, errors.DeadlineExceeded, errors.Outcome.AMBIGUOUS),
]


@pytest.mark.parametrize(("code", "kind", "outcome"), STATUSES, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("warm", [False, True], ids=["first", "later"])
def test_statuses(
    warm: bool, code: Any, kind: Any, outcome: Any, gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    if warm:
        vision.reply({"responses": [{}]})
        gcp.label(ask(), attempt())
    vision.error(code, "no")
    before = vision.count
    error = raised(lambda: gcp.label(ask(), attempt()), kind)
    assert type(error) is kind
    assert error.outcome is outcome
    assert isinstance(error.__cause__, grpc.RpcError)
    assert vision.count == before + 1


def test_every_grpc_status_has_a_row() -> None:
    names = {code.name for code in Code} - {"OK"}
    assert names <= set(gcp_faults.TABLE)
    assert (
        tuple(sorted((code.name for code in Code), key=lambda name: Code[name].value[0])) == gcp_faults.NAMES
    )


def reason(name: str) -> Any:
    return details.ErrorInfo(reason=name, domain="googleapis.com")


@pytest.mark.parametrize(
    ("code", "detail", "kind", "words"),
    [
        (Code.INVALID_ARGUMENT, reason("API_KEY_INVALID"), errors.AuthFailed, "api_key"),
        (Code.PERMISSION_DENIED, reason("SERVICE_DISABLED"), errors.AuthFailed, "gcloud services enable"),
        (Code.PERMISSION_DENIED, reason("BILLING_DISABLED"), errors.AuthFailed, "billing"),
        (Code.UNAUTHENTICATED, reason("ACCESS_TOKEN_EXPIRED"), errors.AuthFailed, "gcloud"),
        (Code.RESOURCE_EXHAUSTED, reason("RATE_LIMIT_EXCEEDED"), errors.Throttled, ""),
        (Code.PERMISSION_DENIED, reason("SOMETHING_NEW"), errors.AuthFailed, "SOMETHING_NEW"),
        (
            Code.RESOURCE_EXHAUSTED,
            details.QuotaFailure(violations=[{"subject": "p", "description": "Requests per day"}]),
            errors.QuotaExhausted,
            "",
        ),
        (
            Code.RESOURCE_EXHAUSTED,
            details.QuotaFailure(violations=[{"subject": "p", "description": "Requests per minute"}]),
            errors.Throttled,
            "",
        ),
        (
            Code.RESOURCE_EXHAUSTED,
            details.ErrorInfo(
                reason="RATE_LIMIT_EXCEEDED", metadata={"quota_limit": "RequestsPerDayPerProject"}
            ),
            errors.QuotaExhausted,
            "",
        ),
    ],
    ids=str,
)
def test_details(
    code: Any, detail: Any, kind: Any, words: str, gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    vision.error(code, "no", details=[detail])
    error = raised(lambda: gcp.label(ask(), attempt()), kind)
    assert type(error) is kind
    assert words in str(error)


def test_retry_hints(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    info = details.RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))
    vision.error(Code.RESOURCE_EXHAUSTED, details=[info])
    assert raised(lambda: gcp.label(ask(), attempt()), errors.Throttled).retry_after == 2.5
    vision.error(Code.UNAVAILABLE, trailing={"grpc-retry-pushback-ms": "700"})
    assert raised(lambda: gcp.label(ask(), attempt()), errors.Unavailable).retry_after == 0.7


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (3, errors.BadInput),
        (7, errors.AuthFailed),
        (8, errors.Throttled),
        (13, errors.Unavailable),
        (14, errors.Unavailable),
        (4, errors.Unavailable),
        (99, errors.ProviderFault),
    ],
)
def test_an_error_inside_the_answer(
    code: int, kind: Any, gcp: Any, vision: Any, attempt: Any, ask: Any
) -> None:
    vision.reply({"responses": [{"error": {"code": code, "message": "Bad image data."}}]})
    error = raised(lambda: gcp.label(ask(), attempt()), kind)
    assert type(error) is kind
    assert "Bad image data." in str(error)


def test_an_empty_error_is_no_error(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.reply({"responses": [{"error": {}, "labelAnnotations": [LABEL]}]})
    assert len(gcp.label(ask(), attempt()).payload.labels) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_never_connected_is_not_sent(attempt: Any, ask: Any) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=f"127.0.0.1:{free_port()}"))
    for _ in range(3):
        error = raised(lambda: adapter.label(ask(), attempt()), errors.Unavailable)
        assert error.outcome is errors.Outcome.NOT_SENT
    adapter.close()


def test_a_server_that_goes_away(attempt: Any, ask: Any) -> None:
    with VisionGrpcStub() as vision:
        adapter = GcpAdapter(GcpSettings(endpoint=vision.target))
        vision.reply({"responses": [{}]})
        adapter.label(ask(), attempt())
    first = raised(lambda: adapter.label(ask(), attempt()), errors.Unavailable)
    assert first.billed is None or first.outcome is errors.Outcome.NOT_SENT
    later = raised(lambda: adapter.label(ask(), attempt()), errors.Unavailable)
    assert later.outcome is errors.Outcome.NOT_SENT
    adapter.close()


@pytest.mark.realtime
def test_a_hanging_server_cannot_pass_the_deadline(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.hang()
    error = ended_by_deadline(lambda seconds: gcp.label(ask(), attempt(seconds)), lambda: vision.count)
    assert type(error) is errors.DeadlineExceeded
    assert error.outcome is errors.Outcome.AMBIGUOUS
    assert vision.count == 1


@pytest.mark.realtime
def test_a_mute_port_is_not_sent(attempt: Any, ask: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        adapter = GcpAdapter(GcpSettings(endpoint=f"127.0.0.1:{mute.getsockname()[1]}"))
        error = raised(lambda: adapter.label(ask(), attempt(0.3)), errors.DeadlineExceeded)
        assert error.outcome is errors.Outcome.NOT_SENT
        adapter.close()


def test_no_time_left(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    error = raised(lambda: gcp.label(ask(), attempt(-1)), errors.DeadlineExceeded)
    assert error.outcome is errors.Outcome.NOT_SENT
    assert vision.count == 0


def test_secrets_stay_inside(vision: Any, attempt: Any, ask: Any) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=vision.target, api_key=CANARY))
    vision.error(Code.INVALID_ARGUMENT, f"the key {CANARY} is not valid")
    error = raised(lambda: adapter.label(ask(), attempt()), errors.BadInput)
    assert vision.requests[0].metadata["x-goog-api-key"] == CANARY
    shown = [str(error), repr(error), "".join(traceback.format_exception(error)), repr(error.__cause__)]
    shown += [repr(adapter), repr(adapter._settings), repr(adapter.setup())]
    assert CANARY not in "\n".join(shown)
    adapter.close()


# ---------------------------------------------------------------------- credentials


def test_missing_extra(attempt: Any, ask: Any, monkeypatch: Any) -> None:
    adapter = GcpAdapter(GcpSettings(api_key="k"))  # type: ignore[arg-type]
    with no_module(monkeypatch, "google.cloud.vision_v1"):
        error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
        assert "mlbroker[gcp]" in adapter.setup().problem
    assert "pip install 'mlbroker[gcp]'" in str(error)


def test_a_forked_child_makes_its_own_channel(gcp: Any) -> None:
    mine = gcp._lines.line()
    assert gcp._lines.line() is mine
    gcp._lines._line._lock.acquire()
    gcp._lines._line._pid = os.getpid() + 1
    theirs = gcp._lines.line()
    assert theirs is not mine
    mine.channel.close()


def test_threads_share_one_channel(gcp: Any, vision: Any, attempt: Any, ask: Any) -> None:
    vision.reply({"responses": [{"labelAnnotations": [LABEL]}]})
    context, seen = attempt(), []

    def work() -> None:
        seen.extend(len(gcp.label(ask(), context).payload.labels) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 30


def test_the_recorded_error_shape() -> None:
    """Google's REST error, as published, names the code that the table maps."""
    path = FIXTURES / "gcp/vision/errors/losant-400-api-key-invalid.json"
    if not path.exists():
        pytest.skip(f"no {path}; set MLBROKER_TEST_FIXTURES")
    said = load(path)["error"]
    error = gcp_faults.mapped(
        said["status"], said["message"], gcp_faults.Details(reason="API_KEY_INVALID"), {}
    )
    assert isinstance(error, errors.AuthFailed)


def test_manifest(gcp: GcpAdapter) -> None:
    assert gcp.manifest.spec("vision.label").sku == "gcp.vision.label"
    raised(lambda: gcp.manifest.spec("vision.caption"), errors.Unsupported)
    setup = gcp.setup()
    assert setup.configured
    assert setup.data_use
