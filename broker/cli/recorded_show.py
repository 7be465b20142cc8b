"""An assessment of recorded answers, for people and as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from broker.cli import output

if TYPE_CHECKING:
    from broker.quality.assess import Assessment, ProviderView
    from broker.quality.estimate import Estimate
    from broker.quality.roi import Roi
    from broker.quality.routing import RoutingGain


def document(found: Assessment) -> dict[str, Any]:
    ranks = found.ranks
    return {
        "metric": found.metric,
        "metric_version": found.version,
        "level": found.level,
        "delta": found.delta,
        "items": found.items,
        "judged": found.judged,
        "providers": [provider(each) for each in found.providers],
        "comparisons": [
            {
                "one": one,
                "other": other,
                "verdict": each.verdict.value,
                "gain": each.gain,
                "low": each.low,
                "high": each.high,
                "items": each.n,
                "p_value": each.p_value,
                "more_items": each.more_items,
            }
            for one, other, each in found.comparisons
        ],
        "agreement": None
        if ranks is None
        else {
            "order": list(ranks.order),
            "unanimous": ranks.unanimous,
            "items": ranks.items,
            "pairs": [
                {
                    "one": one,
                    "other": other,
                    "agreement": share,
                    "beyond_chance": ranks.beyond_chance[one, other],
                }
                for (one, other), share in ranks.agreement.items()
            ],
        },
        "no_agreement": found.no_ranks or None,
        "routing": None if found.routing is None else routing(found.routing),
        "no_routing": found.no_routing or None,
        "left_out": list(found.left_out),
    }


def routing(found: RoutingGain) -> dict[str, Any]:
    return {
        "saved": estimate(found.saved),
        "gained": estimate(found.gained),
        "beside": found.usual[0],
        "rule": {"first": found.rule.first, "second": found.rule.second, "above": found.rule.above},
        "halves": [
            {"best": best, "first": each.first, "second": each.second, "above": each.above}
            for best, each in zip(found.best, found.cascades, strict=True)
        ],
        "items": found.items,
    }


def provider(view: ProviderView) -> dict[str, Any]:
    delivered = view.delivered
    per_right = (
        None if view.per_right is None else dict(zip(("point", "low", "high"), view.per_right, strict=True))
    )
    return {
        "provider": view.provider,
        "items": view.items,
        "judged": view.judged,
        "failed": view.failed,
        "delivered": None if delivered is None else estimate(delivered.delivered),
        "conditional": None if delivered is None else estimate(delivered.conditional),
        "success": None if delivered is None else estimate(delivered.success),
        "spend": {"known": view.spend.known, "unknown_prices": view.spend.unknown},
        "per_1000": per_1000(view),
        "per_right": per_right,
        "confidence": {"ranks_right": view.ranks_right, "calibration_error": view.calibration_error},
        "tolerance": None
        if view.finding is None
        else {
            "breach": view.finding.breach.value,
            "rule": view.finding.rule,
            "text": view.finding.text,
            "crossed_after": view.crossed_after,
        },
        "roi": None if view.roi is None else roi(view.roi),
    }


def estimate(each: Estimate) -> dict[str, Any]:
    return {
        "point": each.point,
        "low": each.low,
        "high": each.high,
        "method": each.method,
        "n": each.n,
        "notes": list(each.notes),
    }


def roi(found: Roi) -> dict[str, Any]:
    def ends(each: Any) -> dict[str, Any]:
        return {"point": each.point, "low": each.low, "high": each.high}

    return {"gross": ends(found.gross), "net": ends(found.net), "break_even": found.break_even, "n": found.n}


def per_1000(view: ProviderView) -> Decimal | None:
    return None if view.spend.unknown else view.spend.known / view.items * 1000


def _of_answers(view: ProviderView) -> str:
    """Quality of what was answered, failures apart."""
    return share(None if view.delivered is None else view.delivered.conditional.point)


def _on_the_way(view: ProviderView) -> str:
    """When the switch would have opened, had the rows come in this order."""
    if view.crossed_after is None or view.finding is None:
        return ""
    if view.finding.breach.value == "hard":
        return f" after {view.crossed_after}"
    return f"; in this order opened after {view.crossed_after}"


def show(found: Assessment, target: float | None) -> None:
    screen = output.console()
    with_truth = output.counted(found.judged, "item") + " with truth"
    screen.print(
        output.text(
            f"{found.metric} (version {found.version}); {output.counted(found.items, 'item')}, {with_truth}"
        )
    )
    failures = any(view.failed for view in found.providers)
    heads = ["provider", "delivered", f"{found.level:.0%} interval", "answered"]
    heads += [*(["of answers"] if failures else []), "per 1,000", "per right"]
    numbers = len(heads)
    if target is not None:
        heads.append("tolerance")
    table = output.table(*heads, right=tuple(heads[1:numbers]))
    for view in found.providers:
        delivered = None if view.delivered is None else view.delivered.delivered
        cost = per_1000(view)
        cells = [
            view.provider,
            share(None if delivered is None else delivered.point),
            "unknown"
            if delivered is None or not delivered.known
            else f"{share(delivered.low)} to {share(delivered.high)}",
            f"{view.items - view.failed} of {view.items}",
            *([_of_answers(view)] if failures else []),
            "unknown" if cost is None else f"{cost:.4f}",
            "unknown" if view.per_right is None else f"{view.per_right[0]:.6f}",
        ]
        if view.finding is not None:
            cells.append(f"{view.finding.breach.value}: {view.finding.rule}{_on_the_way(view)}")
        table.add_row(*(output.text(cell) for cell in cells))
    screen.print(table)
    verdicts(screen, found)
    agreement(screen, found)
    route(screen, found)
    for view in found.providers:
        if view.roi is not None:
            net, gross = (
                f"{each.low:.0f} to {each.high:.0f} %"
                if each.point is None
                else f"{each.point:.0f} % ({each.low:.0f} to {each.high:.0f})"
                for each in (view.roi.net, view.roi.gross)
            )
            screen.print(output.text(f"{view.provider}: net return {net}, gross {gross}"))
    notes = {
        note
        for view in found.providers
        if view.delivered is not None
        for note in view.delivered.delivered.notes
    }
    for note in sorted(notes):
        screen.print(output.text(f"note: {note}", "dim"))


def verdicts(screen: Any, found: Assessment) -> None:
    if not found.comparisons:
        return
    screen.print(output.text(f"compared on the items of both; {found.delta:g} or more matters:", "bold"))
    for one, other, each in found.comparisons:
        more = f"; about {each.more_items} more items would tell" if each.more_items else ""
        gain = (
            ""
            if each.gain is None or each.low is None or each.high is None
            else f" by {each.gain:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
        )
        screen.print(output.text(f"  {one} against {other}: {each.verdict.value}{gain}{more}"))


def agreement(screen: Any, found: Assessment) -> None:
    ranks = found.ranks
    if ranks is None:
        screen.print(output.text(f"no rank by agreement: {found.no_ranks}", "dim"))
        return
    screen.print(
        output.text(
            f"by agreement alone, without truth (an order, no accuracy): {' > '.join(ranks.order)}; "
            f"all agree on {ranks.unanimous:.1%} of {ranks.items}",
            "dim",
        )
    )


def route(screen: Any, found: Assessment) -> None:
    gain = found.routing
    if gain is None:
        if found.no_routing:
            screen.print(output.text(f"no gain by routing: {found.no_routing}", "dim"))
    else:
        best, times = gain.usual
        rule = gain.rule
        way = (
            f"{rule.first} alone"
            if rule.second is None
            else f"{rule.first} first, {rule.second} unless it is surer than {rule.above:g}"
        )
        screen.print(
            output.text(
                f"by routing, beside {best} alone (best in {times} of {len(gain.best)} halves):", "bold"
            )
        )
        screen.print(
            output.text(
                f"  saves {_points(gain.saved)} % of its cost, for {_points(gain.gained, '+')} points of right answers; "
                f"told by items that the rule was not learned on ({gain.items} items)"
            )
        )
        screen.print(output.text(f"  learned on all of them: {way}"))
    for each in found.left_out:
        screen.print(output.text(f"not routed: {each}", "yellow"))


def _points(found: Estimate, sign: str = "") -> str:
    point, low, high = (
        format(100 * (each or 0.0), f"{sign}.1f") for each in (found.point, found.low, found.high)
    )
    return f"{point} ({low} to {high})"


def share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
