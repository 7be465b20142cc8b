"""How alike two rankings are, for whoever compares engines: never by their scores, which mean different things."""

from __future__ import annotations

from collections.abc import Sequence

PERSISTENCE = 0.9
"""Of a reader who goes on to the next hit with this probability; the first ten hits then weigh 86 %."""


def jaccard(one: Sequence[str], other: Sequence[str], depth: int) -> float | None:
    """Shared over all among the first ``depth`` of each, whatever their order; None where both are empty."""
    mine, theirs = set(one[:depth]), set(other[:depth])
    whole = mine | theirs
    return len(mine & theirs) / len(whole) if whole else None


def rbo(one: Sequence[str], other: Sequence[str], p: float = PERSISTENCE) -> float | None:
    """Rank-biased overlap, extrapolated: 1 for equal rankings, 0 for disjoint ones, the top weighing most.

    Equation 32 of Webber, Moffat, Zobel: A similarity measure for indefinite rankings, ACM TOIS 28 (2010). None where both
    are empty.
    """
    short, long = sorted((list(dict.fromkeys(one)), list(dict.fromkeys(other))), key=len)
    if not long:
        return None
    if not short:
        return 0.0
    overlap = 0
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    overlaps = []
    for depth, item in enumerate(long):
        seen_long.add(item)
        overlap += item in seen_short
        if depth < len(short):
            seen_short.add(short[depth])
            overlap += short[depth] in seen_long
        overlaps.append(overlap)
    few, many = len(short), len(long)
    at_few, at_many = overlaps[few - 1], overlaps[many - 1]
    whole = sum(found / depth * p**depth for depth, found in enumerate(overlaps, 1))
    whole += sum(at_few * (depth - few) / (few * depth) * p**depth for depth in range(few + 1, many + 1))
    found = (1 - p) / p * whole + ((at_many - at_few) / many + at_few / few) * p**many
    return min(1.0, max(0.0, found))
