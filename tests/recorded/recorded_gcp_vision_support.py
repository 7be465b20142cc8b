"""Recorded answers of Google Cloud Vision as JSON of one AnnotateImageResponse, whatever way they were written down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def answer_of(path: Path) -> dict[str, Any]:
    """Google's own parser reads names in either spelling, enums as words or numbers, and messages as text."""
    from google.cloud.vision_v1 import AnnotateImageResponse
    from google.protobuf import json_format, text_format

    said = json.loads(path.read_text("utf-8"))
    message = AnnotateImageResponse.pb()()
    if isinstance(said, list) and isinstance(said[0], str):  # a message printed as text
        text_format.Parse(said[0], message)
    else:
        if isinstance(said, list):
            said = said[0]
        if "responses" in said:
            said = said["responses"][0]
        if "adult" in said:  # Safe Search without what it was in
            said = {"safeSearchAnnotation": said}
        json_format.ParseDict(said, message, ignore_unknown_fields=True)
    found: dict[str, Any] = json_format.MessageToDict(message)
    return found


def corners(poly: dict[str, Any], width: int, height: int) -> list[tuple[float, float]]:
    """Corners as ratios; a coordinate that is not there is 0."""
    if "normalizedVertices" in poly:
        return [(each.get("x", 0.0), each.get("y", 0.0)) for each in poly["normalizedVertices"]]
    return [(each.get("x", 0) / width, each.get("y", 0) / height) for each in poly["vertices"]]


def words_of(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The words of a page or block, in order."""
    for block in part.get("blocks", [part]):
        for paragraph in block.get("paragraphs", []):
            yield from paragraph.get("words", [])


def spelled(word: dict[str, Any]) -> str:
    return "".join(symbol["text"] for symbol in word["symbols"])


def squeezed(text: str) -> list[str]:
    """Lines without the space around them, and none without letters."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def charged(ledger: str) -> dict[str, int]:
    """What the ledger says was billed, in millionths of a dollar by sku."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT sku, sum(amount) FROM charge GROUP BY sku").fetchall()
    connection.close()
    return {sku: amount // 1_000_000 for sku, amount in rows}
