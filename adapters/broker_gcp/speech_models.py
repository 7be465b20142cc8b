"""Speech-to-Text v2: which model answers where, and what each takes.

No model is everywhere: the Chirps are in few places, ``long`` is in most. A request that asks a model for what it lacks is
refused as a whole ("Recognizer does not support feature: speaker_diarization"), so what is known to be lacking is never asked
for. What is lacking in some languages only is Google's to say.

Sources, in November 2026: docs.cloud.google.com/speech-to-text/docs/models/chirp-3 ("supports transcription and diarization
only in BatchRecognize and Recognize"), …/models/chirp-2, …/transcription-model, and …/quotas ("Multiple language recognition
is only available in the global, US, and EU Speech-to-Text endpoints"). That no other model tells speakers apart is on no page:
several public programs report the refusal above of long, short, telephony and chirp_2, in every place and way they tried.
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "gcp_model"
"""The extension that names another model."""
_MANY = frozenset({"global", "us", "eu"})
"""Places in which several languages may be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a model takes. A name that is not known here is taken for one that takes all: Google refuses what it lacks.

    :param speakers: it tells speakers apart.
    :param several_languages: it takes more than one language, in the places where that can be.
    :param finds_language: it finds the language out by itself (``auto``) or among several.
    :param longest_ms: of one recording of a job.
    :param longest_timed_ms: the same where times of words are asked for.
    :param priced: the price book's price is of this model.
    :param streams: it takes streams.
    :param streamed_words: it says of streams when words were said.
    """

    name: str
    word_confidence: bool = True
    speakers: bool = False
    several_languages: bool = True
    finds_language: bool = False
    longest_ms: int = 8 * 3_600_000
    longest_timed_ms: int = 8 * 3_600_000
    priced: bool = True
    streams: bool = True
    streamed_words: bool = True


_CHIRP_3 = Model(
    name="chirp_3",
    word_confidence=False,
    speakers=True,
    finds_language=True,
    # "1 minute to 1 hour in general, but up to 20 minutes with word-level timestamp enabled"
    longest_ms=3_600_000,
    longest_timed_ms=20 * 60_000,
    # The page tells of times of words for BatchRecognize only, and its table once had none; they are not worth a refusal.
    streamed_words=False,
)
_KNOWN = {
    each.name: each
    for each in (
        _CHIRP_3,
        Model(name="chirp_2", several_languages=False),
        Model(name="long"),
        Model(name="short"),
        Model(name="telephony"),
        # docs.cloud.google.com/speech-to-text/v2/docs/chirp-model: Recognize and BatchRecognize only.
        Model(name="chirp", several_languages=False, priced=False, streams=False),
    )
}
_HOME = {
    **dict.fromkeys(("us", "eu", "asia-northeast1", "asia-southeast1"), "chirp_3"),
    **dict.fromkeys(("us-central1", "europe-west4"), "chirp_2"),
}
"""The newest model of a place as far as Google calls it generally available; elsewhere ``long``."""


def model_for(location: str, asked: str | None = None) -> Model:
    """The model asked for, or else the one that is used in a place.

    >>> model_for("us").name, model_for("global").name, model_for("us", "telephony").name
    ('chirp_3', 'long', 'telephony')
    """
    name = asked or _HOME.get(location, "long")
    return _KNOWN.get(name) or Model(name=name, speakers=True, priced=False)


def several(model: Model, location: str) -> bool:
    """Whether several languages may be named."""
    return model.several_languages and location in _MANY


def is_priced(name: str | None) -> bool:
    """Whether the price book's price is of this model; None: it is the place's own."""
    return name is None or (name in _KNOWN and _KNOWN[name].priced)
