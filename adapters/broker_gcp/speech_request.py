"""Speech-to-Text v2: a request as Google's RecognitionConfig, in JSON.

Source: google/cloud/speech/v2/cloud_speech.proto. Only members that differ from their zero are written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.errors import BadInput, Unsupported
from broker.types import JsonValue, SpeechOption, TranscribeRequest
from broker.types.request import Request
from broker.types.speech import Profanity
from broker_gcp.speech_languages import code_of
from broker_gcp.speech_models import MODEL, Model, model_for, several

DYNAMIC = "gcp_dynamic_batch"
"""The extension that lets Google take up to 24 hours for a job, at a lower price."""
EXTENSIONS = (MODEL, DYNAMIC)
LONGEST_HINT = 100
"""Characters of a phrase; docs.cloud.google.com/speech-to-text/docs/quotas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is sent for a request.

    :param ignored: options that the model lacks, and that were left out as the caller lets them be.
    """

    model: Model
    config: dict[str, JsonValue] = field(repr=False)
    ignored: tuple[SpeechOption, ...] = ()


def asked_of(request: TranscribeRequest, location: str) -> Asked:
    """The configuration for a place. Raises :class:`BadInput`, and :class:`Unsupported` for what the model lacks."""
    model = model_for(location, model_name(request))
    lacking = _lacking(request, model, location)
    if lacking and request.on_unsupported != "ignore":
        raise Unsupported(
            f"Google's model {model.name} lacks {', '.join(each.value for each in lacking)} in {location}; "
            f'{_instead(lacking)}, or pass on_unsupported="ignore"'
        )
    asked = request.without(lacking)
    if request.candidates and not asked.candidates and not model.finds_language:
        raise Unsupported(
            f"Google's model {model.name} must be told the one language; pass language='{request.candidates[0]}' if it is that"
        )
    config: dict[str, JsonValue] = {
        "autoDecodingConfig": {},
        "model": model.name,
        "languageCodes": list(_languages(asked, model)),
        "features": _features(asked, model),
    }
    if asked.hints:
        config["adaptation"] = {"phraseSets": phrase_sets(asked.hints)}
    return Asked(model=model, config=config, ignored=lacking)


def ignored_in(request: TranscribeRequest, location: str) -> tuple[SpeechOption, ...]:
    """Options that were left out when this was asked, as far as the caller lets them be."""
    if request.on_unsupported != "ignore":
        return ()
    return _lacking(request, model_for(location, model_name(request)), location)


def dynamic(request: TranscribeRequest) -> bool:
    """Whether the cheaper and slower batch is asked for. Raises :class:`BadInput` for what is neither yes nor no."""
    given = request.extensions.get(DYNAMIC, False)
    if not isinstance(given, bool):
        raise BadInput(f"{DYNAMIC} must be True or False, not {given!r:.80}")
    return given


def _lacking(request: TranscribeRequest, model: Model, location: str) -> tuple[SpeechOption, ...]:
    found = []
    if request.diarize and not model.speakers:
        found.append(SpeechOption.DIARIZE)
    if request.candidates and not several(model, location):
        found.append(SpeechOption.CANDIDATES)
    return tuple(found)


def _instead(lacking: tuple[SpeechOption, ...]) -> str:
    what = "which tells speakers apart" if SpeechOption.DIARIZE in lacking else "which finds the language out"
    return f"set speech_location of provider gcp to us or eu, where chirp_3 is, {what}"


def _languages(request: TranscribeRequest, model: Model) -> tuple[str, ...]:
    if request.language is not None:
        return (code_of(request.language),)
    if request.candidates:
        return tuple(code_of(each) for each in request.candidates)
    if model.finds_language:
        return ("auto",)
    raise BadInput(
        f"Google's model {model.name} must be told the language: pass language='en-US' (or another), or set speech_location "
        "of provider gcp to us or eu, where chirp_3 finds it out"
    )


def _features(request: TranscribeRequest, model: Model) -> dict[str, JsonValue]:
    features: dict[str, JsonValue] = {"enableAutomaticPunctuation": True}
    if request.audio.milliseconds <= model.longest_timed_ms:
        features["enableWordTimeOffsets"] = True
    if model.word_confidence:
        features["enableWordConfidence"] = True
    if request.profanity is Profanity.MASK:
        features["profanityFilter"] = True
    if request.channels:
        features["multiChannelMode"] = "SEPARATE_RECOGNITION_PER_CHANNEL"
    if request.diarize:
        features["diarizationConfig"] = {}
    return features


def phrase_sets(hints: tuple[str, ...]) -> list[JsonValue]:
    """Words that are likely. Raises :class:`BadInput` for one that is too long."""
    for each in hints:
        if len(each) > LONGEST_HINT:
            raise BadInput(
                f"a hint of {len(each)} characters is above Google's limit of {LONGEST_HINT}; shorten it"
            )
    return [{"inlinePhraseSet": {"phrases": [{"value": each} for each in hints]}}]


def model_name(request: Request) -> str | None:
    """The model that is asked for by its name. Raises :class:`BadInput` for what is no name."""
    given = request.extensions.get(MODEL)
    if given is None:
        return None
    if not isinstance(given, str) or not given or len(given) > 100 or not given.replace("_", "").isalnum():
        raise BadInput(f"{MODEL} must be the name of a model such as chirp_3, not {given!r:.80}")
    return given
