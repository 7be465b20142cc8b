"""How transcripts are written alike before words are counted: two named, versioned ways.

The choice can turn a ranking of providers round, so that a word error rate without its normaliser says nothing. Both
are always told:

``plain/1``
    Any language. Compatible forms of characters are made one (NFKC), letters small; hyphens, dashes and slashes become
    spaces; every other mark of punctuation and symbol goes away; words are what is between spaces.
``spoken-en/1``
    English. As it is spoken, whoever wrote it: bracketed remarks and fillers go away, contractions are written out,
    titles and a few British spellings unified, and numbers, amounts and percentages written as digits (:mod:`.numerals`),
    decimals by their value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from broker.quality.metrics.numerals import as_digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """One way of writing alike.

    :param name: with its version behind a slash; another version is another normaliser.
    :param words: of a text, in order.
    :param unspaced: the same for scripts without spaces: each character is a word.
    """

    name: str
    words: Callable[[str], list[str]]

    def characters(self, text: str) -> list[str]:
        """The characters of the words, without what is between them: for Chinese, Japanese, Korean and Thai."""
        return [character for word in self.words(text) for character in word]


_SPACED = str.maketrans(dict.fromkeys("-‐‑‒–—―−/\\_|", " "))


class _Bare(dict[int, int | None]):
    """For ``str.translate``: letters, their accents, digits and spaces stay, marks go away; learned as they come."""

    def __missing__(self, point: int) -> int | None:
        character = chr(point)
        kept = character.isspace() or unicodedata.category(character)[0] in "LMN"
        self[point] = found = point if kept else None
        return found


_BARE = _Bare()


def _bare(text: str) -> str:
    return text.translate(_BARE)


def plain_words(text: str) -> list[str]:
    """``plain/1``."""
    return _bare(unicodedata.normalize("NFKC", text).lower().translate(_SPACED)).split()


PLAIN = Normaliser(name="plain/1", words=plain_words)

_REMARK = re.compile(
    r"[<\[][^<>\[\]]*[>\]]|\([^()]*\)"
)  # openers within end it: else a row of them takes hours
_FILLERS = frozenset(
    ["uh", "um", "uhm", "umm", "hmm", "hm", "mm", "mhm", "mmm", "er", "erm", "ah", "eh", "huh"]
)
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'"})
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"\by'all\b"), "you all"),
    (re.compile(r"\bma'am\b"), "madam"),
    (re.compile(r"\b(?:o'clock)\b"), "oclock"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'d\b"), " would"),
    (
        re.compile(r"\b(it|he|she|that|there|here|what|who|where|how|when|this|everybody|everyone)'s\b"),
        r"\1 is",
    ),
    (re.compile(r"\bgonna\b"), "going to"),
    (re.compile(r"\bwanna\b"), "want to"),
    (re.compile(r"\bgotta\b"), "got to"),
    (re.compile(r"\bkinda\b"), "kind of"),
    (re.compile(r"\bsorta\b"), "sort of"),
    (re.compile(r"\b'?cause\b(?= (?:i|we|you|they|he|she|it|there)\b)"), "because"),
)
_WORDS = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "saint", "prof": "professor",
    "jr": "junior", "sr": "senior", "vs": "versus", "inc": "incorporated", "corp": "corporation", "co": "company",
    "ltd": "limited", "okay": "ok", "alright": "all right", "favourite": "favorite", "colour": "color",
    "labour": "labor", "centre": "center", "programme": "program", "behaviour": "behavior", "organisation":
    "organization", "organisations": "organizations", "realise": "realize", "realised": "realized", "utilise":
    "utilize", "utilisation": "utilization", "optimise": "optimize", "recognise": "recognize", "recognised":
    "recognized", "yep": "yeah", "website": "web site", "e mail": "email",
}  # fmt: skip


_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
_BARE_POINT = re.compile(r"(?<![\w.])\.(?=[0-9])")  # ".5" is no 5


def _value(decimal: str) -> str:
    """The point stays, or 2.2 would be 22; zeros at the end go away, as 11.60 is said like 11.6."""
    return decimal.rstrip("0").rstrip(".")


def spoken_words(text: str) -> list[str]:
    """``spoken-en/1``."""
    text = unicodedata.normalize("NFKC", _REMARK.sub(" ", text)).translate(_APOSTROPHES).lower()
    for pattern, replaced in _CONTRACTIONS:
        text = pattern.sub(replaced, text)
    words: list[str] = []
    for word in as_digits(_BARE_POINT.sub("0.", text)):
        bare = _value(word) if _DECIMAL.fullmatch(word) else _bare(word)
        if bare and bare not in _FILLERS:
            words.extend(_WORDS.get(bare, bare).split())
    return words


SPOKEN_EN = Normaliser(name="spoken-en/1", words=spoken_words)

NORMALISERS = {each.name: each for each in (PLAIN, SPOKEN_EN)}
"""By name. Scores keep the name, so that one of another version is never taken for the same."""
