"""Google's Speech-to-Text as the conformance suite's vendor: a good answer to a short recording."""

from __future__ import annotations

from typing import Any

PROJECT = "p"
LOCATION = "us"  # where the language need not be told
OPERATIONS = ("transcription.transcribe",)
GOOD: dict[str, Any] = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": "good morning",
                    "confidence": 0.75,
                    "words": [
                        {"endOffset": "0.400s", "word": "good"},
                        {"startOffset": "0.400s", "endOffset": "1s", "word": "morning"},
                    ],
                }
            ],
            "resultEndOffset": "1.200s",
            "languageCode": "en-US",
        }
    ],
    "metadata": {"totalBilledDuration": "2s", "requestId": "r"},
}
ROUTE = f"/v2/projects/{PROJECT}/locations/{LOCATION}/recognizers/_:recognize"
ANSWERS: dict[str, tuple[str, Any]] = {"transcription.transcribe": (ROUTE, GOOD)}
