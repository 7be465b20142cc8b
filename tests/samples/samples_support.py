"""Samples made up for tests."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from broker.quality.metrics.metric import Drawn
from broker.quality.reference import Reference
from broker.samples.rows import Drawing, Sample, Score

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SEED = b"a seed of a test, long enough"


def a_sample(item: str = "call-1", **changes: Any) -> Sample:
    """One that was taken at a rate of 0.1."""
    facts: dict[str, Any] = {
        "item": item, "use_case": "shop", "operation": "vision.label", "provider": "aws", "model_version": "3",
        "at": AT, "design": "rate/1", "stratum": "", "probability": 0.1, "least": 0.1, "u": 0.05, "latency": 0.2,
    }  # fmt: skip
    return Sample(**{**facts, **changes})


def a_drawing(**changes: Any) -> Drawing:
    """The draw behind :func:`a_sample`."""
    facts: dict[str, Any] = {
        "use_case": "shop", "provider": "aws", "model_version": "3", "day": "2026-11-21", "design": "rate/1",
        "stratum": "", "probability": 0.1, "failed": False,
    }  # fmt: skip
    return Drawing(**{**facts, **changes})


def a_score(sample: int, right: bool = True, **changes: Any) -> Score:
    """Right or wrong, by gold."""
    facts: dict[str, Any] = {
        "sample": sample, "reference": Reference.GOLD, "metric": "accuracy", "version": 1, "official": True,
        "parts": (float(right), 1.0), "unit": float(right), "drawn": Drawn(probability=0.1, stratum=""), "least": 0.1,
        "at": AT, "source": "gold.csv",
    }  # fmt: skip
    return Score(**{**facts, **changes})


def picture(number: int) -> bytes:
    """A small PNG, another for each number."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    out = io.BytesIO()
    pillow.new("RGB", (8, 8), (number % 256, number // 256 % 256, 7)).save(out, "PNG")
    return out.getvalue()


def use_case(**facts: Any) -> dict[str, Any]:
    """Settings of the use case ``shop``."""
    sampling = {"design": "rate", "rate": 1.0, **facts.pop("sampling", {})}
    return {"use_cases": {"shop": {"operation": "vision.label", **facts, "sampling": sampling}}}
