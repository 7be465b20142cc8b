"""English numbers, amounts and percentages, however they were written, as the same words of digits.

``$5.2 million``, ``5.2 million dollars`` and ``five point two million dollars`` all become ``5200000 dollars``;
``twenty twenty`` and ``2020`` become ``2020``; ``third`` and ``3rd`` become ``3rd``.
"""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    name: value
    for value, name in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_UNITS["oh"] = 0
_TENS = {
    name: 10 * value
    for value, name in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_POWERS = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "k": 10**3, "mm": 10**6, "m": 10**6, "bn": 10**9, "b": 10**9,
}  # fmt: skip
_LONGEST = 24
"""Digits of one number or code. A recogniser that is stuck says ``one one one`` for minutes: that is many words."""
_SHORT = frozenset({"k", "mm", "m", "bn", "b"})
"""Powers only behind digits: ``a b`` is no billion."""
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_CURRENCIES = {"$": "dollars", "£": "pounds", "€": "euros", "¥": "yen"}
_SINGULAR = {"dollar": "dollars", "pound": "pounds", "euro": "euros", "cent": "cents"}

_TOKEN = re.compile(
    r"""[$£€¥]\s?[0-9][0-9,]*(?:\.[0-9]+)?(?:\s?(?:k|mm|m|bn|b)\b)?   # an amount of money
      | [0-9]+(?:st|nd|rd|th)\b                                        # an ordinal
      | [0-9][0-9,]*(?:\.[0-9]+)?(?:(?:k|mm|m|bn|b)\b)?                # a number
      | %
      | [^\s0-9$£€¥%\-‐‑–—/]+                                          # a word
    """,
    re.VERBOSE,
)
_BEGINNINGS = frozenset({*_UNITS, *_TENS, *_ORDINALS})
"""Words a number can begin with."""
_FIGURES = frozenset({*"0123456789", *_CURRENCIES})
_DIGITS = re.compile(r"([0-9][0-9,]*(?:\.[0-9]+)?)\s?(k|mm|m|bn|b)?$")


def as_digits(text: str) -> list[str]:
    """The words of a text in small letters, its numbers written as digits. Marks of punctuation stay at their words."""
    tokens = [token.rstrip('.,;:?!"') if token != "%" else token for token in _TOKEN.findall(text)]
    tokens = [token for token in tokens if token]
    out: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token not in _BEGINNINGS and token[0] not in _FIGURES:
            out.append(
                "percent" if token == "%" else _SINGULAR.get(token, token) if _is_amount(out) else token
            )
            index += 1
            continue
        unit = _CURRENCIES.get(token[0], "")
        number, following = _number(tokens, index)
        if number is None:
            out.append(
                "percent" if token == "%" else _SINGULAR.get(token, token) if _is_amount(out) else token
            )
            index += 1
            continue
        out.append(number)
        if unit:
            out.append(unit)
        index = following
    return out


def _is_amount(out: list[str]) -> bool:
    return bool(out) and out[-1][:1].isdigit()


def _number(tokens: list[str], index: int, within: int = 0) -> tuple[str | None, int]:
    """The number that begins here, as digits, and what comes after it; ``within`` so many larger ones."""
    token = tokens[index]
    if token[0].isdigit() and token[-2:] in ("st", "nd", "rd", "th"):
        return token, index + 1
    start = index
    text, index = _simple(tokens, index)
    if text is None:
        return _ordinal(tokens, start)
    # "twenty third": a ten and an ordinal
    if text in ("20", "30", "40", "50", "60", "70", "80", "90") and index < len(tokens):
        small = _ORDINALS.get(tokens[index], 0)
        if 0 < small < 10 and tokens[index] != "second":
            return _suffixed(int(text) + small), index + 1
    # "five point two"
    if index + 1 < len(tokens) and tokens[index] == "point" and "." not in text:
        decimals = ""
        following = index + 1
        while (
            following < len(tokens)
            and len(decimals) < _LONGEST
            and (digit := _UNITS.get(tokens[following], 10)) < 10
        ):
            decimals += str(digit)
            following += 1
        if not decimals and following < len(tokens):
            more, after = _simple(tokens, following)
            if more is not None and "." not in more:
                decimals, following = more, after
        if decimals:
            text, index = f"{text}.{decimals}", following
    scaled = False
    if len(text) > _LONGEST:
        return text, index
    while index < len(tokens) and tokens[index] in _POWERS and tokens[index] not in _SHORT:
        text = _plain(Decimal(text) * _POWERS[tokens[index]])
        scaled = True
        index += 1
    if (
        scaled and within < len(_POWERS) and len(text) <= _LONGEST
    ):  # "two thousand (and) twenty": what is smaller is added
        lowest = 10 ** (len(text) - len(text.rstrip("0"))) if text.isdigit() else 1
        ahead = index + 1 if index < len(tokens) and tokens[index] == "and" else index
        if (
            ahead < len(tokens)
            and tokens[ahead][0] not in _CURRENCIES
            and tokens[ahead][0] not in "0123456789"
        ):
            more, after = _number(tokens, ahead, within + 1)
            if more is not None and more.isdigit() and len(more) <= _LONGEST and 0 < int(more) < lowest:
                text, index = str(int(text) + int(more)), after
    return text, index


def _simple(tokens: list[str], index: int) -> tuple[str | None, int]:
    """Digits as they stand, or words up to hundreds; words side by side as years and codes are told are put together."""
    token = tokens[index]
    if found := _DIGITS.match(token.lstrip("".join(_CURRENCIES)).strip()):
        value = found[1].replace(",", "")
        if found[2] and len(value) <= _LONGEST:
            return _plain(Decimal(value) * _POWERS[found[2]]), index + 1
        return value, index + 1
    said: list[str] = []
    while index < len(tokens) and sum(map(len, said)) < _LONGEST:
        value, following = _below_hundred(tokens, index, alone=not said)
        if value is None:
            break
        index = following
        if index < len(tokens) and tokens[index] == "hundred":
            hundreds = int(value) * 100
            index += 1
            ahead = index + 1 if index < len(tokens) and tokens[index] == "and" else index
            rest, following = (
                _below_hundred(tokens, ahead, alone=True) if ahead < len(tokens) else (None, ahead)
            )
            if rest is not None:
                hundreds, index = hundreds + int(rest), following
            value = str(hundreds)
        said.append(value)
    if not said:
        return None, index
    return "".join(said), index


def _below_hundred(tokens: list[str], index: int, *, alone: bool) -> tuple[str | None, int]:
    word = tokens[index]
    if word == "oh" and alone:
        return None, index  # an exclamation, unless digits stand before it
    if word in _UNITS:
        return str(_UNITS[word]), index + 1
    if word in _TENS:
        small = _UNITS.get(tokens[index + 1], 0) if index + 1 < len(tokens) else 0
        if 0 < small < 10:
            return str(_TENS[word] + small), index + 2
        return str(_TENS[word]), index + 1
    return None, index


def _ordinal(tokens: list[str], index: int) -> tuple[str | None, int]:
    word = tokens[index]
    if word in _ORDINALS:
        return _suffixed(_ORDINALS[word]), index + 1
    return None, index


def _suffixed(value: int) -> str:
    end = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return f"{value}{end}"


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
