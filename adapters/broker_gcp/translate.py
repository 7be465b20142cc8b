"""Cloud Translation over REST: in which language a text is.

With a token by v3, ``projects.locations.detectLanguage`` (google/cloud/translate/v3/translation_service.proto); with an
API key, which v3 does not take, by v2 ``detect`` (docs.cloud.google.com/translate/docs/reference/rest/v2/detect).
"""

from __future__ import annotations

from broker.contract import Context, given, needed, reading
from broker.errors import NotConfigured
from broker.types import Confidence, DetectedLanguage, JsonValue, LanguageRequest, LanguageSet
from broker_gcp.proto_json import spelled
from broker_gcp.rest import Rest
from broker_gcp.settings import TRANSLATE, GcpSettings, location_of
from broker_gcp.tags import tag_of

BASIC_PATH = "/language/translate/v2/detect"


async def languages(
    rest: Rest, settings: GcpSettings, request: LanguageRequest, context: Context
) -> tuple[LanguageSet, dict[str, JsonValue]]:
    """The languages, and the whole answer."""
    if settings.api_key is not None:
        return await _basic(rest, settings, request, context)
    parent = await rest.parent(context)
    # Without a type Google reads the text as HTML.
    asked: dict[str, JsonValue] = {"content": request.text, "mimeType": "text/plain"}
    body = await rest.post(f"/v3/{parent}:detectLanguage", asked, context)
    return languages_of(body), body


def languages_of(body: dict[str, JsonValue]) -> LanguageSet:
    """What an answer of v3 says. Raises :class:`MalformedReply`."""
    with reading("a language"):
        return LanguageSet(
            languages=tuple(_language(each, "languageCode") for each in needed(body, "languages", list))
        )


def problem(settings: GcpSettings) -> str:
    """What stops a call but for address and credential; empty where nothing does. Raises :class:`NotConfigured`."""
    if settings.api_key is None or location_of(settings, TRANSLATE) == "global":
        return ""
    return (
        "Cloud Translation Basic, which takes an api_key, is not bound to a region; use a credential file and a "
        "project in place of api_key, or set region of provider gcp to global"
    )


async def _basic(
    rest: Rest, settings: GcpSettings, request: LanguageRequest, context: Context
) -> tuple[LanguageSet, dict[str, JsonValue]]:
    wrong = problem(settings)
    if wrong:
        raise NotConfigured(wrong)
    body = await rest.post(BASIC_PATH, {"q": [request.text]}, context)
    return basic_languages_of(body), body


def basic_languages_of(body: dict[str, JsonValue]) -> LanguageSet:
    """What an answer of v2 says to one text. Raises :class:`MalformedReply`."""
    with reading("a language"):
        texts = needed(needed(body, "data", dict), "detections", list)
        if len(texts) != 1 or not isinstance(texts[0], list):
            raise ValueError(f"there are {len(texts)} answers for one text")
        return LanguageSet(languages=tuple(_language(each, "language") for each in texts[0]))


def _language(item: JsonValue, member: str) -> DetectedLanguage:
    code = needed(item, spelled(item, member), str)
    if not code:
        raise ValueError(f"{member} is empty")
    return DetectedLanguage(
        language=tag_of(code), code=code, confidence=Confidence.ratio(given(item, "confidence", float))
    )
