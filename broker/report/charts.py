"""The charts: scale readiness and maturity as areas, quality, cost by volume, latency, quality over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broker.bench.result import BenchResult, LaneResult
from broker.quality.kpi import Latency
from broker.report import style
from broker.report.facts import drawn_currency
from broker.report.model import QualityPoint
from broker.report.svg import Drawing, altair, drawn
from broker.types.markup import harmless

_AMOUNT = "datum.value < 1 ? format(datum.value, '~f') : format(datum.value, '~s')"
"""As people write amounts: 0.1, 10, 1k."""
_WIDE, _NARROW = (680, 400), (260, 300)
_FONT = "Helvetica, Arial, DejaVu Sans, sans-serif"


def finished(chart: Any, size: tuple[int, int] | None, *, small: bool) -> dict[str, Any]:
    """The specification in the page's type and colours; without a size where the parts have theirs."""
    text = 11 if small else 12
    sized = chart.properties(width=size[0], height=size[1]) if size else chart
    made = (
        sized.properties(background="white", padding=4)
        .configure(font=_FONT)
        .configure_axis(
            labelFontSize=text,
            titleFontSize=text + 1,
            titleColor=style.INK,
            labelColor=style.INK,
            gridColor=style.GRID,
            titleFontWeight="normal",
            labelOverlap=True,
        )
        .configure_view(stroke=style.SOFT)
        .configure_title(
            fontSize=text,
            subtitleFontSize=text,
            anchor="start",
            color=style.INK,
            subtitleColor=style.SOFT,
            offset=14,
        )
        .configure_legend(labelFontSize=text, titleFontSize=text, labelColor=style.INK)
        .to_dict()
    )
    return dict(made)


def short(text: str, longest: int) -> str:
    clean = " ".join(harmless(text).split())
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def quality(lanes: Sequence[LaneResult], operation: str, level: float, name: str) -> Drawing | None:
    """The primary metric of each lane with its interval; None where nothing was scored."""
    rows, said, title = [], [], ""
    for number, lane in enumerate(lanes):
        primary = lane.primary
        if primary is None:
            continue
        figure = primary.delivered
        title = f"{primary.metric}, {'higher' if primary.higher_is_better else 'lower'} is better"
        rows.append(
            {
                "lane": short(lane.lane.name, 24),
                "point": figure.point,
                "low": figure.low,
                "high": figure.high,
                "colour": style.colour(number),
                "shape": style.shape(number),
            }
        )
        said.append(f"{harmless(lane.lane.name)} {_spoken(figure.point, figure.low, figure.high)}")
    if not rows:
        return None
    alt = altair()

    def chart(size: tuple[int, int], *, small: bool) -> dict[str, Any]:
        height = 46 * len(rows) + 20
        base = alt.Chart(alt.Data(values=rows))
        y = alt.Y("lane:N", sort=None, title=None, axis=alt.Axis(labelLimit=110 if small else 220))
        scale = alt.Scale(zero=False, nice=True)
        lines = (
            base.transform_filter("isValid(datum.low)")
            .mark_rule(strokeWidth=3)
            .encode(
                y=y,
                x=alt.X("low:Q", scale=scale, title=title),
                x2="high:Q",
                color=alt.Color("colour:N", scale=None),
            )
        )
        points = (
            base.transform_filter("isValid(datum.point)")
            .mark_point(size=110, filled=True, opacity=1)
            .encode(
                y=y,
                x=alt.X("point:Q", scale=scale),
                fill=alt.Fill("colour:N", scale=None),
                shape=alt.Shape("shape:N", scale=None),
            )
        )
        return finished(lines + points, (size[0], height), small=small)

    return drawn(
        chart((520, 0), small=False),
        chart((200, 0), small=True),
        f"Quality for {operation}, {title}, with intervals at {level:.0%}: {'; '.join(said)}.",
        name,
    )


def _spoken(point: float | None, low: float | None, high: float | None) -> str:
    if point is None:
        return "not known"
    return f"{point:.3g}" if low is None or high is None else f"{point:.3g}, {low:.3g} to {high:.3g}"


