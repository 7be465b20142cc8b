"""The cell of the operation on recordings."""

from __future__ import annotations

from broker.contract import AudioLimits, JobPath, OperationSpec, audio_seconds

SKU = "local.speech"
_LIMITS = AudioLimits(formats=("wav", "flac", "mp3", "ogg"), source="broker_local.sound")

OPERATIONS = (
    OperationSpec(
        operation="transcription.transcribe",
        service="Moonshine tiny-en",
        sku=SKU,
        meter=audio_seconds,
        # What libsndfile decodes; a recording of any length, for it is worked on piece by piece.
        limits=_LIMITS,
        job=JobPath(
            service="Moonshine tiny-en",
            sku=SKU,
            limits=_LIMITS,
            attended=True,
            notes="nothing runs in the background: the work is done by whoever waits for the result; by path only",
        ),
        scale=None,
        languages=("en",),
        notes="English only, and the language is not looked for: other ones come out as English words. Recordings of any length, "
        "cut at their quietest places every 5 to 15 s, with when each piece's sound begins and ends; no words' times, no "
        "confidence, no speakers; several channels are mixed. Numbers come mostly as digits. Sound that is no speech may come "
        "out as a short word such as You; below -60 dB nothing is looked for. Measured in November 2026 on mixed-english: word "
        "error rate on 32 sentences 8.5 % (95 %: 4.8 to 13.2; lower case, no punctuation), 7.2 % (4.0 to 11.3; OpenAI's "
        "normaliser for English); on 14 single digits of 0.2 to 0.7 s 71 % and 64 %; on the sentences joined to an hour 6.1 % and "
        "5.6 %, 28 times as fast as real time on one core. Licences: model MIT, libsndfile (decoding) LGPL-2.1.",
    ),
)
