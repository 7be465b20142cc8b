"""``mlbroker quality status | erase``: what sampled calls say, and content that is to go.

``status --json`` gives ``command``, ``store``, ``recorded`` (false: nothing was sampled yet), ``since``, ``until``, ``use_cases`` (a list)
and ``exit_code``. A use case has ``use_case``, ``operation``, ``sampling`` (``per_day``, ``spent_today``, ``limit_today``, ``max_share``, ``share`` of the usual rate; null: it
asks no others), ``skipped`` (counts by reason) and ``providers``: ``provider``, ``metric``, ``delivered``, ``conditional``, ``success``
and ``agreement`` by provider (each with ``point``, ``low``, ``high``, ``n``, ``method``, ``covered``, ``partial``, ``notes``; agreement is
no accuracy), ``calls``, ``failed``, ``uncovered``, ``sampled``, ``scored``, ``waiting``, ``given_up``, ``recorded`` (``share`` of the
ledger's calls that were drawn, or null and ``why`` it is unknown; ``calls`` there, ``missing`` draws, ``days`` of those), ``evidence`` (``odds``, ``needed``,
``items``; null: there is none) and ``alarms`` (open ones).
``erase --json`` gives ``contents`` and ``samples``. What is not known is null.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output, standing
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.quality.estimate import Estimate
    from broker.samples.estimates import Figures
    from broker.samples.plan import Plan
    from broker.samples.rows import EvidenceRow
    from broker.samples.store import SampleStore

_WIDE = 110
"""Columns of a terminal in which a figure and its interval stand side by side."""
_DAYS = 5
"""Of those with calls that were not drawn, the last ones."""
_MOST_ODDS = 1_000_000
"""Beyond this nobody cares how much more it is."""
UseCase = Annotated[
    str | None, typer.Argument(metavar="USE_CASE", help="Else all of the settings.", show_default=False)
]


def status(
    context: typer.Context,
    use_case: UseCase = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=3650, help="Up to today, in UTC.")
    ] = 30,
    as_json: options.Json = False,
) -> None:
    """Show how good providers are on sampled calls, and how sure that is."""
    state = options.begin(context, as_json)
    settings = settings_of(state.config)
    names = names_of(settings, use_case)
    until = standing.now().date()
    since = until - timedelta(days=days - 1)
    with opened_store(settings) as store:
        found = [_use_case(settings, store, name, since, until) for name in names] if store else []
    if as_json:
        output.emit(
            {
                "command": "quality status",
                "store": _path(settings),
                "recorded": store is not None,
                "since": since,
                "until": until,
                "use_cases": found,
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    if store is None:
        screen.print(output.text("no call was sampled yet (docs/sampling.md)"))
    for each in found:
        _show(screen, each)


def settings_of(config: str | None) -> Settings:
    """Raises :class:`~broker.errors.NotConfigured` where no use case is sampled."""
    from broker.config import load_settings

    settings = load_settings(config)
    if all(each.sampling is None for each in settings.quality.use_cases.values()):
        raise NotConfigured(
            "no use case of the settings is sampled; write [quality.use_cases.NAME.sampling] (docs/sampling.md)"
        )
    return settings


def names_of(settings: Settings, use_case: str | None) -> list[str]:
    """The use cases that are sampled, or the one asked for."""
    known = [name for name, each in settings.quality.use_cases.items() if each.sampling is not None]
    if use_case is not None and use_case not in known:
        raise typer.BadParameter(
            f"the use case {output.plain(use_case)!r} is not sampled; sampled are {', '.join(known)}",
            param_hint="USE_CASE",
        )
    return known if use_case is None else [use_case]


def _path(settings: Settings) -> str:
    from broker.samples.start import open_store

    return open_store(settings).path


@contextmanager
def opened_store(settings: Settings) -> Iterator[SampleStore | None]:
    """None where there is none: looking must not make it."""
    from broker.samples.start import open_store

    store = open_store(settings)
    if not os.path.lexists(store.path):
        yield None
        return
    try:
        yield store
    finally:
        store.close()


def _use_case(settings: Settings, store: SampleStore, name: str, since: date, until: date) -> dict[str, Any]:
    from broker.cli.standing import ledger_path, now
    from broker.ledger.sqlite import SqliteLedger
    from broker.samples.estimates import Asked, figures
    from broker.samples.purses import Purses, Spent
    from broker.samples.recorded import Records
    from broker.samples.start import plans_of, spend_of
    from broker.switches.use_cases import UseCases

    plan: Plan = plans_of(settings, store)[name]
    use_cases, ledger = UseCases(settings.quality.use_cases), SqliteLedger(ledger_path(settings))
    records = Records(ledger.path, store, use_cases)
    there = os.path.exists(ledger.path)  # looking must not make it
    purses = Purses(store, Spent(spend_of(ledger), use_cases) if there else None)
    drawn = records.of(name, since, until, now())
    evidence = store.evidence(name)
    alarms = store.alarms(name, open_only=True)
    providers = []
    for provider in sorted({*store.providers(name), *drawn}):
        asked = Asked(
            use_case=name,
            operation=plan.settings.operation,
            provider=provider,
            since=since,
            until=until,
            level=settings.quality.level,
        )
        rows = [row for row in evidence if row.provider == provider]
        told = _provider(figures(store, asked, plan.scoring, drawn.get(provider)), rows, plan)
        told["alarms"] = [each.text for each in alarms if each.provider == provider]
        providers.append(told)
    purse = None if plan.per_day is None else purses.purse(plan, now())
    known = purse is None or purses.limit(plan, now()) is not None
    return {
        "use_case": name,
        "operation": plan.settings.operation,
        "sampling": None
        if purse is None
        else {
            "per_day": output.decimal(purse.per_day),
            "spent_today": output.decimal(purse.spent),
            "limit_today": output.decimal(purse.limit) if known else None,
            "max_share": None if plan.sampling.max_share is None else output.decimal(plan.sampling.max_share),
            "currency": plan.sampling.currency,
            "share": purse.share,
        },
        "skipped": {
            reason.value: count for reason, count in store.skipped(name, since=since, until=until).items()
        },
        "providers": providers,
    }


def _provider(found: Figures, rows: list[EvidenceRow], plan: Plan) -> dict[str, Any]:
    from broker.samples.tolerance import TOLERANCE, process_of

    tolerance = plan.settings.tolerance
    process = next((process_of(row) for row in rows if row.watch == TOLERANCE), None)
    plain = ("calls", "failed", "uncovered", "sampled", "scored", "waiting", "given_up")
    return {
        "provider": found.asked.provider,
        "metric": None if found.metric is None else found.metric.id,
        "delivered": _estimate(found.delivered),
        "conditional": _estimate(found.conditional),
        "success": _estimate(found.success),
        "agreement": {name: _estimate(each) for name, each in found.agreement.items()},
        **{name: getattr(found, name) for name in plain},
        "recorded": _recorded(found),
        "evidence": None
        if process is None or tolerance is None
        else {"odds": process.highest, "needed": 1 / tolerance.alpha, "items": process.seen},
    }


def _recorded(found: Figures) -> dict[str, Any]:
    told = found.recorded
    if told is None or told.share is None:
        why = "no call of it was drawn, nor is one in the ledger" if told is None else told.unknown
        return {"share": None, "why": why, "calls": None, "missing": None, "days": []}
    return {
        "share": told.share,
        "why": None,
        "calls": told.calls,
        "missing": told.missing,
        "days": [
            {"day": each.day, "calls": each.calls, "missing": each.missing}
            for each in told.days
            if each.missing
        ],
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    plain = ("point", "low", "high", "n", "method", "covered", "partial")
    return {**{name: getattr(found, name) for name in plain}, "notes": list(found.notes)}


def _show(screen: Any, found: dict[str, Any]) -> None:
    screen.print(output.text(f"{found['use_case']} ({found['operation']})", "bold"))
    if not found["providers"]:
        screen.print(output.text("  no call of it was drawn yet"))
        return
    heads = (
        "provider",
        "delivered",
        "of answers",
        "answered",
        "calls",
        "recorded",
        "sampled",
        "scored",
    )
    table = output.table(*heads, right=heads[1:])
    wide = screen.width >= _WIDE
    between = " " if wide else "\n"
    rows = [
        (
            each["provider"],
            *(_range(each[name], between) for name in ("delivered", "conditional", "success")),
            f"{each['calls']:,}",
            _share(each["recorded"]["share"]),
            f"{each['sampled']:,}",
            f"{each['scored']:,}",
        )
        for each in found["providers"]
    ]
    if not wide:  # intervals go below their figures; names fold, if anything must
        table.padding = (0, 1, 0, 0)
        for place, column in enumerate(table.columns[1:], 1):
            told = [*heads[place].split(), *(line for row in rows for line in row[place].splitlines())]
            column.min_width = max(map(len, told))
    for row in rows:
        table.add_row(*map(output.text, row))
    screen.print(table)
    metrics = dict.fromkeys(each["metric"] for each in found["providers"] if each["metric"])
    for metric in metrics:
        screen.print(output.text(f"score: {metric}", "dim"))
    for each in found["providers"]:
        _remarks(screen, each)
    money = found["sampling"]
    if money is not None:
        most = money["per_day"] if money["max_share"] is None else money["limit_today"] or "what is not known"
        spent = f"{money['spent_today']} of {most} {money['currency']} today"
        if money["max_share"] is not None:
            spent += f" (at most {float(money['max_share']):.3g} of what its calls came to, and {money['per_day']})"
        eased = "" if money["share"] == 1 else f"; the rate is down to {money['share']:.0%} of its usual"
        screen.print(output.text(f"asking others: {spent}{eased}", "dim"))
        if money["max_share"] is not None and not float(money["limit_today"] or 1):
            why = f"nobody is asked, and no call taken, until its own calls have come to something in {money['currency']} today"
            screen.print(output.text(f"{why}; what has no price does not count", "yellow"))
    for reason, count in found["skipped"].items():
        screen.print(output.text(f"{count:,} not looked at: {reason}", "yellow"))


def _remarks(screen: Any, each: dict[str, Any]) -> None:
    name = each["provider"]
    for other, same in each["agreement"].items():
        screen.print(
            output.text(f"{name}: {other} says the same in {_range(same)}, which is no accuracy", "dim")
        )
    recorded = each["recorded"]
    if recorded["share"] is None:
        told = f"what share of its calls was drawn is unknown: {recorded['why']}"
        screen.print(output.text(f"{name}: {told}", "dim"))
    elif recorded["missing"]:
        missing = output.counted(recorded["missing"], "call")
        days = ", ".join(str(day["day"]) for day in recorded["days"][-_DAYS:])
        told = f"{missing} of {recorded['calls']:,} in the ledger {'was' if recorded['missing'] == 1 else 'were'} not drawn ({days})"
        why = "made by programs that were killed, or that do not sample"
        screen.print(output.text(f"{name}: {told}: {why}", "yellow"))
    if each["uncovered"]:
        share = each["uncovered"] / each["calls"]
        style = "yellow" if each["conditional"]["partial"] else "dim"
        screen.print(output.text(f"{name}: {share:.0%} of its calls could not have been sampled", style))
    if each["sampled"] > each["calls"]:
        told = "more samples than calls: it is, or was, tried again beside other providers' calls"
        screen.print(output.text(f"{name}: {told}", "dim"))
    if each["waiting"] or each["given_up"]:
        told = f"{each['waiting']:,} wait for their truth, {each['given_up']:,} got none in time"
        screen.print(output.text(f"{name}: {told}", "dim"))
    odds = each["evidence"]
    if odds is not None:
        most = f"{odds['odds']:.3g}" if odds["odds"] < _MOST_ODDS else f"more than {_MOST_ODDS:,}"
        told = (
            f"{most} to 1 against its tolerance, of {odds['needed']:.0f} needed, on {odds['items']:,} items"
        )
        screen.print(
            output.text(f"{name}: evidence of {told}", "red" if odds["odds"] >= odds["needed"] else "dim")
        )
    for text in each["alarms"]:
        screen.print(output.text(f"{name}: {text}", "red"))


def _share(found: float | None) -> str:
    """Rounded down: what is not whole does not look so."""
    return "unknown" if found is None else f"{int(found * 1000) / 1000:.1%}"


def _range(found: dict[str, Any], between: str = " ") -> str:
    """In per cent: the number, and from where to where; no number stands alone."""
    if found["point"] is None:
        return "not known"
    point = f"{found['point']:.1%}"
    if found["low"] is None or found["high"] is None:
        within = "no range"
    else:
        within = f"{found['low'] * 100:.1f}-{found['high'] * 100:.1f}"
    return f"{point}{between}{within}" if between == "\n" else f"{point} ({within})"


def erase(
    context: typer.Context,
    use_case: Annotated[str | None, typer.Option("--use-case", "-u", metavar="NAME")] = None,
    call_id: Annotated[
        str | None, typer.Option("--call-id", metavar="ID", help="Of this call, and its batch.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Of calls with all of these.")
    ] = None,
    before: Annotated[
        datetime | None,
        typer.Option("--before", metavar="DAY", formats=["%Y-%m-%d"], help="Of calls before (UTC)."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Erase kept inputs, answers and truths of the calls that meet all of these; digests and scores stay."""
    state = options.begin(context, as_json)
    from broker.config import load_settings
    from broker.samples.content import Erased

    tags = dict(_pair(each) for each in tag or [])
    if call_id is None and not tags and before is None and use_case is None:
        raise typer.BadParameter("name whose content is to go: --call-id, --tag, --before or --use-case")
    with opened_store(load_settings(state.config)) as store:
        day = None if before is None else before.date()
        done = Erased(contents=0, samples=0)
        if store is not None:
            done = store.erase(call_id=call_id, tags=tags, before=day, use_case=use_case)
    if as_json:
        output.emit(
            {
                "command": "quality erase", "contents": done.contents, "samples": done.samples, "exit_code": exits.OK,
            }
        )  # fmt: skip
        return
    calls = output.counted(done.samples, "sampled call")
    told = f"erased: {output.counted(done.contents, 'text or picture', 'texts and pictures')} of {calls}"
    output.console().print(output.text(f"{told}; digests, features and scores stay"))


def _pair(given: str) -> tuple[str, str]:
    key, mark, value = given.partition("=")
    if not mark or not key:
        raise typer.BadParameter(f"write KEY=VALUE, not {output.plain(given)!r}", param_hint="--tag")
    return key, value
