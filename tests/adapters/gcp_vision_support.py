"""Helpers of the Google Vision tests: requests, answers in the REST shape, pictures that say how they must be turned."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from adapter_support import picture

from broker.types import (
    AnalyzeRequest,
    BatchRequest,
    DetectTextRequest,
    FaceRequest,
    Image,
    ImageModerationRequest,
    LabelRequest,
    ObjectRequest,
)

REQUESTS = {
    "label": LabelRequest,
    "detect_objects": ObjectRequest,
    "detect_text": DetectTextRequest,
    "detect_faces": FaceRequest,
    "moderate_image": ImageModerationRequest,
    "analyze": AnalyzeRequest,
}


def asked(method: str, **options: Any) -> Any:
    """A request for an adapter's method, on a picture of 640 x 480."""
    return REQUESTS[method](**{"image": picture(), **options})


def together(*items: Any) -> BatchRequest:
    return BatchRequest(items=items)


def turned(orientation: int | None, width: int = 64, height: int = 32) -> Image:
    """A stored picture of that size whose EXIF data says how it must be turned."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    out, exif = io.BytesIO(), pillow.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    pillow.new("RGB", (width, height)).save(out, "JPEG", exif=exif)
    return Image.load(out.getvalue())


def corner(x: float, y: float) -> dict[str, float]:
    """As Google writes it: a 0 is left out."""
    return {name: value for name, value in (("x", x), ("y", y)) if value}


def pixels(*corners: tuple[int, int]) -> dict[str, Any]:
    return {"vertices": [corner(x, y) for x, y in corners]}


def ratios(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"normalizedVertices": [corner(x, y) for x, y in corners]}


def word(text: str, brk: str | None = None, **more: Any) -> dict[str, Any]:
    """A word of text with the break behind its last symbol."""
    symbols: list[dict[str, Any]] = [{"text": letter} for letter in text]
    if brk is not None:
        symbols[-1]["property"] = {"detectedBreak": {"type": brk}}
    return {"symbols": symbols, "boundingBox": pixels((0, 0), (10, 0), (10, 10), (0, 10)), **more}


def paragraph(*words: dict[str, Any]) -> dict[str, Any]:
    return {"words": list(words)}


def block(*paragraphs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"blockType": "TEXT", "paragraphs": list(paragraphs), **more}


def page(*blocks: dict[str, Any], text: str = "", **more: Any) -> dict[str, Any]:
    """A whole answer of one page."""
    return {
        "fullTextAnnotation": {
            "text": text,
            "pages": [{"width": 100, "height": 50, "blocks": list(blocks), **more}],
        }
    }


def charges(ledger: str) -> list[tuple[str, int, int]]:
    """Sku, quantity and amount in millionths of a dollar of each charge, in the order of the ledger."""
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    rows = connection.execute("SELECT sku, quantity, amount FROM charge ORDER BY attempt, sku").fetchall()
    connection.close()
    return [(sku, int(quantity), amount // 1_000_000) for sku, quantity, amount in rows]


def settings(stub: Any, **more: Any) -> dict[str, Any]:
    """Keywords of a broker that asks the stub."""
    return {"provider": "gcp", "providers": {"gcp": {"endpoint": f"http://{stub.target}", **more}}}


def features(request: Any) -> list[tuple[int, int, str]]:
    """Number, most results and model of the features that were asked for."""
    return [(each.type_, each.max_results, each.model) for each in request.features]


def texts(lines: Sequence[Any]) -> list[str]:
    return [line.text for line in lines]


SAFE: Mapping[str, str] = {
    "adult": "VERY_UNLIKELY",
    "spoof": "UNLIKELY",
    "medical": "POSSIBLE",
    "violence": "LIKELY",
    "racy": "VERY_LIKELY",
}
