"""Putting texts of Google's together, and telling whether two are the same words.

"In languages that use spaces to separate words, the transcript might have a leading space if it isn't the first result. You
can concatenate each result to obtain the full transcript without using a separator" (v1/cloud_speech.proto). The space is not
always there, so that between two results it is left out only where the language has none.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from broker.types.spacing import unspaced_between

_UNSPACED = frozenset({"bo", "cmn", "ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""


def joined(pieces: Iterable[tuple[str, str | None]]) -> str:
    """Texts as one.

    :param pieces: each with its language, where that is known; a space before or behind one is Google's own.

    >>> joined([("good", "en-US"), ("morning", None)]), joined([("今日は", None), ("3時", "ja-JP")])
    ('good morning', '今日は 3時')
    >>> joined([("今日は", "ja-JP"), ("3時", "ja-JP")]), joined([("早上好", None), ("朋友们", None)])
    ('今日は3時', '早上好朋友们')
    """
    found = ""
    before: str | None = None
    spaced = False
    for raw, language in pieces:
        text = raw.strip()
        if not text:
            continue
        if found:
            wide = raw[0].isspace() or spaced
            found += " " if wide or not (_unspaced(before, language) or unspaced_between(found, text)) else ""
        found += text
        before, spaced = language, raw[-1].isspace()
    return found


def plain_words(text: str) -> list[str]:
    """Its words, without case and marks: by these a word and the same one in a text are equal.

    >>> plain_words("Well, DON'T!"), plain_words("…")
    (['well', "don't"], [])
    """
    return [word for each in text.split() if (word := _bare(each))]


def _bare(word: str) -> str:
    begin, end = 0, len(word)
    while begin < end and _is_mark(word[begin]):
        begin += 1
    while end > begin and _is_mark(word[end - 1]):
        end -= 1
    return word[begin:end].casefold()


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PZC"


def _unspaced(*languages: str | None) -> bool:
    return all(each is not None and each.partition("-")[0].lower() in _UNSPACED for each in languages)
