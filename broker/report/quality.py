"""The sections on quality, and on how fast and how often there was an answer."""

from __future__ import annotations

from broker.bench.result import LaneResult, Pairing
from broker.quality.paired import Verdict
from broker.report import words
from broker.report.blocks import Block, Bullets, Figure, Paragraph, Section, Table
from broker.report.model import OperationReport, Report
from broker.report.naming import named, slug


def quality(each: OperationReport, report: Report) -> Section:
    """Every metric of every lane, and the verdicts."""
    result = report.result
    rows = [
        (
            named(place),
            f"{metric.metric} (v{metric.version}, {'higher' if metric.higher_is_better else 'lower'} is better)",
            words.estimate(metric.delivered),
            words.estimate(metric.conditional),
            f"{metric.delivered.n:,}",
            metric.delivered.method,
            "; ".join(dict.fromkeys((*metric.delivered.notes, *metric.conditional.notes))),
        )
        for place in each.places
        for metric in place.lane.quality
    ]
    blocks: list[Block] = []
    if rows:
        blocks += [
            Figure(
                kind="quality",
                operation=each.operation,
                caption=f"{each.operation}: quality as it arrived, intervals at {result.level:.0%}; a failed call counts as the worst answer",
            ),
            Table(
                caption=f"{each.operation}: quality",
                headers=(
                    "provider",
                    "metric",
                    "delivered",
                    "of what was answered",
                    "questions",
                    "method",
                    "notes",
                ),
                rows=tuple(rows),
                numbers=frozenset({4}),
            ),
        ]
    else:
        blocks.append(Paragraph("No item has truth, so that there is no quality to tell."))
    pairings = [pair for pair in result.pairings if pair.operation == each.operation]
    if pairings:
        blocks.append(
            Table(
                caption=f"{each.operation}: paired verdicts on the same items; the smallest difference that matters is {words.figure(result.delta)}",
                headers=(
                    "first against second",
                    "metric",
                    "verdict",
                    "gain of the first (interval)",
                    "items",
                    "more items to settle it",
                ),
                rows=tuple(_verdict(pair) for pair in pairings),
                numbers=frozenset({4, 5}),
            )
        )
    alike = [found for found in result.agreements if found.operation == each.operation]
    if alike:
        blocks.append(
            Table(
                caption=f"{each.operation}: how often two providers answer alike, which is not how right they are",
                headers=("pair", "same answer (interval)", "items"),
                rows=tuple(
                    (f"{found.first} and {found.second}", words.share(found.same), f"{found.same.n:,}")
                    for found in alike
                ),
                numbers=frozenset({2}),
            )
        )
    flips = [
        (named(place), words.share(place.lane.flips)) for place in each.places if place.lane.flips is not None
    ]
    if flips:
        blocks.append(
            Table(
                caption=f"{each.operation}: items whose answer changed between repetitions",
                headers=("provider", "share"),
                rows=tuple(flips),
            )
        )
    return Section(id=f"quality-{slug(each.operation)}", title=each.operation, blocks=tuple(blocks))


_VERDICTS = {
    Verdict.BETTER: "{0} is better",
    Verdict.WORSE: "{1} is better",
    Verdict.EQUIVALENT: "they differ by less than matters",
    Verdict.UNDECIDED: "undecided: too few items",
    Verdict.NO_DATA: "no data",
}


def _verdict(pair: Pairing) -> tuple[str, ...]:
    found = pair.comparison
    gain = words.UNKNOWN if found.gain is None else _signed(found.gain)
    if found.gain is not None and found.low is not None and found.high is not None:
        gain += f" ({_signed(found.low)} to {_signed(found.high)})"
    more = (
        "cannot be told"
        if found.more_items is None
        else "settled"
        if found.more_items == 0
        else f"about {found.more_items:,}"
    )
    if found.verdict is Verdict.NO_DATA:
        more = ""
    return (
        f"{pair.first} against {pair.second}",
        pair.metric,
        _VERDICTS[found.verdict].format(pair.first, pair.second),
        gain,
        f"{found.n:,}",
        more,
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '-' if value < 0 else ''}{words.figure(abs(value))}"


def speed(each: OperationReport) -> Section:
    """How fast, and how often there was an answer."""
    blocks: list[Block] = []
    if any(place.lane.speed.attempt or place.lane.speed.call for place in each.places):
        blocks.append(
            Figure(
                kind="latency",
                operation=each.operation,
                caption=f"{each.operation}: seconds from sending to answer; waiting between attempts is not in it",
            )
        )
    rows = []
    for place in each.places:
        lane = place.lane
        for said, timing in (("attempt", lane.speed.attempt), ("whole call", lane.speed.call)):
            if timing is not None:
                rows.append(
                    (
                        named(place),
                        said,
                        words.latency(timing.p50),
                        words.latency(timing.p95),
                        words.latency(timing.p99),
                        f"{timing.n:,}",
                        *_rate(lane, said),
                    )
                )
        if lane.speed.attempt is None and lane.speed.call is None:
            rows.append((named(place), "", "not timed", "not timed", "not timed", "", "", ""))
    blocks.append(
        Table(
            caption=f"{each.operation}: latency and throughput",
            headers=("provider", "of", "p50", "p95", "p99", "calls", "answers a second", "calls at once"),
            rows=tuple(rows),
            numbers=frozenset({5, 6}),
        )
    )
    blocks.append(_reliability(each))
    failures = tuple(
        (named(place), failure.kind, f"{failure.calls:,}", failure.example)
        for place in each.places
        for failure in place.lane.reliability.failures
    )
    if failures:
        blocks.append(
            Table(
                caption=f"{each.operation}: calls without an answer",
                headers=("provider", "error", "calls", "the first of them"),
                rows=failures,
                numbers=frozenset({2}),
            )
        )
    stopped = [f"{place.name}: {place.lane.stopped}" for place in each.places if place.lane.stopped]
    if stopped:
        blocks.append(Bullets(tuple(stopped)))
    return Section(id=f"speed-{slug(each.operation)}", title=each.operation, blocks=tuple(blocks))


def _rate(lane: LaneResult, of: str) -> tuple[str, str]:
    if of != "whole call" and lane.speed.call is not None:
        return "", ""
    rate = lane.speed.throughput
    at_once = lane.speed.concurrency
    least = lane.speed.least_in_flight
    shown = "" if at_once is None else f"{at_once}"
    if at_once is not None and least is not None and least < at_once:
        shown += f", down to {least} when throttled"
    return words.UNKNOWN if rate is None else words.figure(rate), shown


def _reliability(each: OperationReport) -> Table:
    rows = []
    for place in each.places:
        found = place.lane.reliability
        recorded = found.attempts is None
        rows.append(
            (
                named(place),
                f"{found.questions:,}",
                f"{found.answered:,}",
                f"{found.failed:,}",
                f"{found.unsettled:,}",
                f"{found.left:,}",
                "not in a recording" if recorded else words.share(found.success),
                "not in a recording" if recorded else words.share(found.error_rate),
                "not in a recording" if recorded else words.share(found.throttle_rate),
            )
        )
    return Table(
        caption=f"{each.operation}: how often there was an answer",
        headers=(
            "provider",
            "asked for",
            "answered",
            "failed",
            "lost after paying",
            "not asked",
            "success",
            "errors",
            "throttled",
        ),
        rows=tuple(rows),
        numbers=frozenset({1, 2, 3, 4, 5}),
    )
