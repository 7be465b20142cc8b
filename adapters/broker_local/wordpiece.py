"""Cut text into the word pieces BERT's uncased models read.

Written anew after the published algorithm (``tokenization.py`` of google-research/bert, Apache-2.0), because
the packages that hold it bring a client for a model hub along. ``data/wordpiece.txt`` is the vocabulary of
``bert-base-uncased``, one piece a line, its line number being its id (Apache-2.0).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from broker_local.models import Lazy

VOCABULARY = Path(__file__).parent / "data" / "wordpiece.txt"

UNKNOWN, START, END = 100, 101, 102
"""Ids of ``[UNK]``, ``[CLS]`` and ``[SEP]``."""
LONGEST = 100
"""Characters; a longer word is unknown as a whole."""

# Unicode blocks of CJK ideographs; each of them is a word of its own. Kana and Hangul are not.
_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def pieces(text: str) -> tuple[int, ...]:
    """Ids of the pieces of a text, without start and end marks. Empty for a text of spaces."""
    vocabulary = _vocabulary.get()
    return tuple(number for word in _words(text) for number in _cut(word, vocabulary))


def _words(text: str) -> list[str]:
    """Lower-case words without accents; each mark of punctuation and each ideograph is one."""
    bare = (each for each in unicodedata.normalize("NFD", text) if unicodedata.category(each) != "Mn")
    return "".join(_spaced(each) for each in bare).lower().split()


def _spaced(character: str) -> str:
    if character in "\t\n\r":
        return " "
    kind = unicodedata.category(character)
    if kind == "Zs":
        return " "
    if character == "\ufffd" or kind in ("Cc", "Cf", "Co"):
        return ""
    return f" {character} " if _is_mark(character, kind) or _is_ideograph(character) else character


def _is_mark(character: str, kind: str) -> bool:
    """Punctuation, and the signs of ASCII such as ``$`` and ``^`` which Unicode calls symbols."""
    return kind.startswith("P") or (character.isascii() and not character.isalnum())


def _is_ideograph(character: str) -> bool:
    code = ord(character)
    return any(first <= code <= last for first, last in _CJK)


def _cut(word: str, vocabulary: Mapping[str, int]) -> Iterator[int]:
    """The longest piece that fits, again and again; a word that cannot be cut up is unknown."""
    found, start = [], 0
    while start < len(word) <= LONGEST:
        for end in range(len(word), start, -1):
            number = vocabulary.get(("##" if start else "") + word[start:end])
            if number is not None:
                found.append(number)
                start = end
                break
        else:
            break
    if start == len(word):
        yield from found
    else:
        yield UNKNOWN


def _read() -> Mapping[str, int]:
    lines = VOCABULARY.read_text(encoding="utf-8").split("\n")
    return {piece: number for number, piece in enumerate(lines) if piece}


_vocabulary = Lazy(_read)
