"""Commands that differ only in their operation: made from a table, each with the options that all share.

typer reads a command's options from a function's signature; here the signature is put together from parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any, Protocol

import typer

from broker.cli import asking, options
from broker.cli.files import Found
from broker.cli.run import View

Command = Callable[..., None]


class Aside(Protocol):
    """What a command may do in place of asking; it ends with its exit code."""

    def __call__(self, context: typer.Context, found: Found, asked: dict[str, Any], *, as_json: bool) -> None:
        """As of :func:`broker.cli.asking.ask`."""


def parameter(name: str, annotation: Any, default: Any) -> Parameter:
    """An option of one command."""
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_BEHIND = (
    parameter("deadline", options.Deadline, None),
    parameter("max_cost", options.MaxCost, None),
    parameter("tag", options.Tags, None),
    parameter("ext", asking.Extensions, None),
    parameter("raw", asking.Raw, False),
    parameter("jobs", asking.Jobs, 1),
    parameter("dry_run", options.DryRun, False),
    parameter("as_json", options.Json, False),
)


def command(
    help: str,
    inputs: Any,
    find: Callable[[Sequence[str]], Found],
    view: Callable[[dict[str, Any]], Callable[[str], View]],
    *own: Parameter,
    instead: Callable[[dict[str, Any], dict[str, Any]], Aside | None] | None = None,
) -> Command:
    """A command.

    :param inputs: the annotation of its argument.
    :param find: from the arguments to what is asked about.
    :param view: from the command's own options, of which it takes those that are not the call's, to the view of an input.
    :param own: its options besides the common ones.
    :param instead: from the command's own options and the shared ones to what it does in place of asking.
    """

    def run(context: typer.Context, inputs: list[str], **given: Any) -> None:
        shared = {name: given.pop(name) for name in ("dry_run", "as_json", "jobs")}
        dry_run, as_json, jobs = shared.values()
        other = None if instead is None else instead(given, shared)
        views = view(given)
        asked = asking.given(**given)
        if other is not None:
            other(context, find(inputs), asked, as_json=as_json)
            return
        asking.ask(context, views, find(inputs), asked, dry_run=dry_run, as_json=as_json, jobs=jobs)

    options_of_it = (parameter("provider", asking.Provider, None), *own, *_BEHIND)
    run.__doc__ = help
    run.__signature__ = Signature(  # type: ignore[attr-defined] # what inspect looks for first
        [
            Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
            Parameter("inputs", Parameter.POSITIONAL_OR_KEYWORD, annotation=inputs),
            *options_of_it,
        ]
    )
    run.__annotations__ = {
        "context": typer.Context,
        "inputs": inputs,
        **{each.name: each.annotation for each in options_of_it},
        "return": None,
    }
    return run