def cost(result: BenchResult, operation: str, name: str) -> Drawing | None:
    """Cost of a month by calls a month, both logarithmic; break-even points as upright lines. None: no cost is known.

    Of one currency: see :func:`broker.report.facts.drawn_currency`.
    """
    currency = drawn_currency(result, operation)
    lanes = [each.lane.name for each in result.of(operation)]
    rows: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    said: list[str] = []
    for curve in result.curves:
        if curve.operation != operation or curve.lane not in lanes or curve.currency != currency:
            continue
        number = lanes.index(curve.lane)
        known = [(each.calls, float(each.cost)) for each in curve.points if each.cost]
        looks: dict[str, Any] = {
            "lane": short(curve.lane, 18),
            "colour": style.colour(number),
            "shape": style.shape(number),
            "dash": number,
        }
        rows += [{**looks, "calls": calls, "cost": amount} for calls, amount in known]
        if known:
            ends.append({**looks, "calls": known[-1][0], "cost": known[-1][1]})
            said.append(
                f"{harmless(curve.lane)} from {known[0][1]:,.2f} at {known[0][0]:,} to {known[-1][1]:,.0f} at {known[-1][0]:,}"
            )
    if not rows:
        return None
    alt = altair()
    same = {each.lane for each in result.curves if each.operation == operation and each.currency == currency}
    crossings = [
        {"calls": each.calls}
        for each in result.break_evens
        if each.operation == operation and each.first in same
    ]
    crossings = [
        each for each in crossings if rows[0]["calls"] <= each["calls"] <= max(row["calls"] for row in rows)
    ]

    def chart(size: tuple[int, int], *, small: bool) -> dict[str, Any]:
        # The name of a line stands behind its end; the same scale for all layers.
        most = max(row["calls"] for row in rows)
        across = alt.Scale(
            type="log", domain=[min(row["calls"] for row in rows), most * (12 if small else 5)], nice=False
        )
        upwards = alt.Scale(type="log", nice=True)
        ticks = alt.Axis(values=[10**power for power in range(3, 9)], format="~s", grid=True)
        decades = [10.0**power for power in range(-6, 13)]
        x = alt.X("calls:Q", scale=across, title="calls a month (logarithmic)", axis=ticks)
        y = alt.Y(
            "cost:Q",
            scale=upwards,
            title=f"{currency} a month (logarithmic)",
            axis=alt.Axis(values=decades, labelExpr=_AMOUNT),
        )
        layers = []
        if crossings:
            layers.append(
                alt.Chart(alt.Data(values=crossings))
                .mark_rule(color=style.SOFT, strokeDash=[3, 3], strokeWidth=1)
                .encode(x=x)
            )
        for number in sorted({row["dash"] for row in rows}):
            one = alt.Chart(alt.Data(values=[row for row in rows if row["dash"] == number]))
            colour = style.colour(number)
            layers.append(
                one.mark_line(color=colour, strokeWidth=2, strokeDash=style.dash(number)).encode(x=x, y=y)
            )
            layers.append(
                one.mark_point(
                    filled=True, size=45, opacity=1, fill=colour, shape=style.shape(number)
                ).encode(x=x, y=y)
            )
        named = _apart(ends, size[1])
        layers.append(
            alt.Chart(alt.Data(values=named))
            .mark_text(align="left", dx=8, fontSize=11 if small else 12, color=style.INK)
            .encode(x=x, y=alt.Y("place:Q", scale=upwards), text="lane:N")
        )
        return finished(alt.layer(*layers), size, small=small)

    spoken = f"Cost of a month by calls a month for {operation} in {currency}: {'; '.join(said)}. Dashed upright lines: break-even points."
    return drawn(chart(_WIDE, small=False), chart(_NARROW, small=True), spoken, name)


def _apart(ends: Sequence[dict[str, Any]], height: int) -> list[dict[str, Any]]:
    """Names at the lines' ends, pushed up where two would stand on each other; a decade is about a sixth of the height."""
    step = 10 ** (6 * 15 / height)
    found: list[dict[str, Any]] = []
    below = 0.0
    for each in sorted(ends, key=lambda one: one["cost"]):
        place = max(each["cost"], below * step)
        below = place
        found.append({**each, "place": place})
    return found


