"""Which languages the local text recogniser reads, as its makers state it."""

from __future__ import annotations

# PP-OCRv6 small: ``ppocrv6_langs`` in rapidocr's ``default_models.yaml``, as BCP-47 tags.
LANGUAGES = (
    "af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr",
    "hu", "id", "is", "it", "ja", "ku", "la", "lb", "lt", "lv", "mi", "ms", "mt", "nl", "nb", "nn", "no", "oc",
    "pl", "pt", "qu", "rm", "ro", "sk", "sl", "sq", "sr-Latn", "sv", "sw", "tl", "tr", "uz", "vi", "zh",
    "zh-Hans", "zh-Hant",
)  # fmt: skip

_KNOWN = frozenset(each.lower() for each in LANGUAGES)


def reads(tag: str) -> bool:
    """Whether a BCP-47 tag (``en``, ``de-AT``, ``zh-Hant-TW``) is one of :data:`LANGUAGES` or a kind of it."""
    parts = tag.replace("_", "-").lower().split("-")
    return any("-".join(parts[:size]) in _KNOWN for size in range(1, len(parts) + 1))
