"""``mlbroker sentiment|entities|phrases|language|pii|redact``: texts as typed, files, or standard input.

Their JSON is that of :mod:`broker.cli.run` with the members of the result types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter
from typing import Annotated, Any

import typer

from broker.cli import asking, options, tables
from broker.cli.command import Command, command, parameter
from broker.cli.files import Found, find_texts
from broker.cli.run import View
from broker.cli.shapes import document

_MIN = parameter("min_confidence", options.MinConfidence, 0.0)
_LANGUAGE = parameter("language", asking.LanguageOfText, None)


def _command(
    help: str,
    name: str,
    operation: str,
    show: Callable[[Any, Any], None],
    *own: Parameter,
    find: Callable[[Sequence[str]], Found] = find_texts,
) -> Command:
    view = View(command=name, operation=operation, show=show, document=document)
    return command(help, asking.Texts, find, lambda _given: lambda _name: view, *own, _LANGUAGE)


sentiment = _command(
    "Say whether texts are positive, negative, neutral or mixed.",
    "sentiment",
    "text.sentiment",
    tables.sentiment,
)
entities = _command("Say whom and what texts speak of.", "entities", "text.entities", tables.entities, _MIN)
phrases = _command(
    "Say what texts are about, in their own words.",
    "phrases",
    "text.key_phrases",
    tables.phrases,
    parameter(
        "max_phrases",
        Annotated[
            int | None,
            typer.Option(
                "--max-phrases", metavar="N", help="At most N phrases.", callback=options.one_or_more
            ),
        ],
        None,
    ),
    _MIN,
)
language = _command(
    "Say in which language texts are.",
    "language",
    "text.detect_language",
    tables.languages,
    parameter(
        "country",
        Annotated[
            str | None,
            typer.Option("--country", metavar="CODE", help="Where they come from, such as DE; a hint."),
        ],
        None,
    ),
    _MIN,
)
pii = _command("Find in texts what tells who somebody is.", "pii", "text.detect_pii", tables.pii, _MIN)
redact = _command(
    "Mask in texts what tells who somebody is.",
    "redact",
    "text.redact",
    tables.redacted,
    parameter(
        "mask",
        Annotated[
            str,
            typer.Option(
                "--mask",
                metavar="HOW",
                help="character (asterisks) or kind ([EMAIL]).",
                callback=options.one_of("character", "kind"),
            ),
        ],
        "character",
    ),
    _MIN,
    find=partial(find_texts, quoted=False),  # the line above the masked text must not say what is masked
)
