"""Personal data that has a shape: addresses of the net, phones, cards, accounts, identity numbers.

Names, postal addresses, passports and all that only its meaning makes personal are not found. Presidio was
considered: it brings spaCy, a language model fetched at run time and 25 packages for what is here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers

from broker_local import pii_patterns
from broker_local.pii_patterns import PATTERNS, Evidence

KINDS = tuple(
    dict.fromkeys(("email", "phone", "url", "ip_address", "iban", *(each.kind for each in PATTERNS)))
)
"""All that can be found."""

_RANK = {Evidence.CHECKSUM: 0, Evidence.CONTEXT: 1, Evidence.SHAPE: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data.

    :param kind: one of :data:`KINDS`.
    :param start: first code point.
    :param end: code point behind the last one.
    :param evidence: why it is one. There is no confidence: nothing here is a probability.
    """

    kind: str
    start: int
    end: int
    evidence: Evidence


def detect(text: str, *, country: str | None = "US") -> tuple[Finding, ...]:
    """All findings in order; none overlaps another, and of two that do the longer one stays.

    :param country: ISO 3166 code of the country whose phone numbers are written without a country code;
        None finds only numbers that begin with a plus sign.
    """
    found = sorted(
        _all(text, country), key=lambda each: (each.start - each.end, _RANK[each.evidence], each.start)
    )
    kept: list[Finding] = []
    for each in found:
        place = bisect_left(kept, each.start, key=lambda other: other.start)
        free_before = place == 0 or kept[place - 1].end <= each.start
        free_behind = place == len(kept) or each.end <= kept[place].start
        if free_before and free_behind:
            kept.insert(place, each)
    return tuple(kept)


def _all(text: str, country: str | None) -> Iterator[Finding]:
    for pattern in PATTERNS:
        for start, end in pattern.spans(text):
            yield Finding(pattern.kind, start, end, pattern.evidence)
    for start, end in pii_patterns.ibans(text):
        yield Finding("iban", start, end, Evidence.CHECKSUM)
    for match in pii_patterns.EMAIL.finditer(text):
        yield Finding("email", match.start(), match.end(), Evidence.SHAPE)
    for start, end in pii_patterns.urls(text):
        yield Finding("url", start, end, Evidence.SHAPE)
    for start, end in pii_patterns.addresses(text):
        yield Finding("ip_address", start, end, Evidence.SHAPE)
    for phone in phonenumbers.PhoneNumberMatcher(text, country, leniency=phonenumbers.Leniency.VALID):
        yield Finding("phone", phone.start, phone.end, Evidence.SHAPE)
