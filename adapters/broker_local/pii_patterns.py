"""The shapes of personal data, and what makes sure of each: check digits, or a word beside it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from broker_local import checksums


class Evidence(Enum):
    """Why something is taken for personal data. There is no probability: a rule holds or it does not."""

    CHECKSUM = "checksum"
    """Its check digits are right, or its number is one that can have been issued."""
    CONTEXT = "context"
    """Its shape fits and the text says beside it what it is."""
    SHAPE = "shape"
    """Its shape alone says what it is, like an e-mail address."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One shape.

    :param kind: what it is, in our words.
    :param shape: where it may stand; group 1 is the span where there is one.
    :param check: whether the match without spaces and dashes is sound.
    :param context: a word that must stand before it.
    :param near: within so many characters.
    """

    kind: str
    shape: re.Pattern[str]
    evidence: Evidence
    check: Callable[[str], bool] | None = None
    context: re.Pattern[str] | None = None
    near: int = 40

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it stands in the text; half-open, in code points."""
        for match in self.shape.finditer(text):
            start, end = match.span(1 if self.shape.groups else 0)
            bare = re.sub(r"[ .\-/\u00a0\u2010-\u2015]", "", text[start:end])
            if self.check is not None and not self.check(bare):
                continue
            if self.context is not None and not self._said(text, start, end):
                continue
            yield start, end

    def _said(self, text: str, start: int, end: int) -> bool:
        assert self.context is not None  # noqa: S101  narrows for the type checker
        before = text[max(0, start - self.near) : start]
        return (
            self.context.search(before) is not None
            or self.context.match(text[end : end + BEHIND]) is not None
        )


BEHIND = 0


def _digits(*groups: int, between: str = r"[ .\-\u2010-\u2015]?") -> str:
    """Groups of so many digits; longer runs of digits or letters around it are something else."""
    body = between.join(f"[0-9]{{{size}}}" for size in groups)
    return rf"(?<![\w.\-])({body})(?![\w]|[.\-][0-9])"


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


_DATE = (
    r"[0-9]{1,4}[./\- ][0-9]{1,2}[./\- ][0-9]{1,4}"
    r"|[0-9]{1,2}(?:st|nd|rd|th)?(?: of)? [A-Z][a-z]{2,8},? [0-9]{4}"
    r"|[A-Z][a-z]{2,8}\.? [0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}"
)
_SSN_WORDS = ("ssns?", "social security(?: number| no)?", "itin", "tin", "taxpayer(?: id)?")
_ID_WORDS = ("id", "identity", "identification(?: number)?", "tax id", "national id", *_SSN_WORDS)

PATTERNS: tuple[Pattern, ...] = (
    Pattern("credit_card", re.compile(r"(?<![\w.\-])([0-9](?:[ \-]?[0-9]){12,18})(?![\w]|[\-.][0-9])"),
            Evidence.CHECKSUM, checksums.card),
    Pattern("us_ssn", re.compile(_digits(3, 2, 4, between=r"[ \-\u2010-\u2015]")),
            Evidence.CHECKSUM, checksums.us_ssn),
    Pattern("us_itin", re.compile(_digits(3, 2, 4, between=r"[ \-\u2010-\u2015]")),
            Evidence.CHECKSUM, checksums.us_itin),
    # Numbers that were never issued are still somebody's data where the text calls them an id.
    Pattern("us_ssn", re.compile(_digits(3, 2, 4, between=r"[ \-\u2010-\u2015]")),
            Evidence.CONTEXT, None, _words(*_ID_WORDS)),
    Pattern("us_ssn", re.compile(_digits(9, between="")), Evidence.CONTEXT, None, _words(*_SSN_WORDS)),
    Pattern("us_bank_routing", re.compile(_digits(9, between="")), Evidence.CHECKSUM, checksums.routing,
            _words("aba", "rtn", "routing(?: transit)?(?: number| no)?")),
    Pattern("uk_nhs", re.compile(_digits(3, 3, 4)), Evidence.CHECKSUM, checksums.uk_nhs,
            _words("nhs(?: number| no)?", "national health service(?: number)?")),
    Pattern("uk_national_insurance",
            re.compile(r"(?<!\w)((?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
                       r" ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])(?!\w)"), Evidence.SHAPE),
    Pattern("ca_sin", re.compile(_digits(3, 3, 3)), Evidence.CHECKSUM, checksums.luhn,
            _words("sin", "social insurance(?: number)?")),
    Pattern("es_dni", re.compile(r"(?<![\w.\-])([0-9]{8}-?[A-HJ-NP-TV-Z]|[XYZ]-?[0-9]{7}-?[A-HJ-NP-TV-Z])(?!\w)"),
            Evidence.CHECKSUM, checksums.es_dni),
    Pattern("fr_social_security",
            re.compile(r"(?<!\w)([12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2})(?!\w)"),
            Evidence.CHECKSUM, checksums.fr_nir),
    Pattern("it_fiscal_code", re.compile(r"(?<!\w)([A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z])(?!\w)",
            re.IGNORECASE), Evidence.CHECKSUM, checksums.it_fiscal_code),
    Pattern("br_cpf", re.compile(r"(?<![\w.\-])([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2})(?!\w)"),
            Evidence.CHECKSUM, checksums.br_cpf),
    Pattern("br_cpf", re.compile(_digits(11, between="")), Evidence.CHECKSUM, checksums.br_cpf, _words("cpf")),
    Pattern("pl_pesel", re.compile(_digits(11, between="")), Evidence.CHECKSUM, checksums.pl_pesel,
            _words("pesel")),
    Pattern("nl_bsn", re.compile(_digits(9, between="")), Evidence.CHECKSUM, checksums.nl_bsn,
            _words("bsn", "burgerservicenummer", "sofinummer")),
    Pattern("de_tax_id", re.compile(_digits(2, 3, 3, 3)), Evidence.CHECKSUM, checksums.de_tax_id,
            _words("tax id", "steuer-?id", "steueridentifikationsnummer", "steuernummer", "idnr", "tin")),
    Pattern("in_aadhaar", re.compile(_digits(4, 4, 4)), Evidence.CHECKSUM, checksums.in_aadhaar,
            _words("aadhaar", "aadhar", "uidai", "uid")),
    Pattern("crypto_address", re.compile(r"(?<!\w)([13][1-9A-HJ-NP-Za-km-z]{25,34})(?!\w)"),
            Evidence.CHECKSUM, checksums.base58_address),
    Pattern("crypto_address", re.compile(r"(?<!\w)((?:bc1|BC1|tb1|TB1)[0-9A-Za-z]{11,71})(?!\w)"),
            Evidence.CHECKSUM, checksums.bech32_address),
    Pattern("crypto_address", re.compile(r"(?<!\w)(0x[0-9A-Fa-f]{40})(?!\w)"), Evidence.SHAPE),
    Pattern("aws_access_key", re.compile(r"(?<!\w)((?:AKIA|ASIA)[A-Z2-7]{16})(?!\w)"), Evidence.SHAPE),
    Pattern("mac_address", re.compile(r"(?<![\w:\-])([0-9A-Fa-f]{2}(?:([:\-])[0-9A-Fa-f]{2})(?:\2[0-9A-Fa-f]{2}){4})"
                                      r"(?![\w:\-])"), Evidence.SHAPE),
    Pattern("date_of_birth", re.compile(rf"(?<![\w.])({_DATE})(?!\w)"), Evidence.CONTEXT, None,
            _words("dob", "d\\.o\\.b\\.?", "born(?: on| in)?", "date of birth", "birth ?date", "birthday"), near=20),
)  # fmt: skip


EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~@\-])"
    r"[\w!#$%&'*+/=?^`{|}~\-]{1,64}(?:\.[\w!#$%&'*+/=?^`{|}~\-]{1,64}){0,8}"
    r"@(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,8}[^\W\d_][\w\-]{0,61}[^\W_]"
)
"""The dot-atom form of RFC 5322 with RFC 6531's letters of all scripts; quoted local parts are not found."""

URL = re.compile(
    r"(?<!\w)((?:https?|ftps?|wss?|file)://|www\.(?=[^\W_]))[^\s<>\"`{}|\\^\u3000-\u3002\uff00-\uff0f]+",
    re.IGNORECASE,
)
IBAN = re.compile(r"(?<!\w)([A-Za-z]{2})[0-9]{2}(?=[ \-]?[A-Za-z0-9])")
IPV4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9])")
IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{3,45}(?<![.])(?![\w:])")


def urls(text: str) -> Iterator[tuple[int, int]]:
    """Addresses with a scheme, or from ``www.``; marks that end a sentence are not part of one."""
    for match in URL.finditer(text):
        found = match.group()
        surplus = {
            close: found.count(close) - found.count(open) for open, close in (("(", ")"), ("[", "]"))
        }  # brackets that close something before the address
        size = len(found)
        while size and (found[size - 1] in _AFTER or surplus.get(found[size - 1], 0) > 0):
            size -= 1
            if found[size] in surplus:
                surplus[found[size]] -= 1
        if size > match.end(1) - match.start():
            yield match.start(), match.start() + size


_AFTER = ".,;:!?'\u2019\u201d\u2026*_"
"""Marks of the sentence around an address."""


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """Account numbers, with or without spaces; as long as the country's are, so that no next word joins in."""
    for match in IBAN.finditer(text):
        size = checksums.iban_length(match.group(1).upper())
        if size is None:
            continue
        shape = rf"[A-Za-z0-9](?:[ \-\u00a0]?[A-Za-z0-9]){{{size - 1}}}(?!\w)"
        found = re.compile(shape, re.ASCII).match(text, match.start())
        if found is not None and checksums.iban(re.sub(r"[ \-\u00a0]", "", found.group()).upper()):
            yield found.span()


def addresses(text: str) -> Iterator[tuple[int, int]]:
    """IPv4 and IPv6 addresses."""
    for match in (*IPV4.finditer(text), *IPV6.finditer(text)):
        try:
            ipaddress.ip_address(match.group())
        except ValueError:
            continue
        # ``a::b`` is a valid address and much more often two names of a program.
        if any(each.isdigit() for each in match.group()):
            yield match.span()
