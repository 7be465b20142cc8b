"""Lines grouped into blocks by where they stand: paragraphs, columns, the entries of a form.

Only geometry is asked, never the text. Two lines belong together when they run in about the same direction, are
about equally high, and one is below the other, with little blank between them and not much further away than the
nearest line of each. What is joined through others is one block; what only stands side by side is not, so columns
stay apart. Paragraphs parted by an indent alone, without a blank, are one block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from broker_local.text import Found, in_reading_order

Corner = tuple[float, float]

TURN = math.radians(8)
"""Lines of one block differ less in direction."""
HEIGHTS = 1.6
"""Of two lines of one block the higher is at most so many times as high as the other."""
GAP = 0.8
"""Of the mean height: the blank between a line and the next of its block is less."""
FURTHER = 1.3
"""How many times as far as its nearest line above or below a line may be from one of its block."""
SHARED = 0.3
"""Of the narrower line: how much of it lies above or below the other, at least."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stand together, in reading order.

    :param corners: of the box around them along the first line's direction, in pixels of the upright picture, from
        the upper left clockwise.
    """

    lines: tuple[Found, ...]
    corners: tuple[Corner, ...]

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Coordinates along a line's direction and across it."""

    cos: float
    sin: float

    def along(self, corner: Corner) -> Corner:
        x, y = corner
        return x * self.cos + y * self.sin, y * self.cos - x * self.sin

    def back(self, corner: Corner) -> Corner:
        x, y = corner
        return x * self.cos - y * self.sin, x * self.sin + y * self.cos

    def box(self, corners: Sequence[Corner]) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        turned = [self.along(each) for each in corners]
        return (
            min(x for x, _ in turned), min(y for _, y in turned),
            max(x for x, _ in turned), max(y for _, y in turned),
        )  # fmt: skip


def grouped(lines: Sequence[Found]) -> tuple[Block, ...]:
    """Blocks in reading order: by where each one's first line stands among the given lines, kept as given.

    Every line is in exactly one block.
    """
    group = list(range(len(lines)))

    def first(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    steps = _steps(lines)
    nearest = [math.inf] * len(lines)
    for (one, two), step in steps.items():
        nearest[one], nearest[two] = min(nearest[one], step), min(nearest[two], step)
    for (one, two), step in steps.items():
        if step <= FURTHER * min(nearest[one], nearest[two]):
            lower, upper = sorted((first(one), first(two)))
            group[upper] = lower
    members: dict[int, list[Found]] = {}
    for number, line in enumerate(lines):
        members.setdefault(first(number), []).append(line)
    return tuple(_block(each) for each in members.values())


def _steps(lines: Sequence[Found]) -> dict[tuple[int, int], float]:
    """How far it is from the middle of one line to that of the other, for all pairs that may be of one block."""
    directions = [_direction(line) for line in lines]
    heights = [line.height for line in lines]
    steps: dict[tuple[int, int], float] = {}
    for one, angle in enumerate(directions):
        axes = _Axes(math.cos(angle), math.sin(angle))
        left, top, right, bottom = axes.box(lines[one].corners)
        for two in range(one + 1, len(lines)):
            turn = abs((angle - directions[two] + math.pi) % (2 * math.pi) - math.pi)
            high, low = max(heights[one], heights[two]), min(heights[one], heights[two])
            if turn >= TURN or high > HEIGHTS * low:
                continue
            left2, top2, right2, bottom2 = axes.box(lines[two].corners)
            across = min(right, right2) - max(left, left2)  # negative: the blank between them
            down = min(bottom, bottom2) - max(top, top2)
            mean = (high + low) / 2
            below = -GAP * mean < down <= mean / 2
            if below and across >= SHARED * min(right - left, right2 - left2):
                steps[one, two] = abs(top + bottom - top2 - bottom2) / 2
    return steps


def _direction(line: Found) -> float:
    """In which direction it is read; as rapidocr takes a high and narrow place for a line that runs down."""
    one, two, three, four = line.corners
    across = max(math.dist(one, two), math.dist(four, three))
    down = max(math.dist(one, four), math.dist(two, three))
    start, end = (two, three) if int(down) >= 1.5 * int(across) else (one, two)
    return math.atan2(end[1] - start[1], end[0] - start[0])


def _block(lines: Sequence[Found]) -> Block:
    ordered = in_reading_order(lines)
    angle = _direction(ordered[0])
    axes = _Axes(math.cos(angle), math.sin(angle))
    left, top, right, bottom = axes.box([corner for line in ordered for corner in line.corners])
    corners = tuple(axes.back(each) for each in ((left, top), (right, top), (right, bottom), (left, bottom)))
    return Block(ordered, corners)
