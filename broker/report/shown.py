"""Samples as the page needs them: media inside, places drawn, texts compared."""

from __future__ import annotations

import json
from dataclasses import dataclass

from broker.bench.scores import by_operation, truth_for
from broker.report import words
from broker.report.difference import Part, difference
from broker.report.media import Picture, Room, picture, sound
from broker.report.model import Cell, Report, Sample
from broker.types.json import JsonValue
from broker.types.markup import harmless
from broker.types.view import Row, View

MOST_ROWS = 15
MOST_BOXES = 40
_LONGEST = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A box on a picture, in its pixels, with a number that the list beside has too."""

    number: int
    x: float
    y: float
    width: float
    height: float
    tag_x: float
    tag_y: float
    size: float
    halo: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """What stands in the page for one answer."""

    title: str
    facts: str
    error: str
    rows: tuple[Row, ...]
    more: int
    boxes: tuple[Drawn, ...]
    show_picture: bool
    said: str
    difference: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """What stands in the page for one item; ``key`` begins its ids."""

    key: str
    id: str
    note: str
    text: str
    truth: str
    picture: Picture | None
    audio: str | None
    answers: tuple[ShownAnswer, ...]


def shown(report: Report, room: Room | None = None) -> list[ShownItem]:
    """All samples of a report."""
    left = room or Room()
    return [_item(each, f"item-{number}", left) for number, each in enumerate(report.samples, 1)]


def _item(sample: Sample, key: str, room: Room) -> ShownItem:
    note, found, audio = "", None, None
    if sample.kind == "image":
        made = picture(sample.input, room)
        found, note = (made, "") if isinstance(made, Picture) else (None, made)
    elif sample.kind == "audio":
        audio, note = sound(sample.input, room)
    alone = not of_several(sample)
    answers = tuple(_answer(cell, found, _compared(cell, sample), alone=alone) for cell in sample.cells)
    return ShownItem(
        key=key,
        id=sample.id,
        note=note,
        text=_cut(sample.input) if sample.kind in ("text", "query") else "",
        truth=_cut(truth_words(sample.truth)),
        picture=found,
        audio=audio,
        answers=answers,
    )


def of_several(sample: Sample) -> bool:
    """Its answers are of several operations, so that each must say of which."""
    return len({cell.operation for cell in sample.cells}) > 1


def _compared(cell: Cell, sample: Sample) -> tuple[Part, ...]:
    """Against the truth; without one against the operation's first answer that is a text, which is shown as it is."""
    text = cell.view.text if cell.view else None
    if text is None:
        return ()
    reference = reference_text(truth_for(cell.operation, sample.truth))
    if reference is not None:
        return difference(reference, text)
    of_texts = (
        each
        for each in sample.cells
        if each.operation == cell.operation and each.view and each.view.text is not None
    )
    first = next(of_texts, cell)
    if first is cell or first.view is None or first.view.text is None:
        return (Part("same", _cut(text)),)
    return difference(first.view.text, text)


def _answer(cell: Cell, found: Picture | None, parts: tuple[Part, ...], *, alone: bool) -> ShownAnswer:
    view = cell.view
    rows: tuple[Row, ...] = () if view is None else view.rows
    placed, why = _boxes(view, found)
    facts = [
        f"score {words.figure(cell.score)}" if cell.score is not None else "",
        words.seconds(cell.latency) if cell.latency is not None else "",
        f"model {cell.model}" if cell.model else "",
        why,
    ]
    title = f"{cell.lane} ({cell.mark})" if cell.mark else cell.lane
    names = ", ".join(f"{number} {harmless(row.what)}" for number, row in enumerate(rows[:8], 1) if row.box)
    return ShownAnswer(
        title=title if alone else f"{title}, {cell.operation}",
        facts=", ".join(each for each in facts if each),
        error=cell.error,
        rows=rows[:MOST_ROWS]
        if not (parts and view and view.noun in ("line", "segment", "caption"))
        else _placed_only(rows),
        more=max(0, len(rows) - MOST_ROWS),
        boxes=placed,
        show_picture=bool(placed),
        said=f"the picture with {words.count(len(placed), 'place')} marked by {title}: {names}",
        difference=parts,
    )


def _placed_only(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Of a text the whole is shown already; lines are listed where they have numbers in the picture."""
    return rows[:MOST_ROWS] if any(row.box for row in rows) else ()


def _boxes(view: View | None, found: Picture | None) -> tuple[tuple[Drawn, ...], str]:
    if view is None or found is None or not view.boxes:
        return (), ""
    if found.turned and (view.frame is None or view.frame.upright is not True):
        return (), "places are of the picture before it was turned, so they are not drawn"
    size = max(found.width, found.height) / 22
    drawn = []
    for number, row in enumerate(view.rows[:MOST_BOXES], 1):
        if row.box is None:
            continue
        x, y = row.box.left * found.width, row.box.top * found.height
        drawn.append(
            Drawn(
                number=number,
                x=round(x, 1),
                y=round(y, 1),
                width=round(row.box.width * found.width, 1),
                height=round(row.box.height * found.height, 1),
                tag_x=round(min(max(x, 0.0), found.width - size), 1),
                tag_y=round(
                    y - size * 0.25 if y > size * 1.1 else y + size, 1
                ),  # above the box, where there is room
                size=round(size, 1),
                halo=round(size / 5, 1),
            )
        )
    return tuple(drawn), ""


def reference_text(truth: JsonValue) -> str | None:
    """The truth as a text to compare with; None where it is no text."""
    if isinstance(truth, str):
        return truth
    if isinstance(truth, dict):
        return next(
            (each for name in ("text", "transcript") if isinstance(each := truth.get(name), str)), None
        )
    return None


def truth_words(truth: JsonValue) -> str:
    """The truth for people: its text, names, what it is by operation, or its JSON."""
    if truth is None:
        return ""
    if by_operation(truth):
        return "; ".join(f"{name}: {truth_words(each)}" for name, each in truth.items())
    if isinstance(truth, str):
        return truth
    text = reference_text(truth)
    if text is not None:
        return text
    if isinstance(truth, list) and all(isinstance(each, str) for each in truth):
        return ", ".join(str(each) for each in truth)
    return json.dumps(truth, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
