"""The key figures of a use case for people: a table a provider, a column a month, and why what is not known is not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.cli import output

if TYPE_CHECKING:
    from broker.quality.estimate import Estimate
    from broker.quality.kpi import Kpis, Latency
    from broker.quality.roi import Roi
    from broker.samples.month_rows import MonthRow, Months

UNKNOWN = "unknown"
NONE = "-"
"""There was none, which is known."""
_BY_RULE = ("open", "half_open")


class Line(NamedTuple):
    """A row of the table.

    :param figure: its name among :class:`.Kpis`, by which the reason is found where it is not known; "": it always is.
    """

    title: str
    figure: str
    of: Callable[[MonthRow], str]


def show(screen: Any, name: str, found: Months, *, observed: bool) -> None:
    screen.print(output.text(name, "bold"))
    if not found.rows:
        screen.print(output.text("  no call of it is in the ledger"))
        return
    for provider in dict.fromkeys(row.provider for row in found.rows):
        rows = [row for row in found.rows if row.provider == provider]
        heads = [row.month if row.complete else f"{row.month} so far" for row in rows]
        table = output.table(provider, *heads, right=tuple(heads))
        lines = _lines(observed=observed)
        for line in lines:
            cells = [line.of(row) for row in rows]
            if any(cell != NONE for cell in cells):
                table.add_row(output.text(line.title), *(output.text(cell) for cell in cells))
        screen.print(table)
        for row in rows:
            for note in row.notes:
                screen.print(output.text(f"{row.month}: {note}", "yellow"))
        for text in _reasons(rows, lines):
            screen.print(output.text(text, "dim"))
        finding = found.findings.get(provider)
        if finding is not None and finding.breach.value in ("soft", "hard"):
            style = "red" if finding.breach.value == "hard" else "yellow"
            screen.print(
                output.text(f"return below what is required ({finding.rule}): {finding.text}", style)
            )
    for month, each in found.concentration.items():
        if len({row.provider for row in found.rows if row.month == month}) > 1:
            screen.print(
                output.text(f"{month}: {each.largest[1]:.0%} of the spend is {each.largest[0]}'s", "dim")
            )


def _reasons(rows: list[MonthRow], lines: list[Line]) -> list[str]:
    """Why figures are not known: each reason once, with the figures and, unless it holds in all of them, the months."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for line in lines:
        by_reason: dict[str, list[str]] = {}
        for row in rows:
            if line.figure in row.unknown and line.of(row) == UNKNOWN:
                by_reason.setdefault(row.unknown[line.figure], []).append(row.month)
        for reason, months in by_reason.items():
            found.setdefault((reason, tuple(months)), []).append(line.title)
    told = []
    for (reason, when_not), titles in found.items():
        when = "" if len(when_not) == len(rows) else f" in {', '.join(when_not)}"
        names = ", ".join(dict.fromkeys(title.strip() for title in titles))
        told.append(f"{names} unknown{when}: {reason}")
    return told


def _lines(*, observed: bool) -> list[Line]:
    watched = [
        Line("would have been off (observed)", "in_states", lambda row: _off(row.kpis, *_BY_RULE)),
    ]
    return [
        Line("calls", "", lambda row: f"{row.calls:,}"),
        Line("answered", "success", lambda row: _share(row.kpis.success)),
        Line("delivered quality", "delivered", lambda row: _share(row.kpis.delivered)),
        Line("standard errors above its bar", "margin", lambda row: _number(row.kpis.margin, "+.1f")),
        Line("p50", "p50", lambda row: _seconds(row.kpis.p50)),
        Line("p95", "p95", lambda row: _seconds(row.kpis.p95)),
        Line("spend on calls", "", lambda row: _money(row.spend, row.currency)),
        Line("may have cost besides", "", lambda row: _some(row.at_risk, row.currency)),
        Line("of plan", "of_plan", lambda row: _percent(row.kpis.of_plan)),
        Line("per call", "per_call", lambda row: _money(row.kpis.per_call, row.currency)),
        Line("per 1,000 calls", "per_thousand", lambda row: _money(row.kpis.per_thousand, row.currency)),
        Line("per right answer", "per_right", _per_right),
        Line("shadow calls", "", _shadows),
        Line("labels by people", "", lambda row: _some(row.labelling, row.currency)),
        Line("what stands, its part", "", lambda row: _some(row.standing, row.currency)),
        Line("engineering, its part", "", lambda row: _some(row.engineering, row.currency)),
        Line(
            "taken over from others",
            "",
            lambda row: f"{row.kpis.failovers:,}" if row.kpis.failovers else NONE,
        ),
        Line("that and retries", "", lambda row: _some(row.kpis.failover_spend, row.currency)),
        Line("agreement (no accuracy)", "agreement", lambda row: _share(row.kpis.agreement)),
        Line("answered as before (pinned)", "stability", lambda row: _share(row.kpis.stability)),
        Line("alarms", "alarms", lambda row: _alarms(row.kpis)),
        Line("true alarms came after", "detected", _detected),
        Line("error of its confidence", "calibration", lambda row: _share(row.kpis.calibration)),
        Line(
            "switched off",
            "in_states",
            lambda row: _off(row.kpis, "forced_open", *(() if observed else _BY_RULE)),
        ),
        *(watched if observed else []),
        Line("label took", "label_latency", lambda row: _waited(row.kpis.label_latency)),
        Line("could be sampled", "covered", lambda row: _whole(row.kpis.covered)),
        Line("net return", "roi", lambda row: _return(row.kpis.roi, "net")),
        Line("gross return", "roi", lambda row: _return(row.kpis.roi, "gross")),
        Line("break-even accuracy", "roi", lambda row: _break_even(row.kpis.roi)),
    ]


