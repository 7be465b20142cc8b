"""The section on cost."""

from __future__ import annotations

from broker.bench.result import BenchResult
from broker.maturity.check import link
from broker.report import words
from broker.report.blocks import Block, Bullets, Figure, Link, Paragraph, Section, Table
from broker.report.facts import curve_of, drawn_currency
from broker.report.model import OperationReport, Report
from broker.report.naming import named, slug


def cost(each: OperationReport, report: Report) -> Section:
    """What the run cost, what a right answer costs, and cost at other volumes with the points where the cheaper one changes."""
    result = report.result
    blocks: list[Block] = [
        Figure(
            kind="cost",
            operation=each.operation,
            caption=f"{each.operation}: cost of a month by volume, at list prices of {result.provenance.prices_day}; upright lines are break-even points",
        )
    ]
    blocks += _volumes(each, result)
    even = [found for found in result.break_evens if found.operation == each.operation]
    if even:
        blocks.append(
            Table(
                caption=f"{each.operation}: break-even points",
                headers=("pair", "from calls a month", "cheaper below", "cheaper from there"),
                rows=tuple(
                    (
                        f"{one.first} and {one.second}",
                        f"{one.calls:,}",
                        one.below or "the same",
                        one.above or "the same",
                    )
                    for one in even
                ),
                numbers=frozenset({1}),
            )
        )
    elif len(each.places) > 1:
        blocks.append(
            Paragraph(
                "There is no volume at which the cheaper of two providers changes, as far as their costs are known."
            )
        )
    blocks.append(_run_cost(each))
    units = tuple(
        (
            named(place),
            use.sku,
            f"{use.per_call.normalize():f} {use.unit}",
            Link(text=use.price_id, href=followed(use.price_source)),
            str(use.checked_on or "undated"),
        )
        for place in each.places
        if place.lane.money
        for use in place.lane.money.uses
    )
    if units:
        blocks.append(
            Table(
                caption=f"{each.operation}: units of a call and their price rows",
                headers=("provider", "sku", "a call uses", "price row", "read on"),
                rows=units,
                folded=True,
            )
        )
    return Section(id=f"cost-{slug(each.operation)}", title=each.operation, blocks=tuple(blocks))


def followed(source: str) -> str:
    """An address that a link may lead to; empty: there is none."""
    return source if source.startswith("https://") and link(source) else ""


def _volumes(each: OperationReport, result: BenchResult) -> list[Block]:
    curves = [(place, curve_of(place.lane, result)) for place in each.places]
    known = [(place, curve) for place, curve in curves if curve is not None and curve.points]
    blocks: list[Block] = []
    free = [place.name for place, curve in known if all(point.cost == 0 for point in curve.points)]
    if free:
        blocks.append(
            Paragraph(
                f"{words.listed(free)}: 0 at every volume, so that there is no line on a logarithmic scale."
            )
        )
    unknown = [f"{place.name} ({curve.unknown})" for place, curve in known if curve.unknown]
    unknown += [place.name for place, curve in curves if curve is None]
    if unknown:
        blocks.append(Paragraph(f"No cost is known of {words.listed(unknown)}."))
    drawn = drawn_currency(result, each.operation)
    apart = [
        f"{place.name} ({curve.currency})"
        for place, curve in known
        if curve.currency != drawn and any(point.cost for point in curve.points)
    ]
    if apart:
        blocks.append(
            Paragraph(
                f"The chart is in {drawn}; {words.listed(apart)} cannot be drawn beside it, for no rate of exchange is known."
            )
        )
    if known:
        volumes = [point.calls for point in known[0][1].points]
        standing = [
            f"{place.name}: {words.money(curve.standing, curve.currency)} a month stands, called or not"
            for place, curve in known
            if curve.standing
        ]
        blocks.append(
            Table(
                caption=f"{each.operation}: cost of a month by calls a month",
                headers=("provider", *(f"{volume:,}" for volume in volumes)),
                rows=tuple(
                    (named(place), *(words.money(point.cost, curve.currency) for point in curve.points))
                    for place, curve in known
                ),
                numbers=frozenset(range(1, len(volumes) + 1)),
            )
        )
        if standing:
            blocks.append(Bullets(tuple(standing)))
        borders = tuple(
            (
                named(place),
                f"{border.calls:,.0f}",
                border.sku,
                words.money(border.before, curve.currency),
                words.money(border.after, curve.currency),
            )
            for place, curve in known
            for border in curve.borders
        )
        if borders:
            blocks.append(
                Table(
                    caption=f"{each.operation}: borders of price tiers",
                    headers=("provider", "from about calls a month", "sku", "a unit before", "a unit after"),
                    rows=borders,
                    numbers=frozenset({1, 3, 4}),
                    folded=True,
                )
            )
    return blocks


def _run_cost(each: OperationReport) -> Table:
    rows = []
    for place in each.places:
        money = place.lane.money
        if money is None:
            rows.append((named(place), *(words.UNKNOWN,) * 5, ""))
            continue
        right = words.money(money.per_correct, money.currency)
        if money.per_correct and money.per_correct_low is not None and money.per_correct_high is None:
            right += f" (at least {words.money(money.per_correct_low, money.currency)})"
        elif money.per_correct and money.per_correct_low is not None:
            right += f" ({words.money(money.per_correct_low, money.currency)} to {words.money(money.per_correct_high, money.currency)})"
        rows.append(
            (
                named(place),
                words.money(money.known, money.currency),
                words.money(money.at_risk, money.currency),
                f"{money.unpriced:,}",
                words.money(money.per_1000, money.currency),
                right,
                money.source,
            )
        )
    return Table(
        caption=f"{each.operation}: what it cost",
        headers=(
            "provider",
            "known",
            "may have been billed besides",
            "attempts without price",
            "per 1,000, without what stands",
            "per right answer (interval)",
            "by",
        ),
        rows=tuple(rows),
        numbers=frozenset({1, 2, 3, 4}),
    )
