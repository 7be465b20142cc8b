"""Colours and shapes of the charts: Okabe and Ito's palette, and never colour alone.

Source of the palette: Okabe and Ito, Color Universal Design (jfly.uni-koeln.de/color), distinguishable with the usual kinds
of colour blindness. Lanes are told apart by shape, dash and a name beside the mark; standings by hatching too.
"""

from __future__ import annotations

from broker.report.model import Standing

INK = "#1a1a1a"
SOFT = "#595959"
GRID = "#e0e0e0"
LANES = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#8c6d1f", "#E69F00", "#56B4E9")
"""The first ones stand out from white by 3 to 1 or more (WCAG 1.4.11); those behind are told by shape, dash and name."""
QUANTILES = ("#0072B2", "#000000", "#D55E00")
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right", "stroke")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (4, 4), (1, 3), (10, 4), (5, 1))
STANDINGS = {Standing.UNBEATEN: "#0072B2", Standing.BEATEN: "#D55E00", Standing.UNKNOWN: "#7f7f7f"}
GREY = "#7f7f7f"


def colour(number: int) -> str:
    """Of the lane with this number; they come again where there are more lanes than colours."""
    return LANES[number % len(LANES)]


def shape(number: int) -> str:
    """The same for its mark."""
    return SHAPES[number % len(SHAPES)]


def dash(number: int) -> list[int]:
    """The same for its line."""
    return list(DASHES[number % len(DASHES)])