def _share(found: Estimate | None) -> str:
    if found is None or found.point is None:
        return UNKNOWN
    if found.low is None or found.high is None:
        return f"{found.point:.1%} (interval unknown)"
    return f"{found.point:.1%} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _number(value: float | None, how: str) -> str:
    return UNKNOWN if value is None else format(value, how)


def _whole(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0%}"


def _seconds(found: Latency | None) -> str:
    if found is None:
        return UNKNOWN
    if found.point < 1:
        return f"{1000 * found.point:.0f} ms{_ends(found, lambda value: f'{1000 * value:.0f}')}"
    return f"{found.point:.2f} s{_ends(found, lambda value: f'{value:.2f}')}"


def _ends(found: Latency, how: Callable[[float], str]) -> str:
    low, high = ("?" if end is None else how(end) for end in (found.low, found.high))
    return f" [{low}, {high}]"


def _waited(found: Latency | None) -> str:
    return UNKNOWN if found is None else _span(found.point)


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return (
        f"{seconds / 60:.0f} min" if hours < 1 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
    )


def _money(amount: Decimal | None, currency: str) -> str:
    from broker.types.money import shown_amount

    return UNKNOWN if amount is None else shown_amount(round(amount, 6), currency)


def _some(amount: Decimal, currency: str) -> str:
    return _money(amount, currency) if amount else NONE


def _per_right(row: MonthRow) -> str:
    told = row.kpis
    if told.per_right is None:
        return UNKNOWN
    low, high = (
        "?" if end is None else f"{round(end, 6):f}" for end in (told.per_right_low, told.per_right_high)
    )
    return f"{_money(told.per_right, row.currency)} [{low}, {high}]"


def _shadows(row: MonthRow) -> str:
    told, share = _some(row.sampling, row.currency), row.kpis.sampling_share
    return told if not row.sampling or share is None else f"{told} ({share:.1%} of the calls)"


def _detected(row: MonthRow) -> str:
    return _waited(row.kpis.detected) if row.kpis.alarms else NONE


def _percent(share: Decimal | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _alarms(found: Kpis) -> str:
    if found.alarms is None:
        return UNKNOWN
    if not found.alarms:
        return "0"
    parts = [
        f"{count} {name}"
        for count, name in ((found.true_alarms, "true"), (found.false_alarms, "false"))
        if count
    ]
    return f"{found.alarms}" + (f" ({', '.join(parts)})" if parts else " (not looked at)")


def _off(found: Kpis, *states: str) -> str:
    if not found.in_states:
        return UNKNOWN
    off = sum(share for state, share in found.in_states.items() if state.value in states)
    return f"{off:.1%} of the time" if off else NONE


def _return(found: Roi | None, which: str) -> str:
    if found is None:
        return UNKNOWN
    told = getattr(found, which)
    if told.point is None:
        return f"between {told.low:.0f} and {told.high:.0f} %"
    return f"{told.point:.0f} % [{told.low:.0f}, {told.high:.0f}]"


def _break_even(found: Roi | None) -> str:
    if found is None:
        return UNKNOWN
    return "none pays" if found.break_even is None else f"{found.break_even:.1%}"
