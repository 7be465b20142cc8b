"""The gRPC stub, called through Google's own client."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.testing.grpc_stub import GrpcAnswer, GrpcBytes, GrpcError, GrpcFault, VisionGrpcStub

grpc: Any = pytest.importorskip("grpc", reason="needs the gcp extra")
vision: Any = pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
exceptions: Any = pytest.importorskip("google.api_core.exceptions")
transports: Any = pytest.importorskip("google.cloud.vision_v1.services.image_annotator.transports")
details: Any = pytest.importorskip("google.rpc.error_details_pb2")
duration: Any = pytest.importorskip("google.protobuf.duration_pb2")
credentials: Any = pytest.importorskip("google.auth.credentials")

LABELS: Any = {"labelAnnotations": [{"mid": "/m/0k4j", "description": "automobile", "score": 0.9776855}]}

LABELS_PB: Any = {"label_annotations": [{"description": "automobile", "score": 0.9}]}


@pytest.fixture
def grpc_stub() -> Iterator[VisionGrpcStub]:
    with VisionGrpcStub() as stub:
        yield stub


@pytest.fixture
def client(grpc_stub: VisionGrpcStub) -> Iterator[Any]:
    with grpc.insecure_channel(grpc_stub.target) as channel:
        transport = transports.ImageAnnotatorGrpcTransport(
            channel=channel, credentials=credentials.AnonymousCredentials()
        )
        yield vision.ImageAnnotatorClient(transport=transport)


def ask(client: Any, images: int = 1, timeout: float = 60.0) -> Any:
    request = vision.AnnotateImageRequest(
        image=vision.Image(content=b"picture"),
        features=[vision.Feature(type_=vision.Feature.Type.LABEL_DETECTION, max_results=50)],
    )
    return client.batch_annotate_images(requests=[request] * images, retry=None, timeout=timeout)


def test_an_answer_may_depend_on_what_was_sent(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.reply(lambda batch: {"responses": [LABELS for _ in batch.requests]})
    assert len(ask(client, images=3).responses) == 3
    assert len(ask(client).responses) == 1


def test_a_rest_answer_is_sent_as_it_is(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.reply({"responses": [LABELS, {"error": {"code": 3, "message": "bad image"}}]})
    reply = ask(client)
    assert reply.responses[0].label_annotations[0].description == "automobile"
    assert reply.responses[0].label_annotations[0].score == pytest.approx(0.9776855)
    assert reply.responses[1].error.code == 3
    assert len(reply.responses) == 2


def test_a_bare_answer_in_snake_case_comes_once_for_each_image(
    grpc_stub: VisionGrpcStub, client: Any
) -> None:
    grpc_stub.reply(
        {
            "label_annotations": [{"description": "dog", "score": 0.5}],
            "safe_search_annotation": {"adult": 1, "spoof": "VERY_LIKELY"},
            "a_field_of_next_year": {"x": 1},
        }
    )
    reply = ask(client, images=3)
    assert [answer.label_annotations[0].description for answer in reply.responses] == ["dog"] * 3
    assert reply.responses[0].safe_search_annotation.adult == vision.Likelihood.VERY_UNLIKELY
    assert reply.responses[0].safe_search_annotation.spoof == vision.Likelihood.VERY_LIKELY


def recorded() -> list[Path]:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("MLBROKER_TEST_FIXTURES", root.parent / "shared" / "fixtures"))
    return sorted(
        path for part in ("label", "multi_feature") for path in folder.glob(f"gcp/vision/{part}/*.json")
    )


@pytest.mark.skipif(not recorded(), reason="no recorded answers: set MLBROKER_TEST_FIXTURES")
def test_recorded_answers_come_through(grpc_stub: VisionGrpcStub, client: Any) -> None:
    for path in recorded():
        answer = json.loads(path.read_text())
        grpc_stub.reply(answer)
        (got,) = ask(client).responses
        inner = answer.get("responses", [answer])[0]
        expected = inner.get("labelAnnotations", inner.get("label_annotations", []))
        assert [label.description for label in got.label_annotations] == [
            label["description"] for label in expected
        ], path.name


def test_calls_are_counted_and_kept_decoded(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.reply(LABELS)
    ask(client, timeout=30.0)
    ask(client, timeout=30.0)
    assert grpc_stub.count == 2
    seen = grpc_stub.requests[0]
    assert seen.request.requests[0].image.content == b"picture"
    assert seen.request.requests[0].features[0].max_results == 50
    assert seen.time_remaining is not None
    assert 15.0 < seen.time_remaining < 33.0  # grpc rounds upwards
    assert "x-goog-api-client" in seen.metadata


def test_a_call_without_a_timeout_is_seen_as_such(grpc_stub: VisionGrpcStub) -> None:
    grpc_stub.reply(LABELS)
    with grpc.insecure_channel(grpc_stub.target) as channel:
        channel.unary_unary("/google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages")(b"")
    (seen,) = grpc_stub.requests
    assert seen.time_remaining is None


def test_an_error_carries_details_and_trailing_metadata(grpc_stub: VisionGrpcStub, client: Any) -> None:
    retry = details.RetryInfo(retry_delay=duration.Duration(seconds=7))
    quota = details.QuotaFailure(violations=[details.QuotaFailure.Violation(subject="per day")])
    grpc_stub.error(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "slow down",
        details=[retry, quota],
        trailing={"grpc-retry-pushback-ms": "250"},
    )
    with pytest.raises(exceptions.ResourceExhausted, match="slow down") as caught:
        ask(client)
    assert caught.value.details == [retry, quota]
    assert ("grpc-retry-pushback-ms", "250") in caught.value.errors[0].trailing_metadata()
    assert grpc_stub.count == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("UNAVAILABLE", "ServiceUnavailable"),
        ("UNAUTHENTICATED", "Unauthenticated"),
        ("INTERNAL", "InternalServerError"),
        ("DATA_LOSS", "DataLoss"),
        ("CANCELLED", "Cancelled"),
    ],
)
def test_every_code_can_be_sent(grpc_stub: VisionGrpcStub, client: Any, code: str, error: str) -> None:
    grpc_stub.error(grpc.StatusCode[code])
    with pytest.raises(getattr(exceptions, error)):
        ask(client)
    assert grpc_stub.count == 1


def test_a_hanging_call_ends_with_the_clients_deadline(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.script([LABELS], default=GrpcFault.HANG)
    ask(client)  # it is connected
    start = time.monotonic()
    with pytest.raises(exceptions.DeadlineExceeded):
        ask(client, timeout=2.5)
    assert 2.0 < time.monotonic() - start < 30
    assert grpc_stub.count == 2


def test_malformed_bytes_are_an_error_at_the_client(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.malformed()
    with pytest.raises(exceptions.InternalServerError, match="deserializing"):
        ask(client)
    assert grpc_stub.count == 1


def test_bytes_are_sent_as_they_are(grpc_stub: VisionGrpcStub, client: Any) -> None:
    answer = vision.BatchAnnotateImagesResponse.pb()(responses=[LABELS_PB])
    grpc_stub.script([GrpcBytes(answer.SerializeToString() + b"\xba\x3e\x03new")])
    assert ask(client).responses[0].label_annotations[0].description == "automobile"


def test_a_script_is_followed_call_by_call(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.script([GrpcError(grpc.StatusCode.UNAVAILABLE), GrpcFault.MALFORMED, LABELS])
    with pytest.raises(exceptions.ServiceUnavailable):
        ask(client)
    with pytest.raises(exceptions.InternalServerError):
        ask(client)
    assert ask(client).responses[0].label_annotations
    assert ask(client).responses[0].label_annotations
    grpc_stub.script([LABELS], default=GrpcError(grpc.StatusCode.ABORTED))
    assert ask(client).responses[0].label_annotations
    with pytest.raises(exceptions.Aborted):
        ask(client)
    assert grpc_stub.count == 6
    grpc_stub.reset()
    assert grpc_stub.count == 0
    with pytest.raises(exceptions.MethodNotImplemented, match="no script"):
        ask(client)


def test_an_answer_can_be_late(grpc_stub: VisionGrpcStub, client: Any) -> None:
    grpc_stub.script([GrpcAnswer(LABELS, delay=0.1)])
    caller = threading.Thread(target=ask, args=(client,))
    start = time.monotonic()
    caller.start()
    assert grpc_stub.wait_for(1)
    caller.join()
    assert time.monotonic() - start >= 0.1


def test_a_slip_in_an_answer_is_told_at_once(grpc_stub: VisionGrpcStub) -> None:
    with pytest.raises(Exception, match="score"):
        grpc_stub.reply({"labelAnnotations": [{"score": "much"}]})
    with pytest.raises(ValueError, match="a step or a default"):
        grpc_stub.script([])


def test_close_is_quick_with_calls_in_flight_and_leaves_no_thread() -> None:
    stub = VisionGrpcStub()
    stub.hang()
    with grpc.insecure_channel(stub.target) as channel:
        call = channel.unary_unary("/google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages")
        futures = [call.future(b"", timeout=90) for _ in range(5)]
        assert stub.wait_for(5)
        start = time.monotonic()
        stub.close()
        assert time.monotonic() - start < 30
        assert all(future.exception() is not None for future in futures)
    stub.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vision-grpc-stub")]
