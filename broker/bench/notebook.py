"""Results of benchmarks in notebooks: small tables, escaped, without script."""

from __future__ import annotations

from broker.bench.result import BenchResult, LaneResult, Origin
from broker.quality.estimate import Estimate
from broker.types.markup import escaped, facts, table
from broker.types.money import shown_amount


def result_html(result: BenchResult) -> str:
    """A table for each operation, the verdicts, and what a reader must know first."""
    notes = "".join(f"<p><strong>Note:</strong> {escaped(each)}</p>" for each in result.notes)
    tables = "".join(_operation(name, result) for name in result.operations)
    run, data = result.run, result.provenance.data
    about = f"{data.items:,} items of {data.name}, {run.ended:%Y-%m-%d}, run {run.id}"
    return f"<div><p>{escaped(about)}</p>{notes}{tables}</div>"


def _operation(name: str, result: BenchResult) -> str:
    lanes = result.of(name)
    metric = next((lane.primary.metric for lane in lanes if lane.primary), "quality")
    rows = [(_named(lane), _figure(lane), _success(lane), _p95(lane), _cost(lane)) for lane in lanes]
    pairs = [
        (
            f"{each.first} against {each.second}",
            each.metric,
            each.comparison.verdict.value.replace("_", " "),
        )
        for each in result.pairings
        if each.operation == name
    ]
    shown = table(
        f"{name}, intervals at {result.level:.0%}", ("provider", metric, "success", "p95", "per 1,000"), rows
    )
    verdicts = table(f"{name}: paired verdicts", ("pair", "metric", "the first is"), pairs) if pairs else ""
    return shown + verdicts


def lane_html(lane: LaneResult) -> str:
    """Everything of one lane."""
    pairs = [(f"{each.metric}, delivered", _shown(each.delivered)) for each in lane.quality]
    pairs += [("success", _success(lane)), ("p95", _p95(lane)), ("per 1,000", _cost(lane))]
    found = lane.reliability
    pairs.append(("answered, failed, not asked", f"{found.answered:,}, {found.failed:,}, {found.left:,}"))
    if lane.stopped:
        pairs.append(("stopped", lane.stopped))
    return facts(f"{_named(lane)}, {lane.lane.operation}", pairs)


def _named(lane: LaneResult) -> str:
    origin = lane.lane.origin
    return (
        lane.lane.name if origin is Origin.ASKED else f"{lane.lane.name} ({origin.value.replace('_', ' ')})"
    )


def _shown(given: Estimate | None) -> str:
    if given is None or given.point is None:
        return "not known"
    if given.low is None or given.high is None:
        return f"{given.point:.3f} (no interval)"
    return f"{given.point:.3f} ({given.low:.3f} to {given.high:.3f})"


def _figure(lane: LaneResult) -> str:
    return _shown(lane.primary.delivered if lane.primary else None)


def _success(lane: LaneResult) -> str:
    return "not in a recording" if lane.reliability.attempts is None else _shown(lane.reliability.success)


def _p95(lane: LaneResult) -> str:
    timing = lane.speed.call or lane.speed.attempt
    return "not timed" if timing is None else f"{timing.p95.point:.3f} s"


def _cost(lane: LaneResult) -> str:
    money = lane.money
    if money is None or money.per_1000 is None:
        return "not known"
    return shown_amount(money.per_1000, money.currency)
