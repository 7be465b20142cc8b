"""Several pictures, and several features of one picture, in one request to Google Vision; and what the ledger says."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import raised
from gcp_vision_support import SAFE, asked, charges, features, pixels, ratios, settings, together

from broker import Broker, errors
from broker.testing.grpc_stub import VisionGrpcStub
from broker_gcp import GcpAdapter, GcpSettings


@pytest.fixture
def vision() -> Iterator[VisionGrpcStub]:
    with VisionGrpcStub() as server:
        yield server


@pytest.fixture(scope="session")
def photos() -> list[bytes]:
    """Twenty pictures, each of another width."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    made = []
    for number in range(20):
        out = io.BytesIO()
        pillow.new("RGB", (20 + number, 16)).save(out, "PNG")
        made.append(out.getvalue())
    return made


def label(name: str) -> dict[str, Any]:
    return {"labelAnnotations": [{"description": name, "score": 0.5}]}


REFUSED = {"error": {"code": 3, "message": "Bad image data."}}


def test_sixteen_pictures_are_one_request_and_keep_their_order(
    vision: Any, photos: Any, ledger_path: str
) -> None:
    vision.reply({"responses": [label(f"picture {number}") for number in range(16)]})
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.label_many(photos[:16]))
    assert [item.index for item in items] == list(range(16))
    assert [item.value.labels[0].name for item in items] == [f"picture {number}" for number in range(16)]
    (seen,) = vision.requests
    assert [each.image.content for each in seen.request.requests] == photos[:16]
    assert all(features(each) == [(4, 100, "")] for each in seen.request.requests)
    assert charges(ledger_path) == [("gcp.vision.label", 16, 24_000)]


def test_seventeen_pictures_are_two_requests(vision: Any, photos: Any) -> None:
    vision.script([{"responses": [label(str(number)) for number in range(16)]}, {"responses": [label("16")]}])
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.label_many(photos[:17], concurrency=1))
    assert [item.value.labels[0].name for item in items] == [str(number) for number in range(17)]
    assert [len(seen.request.requests) for seen in vision.requests] == [16, 1]


def test_an_error_inside_an_ok_is_that_picture_s_own(vision: Any, photos: Any, ledger_path: str) -> None:
    vision.reply({"responses": [label("a"), REFUSED, label("c"), {"error": {"code": 13, "message": "oh"}}]})
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.label_many(photos[:4]))
    assert [item.ok for item in items] == [True, False, True, False]
    assert items[2].value.labels[0].name == "c"
    refused, broken = items[1].error, items[3].error
    assert isinstance(refused, errors.BadInput)
    assert isinstance(broken, errors.Unavailable)
    assert "Bad image data." in str(refused)
    # Refused pictures are not billed; of one that Google failed on nobody knows, so it counts.
    assert charges(ledger_path) == [("gcp.vision.label", 3, 4_500)]
    assert vision.count == 1


def test_where_every_picture_is_refused_nothing_is_billed(vision: Any, photos: Any, ledger_path: str) -> None:
    vision.reply({"responses": [REFUSED, REFUSED]})
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.detect_objects_many(photos[:2]))
    assert [type(item.error) for item in items] == [errors.BadInput, errors.BadInput]
    assert sum(amount for _, _, amount in charges(ledger_path)) == 0


def test_a_picture_without_its_answer_is_malformed_and_the_others_are_not(vision: Any, photos: Any) -> None:
    vision.reply({"responses": [{"safeSearchAnnotation": SAFE}, {}, {"safeSearchAnnotation": SAFE}]})
    with Broker(**settings(vision)) as broker:
        first, second, third = broker.vision.moderate_many(photos[:3])
    assert first.value == third.value
    assert isinstance(second.error, errors.MalformedReply)


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_answers_belongs_to_nobody(count: int, vision: Any, photos: Any) -> None:
    vision.reply({"responses": [label("a")] * count})
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.label_many(photos[:2]))
    assert [type(item.error) for item in items] == [errors.MalformedReply] * 2
    assert vision.count == 1


def test_a_request_stays_below_ten_megabytes(vision: Any, photos: Any, ledger_path: str) -> None:
    heavy = [each + bytes(4_000_000) for each in photos[:3]]
    vision.reply(label("a"))
    with Broker(**settings(vision)) as broker:
        items = list(broker.vision.label_many(heavy, concurrency=1))
    assert all(item.ok for item in items)
    assert [len(seen.request.requests) for seen in vision.requests] == [2, 1]
    assert all(seen.request.ByteSize() <= 10_000_000 for seen in vision.requests)
    assert sum(quantity for _, quantity, _ in charges(ledger_path)) == 3


WHOLE = {
    **label("cat"),
    "localizedObjectAnnotations": [
        {"name": "Cat", "score": 0.5, "boundingPoly": ratios((0.1, 0.1), (0.2, 0.2))}
    ],
    "textAnnotations": [{"description": "Hi", "boundingPoly": pixels((1, 1))}],
    "faceAnnotations": [{"boundingPoly": pixels((1, 1), (9, 9)), "detectionConfidence": 0.5}],
    "safeSearchAnnotation": SAFE,
}
METHODS = ["label", "detect_objects", "detect_text", "detect_faces", "moderate"]


