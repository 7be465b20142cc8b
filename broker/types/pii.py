"""text.detect_pii and text.redact: what in a text tells who somebody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from broker.errors import BadInput
from broker.types.confidence import Confidence, sure_enough
from broker.types.request import TextRequest, check_ratio
from broker.types.span import Span


class PiiKind(str, Enum):
    """The common vocabulary; the vendor's own name stands beside it."""

    PERSON = "person"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    DATE = "date"
    AGE = "age"
    URL = "url"
    IP_ADDRESS = "ip_address"
    MAC_ADDRESS = "mac_address"
    ORGANIZATION = "organization"
    USERNAME = "username"
    PASSWORD = "password"  # noqa: S105 - a kind of thing, no secret
    CREDENTIAL = "credential"
    """A key or token of a service."""
    CREDIT_CARD = "credit_card"
    """Its number."""
    CARD_DETAIL = "card_detail"
    """Its expiry, security code or PIN."""
    BANK_ACCOUNT = "bank_account"
    """An account number, IBAN, SWIFT or routing code."""
    NATIONAL_ID = "national_id"
    """A social security, national insurance or identity card number."""
    TAX_ID = "tax_id"
    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    VEHICLE_ID = "vehicle_id"
    """A plate or a vehicle identification number."""
    HEALTH_ID = "health_id"
    CRYPTO_ADDRESS = "crypto_address"
    OTHER = "other"
    """The vendor's name is not in our map; see ``category``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiRequest(TextRequest):
    """What in this text tells who somebody is?

    :param min_confidence: keep finds of at least this ratio (0..1).
    """

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


class Mask(str, Enum):
    """What stands in the place of what was found."""

    CHARACTER = "character"
    """An asterisk for each character."""
    KIND = "kind"
    """``[EMAIL]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactRequest(TextRequest):
    """This text without what tells who somebody is.

    :param mask: ``character`` or ``kind``.
    :param min_confidence: redact finds of at least this ratio (0..1); the default redacts all.
    """

    mask: Mask = Mask.CHARACTER
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)
        try:
            object.__setattr__(self, "mask", Mask(self.mask))
        except ValueError:
            raise BadInput(
                f"mask must be 'character' (asterisks) or 'kind' ([EMAIL]), not {self.mask!r:.80}"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiEntity(Span):
    """One find.

    :param kind: in the common vocabulary.
    :param category: the vendor's own name for it.
    :param subcategory: the vendor's finer name, where it has one.
    """

    kind: PiiKind
    category: str
    confidence: Confidence
    subcategory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiSet:
    """All finds, in the vendor's order.

    :param aggregated: joined from the answers for a long text's parts.
    """

    entities: tuple[PiiEntity, ...]
    language: str | None = None
    aggregated: bool = False

    def select(self, request: PiiRequest) -> PiiSet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.entities, request.min_confidence)
        return self if kept is self.entities else replace(self, entities=kept)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, PiiSet]], request: Any) -> PiiSet:  # noqa: ARG003 - as the others
        """From the parts of a long text, offsets shifted back."""
        languages = {part.language for _, _, part in parts}
        return cls(
            entities=tuple(each.shifted(begin) for begin, _, part in parts for each in part.entities),
            language=languages.pop() if len(languages) == 1 else None,
            aggregated=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedactedText:
    """A text in which what was found is masked.

    :param text: the masked text.
    :param entities: what was found, with offsets into the *given* text.
    :param vendor_text: the vendor's own redacted text, where it makes one (Azure); it masks by its own rules.
    :param aggregated: joined from the answers for a long text's parts.
    """

    text: str
    entities: tuple[PiiEntity, ...]
    vendor_text: str | None = None
    language: str | None = None
    aggregated: bool = False

    def select(self, request: RedactRequest) -> RedactedText:  # noqa: ARG002 - redacted() has applied it
        """As it is."""
        return self

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, RedactedText]], request: RedactRequest) -> RedactedText:
        """From the parts of a long text."""
        languages = {part.language for _, _, part in parts}
        whole: list[str] = []
        theirs: list[str] = []
        done = 0
        for begin, given, part in parts:
            between = request.text[done:begin]  # what lies between two parts is space that was not sent
            whole += [between, part.text]
            theirs += [between, part.vendor_text or ""]
            done = begin + len(given)
        return cls(
            text="".join(whole) + request.text[done:],
            entities=tuple(each.shifted(begin) for begin, _, part in parts for each in part.entities),
            vendor_text=None
            if any(part.vendor_text is None for _, _, part in parts)
            else "".join(theirs) + request.text[done:],
            language=languages.pop() if len(languages) == 1 else None,
            aggregated=True,
        )


def redacted(request: RedactRequest, found: PiiSet, *, vendor_text: str | None = None) -> RedactedText:
    """Mask what was found, by its offsets; overlapping finds are masked as one.

    Raises ValueError where a find's offsets do not hold: masking by them would leave something to be read, so the adapter
    must call the reply malformed.
    """
    kept = sure_enough(found.entities, request.min_confidence)
    if any(each.offset_ok is not True for each in kept):
        raise ValueError("the offsets of a find do not hold, so it cannot be masked")
    spans = sorted(
        ((each.begin or 0, each.end or 0, each.kind) for each in kept), key=lambda span: (span[0], -span[1])
    )
    pieces: list[str] = []
    done = 0
    merged: list[tuple[int, int, PiiKind]] = []
    for begin, end, kind in spans:
        if merged and begin < merged[-1][1]:
            first, last, whole = merged[-1]
            merged[-1] = (first, max(last, end), whole)
        else:
            merged.append((begin, end, kind))
    for begin, end, kind in merged:
        pieces.append(request.text[done:begin])
        pieces.append("*" * (end - begin) if request.mask is Mask.CHARACTER else f"[{kind.value.upper()}]")
        done = end
    pieces.append(request.text[done:])
    return RedactedText(text="".join(pieces), entities=kept, vendor_text=vendor_text, language=found.language)
