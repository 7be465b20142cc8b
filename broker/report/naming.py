"""How lanes and operations are called in a report."""

from __future__ import annotations

from broker.report.model import Place


def named(place: Place) -> str:
    """A lane's name with what must stand beside it."""
    return f"{place.name} ({place.mark})" if place.mark else place.name


def slug(text: str) -> str:
    """For ids."""
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in text)
