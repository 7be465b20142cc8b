"""``mlbroker quality status | alarms | erase``: what sampled calls say, what went off, and content that is to go.

``status --json`` gives ``command``, ``store``, ``recorded`` (false: nothing was sampled yet), ``since``, ``until``, ``use_cases`` (a list)
and ``exit_code``. A use case has ``use_case``, ``operation``, ``sampling`` (``per_day``, ``spent_today``, ``share`` of the usual rate; null: it
asks no others), ``skipped`` (counts by reason) and ``providers``: ``provider``, ``metric``, ``delivered``, ``conditional``, ``success``
and ``agreement`` by provider (each with ``point``, ``low``, ``high``, ``n``, ``method``, ``covered``, ``partial``, ``notes``; agreement is
no accuracy), ``calls``, ``failed``, ``uncovered``, ``sampled``, ``scored``, ``waiting``, ``given_up``, ``evidence`` (``odds``, ``needed``,
``items``; null: there is none) and ``alarms`` (open ones). ``alarms --json`` gives ``alarms`` (``id``, ``use_case``, ``provider``, ``watch``,
``at``, ``text``, ``verdict``, ``actor``, ``reason``) and ``watches`` (``use_case``, ``provider``, ``watch``, ``items``, ``bar``, ``delay``, ``days``).
``erase --json`` gives ``contents`` and ``samples``. What is not known is null.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.quality.estimate import Estimate
    from broker.samples.estimates import Figures
    from broker.samples.plan import Plan
    from broker.samples.rows import EvidenceRow
    from broker.samples.store import SampleStore

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
    settings = _settings(state.config)
    names = _names(settings, use_case)
    until = datetime.now(UTC).date()
    since = until - timedelta(days=days - 1)
    with _opened(settings) as store:
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


def _settings(config: str | None) -> Settings:
    from broker.config import load_settings

    settings = load_settings(config)
    if all(each.sampling is None for each in settings.quality.use_cases.values()):
        raise NotConfigured(
            "no use case of the settings is sampled; write [quality.use_cases.NAME.sampling] (docs/sampling.md)"
        )
    return settings


def _names(settings: Settings, use_case: str | None) -> list[str]:
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
def _opened(settings: Settings) -> Iterator[SampleStore | None]:
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
    from broker.samples.estimates import Asked, figures
    from broker.samples.start import plans_of

    plan: Plan = plans_of(settings, store)[name]
    evidence = store.evidence(name)
    alarms = store.alarms(name, open_only=True)
    providers = []
    for provider in store.providers(name):
        asked = Asked(
            use_case=name,
            operation=plan.settings.operation,
            provider=provider,
            since=since,
            until=until,
            level=settings.quality.level,
        )
        rows = [row for row in evidence if row.provider == provider]
        told = _provider(figures(store, asked, plan.scoring), rows, plan)
        told["alarms"] = [each.text for each in alarms if each.provider == provider]
        providers.append(told)
    purse = None if plan.per_day is None else store.purse(name, plan.per_day, datetime.now(UTC))
    return {
        "use_case": name,
        "operation": plan.settings.operation,
        "sampling": None
        if purse is None
        else {
            "per_day": output.decimal(purse.per_day),
            "spent_today": output.decimal(purse.spent),
            "currency": plan.sampling.currency,
            "share": purse.share,
        },
        "skipped": {
            reason.value: count for reason, count in store.skipped(name, since=since, until=until).items()
        },
        "providers": providers,
    }


def _provider(found: Figures, rows: list[EvidenceRow], plan: Plan) -> dict[str, Any]:
    from broker.samples.evidence import TOLERANCE, process_of

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
        "evidence": None
        if process is None or tolerance is None
        else {"odds": process.highest, "needed": 1 / tolerance.alpha, "items": process.seen},
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    plain = ("point", "low", "high", "n", "method", "covered", "partial")
    return {**{name: getattr(found, name) for name in plain}, "notes": list(found.notes)}


def _show(screen: Any, found: dict[str, Any]) -> None:
    screen.print(output.text(f"{found['use_case']} ({found['operation']})", "bold"))
    if not found["providers"]:
        screen.print(output.text("  no call of it was drawn yet"))
        return
    heads = ("provider", "delivered", "of answers", "answered", "calls", "sampled", "scored")
    table = output.table(*heads, right=heads[1:])
    for each in found["providers"]:
        cells = (
            each["provider"], _range(each["delivered"]), _range(each["conditional"]), _range(each["success"]),
            f"{each['calls']:,}", f"{each['sampled']:,}", f"{each['scored']:,}",
        )  # fmt: skip
        table.add_row(*(output.text(cell) for cell in cells))
    screen.print(table)
    metrics = dict.fromkeys(each["metric"] for each in found["providers"] if each["metric"])
    for metric in metrics:
        screen.print(output.text(f"score: {metric}", "dim"))
    for each in found["providers"]:
        _remarks(screen, each)
    money = found["sampling"]
    if money is not None:
        spent = f"{money['spent_today']} of {money['per_day']} {money['currency']} today"
        eased = "" if money["share"] == 1 else f"; the rate is down to {money['share']:.0%} of its usual"
        screen.print(output.text(f"asking others: {spent}{eased}", "dim"))
    for reason, count in found["skipped"].items():
        screen.print(output.text(f"{count:,} not looked at: {reason}", "yellow"))


def _remarks(screen: Any, each: dict[str, Any]) -> None:
    name = each["provider"]
    for other, same in each["agreement"].items():
        screen.print(
            output.text(f"{name}: {other} says the same in {_range(same)}, which is no accuracy", "dim")
        )
    if each["uncovered"]:
        share = each["uncovered"] / each["calls"]
        style = "yellow" if each["conditional"]["partial"] else "dim"
        screen.print(output.text(f"{name}: {share:.0%} of its calls could not have been sampled", style))
    if each["waiting"] or each["given_up"]:
        told = f"{each['waiting']:,} wait for their truth, {each['given_up']:,} got none in time"
        screen.print(output.text(f"{name}: {told}", "dim"))
    odds = each["evidence"]
    if odds is not None:
        told = f"{odds['odds']:.3g} to 1 against its tolerance, of {odds['needed']:.0f} needed, on {odds['items']:,} items"
        screen.print(
            output.text(f"{name}: evidence of {told}", "red" if odds["odds"] >= odds["needed"] else "dim")
        )
    for text in each["alarms"]:
        screen.print(output.text(f"{name}: {text}", "red"))


def _range(found: dict[str, Any]) -> str:
    """In per cent: the number, and from where to where."""
    if found["point"] is None:
        return "not known"
    point = f"{found['point']:.1%}"
    if found["low"] is None or found["high"] is None:
        return point
    return f"{point} ({found['low'] * 100:.1f}-{found['high'] * 100:.1f})"


def alarms(
    context: typer.Context,
    use_case: UseCase = None,
    judge: Annotated[
        int | None,
        typer.Option("--judge", metavar="ID", help="Say what an alarm was; its watch begins anew."),
    ] = None,
    was: Annotated[str | None, typer.Option("--was", metavar="true|false", help="With --judge.")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="With --judge.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Else who is logged in here.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show alarms, and how long a fall would stay unseen; judge one."""
    state = options.begin(context, as_json)
    settings = _settings(state.config)
    names = _names(settings, use_case)
    if (judge is None) != (was is None) or was not in (None, "true", "false"):
        raise typer.BadParameter("--judge ID takes --was true or --was false", param_hint="--judge")
    with _opened(settings) as store:
        if judge is not None:
            _judge(store, judge, was == "true", by or getpass.getuser(), reason)
        found = [] if store is None else [each for each in store.alarms() if each.use_case in names]
        rows = [] if store is None else [row for row in store.evidence() if row.use_case in names]
    watches = [each for each in map(_watch, rows) if each is not None]
    watches = [each for each in watches if each is not None]
    told = [
        {
            "id": each.id, "use_case": each.use_case, "provider": each.provider, "watch": each.watch.value, "at": each.at,
            "text": each.text, "verdict": each.verdict, "actor": each.actor, "reason": each.reason,
        }
        for each in found
    ]  # fmt: skip
    if as_json:
        output.emit({"command": "quality alarms", "alarms": told, "watches": watches, "exit_code": exits.OK})
        return
    screen = output.console()
    if not told:
        screen.print(output.text("no alarm went off"))
    else:
        table = output.table("id", "at", "use case", "provider", "what", "was", right=("id",))
        for row in told:
            was_it = "not judged" if row["verdict"] is None else "true" if row["verdict"] else "false"
            cells = (
                row["id"],
                f"{row['at']:%Y-%m-%d %H:%M}",
                row["use_case"],
                row["provider"],
                row["text"],
                was_it,
            )
            table.add_row(*(output.text(cell) for cell in cells))
        screen.print(table)
    if watches:
        table = output.table(
            "use case",
            "provider",
            "watch",
            "items",
            "bar",
            "a fall of 5 points below it",
            right=("items", "bar"),
        )
        for each in watches:
            bar = "being made" if each["bar"] is None else f"{each['bar']:.1%}"
            seen = "-" if each["delay"] is None else f"is seen after {each['delay']}"
            cells = (each["use_case"], each["provider"], each["watch"], f"{each['items']:,}", bar, seen)
            table.add_row(*(output.text(cell) for cell in cells))
        screen.print(table)


def _judge(store: SampleStore | None, number: int, verdict: bool, actor: str, reason: str) -> None:
    from broker.samples.evidence import begun_anew

    now = datetime.now(UTC)
    found = None if store is None else store.judge_alarm(number, verdict, actor, reason, now)
    if found is None or store is None:
        raise typer.BadParameter(f"there is no alarm {number}", param_hint="--judge")
    begun_anew(store, found.use_case, found.provider, found.watch, now)


def _watch(row: EvidenceRow) -> dict[str, Any] | None:
    from broker.quality.drift.plan import Watch
    from broker.samples.evidence import delay_of, detector_of

    if row.watch not in {each.value for each in Watch}:
        return None
    detector, delay = detector_of(row.state), delay_of(row)
    collected = row.state.get("baseline")
    items = len(collected) if isinstance(collected, list) else 0 if detector is None else detector.seen
    return {
        "use_case": row.use_case,
        "provider": row.provider,
        "watch": row.watch,
        "items": items,
        "bar": None if detector is None else detector.bar,
        "delay": None if delay is None else str(delay),
        "days": None if delay is None else delay.median_days,
    }


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
    with _opened(load_settings(state.config)) as store:
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
