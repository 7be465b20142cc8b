"""The sections of a report: what is said, in words and tables. HTML and Markdown are written from the same."""

from __future__ import annotations

from decimal import Decimal

from broker.bench.result import Origin
from broker.maturity.position import Relation
from broker.maturity.readiness import Fit
from broker.report import words
from broker.report.blocks import Block, Bullets, Figure, Paragraph, Samples, Section, Table
from broker.report.facts import curve_of
from broker.report.model import FEW, OLD_DAYS, OperationReport, Place, Report, Standing
from broker.report.money import cost
from broker.report.naming import named, slug
from broker.report.quality import quality, speed
from broker.report.sources import evidence, history, provenance


def sections(report: Report) -> tuple[Section, ...]:
    """All of it, in order."""
    return (
        _short(report),
        Section(
            id="ready",
            title="Scale readiness and maturity",
            blocks=_ready_words(report),
            parts=tuple(_ready(each) for each in report.operations),
        ),
        Section(
            id="quality", title="Quality", parts=tuple(quality(each, report) for each in report.operations)
        ),
        Section(id="cost", title="Cost", parts=tuple(cost(each, report) for each in report.operations)),
        Section(
            id="speed",
            title="Latency and reliability",
            parts=tuple(speed(each) for each in report.operations),
        ),
        Section(id="answers", title="Answers side by side", blocks=_samples(report)),
        history(report),
        evidence(report),
        provenance(report),
    )


def _short(report: Report) -> Section:
    result = report.result
    facts = result.provenance.data
    asked = f"{words.count(facts.items, 'item')} ({facts.kind}), {facts.with_truth:,} with truth, from {facts.name}"
    blocks: list[Block] = [
        Paragraph(f"One workload on one data set: {asked}. It says nothing of other data."),
        *(Paragraph(each, warns=True) for each in _warnings(report)),
    ]
    for each in report.operations:
        blocks.append(Bullets(tuple(_findings(each, report))))
        blocks.append(_summary(each, report))
    return Section(id="short", title="In short", blocks=tuple(blocks))


def _warnings(report: Report) -> list[str]:
    result = report.result
    found = list(result.notes)
    told = " ".join(result.notes)
    replayed = [
        place
        for each in report.operations
        for place in each.places
        if place.lane.lane.origin is Origin.REPLAYED
    ]
    made_up = [
        place
        for each in report.operations
        for place in each.places
        if place.lane.lane.origin is Origin.MADE_UP
    ]
    for places, said in (
        (replayed, "replayed: their answers were recorded elsewhere, nobody was asked in this run"),
        (made_up, "made up, to show what a report looks like: they say nothing of any vendor"),
    ):
        if places and said.partition(":")[0].partition(",")[0] not in told:
            names = words.listed(list(dict.fromkeys(each.name for each in places)))
            notes = list(dict.fromkeys(each.lane.lane.note for each in places if each.lane.lane.note))
            found.append(f"{names}: {said}{f' ({words.listed(notes)})' if notes else ''}.")
    if not result.run.finished:
        found.append("The run was not finished; figures are of what was asked until then.")
    return found


def _findings(each: OperationReport, report: Report) -> list[str]:
    """What a decision maker reads first; nothing is ranked that is not apart."""
    found = []
    unbeaten = [place.name for place in each.places if place.standing is Standing.UNBEATEN]
    if unbeaten:
        verb = "is" if len(unbeaten) == 1 else "are"
        found.append(
            f"{_of(each, report, 'quality')}: {words.listed(unbeaten)} {verb} not beaten by any other."
        )
    for by in dict.fromkeys(place.beaten_by for place in each.places if place.standing is Standing.BEATEN):
        beaten = [place.name for place in each.places if place.beaten_by == by]
        verb = "is" if len(beaten) == 1 else "are"
        found.append(
            f"{_of(each, report, 'quality')}: {words.listed(beaten)} {verb} beaten by {words.listed(by)}."
        )
    volume = report.result.workload.calls_per_month
    found += _cheapest(each, report, volume) if volume else []
    apart = sum(pair.relation is not Relation.NOT_SEPARATED for pair in each.pairs)
    if each.pairs:
        of = words.count(len(each.pairs), "pair")
        if not apart:
            said = (
                "not separated" if len(each.pairs) == 1 else f"none of {of} separated, so nothing is ranked"
            )
        else:
            said = (
                "separated"
                if len(each.pairs) == 1
                else f"{apart} of {of} separated; the others are not ranked"
            )
        found.append(f"{_of(each, report, 'scale readiness and maturity')}: {said}.")
    for why in dict.fromkeys(place.grey for place in each.places if place.grey):
        names = [place.name for place in each.places if place.grey == why]
        found.append(
            f"{_of(each, report, 'caution')}: do not lean on the quality of {words.listed(names)}: {why}."
        )
    return found


