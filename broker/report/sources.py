"""The sections on what was recorded besides, on the evidence of maturity, and on what every figure rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from broker.bench.result import BenchResult, ModelSeen, Origin
from broker.maturity.checklist import GRADES, Member
from broker.report import words
from broker.report.blocks import Block, Bullets, Figure, Link, Paragraph, Section, Table
from broker.report.model import NOTE, History, KpiLine, Place, Report
from broker.report.money import followed
from broker.report.naming import named, slug


def history(report: Report) -> Section:
    """What was recorded outside of the benchmark."""
    found = report.history
    blocks: list[Block] = []
    if found.no_quality and found.no_quality == found.no_spend == found.no_kpis == found.no_observed:
        said = f"Quality over time, alarms, spend and figures of the month: {found.no_quality}."
        return Section(id="history", title="Over time", blocks=(Paragraph(said),))
    if found.no_quality:
        blocks.append(Paragraph(f"Quality over time: {found.no_quality}."))
    else:
        blocks.append(
            Figure(
                kind="history",
                caption="quality over time, with intervals: a point is a window, and stands at its last day; alarms are marked",
            )
        )
        blocks.append(
            Table(
                caption="quality over time",
                headers=("use case and provider", "window", "quality (interval)", "items", "alarm"),
                rows=tuple(
                    (
                        point.stream,
                        _window(point.since, point.day),
                        words.estimate(point.estimate),
                        f"{point.estimate.n:,}",
                        "alarm" if point.alarmed else "",
                    )
                    for point in found.quality
                ),
                numbers=frozenset({3}),
                folded=True,
            ).filled()
        )
    if found.alarms:
        blocks.append(Paragraph("Alarms:"))
        blocks.append(Bullets(found.alarms))
    if found.switches:
        blocks.append(
            Table(
                caption="what became of the off switches (UTC)",
                headers=("use case, operation and provider", "at", "to", "why", "by"),
                rows=tuple(
                    (
                        each.scope,
                        f"{words.day(each.at.date())}\u00a0{each.at:%H:%M}",
                        each.to,
                        each.why,
                        each.by,
                    )
                    for each in found.switches
                ),
            )
        )
    blocks.append(_observed(found))
    if found.no_spend:
        blocks.append(Paragraph(f"Spend: {found.no_spend}."))
    else:
        blocks.append(
            Table(
                caption=f"spend by the ledger, {found.spend_days}",
                headers=(
                    "provider and operation",
                    "attempts",
                    "known",
                    "may have been billed besides",
                    "without price",
                ),
                rows=tuple(
                    (
                        f"{line.provider} {line.operation}",
                        f"{line.calls:,}",
                        words.money(line.known, line.currency),
                        words.money(line.at_risk, line.currency),
                        f"{line.unpriced:,}",
                    )
                    for line in found.spend
                ),
                numbers=frozenset({1, 2, 3, 4}),
            )
        )
    if found.no_kpis:
        blocks.append(Paragraph(f"Figures of the month: {found.no_kpis}."))
    else:
        blocks += _months(found.kpis)
    return Section(id="history", title="Over time", blocks=tuple(blocks))


def _window(first: date, last: date) -> str:
    return words.day(last) if first == last else f"{words.day(first)} to {words.day(last)}"


def _months(lines: Sequence[KpiLine]) -> list[Block]:
    """A table for each use case at each provider, month beside month; what must be said of a month stands below it."""
    found: list[Block] = []
    for scope in dict.fromkeys(each.scope for each in lines):
        mine = [each for each in lines if each.scope == scope]
        months = list(dict.fromkeys(each.month for each in mine))
        cells = {(each.name, each.month): each.value for each in mine if each.name != NOTE}
        names = dict.fromkeys(each.name for each in mine if each.name != NOTE)
        found.append(
            Table(
                caption=f"{scope}: figures of the month",
                headers=("figure", *months),
                rows=tuple((name, *(cells.get((name, month), "") for month in months)) for name in names),
            )
        )
        notes = tuple(f"{each.month}: {each.value}" for each in mine if each.name == NOTE)
        if notes:
            found.append(Bullets(notes))
    return found


def _observed(found: History) -> Block:
    """What the pinned sets showed; it is in no score."""
    if found.no_observed:
        return Paragraph(f"Observed maturity (changes of the answers to a pinned set): {found.no_observed}.")
    return Table(
        caption="observed maturity: changes of the answers to a pinned set, by quarter; announced or not is not recorded",
        headers=(
            "use case and provider",
            "quarter",
            "runs compared",
            "runs with any change",
            "labels changed from run to run (interval)",
            "items",
        ),
        rows=tuple(
            (
                f"{each.use_case}, {each.provider}",
                each.quarter,
                f"{each.runs:,}",
                f"{each.changed:,}",
                words.share(each.flipped),
                f"{each.items:,}",
            )
            for each in found.observed
        ),
        numbers=frozenset({2, 3, 5}),
    )


def evidence(report: Report) -> Section:
    """The checklist behind maturity, with sources."""
    parts = []
    for each in report.operations:
        rows = tuple(row for place in each.places for row in _evidence(place))
        parts.append(
            Section(
                id=f"evidence-{slug(each.operation)}",
                title=each.operation,
                blocks=(
                    Table(
                        caption=f"{each.operation}: evidence of maturity, as of {report.as_of}",
                        headers=("provider", "asked", "grade", "what the source says", "dated"),
                        rows=rows,
                        folded=True,
                    ),
                ),
            )
        )
    said = (
        "Each member is graded 0 to 4 by a source with a day; stale: over 90 days old, or undated. It is a score of what vendors "
        "publish, not of how well they work."
    )
    return Section(id="evidence", title="Evidence of maturity", blocks=(Paragraph(said),), parts=tuple(parts))


def _evidence(place: Place) -> list[tuple[str | Link, ...]]:
    if place.maturity is None:
        return [(named(place), "everything", words.UNKNOWN, "its adapter is not installed here", "")]
    rows: list[tuple[str | Link, ...]] = []
    for member in Member:
        row = place.maturity.known.get(member)
        if row is None:
            rows.append((named(place), member.words, words.UNKNOWN, "", ""))
            continue
        stale = ", stale" if row.stale(place.maturity.as_of) else ""
        rows.append(
            (
                named(place),
                member.words,
                f"{row.grade} of 4: {GRADES[member][row.grade]}",
                Link(text=row.says, href=followed(row.source)),
                f"{row.dated or 'undated'}{stale}",
            )
        )
    return rows


def provenance(report: Report) -> Section:
    """What every figure rests on."""
    result = report.result
    run, known = result.run, result.provenance
    facts = (
        (
            "data set",
            f"{known.data.name} ({known.data.snapshot}), {words.count(known.data.items, 'item')} of kind {known.data.kind}",
        ),
        ("read from", known.data.source),
        (
            "run",
            f"{run.id}, {run.started:%Y-%m-%d %H:%M} to {run.ended:%Y-%m-%d %H:%M} UTC, {words.count(run.sittings, 'sitting')}",
        ),
        (
            "asked",
            f"{words.count(run.repetitions, 'repetition')}, {words.count(run.warm_up, 'warm-up call')}, {run.concurrency} at once, seed {run.seed}",
        ),
        ("plan", run.plan_digest[:16]),
        (
            "price book",
            f"{known.price_book[:16]}, prices of {known.prices_day}, oldest row read {known.prices_oldest or 'on no known day'}",
        ),
        ("prices read over 90 days ago", ", ".join(known.prices_stale) or "none"),
        ("scored by", ", ".join(known.scorers) or "nothing"),
        ("intervals", f"at {result.level:.0%}"),
        ("mlbroker", f"{known.mlbroker}, Python {known.python}, {known.platform}"),
        ("benchmark made by", known.command),
        ("report made by", report.command or "a program"),
        ("maturity as of", str(report.as_of)),
        ("weights", report.weights_by),
    )
    models = tuple(
        (
            seen.lane,
            seen.version or "the vendor does not say",
            f"{seen.answers:,}",
            *_when(seen, result),
        )
        for seen in known.models
    )
    blocks: list[Block] = [Table(caption="what the figures rest on", headers=("what", "value"), rows=facts)]
    if models:
        blocks.append(
            Table(
                caption="models that answered",
                headers=("provider", "version", "answers", "first (UTC)", "last (UTC)"),
                rows=models,
                numbers=frozenset({2}),
            )
        )
    if known.data.skipped:
        blocks.append(Bullets(tuple(f"left out: {each}" for each in known.data.skipped)))
    return Section(id="provenance", title="Provenance", blocks=tuple(blocks))


def _when(seen: ModelSeen, result: BenchResult) -> tuple[str, str]:
    """The first and the last answer; of a recording its own day, and not that on which it was read."""
    lane = next((each.lane for each in result.lanes if each.lane.key == seen.lane), None)
    if lane is not None and lane.origin is not Origin.ASKED:
        made_up = lane.origin is Origin.MADE_UP
        return "made up" if made_up else f"replayed, recorded {words.day(lane.recorded)}", ""
    return f"{seen.first:%Y-%m-%d %H:%M}", f"{seen.last:%Y-%m-%d %H:%M}"
