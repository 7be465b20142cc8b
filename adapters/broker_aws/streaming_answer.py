"""What Amazon Transcribe says while it is being spoken to: ``TranscriptEvent`` and the exceptions of a stream.

Source: docs.aws.amazon.com/transcribe/latest/APIReference, StartStreamTranscription, with its types TranscriptEvent, Result,
Alternative and Item. None of their members is promised; what an event cannot be without is demanded here.
"""

from __future__ import annotations

import json
from typing import Any

from broker.contract import fault_error, given, needed
from broker.errors import Outcome, ProviderError
from broker.types import Confidence, SpokenWord, TranscriptSegment
from broker.types.stream import StreamEvent
from broker_aws import faults
from broker_aws.eventstream import Message
from broker_aws.transcribe_answer import milliseconds


class Hearing:
    """One stream's results in their order."""

    def __init__(self, *, partials: bool) -> None:
        self._partials = partials
        self._open: set[str] = set()

    def events(self, payload: bytes) -> list[StreamEvent]:
        """Of one TranscriptEvent; none while nothing is said. Raises ValueError."""
        body = json.loads(payload)
        found = [self._event(each) for each in given(needed(body, "Transcript", dict), "Results", list) or ()]
        return [each for each in found if each is not None]

    def _event(self, result: Any) -> StreamEvent | None:
        key = needed(result, "ResultId", str)
        final = not needed(result, "IsPartial", bool)
        alternatives: list[Any] = given(result, "Alternatives", list) or []
        best = alternatives[0] if alternatives else None
        text = "" if best is None else needed(best, "Transcript", str)
        if not text.strip() and key not in self._open:
            return None
        if final:
            self._open.discard(key)
        elif self._partials:
            self._open.add(key)
        else:
            return None
        words = None if best is None else _words(given(best, "Items", list))
        speakers = {each.speaker for each in words or ()}
        return StreamEvent(
            final=final,
            segment=TranscriptSegment(
                text=text,
                start_ms=milliseconds(needed(result, "StartTime", float)),
                end_ms=milliseconds(needed(result, "EndTime", float)),
                confidence=Confidence.unknown(),
                words=words,
                speaker=next(iter(speakers)) if len(speakers) == 1 else None,
                language=given(result, "LanguageCode", str),
            ),
        )


def _words(items: list[Any] | None) -> tuple[SpokenWord, ...] | None:
    """Pronounced items, each with the punctuation behind it; None where the service gives none."""
    if items is None:
        return None
    found: list[dict[str, Any]] = []
    ahead = ""
    for item in items:
        text = needed(item, "Content", str)
        if given(item, "Type", str) == "punctuation":
            if found:
                found[-1]["text"] += text
            else:
                ahead += text
            continue
        found.append(
            {
                "text": ahead + text,
                "start_ms": _time(item, "StartTime"),
                "end_ms": _time(item, "EndTime"),
                "confidence": Confidence.ratio(given(item, "Confidence", float)),
                "speaker": given(item, "Speaker", str),
            }
        )
        ahead = ""
    return tuple(SpokenWord(**each) for each in found)


def _time(item: Any, name: str) -> int | None:
    seconds = given(item, name, float)
    return None if seconds is None else milliseconds(seconds)


def failure(message: Message, *, request_id: str | None, sent: bool) -> ProviderError:
    """Our error for a message of type ``exception`` (modelled) or ``error`` (not modelled).

    :param sent: sound had been sent; it may be billed, also where nothing was said in it, whatever ended the stream.
    """
    headers = message.headers
    if headers.get(":message-type") == "error":
        code, text = headers.get(":error-code"), headers.get(":error-message", "")
    else:
        code, text = headers.get(":exception-type"), _said(message.payload)
    error = fault_error(faults.TABLE, status=None, code=code, message=text, request_id=request_id)
    if sent:
        error.outcome = Outcome.AMBIGUOUS
    return error


def refusal(status: int, headers: dict[str, str], body: bytes) -> ProviderError:
    """Our error for an upgrade that was answered with anything but 101."""
    kind = headers.get("x-amzn-errortype", "")
    code = kind.partition(":")[0].rpartition("#")[2] or _code(body)
    error = fault_error(
        faults.TABLE,
        status=status,
        code=code or None,
        message=_said(body) or f"the WebSocket was refused with {status}",
        headers=headers,
        request_id=headers.get("x-amzn-requestid") or headers.get("x-amzn-request-id"),
    )
    return error


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(body: bytes) -> str:
    said = _object(body)
    code = said.get("__type") or said.get("code") or ""
    return code.rpartition("#")[2] if isinstance(code, str) else ""


def _said(body: bytes) -> str:
    said = _object(body)
    text = said.get("Message") or said.get("message") or ""
    return text if isinstance(text, str) else ""
