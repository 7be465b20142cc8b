"""What the AWS tests share: an adapter that leads to the stub, each operation's route and least answer, texts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapter_support import CANARY, picture

from broker.testing.script import SeenRequest
from broker.types import (
    AnalyzeRequest,
    BatchRequest,
    DetectTextRequest,
    EntityRequest,
    FaceRequest,
    Image,
    ImageModerationRequest,
    KeyPhraseRequest,
    LabelRequest,
    LanguageRequest,
    ObjectRequest,
    PiiRequest,
    RedactRequest,
    SentimentRequest,
    TextModerationRequest,
)
from broker_aws import AwsAdapter, AwsSettings

KEYS: dict[str, Any] = {
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "secret_access_key": CANARY,
    "session_token": CANARY,
}
SERVICES = {"RekognitionService": "rekognition", "Textract": "textract", "Comprehend_20171127": "comprehend"}
TEXT = "Café in Seattle 🌦 and 東京 today"


def adapter(url: str, **options: Any) -> AwsAdapter:
    return AwsAdapter(AwsSettings(region="us-east-1", endpoint=url, **KEYS, **options))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method of the adapter.

    :param member: what the answer must hold.
    :param empty: an answer that says "nothing found", or the least there can be.
    :param found: what of the payload is empty then.
    """

    method: str
    target: str
    request: Callable[[], Any]
    member: str
    empty: dict[str, Any]
    found: Callable[[Any], Any]

    def __str__(self) -> str:
        return f"{self.method}-{self.target.rpartition('.')[2]}"


def _batch(kind: Any, **options: Any) -> Callable[[], BatchRequest]:
    def make() -> BatchRequest:
        items = tuple(kind(text=each, **options) for each in (TEXT, "Second.", "Third."))
        return BatchRequest(items=items, **options)

    return make


def _cell(method: str, target: str, request: Any, member: str, found: Any, **more: Any) -> Cell:
    return Cell(
        method=method, target=target, request=request, member=member, found=found, empty={member: [], **more}
    )


