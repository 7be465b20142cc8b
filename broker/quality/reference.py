"""Where a truth comes from, and what it may be used for."""

from __future__ import annotations

from enum import Enum


class Reference(str, Enum):
    """Kinds of reference, in order of authority."""

    GOLD = "gold"
    """Labelled by people who know, part of it twice."""
    REVIEWED = "reviewed"
    """Decided by a person in the review queue."""
    CONSENSUS = "consensus"
    """Three or more other providers agree, surely."""
    SECOND = "second"
    """One other provider; the local one too."""
    SELF = "self"
    """The same provider again: tells flips, not quality."""

    @property
    def scores(self) -> bool:
        """It may enter a score. The others are proxies, for strata and guesses, and for agreement."""
        return self in (Reference.GOLD, Reference.REVIEWED)


AUTHORITY = tuple(Reference)
"""Highest first."""


def highest(kinds: list[Reference]) -> Reference | None:
    """The one that counts where several are there."""
    return min(kinds, key=AUTHORITY.index, default=None)
