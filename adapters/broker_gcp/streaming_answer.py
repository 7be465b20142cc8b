"""What Speech-to-Text v2 says of a stream: results as events, and what it billed.

Source: StreamingRecognizeResponse of google/cloud/speech/v2/cloud_speech.proto: "zero or one is_final=true result (the newly
settled portion), followed by zero or more is_final=false results (the interim results)", which together are what is said from
there on, the first more stable than those behind it. Voice activity is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from broker.contract import given
from broker.types import Confidence, JsonValue, TranscriptSegment
from broker.types.stream import StreamEvent
from broker_gcp.proto_json import spelled
from broker_gcp.speech_answer import best_of, billed_seconds, segment_of, with_speaker, words_of
from broker_gcp.speech_text import joined


def events_in(message: Mapping[str, JsonValue]) -> Iterator[StreamEvent]:
    """Of one message: a final result if there is one, and then one partial result. Raises ValueError."""
    pending: list[tuple[str, TranscriptSegment, float]] = []
    for item in given(message, "results", list) or ():
        if not isinstance(item, Mapping):
            raise ValueError(f"a result is a {type(item).__name__}")
        best = best_of(item)
        if best is None:
            continue
        raw = given(best, "transcript", str) or ""
        words = words_of(best)
        text = raw.strip() or joined((each.text, None) for each in words)
        if not text:
            continue
        segment = segment_of(item, best, text, words)
        if given(item, spelled(item, "isFinal"), bool):
            yield StreamEvent(final=True, segment=with_speaker(segment))
        else:
            pending.append((raw or text, segment, given(item, "stability", float) or 0.0))
    if pending:
        yield _partial(pending)


def billed_in(message: Mapping[str, JsonValue]) -> Decimal | None:
    """Seconds, where the message says so."""
    metadata = given(message, "metadata", dict)
    return None if metadata is None else billed_seconds(metadata)


def request_id_in(message: Mapping[str, JsonValue]) -> str | None:
    """Google's name of the stream, where the message says so."""
    metadata = given(message, "metadata", dict)
    return None if metadata is None else given(metadata, spelled(metadata, "requestId"), str) or None


def _partial(pieces: list[tuple[str, TranscriptSegment, float]]) -> StreamEvent:
    """Interim results as one: a partial result replaces the one before, so that all of them must be in it.

    Its stability is that of its least stable part; "the default of 0.0 is a sentinel value indicating stability was not set".
    """
    segments = [segment for _, segment, _ in pieces]
    least = min(stability for _, _, stability in pieces)
    words = tuple(word for each in segments for word in each.words or ())
    ends = [each.end_ms for each in segments if each.end_ms is not None]
    start = segments[0].start_ms
    return StreamEvent(
        final=False,
        segment=TranscriptSegment(
            text=joined((raw, segment.language) for raw, segment, _ in pieces),
            start_ms=start,
            end_ms=max((end for end in ends if start is None or end >= start), default=None),
            confidence=Confidence.unknown(),
            words=words if words and all(each.words for each in segments) else None,
            language=segments[0].language,
        ),
        stability=least or None,
    )
