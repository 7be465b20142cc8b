"""Rekognition DetectLabels: labels, the objects among them, and both at once.

Source: the service model ``rekognition/2016-06-27`` of botocore and
docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from broker.contract import given, needed, one_image
from broker.errors import BadInput
from broker.types import Confidence, DetectedObject, Image, Label, LabelSet, ObjectSet, Request, Unit, Usage
from broker_aws import options, places
from broker_aws.wire import NO_PICTURE

METHOD = "detect_labels"
EXTENSIONS = ("aws_min_confidence", "aws_max_labels", "aws_features", "aws_settings")
VERSION = "LabelModelVersion"
WIDEST_LABELS = 1000
_PROPERTIES = "IMAGE_PROPERTIES"
_FEATURES = ("GENERAL_LABELS", _PROPERTIES)
_PROPERTIES_USAGE = Usage(sku="aws.rekognition.image_properties", unit=Unit.IMAGE, quantity=Decimal(1))


def meter(request: Request) -> tuple[Usage, ...]:
    """One image, also where labels and objects are asked for together: it is one request.

    Image properties, when asked for, are a second product with its own price.
    """
    features = request.extensions.get("aws_features")
    if isinstance(features, (list, tuple)) and _PROPERTIES in features:
        return (*one_image(request), _PROPERTIES_USAGE)
    return one_image(request)


def parameters(request: Request) -> dict[str, Any]:
    """Arguments of ``detect_labels``: the widest answer, unless the vendor's own options narrow it.

    Raises :class:`BadInput` for an option of the wrong type.
    """
    wanted: dict[str, Any] = {
        "Image": NO_PICTURE,
        "MaxLabels": WIDEST_LABELS,
        "MinConfidence": 0,  # the service's own default of 55 would hide the rest
    }
    said = request.extensions
    if not said:
        return wanted
    if "aws_max_labels" in said:
        wanted["MaxLabels"] = options.count(said, "aws_max_labels")
    if "aws_min_confidence" in said:
        wanted["MinConfidence"] = options.percent(said, "aws_min_confidence")
    if "aws_features" in said:
        wanted["Features"] = options.names(said, "aws_features", _FEATURES)
        if "GENERAL_LABELS" not in wanted["Features"]:
            raise BadInput("labels and objects need GENERAL_LABELS among aws_features")
    if "aws_settings" in said:
        wanted["Settings"] = options.members(said, "aws_settings", "DetectLabels' Settings object")
    return wanted


def labels_of(body: dict[str, Any]) -> LabelSet:
    """All labels. Raises ValueError or TypeError for an unusable answer."""
    items: list[Any] = needed(body, "Labels", list)
    return LabelSet(labels=tuple([_label(item) for item in items]))


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


def objects_of(body: dict[str, Any], image: Image) -> ObjectSet:
    """The instances of the labels: three cats are three objects, and a label without instances is none."""
    items: list[Any] = needed(body, "Labels", list)
    found = [each for item in items for each in _objects(item)]
    return ObjectSet(objects=tuple(found), frame=places.frame(image, turned=True))


def _objects(label: Any) -> list[DetectedObject]:
    name, parents = needed(label, "Name", str), _names(label.get("Parents"))
    instances: list[Any] = given(label, "Instances", list) or []
    return [
        DetectedObject(
            name=name,
            confidence=Confidence.percent(each.get("Confidence")),
            region=places.box(each),
            parents=parents,
        )
        for each in instances
    ]
