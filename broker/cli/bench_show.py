"""A benchmark's cost ahead and its result as tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from broker.cli import output
from broker.types.money import shown_amount

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from broker.bench.between import Change
    from broker.bench.result import BenchResult, LaneResult, Pairing, Quality
    from broker.bench.session import CostOfRun
    from broker.quality.estimate import Estimate

_FIRST, _INTERVAL = 18, len("0.364 [0.202, 0.550]")
"""Columns that the names and an interval want."""
_WIDE = 76
"""Columns below which the table of speed and cost leaves out what matters least."""
_FIRST_FAILURES = 2
"""Kinds of errors of a lane whose text is told."""
_KINDS = {"image": ("picture",), "audio": ("recording",), "query": ("query", "queries")}
_MARK = {"asked": "", "replayed": " (replayed)", "made_up": " (made up)"}


def show_cost(cost: CostOfRun) -> None:
    """What is left to pay."""
    screen = output.console()
    lanes = [each for each in cost.lanes if each.calls]
    if not lanes:
        return
    table = output.table("lane", "calls", "cost", "at most", "notes", right=("calls", "cost", "at most"))
    for each in lanes:
        notes = [each.unpriced or ""]
        notes += (
            [f"would refuse {each.refused} of {each.estimated}: {output.told(each.problem)}"]
            if each.problem
            else []
        )
        row = (
            each.lane.lane.key,
            f"{each.calls:,}",
            money(each.amount, each.currency),
            money(each.most, each.currency),
        )
        table.add_row(*(output.text(cell) for cell in (*row, "; ".join(filter(None, notes)))))
    screen.print(table)
    if cost.free:
        screen.print(output.text("it costs nothing"))
        return
    about = "about " if cost.about else ""
    spent = f", {money(cost.spent, cost.currency)} spent before" if cost.spent else ""
    line = (
        f"cost {about}{money(cost.amount, cost.currency)}, at most {money(cost.most, cost.currency)}{spent}"
    )
    screen.print(output.text(f"{line}; cap {money(cost.cap, cost.currency)}", "bold"))


def show_result(result: BenchResult) -> None:
    """Everything that a person wants to know first; the report has the rest."""
    screen = output.console()
    data = result.provenance.data
    screen.print(
        output.text(
            f"{result.run.name}: {output.counted(data.items, *_KINDS.get(data.kind, (data.kind,)))}, {data.with_truth:,} with truth ({data.snapshot})",
            "bold",
        ),
    )
    for note in result.notes:
        output.complain(output.told(note), "note")
    for operation in result.operations:
        screen.print()
        screen.print(output.text(operation, "bold"))
        lanes = result.of(operation)
        _quality_table(screen, lanes)
        _speed_table(screen, lanes)
        _failures(screen, lanes)
        _verdicts(screen, result, operation)
        _volumes(screen, result, operation)
    screen.print()


def _quality_table(screen: Console, lanes: Sequence[LaneResult]) -> None:
    """A column a metric, the one that verdicts rest on first; beneath a lane with failures what its answers were worth."""
    metrics = list(dict.fromkeys(quality.metric for each in lanes for quality in each.quality))
    if not metrics:
        return
    lower = {quality.metric for each in lanes for quality in each.quality if not quality.higher_is_better}
    fit = max(1, (screen.width - _FIRST) // (_INTERVAL + 1))
    metrics, more = metrics[:fit], metrics[fit:]
    table = _tight(
        screen, "provider", *(name + (" (low is good)" if name in lower else "") for name in metrics)
    )
    for column in table.columns[1:]:
        column.min_width = _INTERVAL
    for each in lanes:
        told = {quality.metric: quality for quality in each.quality}
        table.add_row(_named(each), *(output.text(_delivered(told.get(name))) for name in metrics))
        if any(quality.conditional.point != quality.delivered.point for quality in each.quality):
            cells = [_conditional(told.get(name)) for name in metrics]
            table.add_row(
                output.text("  its answers alone", "dim"), *(output.text(cell, "dim") for cell in cells)
            )
    screen.print(table)
    if more:
        screen.print(output.text(f"and in the report: {', '.join(more)}", "dim"))


def _speed_table(screen: Console, lanes: Sequence[LaneResult]) -> None:
    """How often, how fast, how dear."""
    screen.print()
    wide = screen.width >= _WIDE
    right = ("answered", "p50", "p95", *(("p99", "a second") if wide else ()), "per 1,000", "per correct")
    table = _tight(screen, "provider", *right, right=right)
    for each in lanes:
        speed, cost, times = each.speed, each.money, each.speed.attempt
        told = ["-"] * 3 if times is None else [duration(q.point) for q in (times.p50, times.p95, times.p99)]
        told.append("-" if speed.throughput is None else f"{speed.throughput:.3g}")
        prices = (None, None) if cost is None else (cost.per_1000, cost.per_correct)
        currency = "USD" if cost is None else cost.currency
        # A recording of answers leaves out the calls that had none.
        recorded = each.reliability.attempts is None
        cells = ["-" if recorded else percent(each.reliability.success.point), *(told if wide else told[:2])]
        cells += [money(amount, currency) for amount in prices]
        table.add_row(_named(each), *(output.text(cell) for cell in cells))
    screen.print(table)
    few = _too_few(lanes, ("p95", "p99") if wide else ("p95",))
    if few:
        screen.print(output.text(f"too few calls for an interval: {few}", "dim"))
    untimed = [
        each.lane.name
        for each in lanes
        if each.speed.attempt is None and each.reliability.answered and each.lane.origin.value == "asked"
    ]
    if untimed:
        why = "no call was timed: those of the warm-up are not (run.warm_up)"
        screen.print(output.text(f"{', '.join(untimed)}: {why}", "dim"))


def _too_few(lanes: Sequence[LaneResult], quantiles: Sequence[str]) -> str:
    """Quantiles that are hardly more than the slowest call."""
    timed = [each for each in lanes if each.speed.attempt is not None]
    found = []
    for name in quantiles:
        few = [each.lane.name for each in timed if getattr(each.speed.attempt, name).high is None]
        if few:
            found.append(name if len(few) == len(timed) else f"{name} of {', '.join(few)}")
    return "; ".join(found)


def _named(each: LaneResult) -> Text:
    return output.text(each.lane.name + _MARK[each.lane.origin.value])


def _tight(screen: Console, *headers: str, right: tuple[str, ...] = ()) -> Table:
    table = output.table(*headers, right=right)
    if screen.width < 100:
        table.padding = (0, 1, 0, 0)
    return table


def _delivered(quality: Quality | None) -> str:
    return "unknown" if quality is None else interval(quality.delivered)


def _conditional(quality: Quality | None) -> str:
    return "unknown" if quality is None else interval(quality.conditional)


def _failures(screen: Console, lanes: Sequence[LaneResult]) -> None:
    rows = []
    for each in lanes:
        told = each.reliability
        kinds = ", ".join(f"{failure.calls} {failure.kind}" for failure in told.failures)
        slowed = each.speed.least_in_flight
        held = slowed is not None and each.speed.concurrency is not None and slowed < each.speed.concurrency
        if told.failed or told.throttled or told.errors or told.unsettled or held:
            rows.append(
                (
                    each.lane.name,
                    "unknown" if told.attempts is None else f"{told.attempts:,}",
                    rate(told.error_rate),
                    rate(told.throttle_rate),
                    kinds,
                    f"down to {slowed} at once" if held else "",
                )
            )
    if not rows:
        return
    table = _tight(
        screen,
        "provider",
        "attempts",
        "errors",
        "throttled",
        "calls without answer",
        "pace",
        right=("attempts",),
    )
    for row in rows:
        table.add_row(*(output.text(cell) for cell in row))
    screen.print(table)
    for each in lanes:
        for failure in each.reliability.failures[:_FIRST_FAILURES]:
            if failure.example:
                screen.print(
                    output.text(f"{each.lane.name}, the first {failure.kind}: {failure.example}", "dim")
                )


def _verdicts(screen: Console, result: BenchResult, operation: str) -> None:
    primary = next((each.primary for each in result.of(operation) if each.primary is not None), None)
    if primary is None:
        for alike in result.agreements:
            if alike.operation == operation:
                who = f"{alike.first} and {alike.second} answer alike"
                screen.print(
                    output.text(
                        f"{who}: {interval(alike.same)} of {alike.same.n} items (that is not accuracy)"
                    )
                )
    pairs = [
        each
        for each in result.pairings
        if each.operation == operation and primary is not None and each.metric == primary.metric
    ]
    for each in pairs:
        screen.print(output.text(verdict(each)))


def verdict(pair: Pairing) -> str:
    """One sentence."""
    told = pair.comparison
    if told.gain is None or told.low is None or told.high is None:
        return f"{pair.first} and {pair.second}: no item was answered by both"
    by = f"{abs(told.gain):.3f} [{min(abs(told.low), abs(told.high)):.3f}, {max(abs(told.low), abs(told.high)):.3f}]"
    match told.verdict.value:
        case "better":
            return f"{pair.first} is better than {pair.second} by {by}, {told.n} items"
        case "worse":
            return f"{pair.second} is better than {pair.first} by {by}, {told.n} items"
        case "equivalent":
            return f"{pair.first} and {pair.second} are alike within {told.delta:g}, {told.n} items"
    more = f"; about {told.more_items:,} more items would tell" if told.more_items else ""
    return f"{pair.first} and {pair.second}: not separated, {told.gain:+z.3f} [{told.low:+z.3f}, {told.high:+z.3f}], {told.n} items{more}"


def _volumes(screen: Console, result: BenchResult, operation: str) -> None:
    curves = [each for each in result.curves if each.operation == operation]
    why = [f"{each.lane}: no cost is known: {output.told(each.unknown)}" for each in curves if each.unknown]
    if len(why) == len(curves):
        for line in why:
            screen.print(output.text(line, "dim"))
        return
    volumes = [short(point.calls) for point in curves[0].points]
    lanes = [each.lane for each in curves]
    cells = [
        ["unknown" if point.cost is None else _round(point.cost, each.currency) for point in each.points]
        for each in curves
    ]
    screen.print()
    if screen.width >= _WIDE:
        table = _tight(screen, "cost a month at", *volumes, right=tuple(volumes))
        for lane, row in zip(lanes, cells, strict=True):
            table.add_row(*(output.text(cell) for cell in (lane, *row)))
    else:  # a column a lane: there are fewer of them
        table = _tight(screen, "calls a month", *lanes, right=tuple(lanes))
        for volume, amounts in zip(volumes, zip(*cells, strict=True), strict=True):
            table.add_row(*(output.text(cell) for cell in (volume, *amounts)))
    screen.print(table)
    for line in why:
        screen.print(output.text(line, "dim"))
    for found in result.break_evens:
        if found.operation == operation:
            if found.above is None:
                line = f"from {found.calls:,} calls a month on {found.first} and {found.second} cost the same"
            else:
                other = found.second if found.above == found.first else found.first
                line = f"from {found.calls:,} calls a month on {found.above} is cheaper than {other}"
            screen.print(output.text(line, "dim"))


def interval(told: Estimate) -> str:
    """Point and interval."""
    if told.point is None:
        return "unknown"
    if told.low is None or told.high is None:
        return f"{told.point:.3f} [unknown]"
    return f"{told.point:.3f} [{told.low:.3f}, {told.high:.3f}]"


def duration(seconds: float) -> str:
    """For people; nothing takes no time."""
    return "<1 ms" if seconds < 0.001 else output.seconds(seconds)


def percent(share: float | None) -> str:
    """For people; 100 % is only what has no exception."""
    if share is None:
        return "unknown"
    text = f"{share:.1%}"
    return "99.9%" if text == "100.0%" and share < 1 else "100%" if share == 1 else text


def rate(told: Estimate | None) -> str:
    """A rate with the upper end of its interval: what it may well be."""
    if told is None or told.point is None:
        return "unknown"
    return percent(told.point) + ("" if told.high is None else f" (up to {percent(told.high)})")


def money(amount: Decimal | None, currency: str) -> str:
    """An amount, to four significant digits below a cent; None is unknown."""
    if amount is None:
        return "unknown"
    digits = 2 if amount == 0 or abs(amount) >= 1 else max(2, 3 - amount.adjusted())
    return shown_amount(amount.quantize(Decimal(1).scaleb(-digits)), currency)


def _round(amount: Decimal, currency: str) -> str:
    if amount < 100:
        return money(amount, currency)
    text = f"{amount:,.0f}"
    return f"${text}" if currency == "USD" else f"{text} {currency}"


def short(calls: int) -> str:
    """1k, 10M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if calls >= size and calls % (size // 10) == 0:
            return f"{calls / size:g}{letter}"
    return f"{calls:,}"


def show_changes(found: Sequence[Change]) -> None:
    """What became of lanes between two runs."""
    screen = output.console()
    for each in found:
        models = " -> ".join(", ".join(told) or "unknown" for told in each.models)
        facts = output.facts(indent=2)
        rows = {
            "quality": _changed(each),
            "other answers": "unknown"
            if each.flips is None
            else f"{interval(each.flips)} of {each.flips.n} items",
            "p50": " -> ".join("unknown" if told is None else duration(told) for told in each.p50),
            "per 1,000": " -> ".join(money(amount, each.currency) for amount in each.per_1000),
            "model": f"{', '.join(each.models[0])} in both"
            if each.models[0] == each.models[1] and each.models[0]
            else models,
        }
        for name, told in rows.items():
            facts.add_row(output.text(name), output.text(told))
        screen.print(output.text(each.lane.key, "bold"))
        screen.print(facts)


def _changed(each: Change) -> str:
    told = each.comparison
    if told is None or told.gain is None or told.low is None or told.high is None:
        return "unknown"
    words = {"better": "better", "worse": "worse", "equivalent": f"alike within {told.delta:g}"}
    verdict = words.get(told.verdict.value, "not separated")
    return (
        f"{verdict}: {told.gain:+z.3f} [{told.low:+z.3f}, {told.high:+z.3f}] of {each.metric}, {told.n} items"
    )
