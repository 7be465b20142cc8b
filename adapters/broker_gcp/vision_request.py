"""What is asked of Vision: one BatchAnnotateImages request for one picture or several, as plain protobuf.

Source: google/cloud/vision/v1/image_annotator.proto, as generated into google-cloud-vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from broker.types import (
    AnalyzeRequest,
    DetectTextRequest,
    FaceRequest,
    ImageModerationRequest,
    ImageRequest,
    LabelRequest,
    ObjectRequest,
    TextMode,
)
from broker_gcp.vision_languages import hint
from broker_gcp.vision_options import MODELS, TEXT_MODELS, Options, read_options

_COUNTED: dict[type[ImageRequest], str] = {
    LabelRequest: "LABEL_DETECTION",
    ObjectRequest: "OBJECT_LOCALIZATION",
    FaceRequest: "FACE_DETECTION",
}
"""Features of which Vision gives 10 results unless told otherwise."""
_TEXT = {TextMode.SCENE: "TEXT_DETECTION", TextMode.DOCUMENT: "DOCUMENT_TEXT_DETECTION"}
_SAFE_SEARCH = "SAFE_SEARCH_DETECTION"
_FEATURES = (*_COUNTED.values(), *_TEXT.values(), _SAFE_SEARCH)


class _Kinds(NamedTuple):
    request: Any
    field: str
    numbers: dict[str, int]


def request_bytes(requests: Sequence[ImageRequest]) -> bytes:
    """The serialized request, in the order of ``requests``. Raises :class:`BadInput` for a wrong option."""
    batch = _kinds().request()
    for request in requests:
        one = batch.requests.add()
        one.image.content = request.image.data
        _ask(one, request)
    content: bytes = batch.SerializeToString()
    return content


def _ask(one: Any, request: ImageRequest) -> None:
    """The features of one picture, and what goes with them."""
    models = TEXT_MODELS if isinstance(request, DetectTextRequest) else MODELS
    options = read_options(request.extensions, models)
    for part in request.parts() if isinstance(request, AnalyzeRequest) else (request,):
        if isinstance(part, DetectTextRequest):
            _ask_text(one, part, options)
        elif isinstance(part, ImageModerationRequest):
            _add(one, _SAFE_SEARCH, options.model)
        else:
            _add(one, _COUNTED[type(part)], options.model, options.max_results)


def _ask_text(one: Any, request: DetectTextRequest, options: Options) -> None:
    _add(one, _TEXT[request.mode], options.model)
    if request.language is not None:
        one.image_context.language_hints.append(hint(request.language))
    settings = one.image_context.text_detection_params
    # Vision gives confidences of a document by default, of a scene only when asked.
    settings.enable_text_detection_confidence_score = True
    settings.advanced_ocr_options.extend(options.advanced_ocr)


def _add(one: Any, feature: str, model: str, most: int = 0) -> None:
    kinds = _kinds()
    one.features.add(**{kinds.field: kinds.numbers[feature]}, max_results=most, model=model)


@cache
def _kinds() -> _Kinds:
    """Imported on first use: Google's library takes a second to load."""
    from google.cloud.vision_v1.types import image_annotator as types

    # The generated classes avoid Python's words: the proto's field "type" is "type_" there.
    kinds: Any = types.Feature.Type
    field = "type_" if "type_" in types.Feature.pb().DESCRIPTOR.fields_by_name else "type"
    return _Kinds(
        types.BatchAnnotateImagesRequest.pb(), field, {name: int(kinds[name]) for name in _FEATURES}
    )
