"""``mlbroker quality export``: sampled calls and all that was answered to them, as a table for 'recorded' and 'labels'.

CSV or JSONL with ``item``, ``provider``, ``answer``, ``confidence``, ``truth``, ``price``, ``failed``, ``stratum``, ``probability``,
``model``, ``at``. ``--json`` gives ``command``, ``out``, ``rows`` (their number), ``items``, ``with_truth`` and ``exit_code``.
"""

from __future__ import annotations

import csv
import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer

from broker.cli import exits, options, output


def export(
    context: typer.Context,
    use_case: Annotated[str, typer.Argument(metavar="USE_CASE", help="Of the settings.", show_default=False)],
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="Ends with .csv or .jsonl.")],
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="First day (UTC), as 2026-09-01 or today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Last day (UTC), included.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Write sampled calls with every provider's answer and what is right, as a table."""
    state = options.begin(context, as_json)
    from broker.config import load_settings
    from broker.samples.export import COLUMNS, lines
    from broker.samples.rows import SampleQuery
    from broker.samples.start import open_store, plans_of

    if not out.endswith((".csv", ".jsonl")):
        raise typer.BadParameter("it ends with .csv or .jsonl", param_hint="--out")
    settings = load_settings(state.config)
    with closing(open_store(settings)) as store:
        plans = plans_of(settings, store)
        if use_case not in plans:
            raise typer.BadParameter(
                f"there is no sampled use case {output.plain(use_case)!r}; there are {', '.join(plans) or 'none'}",
                param_hint="USE_CASE",
            )
        query = SampleQuery(
            use_case=use_case, since=options.day(since, "--since"), until=options.day(until, "--until")
        )
        found = [asdict(each) for each in lines(store, plans[use_case], query)]
    with open(out, "w", encoding="utf-8", newline="") as file:
        if out.endswith(".jsonl"):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        else:
            writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(
                {
                    key: "" if value is None else str(value).lower() if key == "failed" else value
                    for key, value in row.items()
                }
                for row in found
            )
    items = len({row["item"] for row in found})
    judged = len({row["item"] for row in found if row["truth"] is not None})
    if as_json:
        output.emit(
            {"command": "quality export", "out": out, "rows": len(found), "items": items, "with_truth": judged,
             "exit_code": exits.OK}
        )  # fmt: skip
        return
    output.console(stderr=True).print(
        output.text(
            f"{output.counted(len(found), 'answer')} to {output.counted(items, 'item')} written to {out}, {judged} with truth; "
            f"next: mlbroker quality recorded {out}, or labels {out}"
        )
    )
