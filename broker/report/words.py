"""Figures as people read them; what is not known says so."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from broker.maturity.interval import Interval
from broker.quality.estimate import Estimate
from broker.quality.kpi import Latency
from broker.types.money import shown_amount

UNKNOWN = "not known"


def figure(value: float) -> str:
    """Three figures that count: ``0.967``, ``12.3``, ``1,230``; without exponents."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3f}" if size >= 0.001 else f"{value:.2g}"


def estimate(given: Estimate | None) -> str:
    """``0.967 (0.940 to 0.982)``."""
    if given is None or given.point is None:
        return UNKNOWN
    if given.low is None or given.high is None:
        return f"{figure(given.point)} (no interval)"
    return f"{figure(given.point)} ({figure(given.low)} to {figure(given.high)})"


def share(given: Estimate | None) -> str:
    """The same in per cent."""
    if given is None or given.point is None:
        return UNKNOWN
    if given.low is None or given.high is None:
        return f"{100 * given.point:.1f}\u00a0% (no interval)"
    return f"{100 * given.point:.1f}\u00a0% ({100 * given.low:.1f} to {100 * given.high:.1f}\u00a0%)"


def seconds(value: float) -> str:
    """``31 ms``, ``1.24 s``, with spaces that do not break."""
    return f"{value * 1000:.0f}\u00a0ms" if value < 0.9995 else f"{value:.2f}\u00a0s"


def latency(given: Latency | None) -> str:
    """A quantile with its interval, which takes enough calls."""
    if given is None:
        return UNKNOWN
    if given.low is None or given.high is None:
        return f"{seconds(given.point)} (no interval)"
    return f"{seconds(given.point)} ({seconds(given.low)} to {seconds(given.high)})"


def money(amount: Decimal | None, currency: str) -> str:
    """An amount, rounded where nobody would read its digits: four that count, at least two decimals."""
    if amount is None:
        return UNKNOWN
    if amount and abs(amount) < 1:
        places = max(2, 3 - amount.adjusted())
        return shown_amount(amount.quantize(Decimal(1).scaleb(-places)).normalize(), currency)
    text = f"{amount:,.2f}"
    return f"${text}" if currency == "USD" else f"{text} {currency}"


def day(given: date | None) -> str:
    """``21 Nov 2026``; it does not break. None: nobody says."""
    if given is None:
        return "on no known day"
    return f"{given.day}\u00a0{given:%b}\u00a0{given.year}"


def score(given: Interval) -> str:
    """``65 to 81``."""
    return str(given)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 item``, ``2 items``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: tuple[str, ...] | list[str]) -> str:
    """``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
