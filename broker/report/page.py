"""The report as one HTML file: no script, nothing loaded, a strict policy, and all that comes from outside escaped."""

from __future__ import annotations

import base64
import hashlib
import itertools
from functools import cache
from importlib.resources import files
from typing import Any

from broker.errors import NotConfigured
from broker.report import areas, charts
from broker.report.blocks import Figure
from broker.report.media import Room
from broker.report.model import OperationReport, Report
from broker.report.naming import slug
from broker.report.sections import sections
from broker.report.shown import shown
from broker.report.svg import Drawing, altair
from broker.types.markup import harmless


def html(report: Report, room: Room | None = None) -> str:
    """The whole page. Raises :class:`~broker.errors.NotConfigured` where the extra ``report`` is missing.

    :param room: bytes that pictures and recordings may take; None: the usual.
    """
    altair()
    try:
        from jinja2 import Environment, FunctionLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise NotConfigured(
            f"the report's page needs the extra 'report': pip install 'mlbroker[report]' ({error.name} is missing)"
        ) from None

    def finalize(value: Any) -> Any:
        """What steers text is taken out of all that is written; markup of ours passes."""
        return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        loader=FunctionLoader(_template),
        trim_blocks=False,
    )
    css = _template("page.css")
    numbers = itertools.count(1)
    return environment.get_template("page.html.j2").render(
        report=report,
        sections=sections(report),
        shown=shown(report, room),
        css=css,
        policy=policy(css),
        subtitle=subtitle(report),
        numbered=lambda: next(numbers),
        drawing_of=lambda figure: _drawing(figure, report),
    )


def policy(css: str) -> str:
    """Nothing may be loaded or run but what stands in the file; the one style sheet is known by its digest."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _template(name: str) -> str:
    return (files("broker.report") / "templates" / name).read_text("utf-8")


def subtitle(report: Report) -> str:
    """Under the title: what was asked, when, and how old it is."""
    run, data = report.result.run, report.result.provenance.data
    asked = ", ".join(report.result.operations)
    return f"{asked} on {data.items:,} items of {data.name}, {run.ended:%d %B %Y}; maturity as of {report.as_of:%d %B %Y}"


def _drawing(figure: Figure, report: Report) -> Drawing | None:
    name = f"{figure.kind}-{slug(figure.operation)}"
    result = report.result
    if figure.kind == "areas":
        return areas.areas(_operation(figure.operation, report), name)
    if figure.kind == "quality":
        return charts.quality(result.of(figure.operation), figure.operation, result.level, name)
    if figure.kind == "cost":
        return charts.cost(result, figure.operation, name)
    if figure.kind == "latency":
        return charts.latency(result.of(figure.operation), figure.operation, name)
    return charts.over_time(report.history.quality, name)


def _operation(name: str, report: Report) -> OperationReport:
    return next(each for each in report.operations if each.operation == name)
