"""Locales of Azure Speech: which each way of transcription takes, and how a plain language is spelled there.

Source: MicrosoftDocs/azure-ai-docs, articles/ai-services/speech-service/includes/language-support/stt.md (2 April 2026). What
a resource has now is told by GET /speechtotext/transcriptions/locales.
"""

from __future__ import annotations

from broker.errors import Unsupported

_FAST = """
af-ZA am-ET ar-AE ar-BH ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-LY ar-OM ar-PS ar-QA ar-SA ar-SY az-AZ bg-BG bn-IN ca-ES cs-CZ
cy-GB da-DK de-AT de-CH de-DE en-AU en-CA en-GB en-GH en-HK en-IE en-IN en-KE en-NG en-NZ en-PH en-SG en-TZ en-US en-ZA es-AR
es-BO es-CL es-CO es-CR es-CU es-DO es-EC es-ES es-GQ es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-PY es-SV es-US es-UY es-VE
et-EE eu-ES fa-IR fi-FI fil-PH fr-FR ga-IE gl-ES he-IL hi-IN hr-HR hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE kk-KZ ko-KR
lo-LA lt-LT lv-LV mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM nb-NO nl-NL pl-PL ps-AF pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI so-SO
sq-AL sr-RS sv-SE sw-KE ta-IN te-IN th-TH tr-TR uk-UA ur-IN uz-UZ vi-VN zh-CN zh-HK zh-TW zu-ZA
"""
_BATCH_ONLY = """
ar-DZ ar-MA ar-TN ar-YE as-IN bs-BA el-GR fr-BE fr-CA fr-CH gu-IN it-CH km-KH kn-IN ne-NP nl-BE or-IN pa-IN si-LK sw-TZ wuu-CN
yue-CN zh-CN-shandong zh-CN-sichuan
"""
# Where a language has several locales, the one of its likeliest region (Unicode CLDR, likely subtags); sw: CLDR says TZ,
# which fast transcription lacks.
_LIKELY = {
    "ar": "ar-EG",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "it": "it-IT",
    "nl": "nl-NL",
    "pt": "pt-BR",
    "sw": "sw-KE",
    "zh": "zh-CN",
}
FAST = frozenset(_FAST.split())
LOCALES = tuple(sorted({*FAST, *_BATCH_ONLY.split()}))


def _plain() -> dict[str, str]:
    regions: dict[str, list[str]] = {}
    for locale in LOCALES:
        regions.setdefault(locale.partition("-")[0], []).append(locale)
    return {language: _LIKELY.get(language, found[0]) for language, found in regions.items()}


PLAIN = _plain()
"""Languages without a region, and the locale that is sent for them."""
TAGS = (*PLAIN, *LOCALES)
"""What ``language`` and ``candidates`` may be for batch transcription."""
FAST_TAGS = (*(tag for tag, locale in PLAIN.items() if locale in FAST), *sorted(FAST))
"""The same for fast transcription."""
_BY_TAG = {each.lower(): each for each in LOCALES} | {tag.lower(): locale for tag, locale in PLAIN.items()}


def locale_of(tag: str) -> str:
    """Azure's locale for a tag. Raises :class:`Unsupported` for a region that the language does not have there."""
    found = _BY_TAG.get(tag.lower())
    if found is None:
        language = tag.lower().partition("-")[0]
        near = [each for each in LOCALES if each.lower().startswith(f"{language}-")]
        raise Unsupported(
            f"the locale {tag!r:.40} is not offered; "
            + (f"take one of {', '.join(near)}" if near else "take another")
        )
    return found
