"""Between Google's language codes and BCP-47 tags. Source: docs.cloud.google.com/translate/docs/languages."""

from __future__ import annotations

_OLD = {"iw": "he", "jw": "jv", "in": "id", "ji": "yi", "mo": "ro"}
"""Codes that IANA's registry of language subtags has replaced; Google still answers with the first two."""


def tag_of(code: str) -> str:
    """The tag.

    >>> tag_of("iw"), tag_of("zh-TW")
    ('he', 'zh-TW')
    """
    primary, dash, rest = code.partition("-")
    return f"{_OLD.get(primary, primary)}{dash}{rest}"


_TRADITIONAL = frozenset({"tw", "hk", "mo", "hant"})


def code_of(tag: str, taken: tuple[str, ...]) -> str:
    """The code Natural Language takes for a tag that was checked against what it takes.

    >>> code_of("de-AT", ("en", "de")), code_of("zh-TW", ("zh", "zh-Hant"))
    ('de', 'zh-Hant')
    """
    parts = tag.lower().split("-")
    if parts[0] == "zh" and "zh-Hant" in taken and _TRADITIONAL.intersection(parts):
        return "zh-Hant"
    return next((each for each in taken if each.lower() == tag.lower()), parts[0])
