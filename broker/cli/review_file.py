"""A review queue as a file that goes out and comes back."""

from __future__ import annotations

import csv
import json
import mimetypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from broker.cli import output, standing
from broker.errors import BadInput, BadTruth

if TYPE_CHECKING:
    from broker.samples.queue import Queue
    from broker.samples.rows import Content


CANNOT_TELL = "?"
_FIELDS = ("id", "use_case", "operation", "item", "at", "input", "candidates", "truth")
_LONGEST_CELL = 64 * 1024 * 1024
"""Characters; a text that was kept may be long."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def put_input(number: int, shown: Content, folder: Path) -> Path:
    """The input as a file, for the user's own viewer."""
    suffix = mimetypes.guess_extension(shown.kind) or ""
    path = folder / f"{number}{suffix}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(shown.value)
    return path


def parsed(said: str) -> Any:
    """JSON where it is an object or a list, else the text as it stands."""
    if said.startswith(("{", "[")):
        try:
            return json.loads(said)
        except (ValueError, RecursionError) as error:
            raise BadTruth(f"this begins like JSON and is none: {error}") from None
    return said


def export_queue(
    queues: dict[str, Queue], path: str, inputs: str | None, limit: int | None, *, quiet: bool
) -> None:
    if not path.endswith((".csv", ".jsonl")):
        raise typer.BadParameter("it ends with .csv or .jsonl", param_hint="--export")
    rows: list[dict[str, str]] = []
    bare = 0
    folder = None if inputs is None else Path(inputs)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    for name, queue in queues.items():
        for showing in queue.showings():
            if limit is not None and len(rows) >= limit:
                break
            shown, told = showing.shown, ""
            if shown is not None and shown.kind.startswith("text/"):
                told = shown.value.decode("utf-8", "replace")
            elif shown is not None and folder is not None:
                told = str(put_input(showing.number, shown, folder))
            elif not showing.named:
                bare += 1
            rows.append(
                {
                    "id": showing.id,
                    "use_case": name,
                    "operation": showing.operation,
                    "item": showing.named or "",
                    "at": showing.at.isoformat(),
                    "input": told,
                    "candidates": json.dumps(
                        [written(each) for each in showing.candidates], ensure_ascii=False
                    ),
                    "truth": "",
                }
            )
    _write(path, rows)
    if quiet:
        return
    screen = output.console(stderr=True)
    screen.print(
        output.text(
            f"{output.counted(len(rows), 'item')} written to {path}; fill in truth, then: mlbroker review --import {path}"
        )
    )
    if bare:
        screen.print(
            output.text(
                f"{bare} of them have no input to look at: --inputs FOLDER puts pictures and recordings there, and "
                'content = "inputs" keeps them',
                "yellow",
            )
        )


def _write(path: str, rows: list[dict[str, str]]) -> None:
    # Spreadsheets take a table for UTF-8 only where it begins with a mark that says so.
    coding = "utf-8" if path.endswith(".jsonl") else "utf-8-sig"
    with open(path, "w", encoding=coding, newline="") as file:
        if path.endswith(".jsonl"):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        writer: csv.DictWriter[str] = csv.DictWriter(file, _FIELDS)
        writer.writeheader()
        # A spreadsheet would take such a cell for a formula, and run it.
        safe = ("item", "input")
        writer.writerows(
            {
                key: f"'{value}" if key in safe and value.startswith(_FORMULA) else value
                for key, value in row.items()
            }
            for row in rows
        )


def take_decisions(queues: dict[str, Queue], path: str, actor: str) -> dict[str, Any]:
    from broker.samples.queue import by_id

    waiting = {name: by_id(queue.showings()) for name, queue in queues.items()}
    decided = could_not = left = 0
    not_waiting: list[str] = []
    refused: list[dict[str, Any]] = []
    for line, row in _rows(path):
        said, name, number = (str(row.get(key) or "").strip() for key in ("truth", "use_case", "id"))
        raw = row.get("truth")
        if not said:
            left += 1
            continue
        # A spreadsheet may take 412 for 412.0, and write 412.2 as 412,2.
        showing = waiting.get(name, {}).get(number.replace(",", ".").removesuffix(".0"))
        if showing is None:
            not_waiting.append(number)
            continue
        try:
            truth = None if said == CANNOT_TELL else raw if not isinstance(raw, str) else parsed(said)
            kept = queues[name].decide(showing, truth, by=str(row.get("by") or actor), at=standing.now())
        except (BadInput, BadTruth) as error:
            refused.append({"line": line, "id": number, "reason": str(error)})
            continue
        if not kept:
            not_waiting.append(number)
        elif truth is None:
            could_not += 1
        else:
            decided += 1
    return {
        "decided": decided,
        "could_not_tell": could_not,
        "left_open": left,
        "not_waiting": not_waiting,
        "refused": refused,
    }


def _rows(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and row. Raises typer's error for what is no such file."""
    if not path.endswith((".csv", ".jsonl")) or not os.path.isfile(path):
        raise typer.BadParameter(
            f"there is no .csv or .jsonl file {output.plain(path)!r}", param_hint="--import"
        )
    with open(path, encoding="utf-8-sig", newline="") as file:
        try:
            yield from _read(file, table=path.endswith(".csv"))
        except UnicodeDecodeError:
            raise typer.BadParameter(
                "it is no UTF-8; spreadsheets save it as 'CSV UTF-8'", param_hint="--import"
            ) from None
        except csv.Error as error:
            raise typer.BadParameter(f"it is no CSV: {error}", param_hint="--import") from None


def _read(file: IO[str], *, table: bool) -> Iterator[tuple[int, dict[str, Any]]]:
    if table:
        if csv.field_size_limit() < _LONGEST_CELL:  # of the whole process, so it is only ever raised
            csv.field_size_limit(_LONGEST_CELL)
        head = file.readline()
        file.seek(0)
        # Where the comma is for decimals, spreadsheets write semicolons.
        reader = csv.DictReader(file, delimiter=max(",;\t", key=head.count))
        missing = {"id", "use_case", "truth"} - set(reader.fieldnames or ())
        if missing:
            raise typer.BadParameter(f"its columns lack {', '.join(sorted(missing))}", param_hint="--import")
        for row in reader:
            yield reader.line_num, row
        return
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise typer.BadParameter(f"line {number} is no JSON: {error}", param_hint="--import") from None
        if not isinstance(found, dict):
            raise typer.BadParameter(f"line {number} is no object", param_hint="--import")
        yield number, found


def written(raw: Any) -> str:
    return raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False)
