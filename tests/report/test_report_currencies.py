"""Amounts of two currencies stand beside each other, each under its own name, and are never compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_support import DAY, result

from broker.bench.result import BenchResult
from broker.maturity.load import checklist, quotas
from broker.report.build import build
from broker.report.markdown import markdown
from broker.report.model import Report
from broker.report.sections import sections


def _mixed() -> BenchResult:
    """One lane is paid for in pounds."""
    base = result()
    curves = tuple(replace(each, currency="GBP") if each.lane == "gcp" else each for each in base.curves)
    lanes = tuple(
        replace(each, money=replace(each.money, currency="GBP"))
        if each.lane.name == "gcp" and each.money
        else each
        for each in base.lanes
    )
    evens = tuple(each for each in base.break_evens if "gcp" not in (each.first, each.second))
    return replace(base, curves=curves, lanes=lanes, break_evens=evens)


@pytest.fixture
def mixed(manifests) -> Report:
    return build(_mixed(), manifests, checklist(), quotas(), DAY)


def test_each_amount_has_its_own_currency(mixed: Report) -> None:
    text = markdown(mixed)
    summary = next(line for line in text.splitlines() if line.startswith("| gcp")).split("|")
    assert "GBP" in summary[5], "cost of a month"
    assert "\\$" not in summary[5]


def test_nobody_costs_least_across_currencies(mixed: Report) -> None:
    text = " ".join(markdown(mixed).split())
    assert "of those paid for in GBP" not in text, "one lane is no comparison"
    assert "of those paid for in USD" in text


def test_the_chart_draws_one_currency_and_says_who_is_left_out(mixed: Report) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from broker.report.charts import cost

    drawing = cost(mixed.result, "vision.label", "cost")
    assert drawing is not None
    assert "gcp" not in drawing.said
    assert "in USD" in drawing.said
    assert any("gcp" in str(block) and "GBP" in str(block) for block in _paragraphs(mixed))


def _paragraphs(report: Report) -> list[object]:
    return [
        block
        for section in sections(report)
        if section.title == "Cost"
        for part in (section, *section.parts)
        for block in part.blocks
        if type(block).__name__ == "Paragraph"
    ]
