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

    said = f"Areas of scale readiness and maturity for {report.operation}. " + ". ".join(
        f"{harmless(place.name)}: scale readiness {place.area.readiness}, maturity {place.area.maturity}, "
        f"quality {place.standing.value}" + (f", grey: {place.grey}" if place.grey else "")
        for place in report.places
    )
    return drawn(
        chart((620, 480), small=False),
        chart((270, 300), small=True),
        f"{said}. The table below has the same.",
        name,
    )


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
