"""Requests, results, media, usage and money: frozen data that imports nothing of ours but the errors."""

from __future__ import annotations

from broker.types.call import Attempt, Provenance, Result
from broker.types.confidence import Confidence, Scale
from broker.types.estimate import CandidateEstimate, Estimate, EstimateLine
from broker.types.geometry import Box, Point, Region
from broker.types.json import JsonObject, JsonValue
from broker.types.media import Image, ImageInput
from broker.types.money import (
    Billed,
    Cost,
    Price,
    Rounding,
    Tier,
    Unit,
    Usage,
    UsageSource,
)
from broker.types.vision import (
    DetectedText,
    Face,
    FaceRequest,
    FaceSet,
    ImageRequest,
    Label,
    LabelRequest,
    LabelSet,
    TextLine,
    TextRequest,
    Word,
)

__all__ = [
    "Attempt",
    "Billed",
    "Box",
    "CandidateEstimate",
    "Confidence",
    "Cost",
    "DetectedText",
    "Estimate",
    "EstimateLine",
    "Face",
    "FaceRequest",
    "FaceSet",
    "Image",
    "ImageInput",
    "ImageRequest",
    "JsonObject",
    "JsonValue",
    "Label",
    "LabelRequest",
    "LabelSet",
    "Point",
    "Price",
    "Provenance",
    "Region",
    "Result",
    "Rounding",
    "Scale",
    "TextLine",
    "TextRequest",
    "Tier",
    "Unit",
    "Usage",
    "UsageSource",
    "Word",
]