@pytest.mark.parametrize("method", METHODS)
def test_many_give_what_single_calls_give(method: str, vision: Any, photos: Any) -> None:
    vision.reply(WHOLE)
    with Broker(**settings(vision)) as broker:
        items = list(getattr(broker.vision, f"{method}_many")(photos[:3], raw=True))
        singles = [getattr(broker.vision, method)(photo, raw=True) for photo in photos[:3]]
    for item, single in zip(items, singles, strict=True):
        assert item.value == single.value
        assert item.result.raw == single.raw
        assert item.result.cost.amount == single.cost.amount
    assert vision.count == 4


def test_documents_have_their_own_price_in_many_too(vision: Any, photos: Any, ledger_path: str) -> None:
    vision.reply({})
    with Broker(**settings(vision)) as broker:
        assert all(
            item.ok for item in broker.vision.detect_text_many(photos[:2], mode="document", language="de")
        )
    assert [features(each) for each in vision.requests[0].request.requests] == [[(11, 0, "")]] * 2
    assert list(vision.requests[0].request.requests[1].image_context.language_hints) == ["de"]
    assert charges(ledger_path) == [("gcp.vision.document_text", 2, 3_000)]


def test_a_batch_answers_each_item_in_place(vision: Any, attempt: Any) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=f"http://{vision.target}"))
    vision.reply({"responses": [label("a"), REFUSED]})
    reply = adapter.label_batch(together(asked("label", raw=True), asked("label")), attempt())
    first, second = reply.payload.items
    assert first.payload.labels[0].name == "a"
    assert first.raw["responses"][0]["labelAnnotations"][0]["description"] == "a"
    assert isinstance(second, errors.BadInput)
    wrong = together(asked("label"), asked("label", extensions={"gcp_max_results": 0}))
    raised(lambda: adapter.label_batch(wrong, attempt()), errors.BadInput)
    assert vision.count == 1
    adapter.close()


# ---------------------------------------------------------------------- analyze


def test_analyze_gives_each_part_as_a_single_call_does(vision: Any, photo: bytes, ledger_path: str) -> None:
    vision.reply(WHOLE)
    with Broker(**settings(vision)) as broker:
        found = broker.vision.analyze(photo, operations=METHODS)
        assert vision.count == 1
        assert charges(ledger_path) == [
            ("gcp.vision.face", 1, 1_500),
            ("gcp.vision.label", 1, 1_500),
            ("gcp.vision.object_localization", 1, 2_250),
            ("gcp.vision.safe_search", 1, 0),
            ("gcp.vision.text", 1, 1_500),
        ]
        assert str(found.cost.amount) == "0.006750000000"
        singles = [getattr(broker.vision, method)(photo).value for method in METHODS]
    value = found.value
    assert [value.labels, value.objects, value.text, value.faces, value.moderation] == singles
    assert value.captions is None


@pytest.mark.parametrize(
    ("operations", "options", "bill"),
    [
        (["moderate"], {}, [("gcp.vision.safe_search", 1, 1_500)]),
        (
            ["moderate", "detect_text"],
            {"mode": "document"},
            [("gcp.vision.document_text", 1, 1_500), ("gcp.vision.safe_search", 1, 1_500)],
        ),
        (["label", "moderate"], {}, [("gcp.vision.label", 1, 1_500), ("gcp.vision.safe_search", 1, 0)]),
    ],
)
def test_each_feature_is_in_the_ledger(
    operations: Any, options: Any, bill: Any, vision: Any, photo: bytes, ledger_path: str
) -> None:
    vision.reply({"safeSearchAnnotation": SAFE})
    with Broker(**settings(vision)) as broker:
        broker.vision.analyze(photo, operations=operations, **options)
    assert charges(ledger_path) == bill
    assert vision.count == 1


def test_a_feature_that_was_asked_for_and_is_missing(vision: Any, photo: bytes) -> None:
    vision.reply(label("cat"))
    with Broker(**settings(vision)) as broker:
        error = raised(
            lambda: broker.vision.analyze(photo, operations=["label", "moderate"]), errors.MalformedReply
        )
    assert error.billed is True
    assert vision.count == 1


def test_many_pictures_with_many_features_are_one_request(vision: Any, photos: Any, ledger_path: str) -> None:
    vision.reply({"responses": [WHOLE, REFUSED, WHOLE]})
    with Broker(**settings(vision)) as broker:
        first, second, third = broker.vision.analyze_many(photos[:3], operations=["label", "detect_faces"])
    assert first.value.labels == third.value.labels
    assert third.value.faces.frame.width == 22
    assert isinstance(second.error, errors.BadInput)
    assert vision.count == 1
    assert charges(ledger_path) == [("gcp.vision.face", 2, 3_000), ("gcp.vision.label", 2, 3_000)]


def test_captions_are_not_made_up(vision: Any, photo: bytes) -> None:
    with Broker(**settings(vision)) as broker:
        raised(lambda: broker.vision.analyze(photo, operations=["label", "caption"]), errors.Unsupported)
    assert vision.count == 0


def test_threads_do_not_mix_their_pictures(vision: Any, photos: Any) -> None:
    vision.reply(WHOLE)
    widths: list[tuple[int, int]] = []

    def work(number: int, broker: Broker) -> None:
        for _ in range(3):
            found = broker.vision.detect_faces(photos[number]).value
            assert found.frame is not None
            widths.append((number, found.frame.width))

    with Broker(**settings(vision)) as broker:
        threads = [threading.Thread(target=work, args=(number, broker)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(widths) == [(number, 20 + number) for number in range(8) for _ in range(3)]
