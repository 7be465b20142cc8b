"""The keyword options of the facade's methods, typed once for the sync and the async face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypedDict

from broker.types.json import JsonValue


class CallOptions(TypedDict, total=False):
    """What every call takes.

    ``provider``: one name (``"aws"``), an account (``"aws:prod-eu"``), or an order of preference
    (``["aws", "gcp", "local"]``): the first that is configured and has the operation answers.
    ``deadline``: seconds for the whole call, retries and waiting included.
    ``max_cost``: refuse any attempt that could bring the call above this amount.
    ``tags``: text by key, for the spend report.
    ``raw``: keep the vendor's whole answer on the result.
    ``extensions``: options only one vendor has, prefixed with its name.
    ``language``: BCP-47 tag of the content, or of the names wanted, where the provider offers it.
    """

    provider: str | Sequence[str]
    deadline: float | timedelta
    max_cost: Decimal | str | int
    tags: Mapping[str, str]
    raw: bool
    extensions: Mapping[str, JsonValue]
    language: str | None


class LabelOptions(CallOptions, total=False):
    """``max_labels``: at most so many. ``min_confidence``: a ratio in 0..1."""

    max_labels: int | None
    min_confidence: float


class TextOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1 that a line must have."""

    min_confidence: float


class FaceOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1, for providers that give one."""

    min_confidence: float
