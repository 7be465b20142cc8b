"""The chart of scale readiness and maturity: an area for each lane, for both are intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from broker.report import style
from broker.report.charts import finished, short
from broker.report.model import OperationReport, Place
from broker.report.svg import Drawing, altair, drawn
from broker.types.markup import harmless


@dataclass(frozen=True, slots=True)
class _Label:
    """Where the name of an area stands, in scores."""

    text: str
    x: float
    y: float


def areas(report: OperationReport, name: str) -> Drawing:
    """Scale readiness across, maturity up: an area for each lane, hatched and named, grey where it rests on little."""
    alt = altair()
    rows = [_area(place) for place in report.places]
    if report.all_overlap:  # on each other they would be one block
        wide, narrow = _beside(report.places, rows, small=False), _beside(report.places, rows, small=True)
        return drawn(wide, narrow, _said(report), name)

    def chart(size: tuple[int, int], *, small: bool) -> dict[str, Any]:
        labels = _labels(report.places, size)
        bounds = alt.Scale(domain=[0, 100], nice=False, clamp=True)
        ticks = alt.Axis(values=[0, 20, 40, 60, 80, 100])
        base = alt.Chart(alt.Data(values=rows))
        x = alt.X("left:Q", scale=bounds, title="scale readiness for the stated workload", axis=ticks)
        y = alt.Y("low:Q", scale=bounds, title="maturity", axis=ticks)
        layers = [
            base.transform_filter(alt.datum.dash == dash)
            .mark_rect(fillOpacity=0.12, strokeWidth=2, strokeDash=list(pattern), strokeOpacity=1)
            .encode(
                x=x,
                x2="right:Q",
                y=y,
                y2="high:Q",
                fill=alt.Fill("colour:N", scale=None),
                stroke=alt.Stroke("colour:N", scale=None),
            )
            for dash, pattern in _DASHED.items()
        ]
        layers.append(
            base.transform_filter(alt.datum.flat)
            .mark_point(size=90, filled=True, opacity=1)
            .encode(x=x, y=y, fill=alt.Fill("colour:N", scale=None), shape=alt.Shape("shape:N", scale=None))
        )
        named = alt.Data(values=[{"text": e.text, "x": e.x, "y": e.y} for e in labels])
        written = {"align": "left", "baseline": "middle", "fontSize": 11 if small else 13, "fontWeight": 600}
        for ink in (
            {"color": "white", "stroke": "white", "strokeWidth": 4, "strokeJoin": "round"},
            {"color": style.INK},
        ):  # a halo first
            text = alt.Chart(named).mark_text(**written, **ink)
            layers.append(
                text.encode(x=alt.X("x:Q", scale=bounds), y=alt.Y("y:Q", scale=bounds), text="text:N")
            )
        return finished(alt.layer(*layers), size, small=small)

    return drawn(
        chart((620, 480), small=False),
        chart((270, 300), small=True),
        _said(report),
        name,
    )


def _said(report: OperationReport) -> str:
    told = ". ".join(
        f"{harmless(place.name)}: scale readiness {place.area.readiness}, maturity {place.area.maturity}, "
        f"quality {place.standing.value}" + (f", grey: {place.grey}" if place.grey else "")
        for place in report.places
    )
    return (
        f"Areas of scale readiness and maturity for {report.operation}. {told}. The table below has the same."
    )


def _beside(places: Sequence[Place], rows: Sequence[dict[str, Any]], *, small: bool) -> dict[str, Any]:
    """A panel for each area, on the same scales; the edges of the others show how much they overlap."""
    alt = altair()
    bounds = alt.Scale(domain=[0, 100], nice=False, clamp=True)
    side, columns = (105, 2) if small else (125, 4) if len(places) % 3 == 1 else (170, 3)
    sides = {"x2": "right:Q", "y2": "high:Q"}

    def panel(number: int, place: Place) -> Any:
        first, last = number % columns == 0, number + columns >= len(places)
        ticks = {"values": [0, 50, 100], "grid": True}
        x = alt.X(
            "left:Q",
            scale=bounds,
            title="scale readiness" if last else None,
            axis=alt.Axis(**ticks, labels=last, ticks=last),
        )
        y = alt.Y(
            "low:Q",
            scale=bounds,
            title="maturity" if first else None,
            axis=alt.Axis(**ticks, labels=first, ticks=first),
        )
        row = rows[number]
        others = [each for place, each in enumerate(rows) if place != number]
        own = alt.Chart(alt.Data(values=[row])).encode(x=x, y=y, **sides)
        edges = alt.Chart(alt.Data(values=others)).encode(x=x, y=y, **sides)
        text = short(place.name, 16 if small else 20)
        below = [f"n {place.items:,}", place.mark]
        return alt.layer(
            edges.mark_rect(filled=False, stroke=style.SOFT, strokeWidth=1, strokeOpacity=0.45),
            own.mark_rect(
                fill=row["colour"],
                fillOpacity=0.12,
                stroke=row["colour"],
                strokeWidth=2,
                strokeDash=list(_DASHED[row["dash"]]),
            ),
        ).properties(
            width=side,
            height=side,
            title=alt.Title(
                text,
                subtitle=", ".join(each for each in below if each),
                fontSize=11 if small else 13,
                offset=4,
                frame="group",
            ),
        )

    panels = [panel(number, place) for number, place in enumerate(places)]
    return finished(alt.concat(*panels, columns=columns, spacing=14), None, small=small)


_DASHED = {"solid": (1, 0), "dashed": (7, 4), "dotted": (2, 3)}


def _area(place: Place) -> dict[str, Any]:
    colour = style.GREY if place.grey else style.STANDINGS[place.standing]
    dash = (
        "dotted"
        if place.grey
        else {"not beaten": "solid", "beaten": "dashed", "not known": "dotted"}[place.standing.value]
    )
    area = place.area
    return {
        "left": area.readiness.low,
        "right": area.readiness.high,
        "low": area.maturity.low,
        "high": area.maturity.high,
        "colour": colour,
        "dash": dash,
        "shape": "diamond",
        "flat": area.readiness.low == area.readiness.high and area.maturity.low == area.maturity.high,
    }


def _labels(places: Sequence[Place], size: tuple[int, int]) -> list[_Label]:
    """On the upper edge of each area, as far to the left as no other name stands there, else in a line below."""
    letter, line = (780 if size[0] > 300 else 680) / size[0], 2000 / size[1]
    taken: list[tuple[float, float, float]] = []
    found = []
    for place in places:
        text = short(place.name, 18)
        if size[0] > 300:
            text += f" ({place.mark})" if place.mark else ""
            text += f", n {place.items:,}"
        width = len(text) * letter
        left, right = place.area.readiness.low + 2, place.area.readiness.high - width - 2
        top = min(max(place.area.maturity.high, line / 2), 100 - line / 2)
        spots = [
            (
                min(max(0.0, min(left + step, max(right, left))), max(0.0, 99 - width)),
                max(top - down * line, line / 2),
            )
            for down in range(5)
            for step in range(0, 98, 2)
        ]

        def clash(spot: tuple[float, float], width: float = width) -> int:
            x, y = spot
            return sum(abs(y - b) < 0.99 * line and x < a + w + 2 and a < x + width + 2 for a, b, w in taken)

        x, y = min(spots, key=clash)
        taken.append((x, y, width))
        found.append(_Label(text, x, y))
    return found
