"""A report in a notebook: its first section, small, escaped and without script. It needs no extra."""

from __future__ import annotations

from broker.report.blocks import Bullets, Paragraph, Table
from broker.report.model import Report
from broker.report.sections import sections
from broker.types.markup import escaped, table


def report_html(report: Report) -> str:
    """The summary with its notes and tables."""
    parts = [f"<p><strong>{escaped(report.title)}</strong></p>"]
    for block in sections(report)[0].blocks:
        if isinstance(block, Paragraph):
            parts.append(f"<p>{'<strong>Note:</strong> ' if block.warns else ''}{escaped(block.text)}</p>")
        elif isinstance(block, Bullets):
            parts.append("<ul>" + "".join(f"<li>{escaped(each)}</li>" for each in block.items) + "</ul>")
        elif isinstance(block, Table):
            rows = [[cell if isinstance(cell, str) else cell.text for cell in row] for row in block.rows]
            parts.append(table(block.caption, block.headers, rows))
    return f"<div>{''.join(parts)}</div>"
