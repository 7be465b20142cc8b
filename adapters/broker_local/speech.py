"""The operation on recordings: what is said, as the broker's payload."""

from __future__ import annotations

import re

from broker.contract import Context, Reply
from broker.errors import DeadlineExceeded
from broker.types import Confidence, SpokenLanguage, TranscribeRequest, Transcript, TranscriptSegment
from broker_local import moonshine, pauses, sound

_WORDLESS = re.compile(r"[\W_]*")


def transcribe(request: TranscribeRequest, context: Context) -> Reply[Transcript]:
    """Segments between pauses, with when their sound begins and ends. No confidence, and no times of words: the model has
    neither.

    Raises BadInput for what cannot be decoded, DeadlineExceeded between two pieces.
    """
    segments: list[TranscriptSegment] = []
    with request.audio.open() as file:
        recording = sound.Recording(file, request.audio.name)
        rate = recording.rate
        for piece in pauses.pieces(recording.blocks(), rate):
            if context.remaining() <= 0.0:
                raise DeadlineExceeded(
                    f"{piece.begin / rate:.0f} s of {request.audio.milliseconds / 1000:.0f} s were transcribed when the "
                    "deadline passed; pass a longer deadline, of about a tenth of the recording's length"
                )
            context.progress(piece.begin / rate)
            text = moonshine.recognize(sound.resampled(piece.samples, rate, moonshine.RATE))
            if _WORDLESS.fullmatch(text):  # dots and dashes for what is no speech
                continue
            segments.append(
                TranscriptSegment(
                    text=text,
                    start_ms=piece.begin * 1000 // rate,
                    end_ms=piece.end * 1000 // rate,
                    confidence=Confidence.unknown(),
                )
            )
        decoded = recording.decoded
    context.progress(decoded / rate)
    return Reply(
        payload=Transcript(
            text=" ".join(each.text for each in segments),
            segments=tuple(segments),
            languages=(SpokenLanguage(language="en", confidence=Confidence.unknown()),),
            duration_ms=-(-decoded * 1000 // rate),
        ),
        model_version=moonshine.VERSION,
        raw=[{"text": each.text, "start_ms": each.start_ms, "end_ms": each.end_ms} for each in segments]
        if request.raw
        else None,
    )
