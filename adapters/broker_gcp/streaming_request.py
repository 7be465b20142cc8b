"""Speech-to-Text v2: a stream's first message, in JSON.

Source: StreamingRecognizeRequest of google/cloud/speech/v2/cloud_speech.proto. Only members that differ from their zero are
written.
"""

from __future__ import annotations

from typing import Any

from broker.errors import BadInput, Unsupported
from broker.types import JsonValue, SpeechOption
from broker.types.speech import Profanity
from broker.types.stream import StreamRequest
from broker_gcp.speech_languages import code_of
from broker_gcp.speech_models import Model, model_for, several
from broker_gcp.speech_request import model_name, phrase_sets


def model_of(request: StreamRequest, location: str) -> Model:
    """The model that is to listen. Raises :class:`BadInput` for what is no name, :class:`Unsupported` for what takes no streams."""
    model = model_for(location, model_name(request))
    if not model.streams:
        raise Unsupported(
            f"Google's model {model.name} takes no streams; name another by the extension gcp_model, as chirp_2"
        )
    return model


def ignored_in(request: StreamRequest, model: Model, location: str) -> tuple[SpeechOption, ...]:
    """Options that the model lacks in this place."""
    return (SpeechOption.CANDIDATES,) if request.candidates and not several(model, location) else ()


def first_message(request: StreamRequest, model: Model, location: str, recognizer: str) -> dict[str, Any]:
    """What a stream begins with. Raises :class:`BadInput`, and :class:`Unsupported` for what the model lacks."""
    features: dict[str, JsonValue] = {"enableAutomaticPunctuation": True}
    if model.streamed_words:
        features["enableWordTimeOffsets"] = True
    if model.word_confidence:
        features["enableWordConfidence"] = True
    if request.profanity is Profanity.MASK:
        features["profanityFilter"] = True
    config: dict[str, JsonValue] = {
        "explicitDecodingConfig": {
            "encoding": "LINEAR16",
            "sampleRateHertz": request.sound.sample_rate,
            "audioChannelCount": 1,
        },
        "model": model.name,
        "languageCodes": list(_languages(request, model, location)),
        "features": features,
    }
    if request.hints:
        config["adaptation"] = {"phraseSets": phrase_sets(request.hints)}
    streaming: dict[str, JsonValue] = {"config": config}
    if request.partials:
        streaming["streamingFeatures"] = {"interimResults": True}
    return {"recognizer": recognizer, "streamingConfig": streaming}


def _languages(request: StreamRequest, model: Model, location: str) -> tuple[str, ...]:
    if request.language is not None:
        return (code_of(request.language),)
    if request.candidates and several(model, location):
        return tuple(code_of(each) for each in request.candidates)
    if request.candidates and (request.on_unsupported != "ignore" or not model.finds_language):
        raise Unsupported(
            f"Google's model {model.name} takes one language in {location}; pass language='{request.candidates[0]}' if it is "
            "that, or set speech_location of provider gcp to us or eu, where chirp_3 finds it out"
        )
    if model.finds_language:
        return ("auto",)
    raise BadInput(
        f"Google's model {model.name} must be told the language: pass language='en-US' (or another), or set speech_location "
        "of provider gcp to us or eu, where chirp_3 finds it out"
    )
