"""Language codes of Azure Language: the lists of each feature, and BCP-47 to the service's codes and back.

Sources: MicrosoftDocs/azure-ai-docs, language-service/<feature>/language-support.md; the lists that the service
itself gives in its error ``UnsupportedLanguageCode``, which spell ``zh-Hans`` so.
"""

from __future__ import annotations

from broker.types.phrase import UNDETERMINED

_COMMON = (
    *("af", "am", "ar", "as", "az", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es"),
    *("et", "eu", "fa", "fi", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "it", "ja"),
    *("ka", "kk", "km", "kn", "ko", "ku", "ky", "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr", "ms"),
    *("my", "nb", "ne", "nl", "no", "or", "pa", "pl", "ps", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl"),
    *("so", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "ug", "uk", "ur", "uz", "vi", "zh", "zh-Hans"),
    "zh-Hant",
)
_RARER = ("be", "br", "eo", "fil", "fy", "gd", "ha", "jv", "la", "om", "sa", "sd", "si", "su", "xh", "yi")

SENTIMENT = KEY_PHRASES = tuple(sorted((*_COMMON, *_RARER)))
"""The 94 codes of the tables, and three that the notes of all tables accept beside them: ``nb``, ``pt``, ``zh``."""
ENTITIES = PII = tuple(sorted((*_COMMON, "ss")))
"""The 79 codes of the tables (which have ``ji`` for Japanese by a slip in one of them), and the same three."""

_SPELLED = {tag.lower(): tag for tag in (*SENTIMENT, *ENTITIES)}
_SENT_AS = {"nb": "no", "pt": "pt-PT", "zh": "zh-Hans"}
"""What the tables list, for what they say is also accepted: not all features say so."""
_TRADITIONAL = ("tw", "hk", "mo")
"""Regions that write Chinese in the traditional script (CLDR, likely subtags)."""

_TAGS = {"zh_chs": "zh-Hans", "zh_cht": "zh-Hant"}
_UNKNOWN = frozenset(("", "unknown", "(unknown)"))


def vendor_code(tag: str) -> str:
    """The service's code for a BCP-47 tag, ``en`` for ``en-GB``.

    >>> vendor_code("zh-TW"), vendor_code("pt"), vendor_code("en-GB"), vendor_code("PT-br")
    ('zh-Hant', 'pt-PT', 'en', 'pt-BR')
    """
    parts = tag.lower().split("-")
    if parts[0] == "zh":
        traditional = "hant" in parts or ("hans" not in parts and any(each in _TRADITIONAL for each in parts))
        return "zh-Hant" if traditional else "zh-Hans"
    found = _SPELLED.get(tag.lower()) or _SPELLED.get(parts[0]) or tag
    return _SENT_AS.get(found, found)


def tag_of(code: str) -> str:
    """The BCP-47 tag for a code of the service's; ``und`` where it could not tell.

    >>> tag_of("zh_chs"), tag_of("(Unknown)"), tag_of("mww")
    ('zh-Hans', 'und', 'mww')
    """
    plain = code.strip()
    if plain.lower() in _UNKNOWN:
        return UNDETERMINED
    return _TAGS.get(plain.lower(), plain.replace("_", "-"))
