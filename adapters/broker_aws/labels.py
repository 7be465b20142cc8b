"""Rekognition DetectLabels: the request from ours, our labels from the answer.

Source: the service model ``rekognition/2016-06-27`` of botocore and
docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from broker.contract import HttpReply, check_answered, one_image, redact
from broker.errors import BadInput, MalformedReply
from broker.types import Confidence, JsonValue, Label, LabelRequest, LabelSet, Request, Unit, Usage
from broker_aws.faults import request_id

EXTENSIONS = ("aws_min_confidence", "aws_max_labels", "aws_features", "aws_settings")
WIDEST_LABELS = 1000
_PROPERTIES = "IMAGE_PROPERTIES"
_FEATURES = ("GENERAL_LABELS", _PROPERTIES)
_PROPERTIES_USAGE = Usage(sku="aws.rekognition.image_properties", unit=Unit.IMAGE, quantity=Decimal(1))


def meter(request: Request) -> tuple[Usage, ...]:
    """One image; image properties, when asked for, are a second product with its own price."""
    features = request.extensions.get("aws_features")
    if isinstance(features, (list, tuple)) and _PROPERTIES in features:
        return (*one_image(request), _PROPERTIES_USAGE)
    return one_image(request)


def parameters(request: LabelRequest) -> dict[str, Any]:
    """Arguments of ``detect_labels``: the widest answer, unless the vendor's own options narrow it.

    Raises :class:`BadInput` for an option of the wrong type.
    """
    wanted: dict[str, Any] = {
        "Image": {"Bytes": b""},  # the picture itself is put in later, see clients.put_picture
        "MaxLabels": WIDEST_LABELS,
        "MinConfidence": 0,  # the service's own default of 55 would hide the rest
    }
    options = request.extensions
    if not options:
        return wanted
    if "aws_max_labels" in options:
        count = options["aws_max_labels"]
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise BadInput(f"aws_max_labels must be a whole number from 1, not {count!r:.80}")
        wanted["MaxLabels"] = count
    if "aws_min_confidence" in options:
        bar = options["aws_min_confidence"]
        if not isinstance(bar, (int, float)) or isinstance(bar, bool) or not 0 <= bar <= 100:
            raise BadInput(f"aws_min_confidence is Rekognition's own scale, 0 to 100, not {bar!r:.80}")
        wanted["MinConfidence"] = bar
    if "aws_features" in options:
        wanted["Features"] = _features(options["aws_features"])
    if "aws_settings" in options:
        settings = options["aws_settings"]
        if not isinstance(settings, dict):
            raise BadInput(
                f"aws_settings must be DetectLabels' Settings object, not {type(settings).__name__}"
            )
        wanted["Settings"] = settings
    return wanted


def _features(names: JsonValue) -> list[str]:
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"aws_features must be a list of {' and '.join(_FEATURES)}, not {names!r:.80}")
    features = [str(name) for name in names]
    unknown = [name for name in features if name not in _FEATURES]
    if unknown or "GENERAL_LABELS" not in features:
        raise BadInput(
            f"aws_features takes {' and '.join(_FEATURES)}, and labels need GENERAL_LABELS; not {names!r:.80}"
        )
    return features


def labels_of(reply: HttpReply) -> tuple[LabelSet, str | None, dict[str, JsonValue]]:
    """Labels, model version and the whole answer. Raises :class:`MalformedReply` for an unusable answer."""
    check_answered(reply, request_id=request_id(reply))
    try:
        body = reply.json()
    except MalformedReply as error:
        error.request_id = request_id(reply)
        raise
    if not isinstance(body, dict):
        raise _malformed(f"the answer is a JSON {type(body).__name__}, not an object", reply)
    items = body.get("Labels")
    if not isinstance(items, list):
        raise _malformed("the answer has no list Labels", reply)
    try:
        labels = tuple([_label(item) for item in items])
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed(f"a label is malformed: {redact(str(error))}", reply) from None
    version = body.get("LabelModelVersion")
    return LabelSet(labels=labels), version if isinstance(version, str) else None, body


def _label(item: Any) -> Label:
    if not isinstance(item, dict):
        raise TypeError(f"it is a {type(item).__name__}")
    name = item.get("Name")
    if not isinstance(name, str) or not name:
        raise TypeError("it has no Name")
    return Label(
        name=name,
        confidence=Confidence.percent(item.get("Confidence")),
        parents=_names(item.get("Parents")),
        aliases=_names(item.get("Aliases")),
        categories=_names(item.get("Categories")),
    )


def _names(items: Any) -> tuple[str, ...]:
    """Names of the related concepts, which older model versions do not give at all."""
    if not items:
        return ()
    if not isinstance(items, list):
        raise TypeError(f"related names are a {type(items).__name__}")
    names = [each.get("Name") if isinstance(each, dict) else None for each in items]
    return tuple([name for name in names if isinstance(name, str)])


def _malformed(text: str, reply: HttpReply) -> MalformedReply:
    return MalformedReply(text, status=reply.status, request_id=request_id(reply))
