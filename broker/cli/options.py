"""Options that several commands share, and their reading; a slip here is wrong usage (exit code 2)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from broker.cli import output
from broker.cli.output import plain


class Plain(TyperCommand):
    """A command whose help names its arguments as people type them, without the types of Python."""

    def get_help(self, ctx: Any) -> str:
        """``FILE`` instead of ``{FILE}`` and ``FILE <list[str]>``."""
        return re.sub(r" <(?:list\[str\]|str)>", "", re.sub(r"\{(\w+)\}", r"\1", super().get_help(ctx)))


@dataclass(slots=True)
class State:
    """What the global options say, for the commands and for the place that reports errors."""

    config: str | None = None
    debug: bool = False
    json: bool = False


Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, for machines.")]
Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="Pictures, or folders of pictures.", show_default=False),
]
MaxLabels = Annotated[
    int, typer.Option("--max-labels", metavar="N", help="At most N labels, the surest ones.")
]
MinConfidence = Annotated[
    float,
    typer.Option("--min-confidence", metavar="RATIO", help="Only what is at least this sure, 0 to 1."),
]
Language = Annotated[
    str | None, typer.Option("--language", metavar="TAG", help="Language of the labels, such as en or de.")
]
Deadline = Annotated[
    float | None,
    typer.Option("--deadline", metavar="SECONDS", help="For each call, retries and waiting included."),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        "--max-cost", metavar="AMOUNT", help="Refuse a call that could cost more than this; for each call."
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="For the spend report; may be repeated."),
]

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what it would cost; send nothing and record nothing.")
]


def begin(context: typer.Context, as_json: bool) -> State:
    """The state, knowing how this command answers."""
    state = context.obj
    if not isinstance(state, State):
        raise TypeError("the command runs only under 'mlbroker'")
    state.json = as_json
    return state


def names(values: list[str] | None, option: str) -> list[str] | None:
    """``-x a -x b,c`` as one order of preference; None where nothing is named."""
    if not values:
        return None
    found = [part.strip() for value in values for part in value.split(",")]
    if not all(found):
        raise typer.BadParameter("a name is empty; write it as aws,gcp", param_hint=option)
    return list(dict.fromkeys(found))


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """``KEY=VALUE`` options."""
    found: dict[str, str] = {}
    for value in values or ():
        key, equals, content = value.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{plain(value)!r} is not KEY=VALUE", param_hint=option)
        found[key] = content
    return found


# As the pipeline checks them; here before the first file, so that it counts as wrong usage.
_TAG_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")


def tags(values: list[str] | None) -> dict[str, str]:
    """``--tag``."""
    found = pairs(values, "--tag")
    for key, value in found.items():
        if not _TAG_KEY.fullmatch(key):
            raise typer.BadParameter(
                f"{plain(key)!r} must start with a letter and have at most 64 letters, digits, or any of _ . : -",
                param_hint="--tag",
            )
        if len(value) > 256 or not value.isprintable():
            raise typer.BadParameter(
                f"{key} needs a printable text of at most 256 characters", param_hint="--tag"
            )
    if len(found) > 16:
        raise typer.BadParameter("at most 16 tags", param_hint="--tag")
    return found


def extensions(values: list[str] | None) -> dict[str, Any]:
    """``--ext``: a value that is JSON is taken as JSON, anything else as text."""
    found: dict[str, Any] = {}
    for name, value in pairs(values, "--ext").items():
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def one_of(*choices: str) -> Callable[[str], str]:
    """For an option that takes one of a few words."""

    def check(value: str) -> str:
        if value not in choices:
            raise typer.BadParameter(f"it is {' or '.join(choices)}, not {plain(value)!r}")
        return value

    return check


def one_or_more(value: int | None) -> int | None:
    """For an option that says at most how many."""
    if value is not None and value < 1:
        raise typer.BadParameter(f"it is 1 or more, not {value}")
    return value


def ratio(value: float, option: str) -> float:
    """0 to 1, with the likely slip (50 for 50 %) named."""
    if not 0.0 <= value <= 1.0:
        hint = f"; for {value:g} % write {value / 100:g}" if 1.0 < value <= 100.0 else ""
        raise typer.BadParameter(f"it is a ratio between 0 and 1, not {value:g}{hint}", param_hint=option)
    return value


def duration(value: float | None) -> float | None:
    """``--deadline``."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(f"it is a number of seconds above 0, not {value:g}", param_hint="--deadline")
    return value


def amount(value: str | None) -> Decimal | None:
    """``--max-cost``."""
    if value is None:
        return None
    try:
        found = Decimal(value.removeprefix("$"))
    except InvalidOperation:
        found = Decimal(-1)
    if not found.is_finite() or found < 0:
        raise typer.BadParameter(f"{plain(value)!r} is no amount; write it as 0.01", param_hint="--max-cost")
    return found


def day(value: str | None, option: str) -> date | None:
    """A date as 2026-09-30, or ``today``."""
    if value is None:
        return None
    if value == "today":
        return output.today()
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter(
            f"{plain(value)!r} is no date; write it as 2026-09-30", param_hint=option
        ) from None
