"""What the commands that ask providers share: their options, and the run itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from broker.cli import options, output
from broker.cli.files import Found
from broker.cli.run import Run, View

Provider = Annotated[
    list[str] | None,
    typer.Option(
        "--provider", "-p", metavar="NAME", help="Who answers; several (a,b): in order of preference."
    ),
]
Extensions = Annotated[
    list[str] | None,
    typer.Option("--ext", metavar="NAME=VALUE", help="An option of one vendor, such as aws_features."),
]
Raw = Annotated[bool, typer.Option("--raw", help="Show the provider's whole answer too.")]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", metavar="N", help="Requests on their way at once; batches where there are any."
    ),
]
Texts = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE_OR_TEXT",
        help="Texts as typed, UTF-8 files, or - for standard input.",
        show_default=False,
    ),
]
LanguageOfText = Annotated[
    str | None,
    typer.Option("--language", metavar="TAG", help="Language of the text, such as en; some must be told."),
]


def given(
    *,
    provider: list[str] | None,
    min_confidence: float = 0.0,
    language: str | None,
    deadline: float | None,
    max_cost: str | None,
    tag: list[str] | None,
    ext: list[str] | None,
    raw: bool,
    **more: Any,
) -> dict[str, Any]:
    """The facade's keywords, without those that were not given: the settings decide there."""
    options.ratio(min_confidence, "--min-confidence")
    asked = {
        "provider": options.names(provider, "--provider"),
        "min_confidence": min_confidence,
        "language": language,
        "deadline": options.duration(deadline),
        "max_cost": options.amount(max_cost),
        "tags": options.tags(tag),
        "extensions": options.extensions(ext),
        "raw": raw,
        **more,
    }
    # A cap of 0 is meant, and refuses whatever costs.
    return {
        name: value for name, value in asked.items() if value or (name == "max_cost" and value is not None)
    }


def ask(
    context: typer.Context,
    view: Callable[[str], View],
    found: Found,
    asked: dict[str, Any],
    *,
    dry_run: bool,
    as_json: bool,
    jobs: int = 1,
) -> None:
    """Run a command and end it with its exit code."""
    from broker.cli import main

    state = options.begin(context, as_json)
    if not 1 <= jobs <= 256:
        raise typer.BadParameter(f"it is 1 to 256, not {jobs}", param_hint="--jobs")
    command = str(context.info_name)
    with main.make_broker(config=state.config) as broker:
        if dry_run:
            from broker.cli.dry_run import DryRun

            plan = DryRun(command, broker, found)
            plan.ask(lambda name: view(name).operation, asked)
            raise typer.Exit(plan.emit() if as_json else plan.show())
        bare = not as_json and any(view(name).bare is not None for name in found.files[:1])
        screen = None if as_json or bare else output.console()
        run = Run(broker, view, asked, found, screen, jobs, bare=bare)
        run.all()
        code = run.code()
        # Before the broker is closed, for that removes jobs' results at their providers: not before they are written here.
        if as_json:
            output.emit(run.document(command, code))
        else:
            run.summary()
        sys.stdout.flush()
        if run.unsaved:
            raise typer.Exit(code)
    raise typer.Exit(code)
