"""Answers the clouds really sent, played over loopback through the public client and the vendors' real SDKs."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path
from typing import Any

import pytest
from recorded_support import KEYS, RULES, ask, patterns, proving

from broker import AuthFailed
from broker.testing.script import Answer
from broker.testing.stub import VendorStub


def facts(result: Any) -> list[tuple[str, float | None]]:
    return [(label.name, label.confidence.value) for label in result.value.labels]


def same(seen: list[tuple[str, float | None]], said: list[tuple[str, float]], tolerance: float) -> None:
    assert [name for name, _ in seen] == [name for name, _ in said]
    for (_, value), (_, number) in zip(seen, said, strict=True):
        assert value == pytest.approx(number, abs=tolerance)


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("aws", "vision.label"))
def test_rekognition_says_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    pytest.importorskip("boto3", reason="needs the aws extra")
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.on("RekognitionService.DetectLabels", default=Answer(json=body))
    result = ask(
        face, "vision.label", photo, "aws", {"endpoint": vendor_stub.url, "region": "us-east-1", **KEYS}
    )
    same(facts(result), [(x["Name"], x["Confidence"] / 100) for x in body["Labels"]], 1e-9)
    assert [label.parents for label in result.value.labels] == [
        tuple(parent["Name"] for parent in x.get("Parents", ())) for x in body["Labels"]
    ]
    assert result.provenance.model_version == body.get("LabelModelVersion")
    assert result.raw["Labels"] == body["Labels"]
    assert vendor_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001000000000"
    (request,) = vendor_stub.requests
    sent = request.json()
    assert isinstance(sent, dict)
    assert sent["MaxLabels"] == 1000
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("gcp", "vision.label"))
def test_google_vision_says_what_the_recording_says(
    face: str, path: Path, vision_grpc_stub: Any, photo: bytes
) -> None:
    body = json.loads(path.read_text("utf-8"))
    answer = body["responses"][0] if "responses" in body else body
    items = answer.get("labelAnnotations", answer.get("label_annotations", []))
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.label", photo, "gcp", {"endpoint": f"http://{vision_grpc_stub.target}"})
    same(facts(result), [(x["description"], x["score"]) for x in items], 1e-6)  # scores travel as float32
    assert [label.id for label in result.value.labels] == [x.get("mid") for x in items]
    assert vision_grpc_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001500000000"
    (seen,) = vision_grpc_stub.requests
    (request,) = seen.request.requests
    assert request.image.content == photo


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("azure", "vision.label"))
def test_azure_image_analysis_says_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.on("/computervision/imageanalysis:analyze", default=Answer(json=body))
    result = ask(
        face,
        "vision.label",
        photo,
        "azure",
        {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus"},
    )
    same(facts(result), [(x["name"], x["confidence"]) for x in body["tagsResult"]["values"]], 1e-12)
    assert result.provenance.model_version == body["modelVersion"]
    assert vendor_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001000000000"
    (request,) = vendor_stub.requests
    assert request.params["features"] == "tags"
    assert request.body == photo


@pytest.mark.parametrize("path", proving("azure", "vision.label: refused credentials"))
def test_azures_own_words_for_a_wrong_key_are_kept(path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.on("/computervision/imageanalysis:analyze", default=Answer(status=401, json=body))
    with pytest.raises(AuthFailed, match="invalid subscription key") as caught:
        ask(
            "sync",
            "vision.label",
            photo,
            "azure",
            {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus"},
        )
    assert caught.value.billed is False
    assert vendor_stub.count == 1


def test_every_recorded_answer_is_in_the_manifest_once(fixtures_folder: Path) -> None:
    for path in fixtures_folder.rglob("*"):
        if path.is_file():
            name = path.relative_to(fixtures_folder).as_posix()
            rules = [
                rule for rule in RULES if any(fnmatch.fnmatch(name, pattern) for pattern in patterns(rule))
            ]
            assert len(rules) == 1, f"{name} matches {len(rules)} rules of tests/recorded/manifest"


def test_every_rule_of_the_manifest_proves_something_or_says_why_not() -> None:
    for rule in RULES:
        assert sum(key in rule for key in ("proves", "not_yet", "never")) == 1, rule
