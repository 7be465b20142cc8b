"""Texts put together: with a space between them, but in scripts that have none between words."""

from __future__ import annotations

from collections.abc import Iterable

_SCRIPTS = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # Han radicals, CJK punctuation, Kana, Bopomofo
    (0x31F0, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF01, 0xFF9F),  # full width
    (0x20000, 0x3FFFF),
)


def spaced(texts: Iterable[str]) -> str:
    """Pieces of one text as one.

    >>> spaced(["good", "morning"]), spaced(["早上好", "朋友们"])
    ('good morning', '早上好朋友们')
    """
    found = ""
    for text in texts:
        if text:
            found += text if not found or unspaced_between(found, text) else f" {text}"
    return found


def unspaced_between(before: str, behind: str) -> bool:
    """Whether two texts border on each other without a space, by the characters that meet. Neither is empty."""
    return _is_unspaced(before[-1]) and _is_unspaced(behind[0])


def _is_unspaced(character: str) -> bool:
    number = ord(character)
    return any(low <= number <= high for low, high in _SCRIPTS)
