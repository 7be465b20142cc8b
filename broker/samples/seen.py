"""A call that is over, as the sampler is handed it, and what of it may be kept."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from broker.contract.operations import Operation
from broker.quality.sampling import Draw
from broker.types.audio import Audio
from broker.types.media import Image
from broker.types.request import Request

OPTIONS_TOO = ("language", "top", "index", "filter", "mode")
"""Options that make it another question, besides the input itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call, or one item of a batch, at one provider.

    :param item: the call's id, or ``call_id#index``.
    :param provider: ``aws`` or ``aws:prod``.
    :param answer: as the user gets it; None: the provider gave none. ``error``: the error's class then.
    :param least: the smallest probability above 0 of any call then.
    :param cost: None: not known, or shared with others.
    """

    item: str
    use_case: str
    operation: Operation[Any, Any]
    request: Request = field(repr=False)
    provider: str
    draw: Draw
    least: float
    at: datetime
    answer: Any = field(default=None, repr=False)
    error: str | None = None
    region: str | None = None
    model_version: str | None = None
    latency: float = 0.0
    cost: Decimal | None = None
    currency: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes_held(self) -> int:
        """About how much memory waits with it."""
        subject = getattr(self.request, self.request.SUBJECT, None)
        content = getattr(subject, "data", subject)
        return len(content) if isinstance(content, (bytes, str)) else 0


def input_of(request: Request) -> tuple[str, bytes] | None:
    """Media type and bytes of a call's input; None: it is not here (a recording in a cloud's store).

    May read a recording's file; raises OSError and :class:`~broker.errors.BadInput` where it has gone.
    """
    subject = getattr(request, request.SUBJECT, None)
    if isinstance(subject, Image):
        return subject.mime_type, subject.data
    if isinstance(subject, Audio):
        return None if subject.uri is not None else (f"audio/{subject.format}", subject.read())
    return ("text/plain", subject.encode()) if isinstance(subject, str) else None


def content_digest(content: bytes) -> str:
    """SHA-256 in hex: how data sets name a content."""
    return hashlib.sha256(content).hexdigest()


def keyed(seed: bytes, *parts: str) -> str:
    """HMAC-SHA256 of texts, in hex: without the seed it tells nothing."""
    return hmac.digest(seed, "\0".join(parts).encode(), "sha256").hex()


def input_digest(seed: bytes, seen: Seen, content: bytes) -> str:
    """The same for the same question, whoever is asked."""
    options = {
        each.name: str(getattr(seen.request, each.name))
        for each in fields(seen.request)
        if each.name in OPTIONS_TOO and each.name != seen.request.SUBJECT
    }
    return keyed(
        seed, "input", seen.operation.name, content_digest(content), json.dumps(options, sort_keys=True)
    )


def class_token(seed: bytes, use_case: str, name: str) -> str:
    """An answer's class, so that equal ones can be told without being known."""
    return keyed(seed, "class", use_case, name)[:32]