def _of(each: OperationReport, report: Report, what: str) -> str:
    """What a line is about; of which operation, where there are several."""
    return f"{each.operation}, {what}" if len(report.operations) > 1 else what.capitalize()


def _cheapest(each: OperationReport, report: Report, volume: int) -> list[str]:
    """Whose month costs least; of each currency for itself, for nobody knows the rate."""
    amounts = [(place, cost_at(place, report, volume)) for place in each.places]
    known = [
        (place.name, amount, currency_of(place, report)) for place, amount in amounts if amount is not None
    ]
    currencies = list(dict.fromkeys(currency for _, _, currency in known))
    found = []
    for currency in currencies:
        paid = [(amount, name) for name, amount, of in known if of == currency]
        if len(currencies) > 1 and len(paid) < 2:
            continue
        if len(paid) == 1 < len(amounts):
            ((amount, name),) = paid
            told = f"{words.money(amount, currency)} with {name}; that of no other is known"
            found.append(f"{_of(each, report, f'cost at {volume:,} calls a month')}: {told}.")
            continue
        least = min(amount for amount, _ in paid)
        names = words.listed([name for amount, name in paid if amount == least])
        of = f", of those paid for in {currency}" if len(currencies) > 1 else ""
        of += "" if len(known) == len(amounts) else ", of those whose cost is known"
        price = words.money(least, currency)
        about = _of(each, report, f"cost at {volume:,} calls a month")
        found.append(f"{about}: least with {names} ({price}){of}.")
    return found


def currency_of(place: Place, report: Report) -> str:
    """In which a lane is paid for."""
    curve = curve_of(place.lane, report.result)
    return report.result.workload.currency if curve is None else curve.currency


def cost_at(place: Place, report: Report, volume: int | None) -> Decimal | None:
    """The cost of a month with so many calls; None: not known."""
    curve = curve_of(place.lane, report.result)
    if curve is None or volume is None:
        return None
    return next((point.cost for point in curve.points if point.calls == volume), None)


def _summary(each: OperationReport, report: Report) -> Table:
    volume = report.result.workload.calls_per_month
    month = f"{volume:,} calls a month" if volume else "a month (not stated)"
    rows = []
    for place in each.places:
        lane = place.lane
        timing = lane.speed.call or lane.speed.attempt
        primary = lane.primary
        rows.append(
            (
                named(place),
                words.estimate(primary.delivered if primary else None),
                place.standing.value + (f" by {words.listed(place.beaten_by)}" if place.beaten_by else ""),
                words.money(lane.money.per_1000, lane.money.currency) if lane.money else words.UNKNOWN,
                words.money(cost_at(place, report, volume), currency_of(place, report)) if volume else "",
                words.latency(timing.p95) if timing else words.UNKNOWN,
                words.share(lane.reliability.success)
                if lane.reliability.attempts is not None
                else "not in a recording",
                words.score(place.area.readiness),
                words.score(place.area.maturity) if place.maturity else f"{words.UNKNOWN} (0 to 100)",
                f"{words.count(place.items, 'item')}, {words.day(place.measured_on)}",
            )
        )
    metric = next((p.lane.primary.metric for p in each.places if p.lane.primary), "quality")
    return Table(
        caption=f"{each.operation}: who stands how",
        headers=(
            "provider",
            f"{metric}, delivered (interval)",
            "by paired verdicts",
            "per 1,000, without what stands",
            month,
            "p95, whole call where known",
            "success",
            "scale readiness",
            "maturity",
            "rests on",
        ),
        rows=tuple(rows),
    )


def _ready_words(report: Report) -> tuple[Block, ...]:
    load = report.result.workload
    stated = [
        f"{load.calls_per_month:,} calls a month" if load.calls_per_month else "",
        f"{load.peak_per_second:g} a second at the peak" if load.peak_per_second else "",
        f"{words.money(load.budget, load.currency)} a month" if load.budget is not None else "",
        f"p95 within {words.seconds(load.p95_limit)}" if load.p95_limit else "",
    ]
    said = words.listed([each for each in stated if each])
    said = (
        f"Workload as stated: {said}"
        if said
        else "No workload was stated; state it in the plan under [workload]"
    )
    return (
        Paragraph(
            f"{said}. What is not stated, or not known of a provider, makes an area wider; nothing is filled in."
        ),
        Paragraph(
            "Each area is an interval in both directions. Its line and hatching tell how quality stands by the paired verdicts: "
            "plain and solid, not beaten; hatched and dashed, beaten by another; grey and dotted, not known, or resting on fewer than "
            f"{FEW} items or on measurements over {OLD_DAYS} days old. Areas that overlap are not separated and are not ranked."
        ),
        Paragraph(f"Weights: {report.weights_by}."),
    )


