"""The languages of Amazon Transcribe's jobs, and how a plain language is spelled there.

Source: ``LanguageCode`` of the service model ``transcribe/2017-10-26`` of botocore 1.44.5;
docs.aws.amazon.com/transcribe/latest/dg/pii-redaction-batch.html and lang-id.html.
"""

from __future__ import annotations

from broker.errors import Unsupported

_CODES = """
ab-GE af-ZA am-ET ar-AE ar-SA ast-ES az-AZ ba-RU be-BY bg-BG bn-IN bs-BA ca-ES ckb-IQ ckb-IR cs-CZ cy-GB cy-WL da-DK de-CH
de-DE el-GR en-AB en-AU en-GB en-IE en-IN en-NZ en-US en-WL en-ZA es-ES es-MX es-US et-EE et-ET eu-ES fa-AF fa-IR fi-FI fr-CA
fr-FR ga-IE gd-GB gl-ES gu-IN ha-NG he-IL hi-IN hr-HR ht-HT hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE kab-DZ kk-KZ km-KH
kn-IN ko-KR ky-KG lg-IN lt-LT lv-LV mhr-RU mi-NZ mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM ne-NP nl-NL no-NO or-IN pa-IN pl-PL
ps-AF pt-BR pt-PT ro-RO ru-RU rw-RW si-LK sk-SK sl-SI so-SO sq-AL sr-RS su-ID sv-SE sw-BI sw-KE sw-RW sw-TZ sw-UG ta-IN te-IN
th-TH tl-PH tr-TR tt-RU ug-CN uk-UA uz-UZ vi-VN wo-SN zh-CN zh-HK zh-TW zu-ZA
"""
LANGUAGES = tuple(_CODES.split())
# Where a language has several codes, the one of its likeliest region (Unicode CLDR, likely subtags) that is there. ar: CLDR says
# EG, and ar-SA is what Transcribe calls Modern Standard Arabic; cy, et: cy-WL and et-EE are those of the guide's table.
_LIKELY = {
    "ar": "ar-SA",
    "ckb": "ckb-IQ",
    "cy": "cy-WL",
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "et": "et-EE",
    "fa": "fa-IR",
    "fr": "fr-FR",
    "pt": "pt-BR",
    "sw": "sw-TZ",
    "zh": "zh-CN",
}
_ALSO = {"nb": "no-NO", "nb-NO": "no-NO", "fil": "tl-PH", "fil-PH": "tl-PH"}
"""Tags that are written more often than Transcribe's code of the same language."""


def _plain() -> dict[str, str]:
    found: dict[str, str] = {}
    for code in LANGUAGES:
        language = code.partition("-")[0]
        found.setdefault(language, _LIKELY.get(language, code))
    return found


PLAIN = _plain()
"""Languages without a region, and the code that is sent for them."""
TAGS = (*PLAIN, *LANGUAGES, *_ALSO)
"""What ``language`` and ``candidates`` may be."""
_BY_TAG = {each.lower(): each for each in LANGUAGES} | {
    tag.lower(): code for tag, code in (*PLAIN.items(), *_ALSO.items())
}
REDACTED = ("de-CH", "de-DE", "en-US", "es-US", "fr-CA", "fr-FR", "it-IT", "pt-BR", "pt-PT")
"""In which personal data is left out; not together with finding the language out."""
NOT_FOUND_OUT = ("sv-SE", "vi-VN")
"""No candidates, says lang-id.html."""


def code_of(tag: str) -> str:
    """Transcribe's code for a tag. Raises :class:`Unsupported` for a region that the language does not have there.

    >>> code_of("en"), code_of("PT-pt"), code_of("nb-NO")
    ('en-US', 'pt-PT', 'no-NO')
    """
    found = _BY_TAG.get(tag.lower())
    if found is None:
        language = tag.lower().partition("-")[0]
        near = [each for each in LANGUAGES if each.lower().startswith(f"{language}-")]
        raise Unsupported(
            f"the language {tag!r:.40} is not offered; "
            + (f"take one of {', '.join(near)}" if near else "take another")
        )
    return found
