"""The languages of Speech-to-Text v2, and between Google's codes and the tags in use elsewhere.

Source: docs.cloud.google.com/speech-to-text/docs/speech-to-text-supported-languages, all models and places together, as two
public programs that name it as theirs have copied it; which model has which language where is Google's to say, in its refusal
or by its locations API. "Use only the language codes shown": a language without its region is none. Codes of the older
version 1 that are in neither copy (en-ZA, es-PY, ta-SG, …) are left out.
"""

from __future__ import annotations

_CODES = (  # noqa: SIM905 - as a list it would be two pages
    "af-ZA am-ET ar-AE ar-BH ar-DZ ar-EG ar-IL ar-IQ ar-JO ar-KW ar-LB ar-MA ar-MR ar-OM ar-PS ar-QA ar-SA ar-TN "
    "ar-YE as-IN ast-ES az-AZ be-BY bg-BG bn-BD bn-IN bs-BA ca-ES ceb-PH ckb-IQ cmn-Hans-CN cmn-Hant-TW cs-CZ cy-GB "
    "da-DK de-AT de-CH de-DE el-GR en-AU en-CA en-GB en-HK en-IE en-IN en-NZ en-PK en-SG en-US es-419 es-AR es-BO "
    "es-CL es-CO es-CR es-DO es-EC es-ES es-GT es-HN es-MX es-NI es-PA es-PE es-PR es-SV es-US es-UY es-VE et-EE "
    "eu-ES fa-IR ff-SN fi-FI fil-PH fr-BE fr-CA fr-CH fr-FR ga-IE gl-ES gu-IN ha-NG hi-IN hr-HR hu-HU hy-AM id-ID "
    "ig-NG is-IS it-CH it-IT iw-IL ja-JP jv-ID ka-GE kam-KE kea-CV kk-KZ km-KH kn-IN ko-KR ky-KG lb-LU lg-UG ln-CD "
    "lo-LA lt-LT luo-KE lv-LV mi-NZ mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM ne-NP nl-BE nl-NL no-NO nso-ZA ny-MW "
    "oc-FR om-ET or-IN pa-Guru-IN pl-PL ps-AF pt-BR pt-PT ro-RO ru-RU rup-BG rw-RW sd-IN si-LK sk-SK sl-SI sn-ZW "
    "so-SO sq-AL sr-RS ss-Latn-ZA st-ZA su-ID sv-SE sw sw-KE ta-IN te-IN tg-TJ th-TH tn-Latn-ZA tr-TR ts-ZA uk-UA "
    "umb-AO ur-PK uz-UZ ve-ZA vi-VN wo-SN xh-ZA yo-NG yue-Hant-HK zu-ZA"
).split()
_ALSO = {
    "he-IL": "iw-IL",
    "nb-NO": "no-NO",
    "pa-IN": "pa-Guru-IN",
    "zh-CN": "cmn-Hans-CN",
    "zh-TW": "cmn-Hant-TW",
    "zh-HK": "yue-Hant-HK",
}
"""Tags that are written more often than Google's code of the same language."""

LANGUAGES = (*_CODES, *_ALSO)

_BY_TAG = {**{each.lower(): each for each in _CODES}, **{tag.lower(): code for tag, code in _ALSO.items()}}
_TAGS = {code.lower(): tag for tag, code in _ALSO.items() if tag != "zh-HK"}


def code_of(tag: str) -> str:
    """Google's code for a tag; a tag that is not known stays as it is.

    >>> code_of("he-il"), code_of("en-US"), code_of("sw-ug")
    ('iw-IL', 'en-US', 'sw-ug')
    """
    return _BY_TAG.get(tag.lower(), tag)


def tag_of(code: str) -> str:
    """The tag for a code of an answer, which may be written in small letters.

    >>> tag_of("en-us"), tag_of("iw-il"), tag_of("yue-hant-hk"), tag_of("tlh-us")
    ('en-US', 'he-IL', 'yue-Hant-HK', 'tlh-US')
    """
    lower = code.lower()
    found = _TAGS.get(lower) or _BY_TAG.get(lower)
    return (
        found if found is not None else "-".join(_cased(n, each) for n, each in enumerate(lower.split("-")))
    )


def _cased(place: int, part: str) -> str:
    if not place:
        return part
    return part.upper() if len(part) == 2 else part.title() if len(part) == 4 and part.isalpha() else part
