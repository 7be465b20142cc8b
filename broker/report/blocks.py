"""What a report is made of, whatever it is written as: sections of paragraphs, lists, tables and figures. Texts are plain."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias, Union


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A cell or an item that leads somewhere; ``href`` empty: it does not."""

    text: str
    href: str


CellText: TypeAlias = Union[str, Link]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text; ``warns``: it must not be overlooked."""

    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """Short texts, one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the first cell of a row is its header.

    :param numbers: columns that are set to the right.
    :param folded: closed until it is opened, where there is much of it.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[CellText, ...], ...]
    numbers: frozenset[int] = frozenset()
    folded: bool = False

    def filled(self) -> Table:
        """Without columns that say nothing in any row."""
        kept = [
            place
            for place in range(len(self.headers))
            if not place
            or any(cell if isinstance(cell := row[place], str) else cell.text for row in self.rows)
        ]
        return replace(
            self,
            headers=tuple(self.headers[place] for place in kept),
            rows=tuple(tuple(row[place] for place in kept) for row in self.rows),
            numbers=frozenset(new for new, old in enumerate(kept) if old in self.numbers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart's place: ``areas``, ``quality``, ``cost``, ``latency`` of an operation, or ``history``.

    :param caption: below it.
    """

    kind: str
    caption: str
    operation: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """The place of the answers side by side."""


Block: TypeAlias = Union[Paragraph, Bullets, Table, Figure, Samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the report with a heading; ``id``: unique in it."""

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    parts: tuple[Section, ...] = field(default=())
