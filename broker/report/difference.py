"""How one text differs from another, word by word, for people to see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_PIECES = re.compile(r"\w+(?:['\u2019]\w+)*|\s+|[^\w\s]", re.UNICODE)
MOST_WORDS = 1500
"""Of longer texts the beginning is compared: what is shown must be readable, and the comparison is quadratic."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of text: ``same``, ``more`` (only in the answer) or ``less`` (only in the reference)."""

    kind: str
    text: str


def difference(reference: str, answer: str) -> tuple[Part, ...]:
    """The answer with what it has besides and what it lacks. Case, punctuation and spacing are no differences."""
    before, cut_before = _pieces(reference)
    after, cut_after = _pieces(answer)
    matcher = SequenceMatcher(
        None, [_key(each) for each in before], [_key(each) for each in after], autojunk=False
    )
    parts: list[Part] = []
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            parts.append(Part("same", "".join(after[c:d])))
            continue
        lacking, besides = "".join(before[a:b]), "".join(after[c:d])
        if _matters(lacking):
            parts += [Part("same", " ")] * (lacking != lacking.lstrip())
            parts.append(Part("less", lacking.strip()))
            parts += [Part("same", " ")] * (lacking == lacking.lstrip())
        if besides:
            parts.append(Part("more" if _matters(besides) else "same", besides))
    if cut_before or cut_after:
        parts.append(Part("same", f" … (the first {MOST_WORDS:,} pieces are compared)"))
    return tuple(_joined(parts))


def _pieces(text: str) -> tuple[list[str], bool]:
    found = [match.group() for match in _PIECES.finditer(text[: MOST_WORDS * 20])]
    return found[:MOST_WORDS], len(found) > MOST_WORDS or len(text) > MOST_WORDS * 20


def _key(piece: str) -> str:
    return " " if not _matters(piece) else piece.casefold()


def _matters(piece: str) -> bool:
    return any(sign.isalnum() for sign in piece)


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbours of one kind as one."""
    found: list[Part] = []
    for part in parts:
        if found and found[-1].kind == part.kind:
            found[-1] = Part(part.kind, found[-1].text + part.text)
        else:
            found.append(part)
    return found
