"""Azure's fast transcription as the conformance suite's vendor: a good answer to a short recording."""

from __future__ import annotations

from typing import Any

GOOD: dict[str, Any] = {
    "durationMilliseconds": 1200,
    "combinedPhrases": [{"text": "Good morning."}],
    "phrases": [
        {
            "offsetMilliseconds": 0,
            "durationMilliseconds": 1000,
            "text": "Good morning.",
            "words": [
                {"text": "Good", "offsetMilliseconds": 0, "durationMilliseconds": 400},
                {"text": "morning.", "offsetMilliseconds": 400, "durationMilliseconds": 600},
            ],
            "locale": "en-US",
            "confidence": 0.75,
        }
    ],
}
ANSWERS: dict[str, tuple[str, Any]] = {
    "transcription.transcribe": ("/speechtotext/transcriptions:transcribe", GOOD)
}