EN: dict[str, Any] = {"language": "en"}
PICTURES = (
    _cell(
        "label",
        "RekognitionService.DetectLabels",
        lambda: LabelRequest(image=picture()),
        "Labels",
        lambda found: found.labels,
    ),
    _cell(
        "detect_objects",
        "RekognitionService.DetectLabels",
        lambda: ObjectRequest(image=picture()),
        "Labels",
        lambda found: found.objects,
    ),
    _cell(
        "analyze",
        "RekognitionService.DetectLabels",
        lambda: AnalyzeRequest(image=picture(), operations=("label", "detect_objects")),
        "Labels",
        lambda found: (*found.labels.labels, *found.objects.objects),
    ),
    _cell(
        "detect_text",
        "RekognitionService.DetectText",
        lambda: DetectTextRequest(image=picture()),
        "TextDetections",
        lambda found: found.lines,
    ),
    _cell(
        "detect_text",
        "Textract.DetectDocumentText",
        lambda: DetectTextRequest(image=picture(), mode="document"),  # type: ignore[arg-type]
        "Blocks",
        lambda found: found.lines,
    ),
    _cell(
        "detect_faces",
        "RekognitionService.DetectFaces",
        lambda: FaceRequest(image=picture()),
        "FaceDetails",
        lambda found: found.faces,
    ),
    _cell(
        "moderate_image",
        "RekognitionService.DetectModerationLabels",
        lambda: ImageModerationRequest(image=picture()),
        "ModerationLabels",
        lambda found: found.labels,
    ),
)
TEXTS = (
    Cell(
        method="sentiment",
        target="Comprehend_20171127.DetectSentiment",
        request=lambda: SentimentRequest(text=TEXT, **EN),
        member="Sentiment",
        empty={"Sentiment": "NEUTRAL"},
        found=lambda found: found.sentences or (),
    ),
    _cell(
        "entities",
        "Comprehend_20171127.DetectEntities",
        lambda: EntityRequest(text=TEXT, **EN),
        "Entities",
        lambda found: found.entities,
    ),
    _cell(
        "key_phrases",
        "Comprehend_20171127.DetectKeyPhrases",
        lambda: KeyPhraseRequest(text=TEXT, **EN),
        "KeyPhrases",
        lambda found: found.phrases,
    ),
    _cell(
        "detect_language",
        "Comprehend_20171127.DetectDominantLanguage",
        lambda: LanguageRequest(text=TEXT),
        "Languages",
        lambda found: found.languages,
    ),
    _cell(
        "detect_pii",
        "Comprehend_20171127.DetectPiiEntities",
        lambda: PiiRequest(text=TEXT, **EN),
        "Entities",
        lambda found: found.entities,
    ),
    _cell(
        "redact",
        "Comprehend_20171127.DetectPiiEntities",
        lambda: RedactRequest(text=TEXT, **EN),
        "Entities",
        lambda found: found.entities,
    ),
    Cell(
        method="moderate_text",
        target="Comprehend_20171127.DetectToxicContent",
        request=lambda: TextModerationRequest(text=TEXT, **EN),
        member="ResultList",
        empty={"ResultList": [{"Labels": []}]},
        found=lambda found: found.labels,
    ),
)
BATCHES = (
    _cell(
        "sentiment_batch",
        "Comprehend_20171127.BatchDetectSentiment",
        _batch(SentimentRequest, **EN),
        "ResultList",
        None,
        ErrorList=[],
    ),
    _cell(
        "entities_batch",
        "Comprehend_20171127.BatchDetectEntities",
        _batch(EntityRequest, **EN),
        "ResultList",
        None,
        ErrorList=[],
    ),
    _cell(
        "key_phrases_batch",
        "Comprehend_20171127.BatchDetectKeyPhrases",
        _batch(KeyPhraseRequest, **EN),
        "ResultList",
        None,
        ErrorList=[],
    ),
    _cell(
        "detect_language_batch",
        "Comprehend_20171127.BatchDetectDominantLanguage",
        _batch(LanguageRequest),
        "ResultList",
        None,
        ErrorList=[],
    ),
    Cell(
        method="moderate_text_batch",
        target="Comprehend_20171127.DetectToxicContent",
        request=_batch(TextModerationRequest, **EN),
        member="ResultList",
        empty={"ResultList": [{"Labels": []}] * 3},
        found=lambda found: [label for item in found.items for label in item.payload.labels],
    ),
)
EVERY = (*PICTURES, *TEXTS, *BATCHES)


def checked(request: SeenRequest) -> dict[str, Any]:
    """What was sent, if botocore's own model of the operation takes it."""
    import botocore.session
    from botocore.validate import validate_parameters

    prefix, operation = request.headers["x-amz-target"].split(".")
    model = botocore.session.get_session().get_service_model(SERVICES[prefix]).operation_model(operation)
    sent: Any = request.json()
    for holder in ("Image", "Document"):
        if holder in sent:
            sent[holder]["Bytes"] = base64.b64decode(sent[holder]["Bytes"], validate=True)
    validate_parameters(sent, model.input_shape)
    assert isinstance(sent, dict)
    return sent


def enum(service: str, shape: str) -> set[str]:
    """All values of an enumeration in botocore's model."""
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    return set(model.shape_for(shape).metadata["enum"])


def turned(format: str, orientation: int) -> Image:
    """A picture whose EXIF data says that it is to be turned."""
    tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + b"\0\0\0\0\0\0"
    if format == "png":
        chunk = len(tiff).to_bytes(4, "big") + b"eXIf" + tiff + bytes(4)
        data = b"\x89PNG\r\n\x1a\n" + chunk + bytes(4) + b"IEND"
    else:
        body = b"Exif\0\0" + tiff
        data = b"\xff\xd8\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + b"\xff\xd9"
    made = Image(data=data, format=format, width=640, height=480)
    assert made.orientation == orientation
    return made
