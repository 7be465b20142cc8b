"""``mlbroker quality recorded|changes|labels``: what answers that were recorded elsewhere tell; nothing is called.

The table is CSV or JSONL, plain or gzipped: a row for each answer (``item``, ``provider``, ``answer``, ``confidence``,
``truth``, ``price``, ``failed``), or a row for each item with columns such as ``google.label`` and ``google.confidence``.

``recorded --json`` gives ``command``, ``table``, ``metric``, ``metric_version``, ``level``, ``delta``, ``items``, ``judged``,
``providers`` (a list), ``comparisons`` (``one``, ``other``, ``verdict`` of one against the other, ``gain``, ``low``, ``high``,
``items``, ``p_value``, ``more_items``), ``agreement`` (null, with the reason in ``no_agreement``; ``order`` without truth,
``unanimous``, ``pairs``), ``routing`` (null without ``--routing``, or with the reason in ``no_routing``; ``saved`` and ``gained`` with ``point``, ``low``,
``high``; ``beside``, ``rule`` with ``first``, ``second``, ``above``; ``halves``, ``left_out``) and ``exit_code``. A provider has ``items``, ``judged``, ``failed``, ``delivered``, ``conditional`` and
``success`` (``point``, ``low``, ``high``, ``method``, ``n``, ``notes``), ``spend`` (``known``, ``unknown_prices``),
``per_1000``, ``per_right`` (``point``, ``low``, ``high``), ``confidence`` (``ranks_right``, ``calibration_error``), ``tolerance``
(``breach``, ``rule``, ``text``, ``crossed_after``) and ``roi`` (``gross``, ``net``, ``break_even``); what is not known is null.
``changes --json`` gives ``items``, ``judged``, ``before``, ``after``, ``lost``, ``gained``, ``p_value``, ``flipped``,
``flip_rate``, ``failed``, ``tokens`` and ``exit_code``. ``labels`` writes JSONL: ``item``, ``label``, ``probabilities``, ``answers``,
``gold``, ``debiased``.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli import exits, options, output
from broker.cli.recorded_show import document, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from broker.quality.recorded import Recorded
    from broker.quality.roi import ValueModel
    from broker.quality.wide import Shape

Table = Annotated[
    str, typer.Argument(metavar="TABLE", help="CSV or JSONL, plain or .gz.", show_default=False)
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="OURS=THEIRS", help="Names of columns that differ: item=file; may be repeated."
    ),
]
Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider", "-p", metavar="NAME", help="Only these; or columns that hold one's answers each."
    ),
]
Extract = Annotated[
    str | None,
    typer.Option(
        "--extract", metavar="REGEX", help="What counts of an answer: the last match, in lower case."
    ),
]
Prices = Annotated[
    list[str] | None,
    typer.Option(
        "--price", metavar="PROVIDER=AMOUNT", help="Of each of its answers that has none in the table."
    ),
]


def recorded(
    context: typer.Context,
    table: Table,
    metric: Annotated[
        str,
        typer.Option("--metric", metavar="NAME", help="accuracy, macro-f1, wer:NORMALISER, cer:NORMALISER."),
    ] = "accuracy",
    delta: Annotated[
        float, typer.Option("--delta", metavar="X", min=1e-9, help="The difference that matters, as 0.01.")
    ] = 0.01,
    level: Annotated[float, typer.Option("--level", metavar="X", help="Of the intervals.")] = 0.95,
    target: Annotated[
        float | None, typer.Option("--target", metavar="X", help="Share of right answers that was planned.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="X", help="How far it may fall below the target.")
    ] = 0.05,
    use_case: Annotated[
        str | None,
        typer.Option(
            "--use-case", "-u", metavar="NAME", help="What answers are worth: its value in the settings."
        ),
    ] = None,
    routing: Annotated[
        bool,
        typer.Option(
            "--routing",
            help="What asking a cheap provider first, and another where it is not sure, would save.",
        ),
    ] = False,
    columns: Columns = None,
    providers: Providers = None,
    extract: Extract = None,
    prices: Prices = None,
    as_json: options.Json = False,
) -> None:
    """Assess providers by a table of recorded answers."""
    state = options.begin(context, as_json)
    from broker.quality.assess import assess, yardstick
    from broker.quality.guardrails import Tolerance

    rows = _read(table, columns, providers, extract, prices)
    try:
        rule = None if target is None else Tolerance(target=target, tolerance=tolerance)
        found = assess(
            rows,
            yardstick(metric, rows),
            delta=delta,
            level=level,
            tolerance=rule,
            value=_value(state.config, use_case),
            routing=routing,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        output.emit({"command": "quality recorded", "table": table, **document(found), "exit_code": exits.OK})
    else:
        show(found, target)


def changes(
    context: typer.Context,
    table: Table,
    before: Annotated[str, typer.Option("--before", metavar="PROVIDER", help="The answers of one run.")],
    after: Annotated[
        str, typer.Option("--after", metavar="PROVIDER", help="Those of the other, to the same items.")
    ],
    columns: Columns = None,
    extract: Extract = None,
    as_json: options.Json = False,
) -> None:
    """Compare two runs over the same items: what was lost, what was gained, what flipped."""
    options.begin(context, as_json)
    from broker.quality.drift.pinned import PinnedAnswer, replay
    from broker.quality.recorded import by_provider

    found = by_provider(_read(table, columns, None, extract, None))
    for name in (before, after):
        if name not in found:
            raise typer.BadParameter(
                f"there are no answers of {output.plain(name)!r}; there are {', '.join(found)}"
            )

    def run(name: str) -> list[PinnedAnswer]:
        return [
            PinnedAnswer(
                item=row.item,
                labels=((row.answer or "", row.confidence),),
                right=None if row.truth is None else row.right,
                failed=row.answer is None,
            )
            for row in found[name]
        ]

    try:
        made = replay(run(before), run(after))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        output.emit(
            {
                "command": "quality changes",
                "items": made.items,
                "judged": made.judged,
                "before": made.accuracy_before,
                "after": made.accuracy_after,
                "lost": made.lost,
                "gained": made.gained,
                "p_value": made.p_value,
                "flipped": made.flipped,
                "flip_rate": made.flip_rate,
                "failed": made.failed,
                "tokens": [made.token_before, made.token_after],
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    if made.accuracy_before is None or made.accuracy_after is None:
        screen.print(output.text("right answers: not known; no item has a truth"))
    else:
        screen.print(
            output.text(
                f"right answers: {made.accuracy_before:.1%} before, {made.accuracy_after:.1%} after "
                f"({output.counted(made.judged, 'item')})"
            )
        )
        screen.print(
            output.text(f"lost {made.lost}, gained {made.gained}; by chance alone: p = {made.p_value:.2g}")
        )
    flips = "-" if made.flip_rate is None else f"{made.flip_rate:.1%}"
    screen.print(output.text(f"answers that changed: {made.flipped} of {made.items} ({flips})"))
    if made.failed:
        screen.print(output.text(f"without an answer in one of the runs: {made.failed}", "yellow"))
    same = "the same behaviour" if not made.updated else "it behaves differently"
    screen.print(output.text(f"{same}: {made.token_before} and {made.token_after}", "dim"))


def labels(
    context: typer.Context,
    table: Table,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Where to; else standard output.")
    ] = None,
    columns: Columns = None,
    providers: Providers = None,
    extract: Extract = None,
    as_json: options.Json = False,
) -> None:
    """Write a probability for each label of each item, to train a model of your own."""
    options.begin(context, as_json)
    from broker.quality.assess import labels_of
    from broker.quality.votes import LEAST_GOLD

    rows = _read(table, columns, providers, extract, None)
    try:
        found = labels_of(rows)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    lines = [
        json.dumps(
            {
                "item": each.item,
                "label": each.label,
                "probabilities": dict(each.probabilities),
                "answers": each.answers,
                "gold": each.gold,
                "debiased": each.debiased,
            },
            ensure_ascii=False,
        )
        for each in found
    ]
    if out is None and not as_json:
        for line in lines:
            typer.echo(line)
    elif out is not None:
        with open(out, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    gold = sum(each.gold for each in found)
    if as_json:
        output.emit(
            {"command": "quality labels", "out": out, "items": len(found), "gold": gold,
             "debiased": gold >= LEAST_GOLD,
             "labels": [json.loads(line) for line in lines] if out is None else None, "exit_code": exits.OK}
        )  # fmt: skip
        return
    told = output.console(stderr=True)
    if out is not None:
        told.print(
            output.text(f"{output.counted(len(found), 'item')} written to {out}; {gold} of them with truth")
        )
    if gold < LEAST_GOLD:
        told.print(
            output.text(
                f"too sure: providers' errors go together, and it takes {LEAST_GOLD} items with truth to take that back; "
                f"there are {gold}",
                "yellow",
            )
        )


def _read(
    table: str,
    columns: list[str] | None,
    providers: list[str] | None,
    extract: str | None,
    prices: list[str] | None,
) -> list[Recorded]:
    from dataclasses import replace

    from broker.quality.wide import Shape

    try:
        pattern = None if extract is None else re.compile(extract, re.IGNORECASE)
    except re.error as error:
        raise typer.BadParameter(f"this is no regular expression: {error}", param_hint="--extract") from None
    named = options.pairs(columns, "--column")
    wanted = options.names(providers, "--provider") or []
    costs = _prices(prices)
    if not os.path.isfile(table):
        raise typer.BadParameter(f"there is no file {output.plain(table)!r}", param_hint="TABLE")
    try:
        rows = _rows(table, Shape(columns=named, extract=pattern), wanted)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{output.plain(table)}: {error}", param_hint="TABLE") from None
    strange = sorted(costs.keys() - {row.provider for row in rows})
    if strange:
        there = ", ".join(sorted({output.plain(row.provider) for row in rows}))
        raise typer.BadParameter(
            f"the table has no provider {output.plain(strange[0])!r}; there are {there}", param_hint="--price"
        )
    return [
        replace(row, price=costs.get(row.provider)) if row.price is None and row.provider in costs else row
        for row in rows
        if not wanted or row.provider in wanted
    ]


def _rows(table: str, shape: Shape, wanted: Sequence[str]) -> list[Recorded]:
    """Names of providers may be those of a column, or columns of their own. Raises ValueError, OSError."""
    from dataclasses import replace

    from broker.quality.recorded import read_run

    if not wanted:
        return read_run(table, shape)
    with suppress(ValueError):
        rows = read_run(table, shape)
        if {row.provider for row in rows}.issuperset(wanted):
            return rows
    return read_run(table, replace(shape, providers=wanted))


def _prices(given: list[str] | None) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, amount in options.pairs(given, "--price").items():
        try:
            price = Decimal(amount)
        except InvalidOperation:
            price = Decimal(-1)
        if not price.is_finite() or price < 0:
            raise typer.BadParameter(f"{output.plain(amount)!r} is no amount", param_hint="--price")
        found[name] = price
    return found


def _value(config: str | None, use_case: str | None) -> ValueModel | None:
    if use_case is None:
        return None
    from broker.config import load_settings

    known = load_settings(config).quality.use_cases
    if use_case not in known or (value := known[use_case].value) is None:
        raise typer.BadParameter(
            f"there is no [quality.use_cases.{output.plain(use_case)}.value] in the settings",
            param_hint="--use-case",
        )
    return value.model()
