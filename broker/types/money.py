"""Money, usage and prices: Decimal throughout, and unknown is None, never 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import Enum

COST_DECIMALS = Decimal("1e-12")
"""Amounts are kept with 12 decimals, rounded half-even."""
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Money is reckoned in this context, whatever precision the caller's thread has set for its own work."""


EVERYWHERE = ("*", "global")
"""Regions of a row that holds for any region."""
LARGEST_AMOUNT = Decimal(9_000_000)
"""More than this for one attempt is a slip; it is also what an integer of 1e-12 can hold."""


def quantize(amount: Decimal) -> Decimal:
    """Round an amount to the 12 decimals it is kept with."""
    return amount.quantize(COST_DECIMALS, rounding=ROUND_HALF_EVEN, context=EXACT)


class Unit(str, Enum):
    """What vendors count: of a request, or of time while something stands ready (``hour``, ``month``)."""

    IMAGE = "image"
    SECOND = "second"
    CHARACTER = "character"
    BYTE = "byte"
    """Of a text, in UTF-8."""
    TOKEN = "token"  # noqa: S105 - a piece of text, no secret
    REQUEST = "request"
    QUERY = "query"
    DOCUMENT = "document"
    """Put into an index or taken out."""
    PAGE = "page"
    TRANSACTION = "transaction"
    HOUR = "hour"
    """An hour of an index, a search unit or an endpoint, used or not."""
    MONTH = "month"
    GIBIBYTE_MONTH = "gibibyte_month"


class UsageSource(str, Enum):
    """Who counted."""

    REPORTED = "reported"
    """The vendor, in its answer."""
    MEASURED = "measured"
    """We, from what was sent."""
    ESTIMATED = "estimated"
    """We, before it could be measured."""
    BILLED = "billed"
    """The vendor, on its invoice: a person has settled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used, before the vendor's rounding.

    :param sku: the price it falls under (``aws.rekognition.group2``).
    :param quantity: of one channel, where the thing used has several.
    :param channels: of audio; whether each is billed is a matter of the price.
    """

    sku: str
    unit: Unit
    quantity: Decimal
    source: UsageSource = UsageSource.MEASURED
    channels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The price of one billing unit up to a cumulative monthly quantity (exclusive); None: no limit."""

    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How one request's usage becomes billing units: rounded up to ``increment``, then at least ``minimum``.

    ``increment`` None bills the quantity as it is.
    """

    increment: Decimal | None = None
    minimum: Decimal = Decimal(0)
    per: Decimal = Decimal(1)
    """So many counted things make one billing unit (100 characters, 1,000 characters)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One dated row of the price book.

    Exactly one of these holds: ``tiers`` is filled; ``unpriced`` says why no price is known;
    ``free`` says why it costs nothing.

    :param region: the vendor's region, ``global``, or ``*`` where it is the same everywhere.
    :param free_quota: billing units a month that an account with the free tier does not pay.
    :param valid_to: exclusive; None is open.
    :param checked_on: the day the source was read; of an undated source (``dated`` False) the first day of
        validity, so that it counts as old.
    :param confidence: ``high``, ``medium``, ``low``; ``contract`` for a price of the user's own, which wins.
    :param channels: whether each channel of audio is billed: ``each``, ``once``, or ``unknown``.
    :param free_with: skus that, used in the same attempt, make this one cost nothing.
    :param unusual: why the row looks like a slip and is none.
    """

    id: str
    sku: str
    unit: Unit
    region: str
    currency: str
    valid_from: date
    checked_on: date
    source: str
    confidence: str
    tiers: tuple[Tier, ...] = ()
    rounding: Rounding = Rounding()
    valid_to: date | None = None
    free_quota: Decimal = Decimal(0)
    free: str | None = None
    unpriced: str | None = None
    channels: str = "once"
    free_with: tuple[str, ...] = ()
    unusual: str | None = None
    note: str = ""
    dated: bool = True

    @property
    def counter(self) -> str:
        """The month's meter that decides the tier: a row for one region counts that region's units only.

        What was given away in a bundle counts on a meter of its own, so that it moves no tier.
        """
        name = self.sku if self.region in EVERYWHERE else f"{self.sku}@{self.region}"
        return f"{name}+bundle" if self.free == "bundle" else name

    def holds(self, day: date) -> bool:
        """Whether the day lies in its period."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    @property
    def contract(self) -> bool:
        """A price of the user's own."""
        return self.confidence == "contract"


class Billed(str, Enum):
    """Whether the vendor charges for an attempt."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, fact: bool | None) -> Billed:
        """From yes, no or not known."""
        return cls.UNKNOWN if fact is None else cls.YES if fact else cls.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one attempt, or a whole call, costs.

    :param amount: at the tier position of the month; None when it is not known.
    :param upper_bound: the most it can have cost by the price book; None when unpriced.
    :param basis: what it rests on; the weakest of its parts. None where nothing was billed.
    :param unpriced: why there is no price, if so.
    :param price_id: the row of the price book, for one attempt.
    """

    amount: Decimal | None
    upper_bound: Decimal | None
    currency: str
    billed: Billed
    basis: UsageSource | None = None
    price_id: str | None = None
    unpriced: str | None = None

    @property
    def shown(self) -> str:
        """For people: the amount, or what is known of it."""
        if self.amount is not None:
            return shown_amount(self.amount, self.currency)
        if self.upper_bound is None:
            return "unknown (unpriced)"
        return f"unknown (up to {shown_amount(self.upper_bound, self.currency)})"


_WEAKEST_FIRST = (UsageSource.ESTIMATED, UsageSource.MEASURED, UsageSource.REPORTED, UsageSource.BILLED)


def weakest(sources: Iterable[UsageSource | None]) -> UsageSource | None:
    """What a sum rests on: the weakest of its parts; None when there is none."""
    found = {each for each in sources if each is not None}
    return next((each for each in _WEAKEST_FIRST if each in found), None)


def shown_amount(amount: Decimal, currency: str) -> str:
    """An amount for people, with as many decimals as it needs and at least two."""
    text = f"{amount.normalize(EXACT):f}" if amount else "0"
    whole, _, decimals = text.partition(".")
    text = f"{whole}.{decimals.ljust(2, '0')}"
    return f"${text}" if currency == "USD" else f"{text} {currency}"
