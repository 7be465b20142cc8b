"""Transcript files of Amazon Transcribe, made up as the guide shows them."""

from __future__ import annotations

from typing import Any

from broker.types import Transcript
from broker_aws.transcribe_answer import transcript_of


def said(content: str, start: str | None = None, end: str | None = None, **more: Any) -> dict[str, Any]:
    """A pronounced item; without a time it has none."""
    confidence = more.pop("confidence", "0.5")
    times = {name: each for name, each in (("start_time", start), ("end_time", end)) if each is not None}
    best = {"content": content, **({} if confidence is None else {"confidence": confidence})}
    return {"type": "pronunciation", "alternatives": [best], **times, **more}


def mark(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": content}], **more}


def read(text: str, items: list[dict[str, Any]], **results: Any) -> Transcript:
    return transcript_of({"results": {"transcripts": [{"transcript": text}], "items": items, **results}})


HOLD = [
    said("On", "4.87", "5.02"),
    said("hold", "5.02", "6.88"),
    mark("."),
    said("Sorry", "8.49", "8.88"),
    mark(","),
    said("yes", "8.88", "9.24"),
    mark("."),
]
HOLD_TEXT = "On hold. Sorry, yes."


def shown(found: Transcript) -> list[tuple[Any, ...]]:
    return [(each.text, each.start_ms, each.end_ms, each.speaker, each.channel) for each in found.segments]


def speakers(*segments: tuple[str, str, str, list[tuple[str, str]]]) -> dict[str, Any]:
    return {
        "speaker_labels": {
            "channel_label": "ch_0",
            "speakers": 2,
            "segments": [
                {
                    "start_time": start,
                    "end_time": end,
                    "speaker_label": who,
                    "items": [{"start_time": a, "end_time": b, "speaker_label": who} for a, b in items],
                }
                for start, end, who, items in segments
            ],
        }
    }


def numbered(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "id": number} for number, each in enumerate(items)]


def channels(*lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "channel_labels": {
            "number_of_channels": len(lists),
            "channels": [
                {
                    "channel_label": f"ch_{n}",
                    "items": [{**each, "channel_label": f"ch_{n}"} for each in items],
                }
                for n, items in enumerate(lists)
            ],
        }
    }
