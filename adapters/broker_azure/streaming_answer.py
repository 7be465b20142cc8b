"""What Azure Speech says of a stream: phrases, hypotheses, and why the SDK gave up.

Source: the detailed output format that the SDK hands on as JSON (learn.microsoft.com/azure/ai-services/speech-service/
get-speech-recognition-results and rest-speech-to-text-short, "NBest"); times are in units of 100 ns.
``CancellationErrorCode`` of azure-cognitiveservices-speech 1.53.
"""

from __future__ import annotations

import json
from typing import Any

from broker.contract import Fault, FaultTable, fault_error, given, needed
from broker.errors import (
    AuthFailed,
    BadInput,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker.types import Confidence, SpokenWord, TranscriptSegment
from broker.types.stream import StreamEvent

_TICKS = 10_000
"""Of 100 ns in a millisecond."""

TABLE: FaultTable = {
    "AuthenticationFailure": Fault(
        error=AuthFailed,
        advice="check key and endpoint in the settings of provider azure: both must be of the same resource",
    ),
    "BadRequest": Fault(error=BadInput),
    "TooManyRequests": Fault(
        error=Throttled, advice="fewer streams at once (a resource has 100, F0 one), or raise the quota"
    ),
    "Forbidden": Fault(
        error=QuotaExhausted, advice="wait for the quota to renew or move the resource to a paid tier"
    ),
    "ConnectionFailure": Fault(error=Unavailable),
    "ServiceTimeout": Fault(error=Unavailable),
    "ServiceError": Fault(error=Unavailable),
    "ServiceUnavailable": Fault(error=Unavailable),
    "ServiceRedirectTemporary": Fault(error=BadInput, advice="put the final address into the settings"),
    "ServiceRedirectPermanent": Fault(error=BadInput, advice="put the final address into the settings"),
    "RuntimeError": Fault(error=ProviderFault),
}


def partial_of(text: str) -> StreamEvent | None:
    """From a hypothesis; None while nothing is said. Raises ValueError."""
    said = json.loads(text)
    words = needed(said, "Text", str)
    if not words.strip():
        return None
    start, end = _span(said)
    return StreamEvent(
        final=False,
        segment=TranscriptSegment(
            text=words, start_ms=start, end_ms=end, confidence=Confidence.unknown(), language=_language(said)
        ),
    )


def final_of(text: str) -> StreamEvent:
    """From a phrase that was recognised. Raises ValueError."""
    said = json.loads(text)
    best = next(iter(needed(said, "NBest", list)), None)
    start, end = _span(said)
    words = None if best is None else given(best, "Words", list)
    return StreamEvent(
        final=True,
        segment=TranscriptSegment(
            text=needed(said, "DisplayText", str) if best is None else needed(best, "Display", str),
            start_ms=start,
            end_ms=end,
            confidence=Confidence.ratio(None if best is None else given(best, "Confidence", float)),
            words=None if words is None else tuple(map(_word, words)),
            language=_language(said),
        ),
    )


def failure(code: str, details: str, *, session: str, sent: bool) -> ProviderError:
    """Our error for a cancellation of the SDK's.

    :param code: the name of its ``CancellationErrorCode``.
    :param sent: sound had been handed over; what ended the stream may still be billed.
    """
    error = fault_error(TABLE, status=None, code=code, message=details, request_id=session or None)
    if sent:
        error.outcome = Outcome.AMBIGUOUS
    elif isinstance(error, Unavailable):
        error.outcome = Outcome.NOT_SENT
    return error


def _word(item: Any) -> SpokenWord:
    start, end = _span(item)
    return SpokenWord(
        text=needed(item, "Word", str),
        start_ms=start,
        end_ms=end,
        confidence=Confidence.ratio(given(item, "Confidence", float)),
    )


def _span(item: Any) -> tuple[int, int]:
    start, length = needed(item, "Offset", int), needed(item, "Duration", int)
    return round(start / _TICKS), round((start + length) / _TICKS)


def _language(said: Any) -> str | None:
    primary = given(said, "PrimaryLanguage", dict)
    return None if primary is None else given(primary, "Language", str)
