"""``mlbroker label``: what is in these pictures. Its JSON is that of :mod:`broker.cli.run` with ``labels``."""

from __future__ import annotations

from typing import Any

import typer

from broker.cli import asking, options, tables
from broker.cli.files import find
from broker.cli.run import View
from broker.cli.shapes import document

VIEW = View(
    command="label",
    operation="vision.label",
    show=tables.labels,
    document=lambda value: {"labels": document(value.labels)},
)


def label(
    context: typer.Context,
    files: options.Files,
    provider: asking.Provider = None,
    max_labels: options.MaxLabels = 5,
    min_confidence: options.MinConfidence = 0.0,
    language: options.Language = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    ext: asking.Extensions = None,
    raw: asking.Raw = False,
    jobs: asking.Jobs = 1,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Say what is in pictures, who said so and what it cost."""
    asked = {
        **call_options(max_labels, min_confidence, language, deadline, max_cost, tag),
        **asking.given(
            provider=provider,
            language=None,
            deadline=None,
            max_cost=None,
            tag=None,
            ext=ext,
            raw=raw,
        ),
    }
    asking.ask(context, lambda _: VIEW, find(files), asked, dry_run=dry_run, as_json=as_json, jobs=jobs)


def call_options(
    max_labels: int,
    min_confidence: float,
    language: str | None,
    deadline: float | None,
    max_cost: str | None,
    tag: list[str] | None,
) -> dict[str, Any]:
    """The facade's keywords, without those that were not given: the settings decide there."""
    if max_labels < 1:
        raise typer.BadParameter(f"it is 1 or more, not {max_labels}", param_hint="--max-labels")
    return asking.given(
        provider=None,
        min_confidence=min_confidence,
        language=language,
        deadline=deadline,
        max_cost=max_cost,
        tag=tag,
        ext=None,
        raw=False,
        max_labels=max_labels,
    )