def latency(lanes: Sequence[LaneResult], operation: str, name: str) -> Drawing | None:
    """p50, p95 and p99 of each lane with their intervals, in seconds; None where nothing was timed."""
    rows, said = [], []
    for lane in lanes:
        timing = lane.speed.attempt or lane.speed.call
        if timing is None:
            continue
        told = []
        quantiles = {"p50": timing.p50, "p95": timing.p95, "p99": timing.p99}
        for number, (label, value) in enumerate(quantiles.items()):
            rows.append(
                {**_quantile(value), "lane": short(lane.lane.name, 24), "label": label, "number": number}
            )
            told.append(f"{label} {value.point:.3g} s")
        said.append(f"{harmless(lane.lane.name)}: {', '.join(told)}")
    if not rows:
        return None
    alt = altair()
    names = list(dict.fromkeys(row["lane"] for row in rows))

    def chart(size: tuple[int, int], *, small: bool) -> dict[str, Any]:
        base = alt.Chart(alt.Data(values=rows))
        y = alt.Y("lane:N", sort=names, title=None, axis=alt.Axis(labelLimit=110 if small else 220))
        offset = alt.YOffset("number:O")
        scale = alt.Scale(type="log", nice=True)
        looks = {
            "domain": ["p50", "p95", "p99"],
            "colours": list(style.QUANTILES),
            "shapes": ["circle", "square", "triangle-up"],
        }
        colour = alt.Color(
            "label:N",
            scale=alt.Scale(domain=looks["domain"], range=looks["colours"]),
            title=None,
            legend=alt.Legend(orient="top"),
        )
        lines = (
            base.transform_filter("isValid(datum.low) && isValid(datum.high)")
            .mark_rule(strokeWidth=2)
            .encode(
                y=y,
                yOffset=offset,
                x=alt.X("low:Q", scale=scale, title="seconds (logarithmic)"),
                x2="high:Q",
                color=colour,
            )
        )
        points = base.mark_point(size=70, filled=True, opacity=1).encode(
            y=y,
            yOffset=offset,
            x=alt.X("point:Q", scale=scale),
            color=colour,
            shape=alt.Shape(
                "label:N",
                scale=alt.Scale(domain=looks["domain"], range=looks["shapes"]),
                title=None,
                legend=alt.Legend(orient="top"),
            ),
        )
        return finished(lines + points, (size[0], 60 * len(names)), small=small)

    return drawn(
        chart((520, 0), small=False),
        chart((200, 0), small=True),
        f"Latency for {operation}: {'; '.join(said)}.",
        name,
    )


def _quantile(value: Latency) -> dict[str, Any]:
    return {"point": value.point, "low": value.low, "high": value.high}


def over_time(points: Sequence[QualityPoint], name: str) -> Drawing | None:
    """Quality by day, a panel for each stream on the same scales, alarms marked; None where nothing was recorded."""
    known = [each for each in points if each.estimate.point is not None]
    if not known:
        return None
    alt = altair()
    streams = list(dict.fromkeys(each.stream for each in known))
    rows = [
        {
            "day": each.day.isoformat(),
            "point": each.estimate.point,
            "low": each.estimate.low,
            "high": each.estimate.high,
            "stream": each.stream,
            "alarm": each.alarmed,
        }
        for each in known
    ]
    ends = [value for row in rows for value in (row["low"], row["point"], row["high"]) if value is not None]
    days = [f(each.day for each in known).isoformat() for f in (min, max)]

    def panel(number: int, stream: str, width: int, *, small: bool) -> Any:
        one = alt.Chart(alt.Data(values=[row for row in rows if row["stream"] == stream]))
        last = number == len(streams) - 1
        x = alt.X(
            "utcyearmonthdate(day):T",
            title=None,
            scale=alt.Scale(type="utc", domain=days, padding=12),
            axis=alt.Axis(format="%-d %b", labels=last, ticks=last, tickCount=4 if small else 8),
        )
        scale = alt.Scale(domain=[min(ends), max(ends)], nice=True)
        y = alt.Y("point:Q", scale=scale, title=None, axis=alt.Axis(tickCount=4))
        colour = style.colour(number)
        return alt.layer(
            one.mark_rule(color=colour, strokeWidth=2).encode(
                x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q"
            ),
            one.mark_line(color=colour, strokeDash=style.dash(number)).encode(x=x, y=y),
            one.mark_point(filled=True, fill=colour, size=60, opacity=1, shape=style.shape(number)).encode(
                x=x, y=y
            ),
            one.transform_filter(alt.datum.alarm)
            .mark_text(text="▼ alarm", fontWeight=700, color=style.INK, baseline="bottom", dy=-3)
            .encode(x=x, y=alt.value(0)),
        ).properties(width=width, height=100, title=short(stream, 34 if small else 80))

    def chart(width: int, *, small: bool) -> dict[str, Any]:
        panels = [panel(number, each, width, small=small) for number, each in enumerate(streams)]
        return finished(alt.vconcat(*panels, spacing=10), None, small=small)

    alarms = sum(each.alarmed for each in known)
    said = f"Quality over time of {', '.join(harmless(each) for each in streams)}: {len(known)} windows, {alarms} with an alarm."
    return drawn(chart(620, small=False), chart(250, small=True), said, name)
