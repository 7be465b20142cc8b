"""How AWS's recordings are played, and its own service models as the judge of what is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from recorded_support import KEYS, ask

from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub

PREFIXES = {"RekognitionService": "rekognition", "Textract": "textract", "Comprehend_20171127": "comprehend"}
REKOGNITION, TEXTRACT, COMPREHEND = "RekognitionService.", "Textract.", "Comprehend_20171127."


def section(stub: VendorStub) -> dict[str, Any]:
    """Settings that lead to the stub."""
    return {"endpoint": stub.url, "region": "us-east-1", **KEYS}


def load(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def played(
    face: str, operation: str, source: Any, target: str, body: Any, stub: VendorStub, **call: Any
) -> Any:
    """The result of one call that is answered with a recording; one request, valid by the vendor's model."""
    stub.on(target, default=Answer(json=body))
    result = ask(face, operation, source, "aws", section(stub), **call)
    assert stub.count == len(result.attempts) == 1
    (request,) = stub.requests
    assert request.headers["x-amz-target"] == target
    arguments(request)
    return result


def arguments(request: SeenRequest) -> dict[str, Any]:
    """What was sent, checked by botocore's own model of the operation."""
    import botocore.session
    from botocore.validate import validate_parameters

    prefix, operation = request.headers["x-amz-target"].split(".")
    model = botocore.session.get_session().get_service_model(PREFIXES[prefix]).operation_model(operation)
    sent: Any = request.json()
    for holder in ("Image", "Document"):
        if holder in sent:
            sent[holder]["Bytes"] = base64.b64decode(sent[holder]["Bytes"], validate=True)
    validate_parameters(sent, model.input_shape)
    assert isinstance(sent, dict)
    return sent


def document(mentions: Iterable[Mapping[str, Any]], least: int = 0) -> str:
    """A text in which each mention stands where the recording says, as far as its offsets allow."""
    text = ["x"] * least
    for each in mentions:
        begin, end, words = each.get("BeginOffset"), each.get("EndOffset"), each.get("Text", "")
        if begin is None or end is None:
            continue
        text.extend("x" * (end - len(text)))
        if words and len(words) == end - begin:
            text[begin:end] = words
    return "".join(text) or "x"
