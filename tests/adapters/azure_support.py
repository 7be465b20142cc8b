"""Helpers of the tests of Azure's vision and moderation: an adapter on a stub, one call of it, and bodies."""

from __future__ import annotations

import struct
from typing import Any

from adapter_support import CANARY
from pydantic import SecretStr

from broker.contract import Reply
from broker.runtime.blocking import drive
from broker.testing.stub import VendorStub
from broker.types import Image
from broker_azure import AzureAdapter, AzureSettings

ANALYZE = "/computervision/imageanalysis:analyze"
MODERATE_IMAGE = "/contentsafety/image:analyze"
MODERATE_TEXT = "/contentsafety/text:analyze"
BILLED = "CSP-Billing-Usage"


def adapter_on(stub: VendorStub) -> AzureAdapter:
    return AzureAdapter(AzureSettings(endpoint=stub.url, key=SecretStr(CANARY)))


def call(stub: VendorStub, context: Any, method: str, request: Any) -> Reply[Any]:
    """One call of an operation's method."""
    adapter = adapter_on(stub)
    try:
        reply: Reply[Any] = drive(getattr(adapter, method)(request, context))
        return reply
    finally:
        adapter.close()


def seen(**members: Any) -> dict[str, Any]:
    """An answer of Image Analysis for a picture of 640 x 480."""
    said: dict[str, Any] = {"modelVersion": "2023-10-01", "metadata": {"width": 640, "height": 480}}
    return said | members


def box(x: float, y: float, w: float, h: float) -> dict[str, float]:
    return {"x": x, "y": y, "w": w, "h": h}


def polygon(*numbers: float) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def thing(name: str, confidence: float, *place: float) -> dict[str, Any]:
    return {"boundingBox": box(*place), "tags": [{"name": name, "confidence": confidence}]}


def line(text: str = "go", confidence: Any = 0.9) -> dict[str, Any]:
    place = polygon(64, 48, 128, 48, 128, 96, 64, 96)
    word = {"text": text, "boundingPolygon": place, "confidence": confidence}
    return {"text": text, "boundingPolygon": place, "words": [word]}


def photo_turned(orientation: int, width: int = 640, height: int = 480) -> Image:
    """A JPEG whose EXIF data says how it must be turned."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    data = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + b"\xff\xd9"
    return Image(data=data, format="jpeg", width=width, height=height)
