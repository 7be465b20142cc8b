"""The report as Markdown: the same words and tables, without pictures. Texts from outside cannot become markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from broker.report.blocks import Block, Bullets, CellText, Link, Paragraph, Samples, Section, Table
from broker.report.model import Report, Sample
from broker.report.page import subtitle
from broker.report.sections import sections
from broker.report.shown import MOST_ROWS, of_several, truth_words
from broker.types.markup import harmless

_BEGINS_A_LIST = re.compile(r"^(\d*)([.)+=-])(?=\s|$)")
_MARKS = re.compile(r"([\\`*_{}\[\]#|~!@$])")


def markdown(report: Report) -> str:
    """All of it (GitHub's tables)."""
    lines = [f"# {_text(report.title)}", "", _text(subtitle(report)), ""]
    for each in sections(report):
        lines += _section(each, report, 2)
    return "\n".join(lines).rstrip() + "\n"


def _section(section: Section, report: Report, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {_text(section.title)}", "")
    for block in section.blocks:
        yield from _block(block, report)
    for part in section.parts:
        if len(section.parts) > 1:
            yield from _section(part, report, level + 1)
        else:
            for block in part.blocks:
                yield from _block(block, report)


def _block(block: Block, report: Report) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield from (f"**Note:** {_text(block.text)}" if block.warns else _text(block.text), "")
    elif isinstance(block, Bullets):
        yield from (f"- {_text(each)}" for each in block.items)
        yield ""
    elif isinstance(block, Table):
        yield from _table(block.filled())
    elif isinstance(block, Samples):
        for sample in report.samples:
            yield from _sample(sample)


def _table(table: Table) -> Iterator[str]:
    yield from (f"**{_text(table.caption)}**", "")
    yield _row([_text(each) for each in table.headers])
    yield _row(["---:" if place in table.numbers else "---" for place in range(len(table.headers))])
    for row in table.rows:
        yield _row([_cell(each) for each in row])
    yield ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(given: CellText) -> str:
    if isinstance(given, Link):
        return f"[{_text(given.text)}](<{given.href}>)" if given.href else _text(given.text)
    return _text(given)


def _text(value: object) -> str:
    """On one line, with every sign that Markdown reads escaped."""
    plain = _MARKS.sub(r"\\\1", harmless(value))
    line = " ".join(html.escape(plain, quote=False).split())
    return _BEGINS_A_LIST.sub(lambda found: f"{found[1]}\\{found[2]}", line)


def _sample(sample: Sample) -> Iterator[str]:
    yield from (f"**{_text(sample.id)}**, truth: {_text(truth_words(sample.truth)[:500]) or 'none'}", "")
    for cell in sample.cells:
        mark = f" ({cell.mark})" if cell.mark else ""
        if cell.view is None:
            said = f"no answer: {cell.error}"
        elif cell.view.text is not None:
            said = cell.view.text[:500]
        else:
            said = (
                "; ".join(f"{row.what} {row.sure}".strip() for row in cell.view.rows[:MOST_ROWS])
                or "empty answer"
            )
        of = f", {cell.operation}" if of_several(sample) else ""
        yield f"- {_text(cell.lane + mark + of)}: {_text(said)}"
    yield ""