def _ready(each: OperationReport) -> Section:
    separated = tuple(str(pair) for pair in each.pairs if pair.relation is not Relation.NOT_SEPARATED)
    together = [
        f"{pair.first} and {pair.second}" for pair in each.pairs if pair.relation is Relation.NOT_SEPARATED
    ]
    lines = [*separated]
    lines += [
        f"{place.name}: {words.listed([each.value for each in place.readiness.unknown])} not known or not stated, so that "
        "scale readiness begins at 0"
        for place in each.places
        if place.readiness.unknown
    ]
    if together:
        lines.append(f"not separated: {'; '.join(together)}")
    for said, found in (
        ("maturity, with what is unknown as 0", each.by_known),
        ("maturity, with what is unknown as 4 of 4", each.by_possible),
        ("scale readiness, at its low end", each.by_readiness),
    ):
        if found is not None:
            lines.append(f"{said}: {found}")
    blocks: list[Block] = [
        Figure(
            kind="areas",
            operation=each.operation,
            caption=f"{each.operation}: scale readiness across, maturity up{_panels(each)}; n: items with truth, measured "
            f"{_measured(each)}",
        ),
        Bullets(tuple(lines)),
        Table(
            caption=f"{each.operation}: areas",
            headers=("provider", "scale readiness", "maturity", "caps", "quality", "grey because"),
            rows=tuple(
                (
                    named(place),
                    words.score(place.area.readiness),
                    words.score(place.area.maturity)
                    if place.maturity
                    else f"{words.UNKNOWN}: its adapter is not here",
                    "; ".join(f"at most {cap.limit:.0f}: {cap.why}" for cap in place.maturity.caps)
                    if place.maturity
                    else "",
                    place.standing.value,
                    place.grey,
                )
                for place in each.places
            ),
        ),
        Table(
            caption=f"{each.operation}: what scale readiness is made of",
            headers=("provider", "ratio", "0 to 1", "rests on", "kind", "source", "day"),
            rows=tuple(_ratio(place, fit) for place in each.places for fit in place.readiness.fits),
            folded=True,
        ),
    ]
    return Section(id=f"ready-{slug(each.operation)}", title=each.operation, blocks=tuple(blocks))


def _panels(each: OperationReport) -> str:
    return ", a panel each as all overlap; thin lines are the others" if each.all_overlap else ""


def _measured(each: OperationReport) -> str:
    """``21 Nov 2026``, or from when to when."""
    known = sorted({place.measured_on for place in each.places if place.measured_on is not None})
    ends = known[:1] + known[1:][-1:]
    said = " to ".join(words.day(end) for end in ends)
    if known and all(place.measured_on is not None for place in each.places):
        return said
    undated = words.listed([named(place) for place in each.places if place.measured_on is None])
    return f"{said}; {undated} {words.day(None)}".lstrip("; ")


def _ratio(place: Place, fit: Fit) -> tuple[str, ...]:
    low, high = fit.value.low, fit.value.high
    value = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
    if fit.needed is None:
        return named(place), fit.ratio.value, value, "the workload does not state it", "", "", ""
    if fit.fact is None:
        return named(place), fit.ratio.value, value, words.UNKNOWN, "", "", ""
    fact = fit.fact
    ends = [("without limit" if end == float("inf") else words.figure(end)) for end in (fact.low, fact.high)]
    return (
        named(place),
        fit.ratio.value,
        value,
        ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}",
        fact.kind.value,
        fact.source,
        str(fact.dated) if fact.dated else "undated",
    )


def _samples(report: Report) -> tuple[Block, ...]:
    if not report.samples:
        return (Paragraph(report.no_samples or "No answers were given to show."),)
    return (
        Paragraph(
            f"{words.count(len(report.samples), 'item')} of {report.samples_of:,}, those on which the providers differ most first. "
            "In texts, what the truth (or, without truth, the first provider) has and an answer lacks is struck through; what it "
            f"has besides is underlined.{_scored_by(report)}"
        ),
        Samples(),
    )


def _scored_by(report: Report) -> str:
    """The metrics that items' scores are by."""
    found = dict.fromkeys(lane.primary.metric for lane in report.result.lanes if lane.primary is not None)
    return f" Scores are by {words.listed(tuple(found))}, 1 is best." if found else ""
