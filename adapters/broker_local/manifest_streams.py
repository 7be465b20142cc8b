"""The cell of the operation on streams of sound."""

from __future__ import annotations

from broker.contract import OperationSpec, StreamLimits, streamed_seconds
from broker_local.manifest_speech import SKU

OPERATIONS = (
    OperationSpec(
        operation="transcription.stream",
        service="Moonshine tiny-en",
        sku=SKU,
        meter=streamed_seconds,
        limits=StreamLimits(source="broker_local.phrasing"),
        scale=None,
        languages=("en",),
        notes="English only, and the language is not looked for. A phrase is final half a second after it was said, a quarter "
        "once it is 8 s long, and after 15 s at its quietest place; before that a partial result about every second, in so far "
        "as there is time for it. When a phrase's sound begins and ends; no words' times, no confidence, no speakers. Sound is "
        "taken as fast as it is recognised. Measured in November 2026 on mixed-english: word error rate on 32 sentences 7.5 % "
        "(95 %: 4.3 to 11.8; lower case, no punctuation), 7.0 % (3.8 to 11.2; OpenAI's normaliser for English); on the "
        "sentences as one stream of five minutes 6.4 % and 6.0 %; a phrase was final 0.6 s of sound after its end at most. "
        "Licence: model MIT.",
    ),
)
