"""CoNLL: a token and its tag on a line, a blank line behind each sentence."""

from __future__ import annotations

from collections.abc import Iterator

from broker.datasets.tables import LONGEST_LINE, Row
from broker.errors import BadDataset
from broker.types.json import JsonValue

_OUTSIDE = "O"
_SUFFIXES = (".conll", ".conll.txt", ".bio", ".iob")


def is_conll(path: str) -> bool:
    """By its name."""
    return path.lower().endswith(_SUFFIXES)


def rows(path: str) -> Iterator[tuple[int, Row]]:
    """Each sentence: its tokens joined by spaces as ``text``, and its mentions as ``truth``. Tags are IOB1 or IOB2.

    The token is the first of a line's cells and the tag its last. Raises :class:`BadDataset`.
    """
    tokens: list[tuple[str, str]] = []
    begin = number = 0
    try:
        with open(path, encoding="utf-8-sig") as file:
            while line := file.readline(LONGEST_LINE):
                number += 1
                cells = line.split()
                if cells and cells[0] == "-DOCSTART-":
                    cells = []
                if not cells:
                    if tokens:
                        yield begin, _sentence(tokens)
                        tokens = []
                    continue
                tag = cells[-1]
                if len(cells) < 2 or not (tag == _OUTSIDE or (tag[:2] in ("B-", "I-") and len(tag) > 2)):
                    raise BadDataset(
                        "a line is a token and a tag: O, B-KIND or I-KIND", path=path, line=number
                    )
                if not tokens:
                    begin = number
                tokens.append((cells[0], tag))
    except UnicodeDecodeError:
        raise BadDataset("it is not written in UTF-8; convert it first", path=path) from None
    except OSError as error:
        raise BadDataset(f"it cannot be read ({error.strerror})", path=path) from None
    if tokens:
        yield begin, _sentence(tokens)


def _sentence(tokens: list[tuple[str, str]]) -> Row:
    spans: list[dict[str, JsonValue]] = []
    place = 0
    before = _OUTSIDE
    for token, tag in tokens:
        end = place + len(token)
        if tag != _OUTSIDE:
            if tag[:2] == "I-" and before != _OUTSIDE and before[2:] == tag[2:]:
                spans[-1]["end"] = end
            else:
                spans.append({"begin": place, "end": end, "kind": tag[2:]})
        before = tag
        place = end + 1
    return {"text": " ".join(token for token, _ in tokens), "truth": spans}
