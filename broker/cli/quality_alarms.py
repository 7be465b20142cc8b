"""``mlbroker quality alarms``: what went off, how often that may be false, and how long a fall would stay unseen.

``--json`` gives ``alarms`` (``id``, ``use_case``, ``provider``, ``watch``,
``at``, ``text``, ``onset``, ``verdict``, ``actor``, ``reason``) and ``watches`` (``use_case``, ``provider``, ``watch``, ``items``, ``bar``, ``threshold``: samples
between false alarms, ``changes`` of it, ``delay``, ``days``). What is not known is null.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output, standing
from broker.cli.quality_status import UseCase, names_of, opened_store, settings_of

if TYPE_CHECKING:
    from broker.samples.rows import EvidenceRow
    from broker.samples.store import SampleStore


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
    settings = settings_of(state.config)
    names = names_of(settings, use_case)
    if (judge is None) != (was is None) or was not in (None, "true", "false"):
        raise typer.BadParameter("--judge ID takes --was true or --was false", param_hint="--judge")
    with opened_store(settings) as store:
        if judge is not None:
            _judge(store, judge, was == "true", by or getpass.getuser(), reason)
        found = [] if store is None else [each for each in store.alarms() if each.use_case in names]
        rows = [] if store is None else [row for row in store.evidence() if row.use_case in names]
    watches = [each for each in map(_watch, rows) if each is not None]
    told = [
        {
            "id": each.id, "use_case": each.use_case, "provider": each.provider, "watch": each.watch.value, "at": each.at,
            "text": each.text, "onset": each.onset, "verdict": each.verdict, "actor": each.actor, "reason": each.reason,
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
            "one false alarm in at least",
            "a fall of 5 points below it",
            right=("items", "bar"),
        )
        for each in watches:
            bar = "being made" if each["bar"] is None else f"{each['bar']:.1%}"
            seen = "-" if each["delay"] is None else f"is seen after {each['delay']}"
            if each["watch"] == "label_mix":
                bar, seen = "-", "a week's answers against the four weeks before"
            false = "-" if each["threshold"] is None else f"{each['threshold']:,.0f} samples"
            line = (
                each["use_case"],
                each["provider"],
                each["watch"],
                f"{each['items']:,}",
                bar,
                false,
                seen,
            )
            table.add_row(*(output.text(cell) for cell in line))
        screen.print(table)
        for each in watches:
            for said in each["changes"][-1:]:
                name = f"{each['use_case']}, {each['provider']}, {each['watch']}"
                screen.print(output.text(f"{name}: {said}", "dim"))


def _judge(store: SampleStore | None, number: int, verdict: bool, actor: str, reason: str) -> None:
    found = None if store is None else store.judge_alarm(number, verdict, actor, reason, standing.now())
    if found is None:
        raise typer.BadParameter(f"there is no alarm {number}", param_hint="--judge")


def _watch(row: EvidenceRow) -> dict[str, Any] | None:
    from broker.quality.drift.plan import Watch
    from broker.samples.drift import changes_of, delay_of, detector_of

    if row.watch not in {each.value for each in Watch}:
        return None
    if row.watch == Watch.LABEL_MIX.value:
        answers = int(str(row.state.get("answers", 0)))
        if not answers and not row.state.get("before"):
            return None  # answers that are no classes have no mix
        told = {"use_case": row.use_case, "provider": row.provider, "watch": row.watch, "items": answers}
        return {**told, "bar": None, "threshold": None, "changes": [], "delay": None, "days": None}
    detector, delay = detector_of(row.state), delay_of(row)
    collected = row.state.get("baseline")
    items = len(collected) if isinstance(collected, list) else 0 if detector is None else detector.seen
    return {
        "use_case": row.use_case,
        "provider": row.provider,
        "watch": row.watch,
        "items": items,
        "bar": None if detector is None else detector.bar,
        "threshold": None if detector is None else detector.threshold,
        "changes": [str(each) for each in changes_of(row)],
        "delay": None if delay is None else str(delay),
        "days": None if delay is None else delay.median_days,
    }
