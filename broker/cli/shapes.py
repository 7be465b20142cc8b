"""Results as JSON: the fields of their types, with a confidence's ratio beside the vendor's own value and scale."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from broker.types.confidence import Confidence
from broker.types.geometry import Point


def document(value: object) -> Any:
    """A result's value, or a part of it.

    A member ``confidence`` becomes ``confidence`` (a ratio or null), ``raw``, ``scale`` and ``clamped``; a confidence under
    another name is an object of these.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Point):
        return [value.x, value.y]
    if isinstance(value, Confidence):
        return {"value": value.value, "raw": value.raw, "scale": value.scale.value, "clamped": value.clamped}
    if is_dataclass(value) and not isinstance(value, type):
        found: dict[str, Any] = {}
        for field in fields(value):
            member = getattr(value, field.name)
            if field.name == "confidence" and isinstance(member, Confidence):
                found |= {
                    "confidence": member.value,
                    "raw": member.raw,
                    "scale": member.scale.value,
                    "clamped": member.clamped,
                }
            else:
                found[field.name] = document(member)
        return found
    if isinstance(value, (tuple, list)):
        return [document(each) for each in value]
    return value
