"""``mlbroker label``: what is in these pictures.

``--json`` gives ``command``, ``files``, ``skipped``, ``summary`` and ``exit_code``. A file has ``file``,
``ok`` and either ``error`` (the keys of :func:`broker.cli.exits.document`) or those of
:func:`result_document`. ``summary`` has ``files``, ``failed``, ``not_tried``, ``interrupted``,
``seconds``, ``cost`` (a list by currency: ``amount``, ``may_be_owed``), ``unpriced_attempts``. With ``--dry-run``
it is the one of :mod:`broker.cli.dry_run`.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.files import Found, find, shown_skipped
from broker.errors import BrokerError, LedgerUnavailable, NotConfigured, SwitchedOff

if TYPE_CHECKING:
    from rich.console import Console

    from broker.cli.tally import Tally
    from broker.client import Broker
    from broker.types.call import Provenance, Result
    from broker.types.confidence import Confidence
    from broker.types.label import Label, LabelSet

_SAME_FOR_ALL = (NotConfigured, LedgerUnavailable, SwitchedOff)
"""What stops the first file stops the others too: trying them would say the same a thousand times."""


def label(
    context: typer.Context,
    files: options.Files,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider", "-p", metavar="NAME", help="Who answers; several (a,b): in order of preference."
        ),
    ] = None,
    max_labels: options.MaxLabels = 5,
    min_confidence: options.MinConfidence = 0.0,
    language: options.Language = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    ext: Annotated[
        list[str] | None,
        typer.Option("--ext", metavar="NAME=VALUE", help="An option of one vendor, such as aws_features."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Show the provider's whole answer too.")] = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Say what is in pictures, who said so and what it cost."""
    state = options.begin(context, as_json)
    asked = call_options(max_labels, min_confidence, language, deadline, max_cost, tag)
    asked |= {
        name: value
        for name, value in (
            ("provider", options.names(provider, "--provider")),
            ("extensions", options.extensions(ext)),
            ("raw", raw),
        )
        if value
    }
    from broker.cli import main

    found = find(files)
    with main.make_broker(config=state.config) as broker:
        if dry_run:
            from broker.cli.dry_run import DryRun

            plan = DryRun("label", broker, found)
            plan.label(asked)
            raise typer.Exit(plan.emit() if as_json else plan.show())
        run = _Run(broker, asked, found, None if as_json else output.console())
        run.all()
    code = run.code()
    if as_json:
        output.emit(run.document(code))
    else:
        run.summary()
    raise typer.Exit(code)


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
    options.ratio(min_confidence, "--min-confidence")
    given = {
        "min_confidence": min_confidence or None,
        "language": language,
        "deadline": options.duration(deadline),
        "max_cost": options.amount(max_cost),
        "tags": options.tags(tag) or None,
    }
    return {
        "max_labels": max_labels,
        **{name: value for name, value in given.items() if value is not None},
    }


class _Run:
    """All files of one command: call, show at once, remember for the summary."""

    def __init__(self, broker: Broker, asked: dict[str, Any], found: Found, screen: Console | None) -> None:
        from broker.cli.tally import Tally

        self._broker = broker
        self._asked = asked
        self._found = found
        self._screen = screen
        self._began = time.monotonic()
        self._errors: list[BaseException] = []
        self._done: list[dict[str, Any]] = []
        self._interrupted = False
        self._said = ("", "")  # the file that failed last with a text of its own, and the text
        self._tally: Tally = Tally()

    def all(self) -> None:
        """Every file; one that fails stops the others only if they would fail alike."""
        for path, problem in self._found.failed.items():
            self._failed(path, problem)
        progress = output.Progress(len(self._found.files))
        try:
            for path in self._found.files:
                progress.begin(path)
                try:
                    outcome: Result[LabelSet] | BrokerError = self._broker.vision.label(path, **self._asked)
                except BrokerError as error:
                    outcome = error
                finally:
                    progress.end()
                if isinstance(outcome, BrokerError):
                    self._failed(path, outcome)
                    if isinstance(outcome, _SAME_FOR_ALL):
                        return
                else:
                    self._answered(path, outcome)
        except KeyboardInterrupt:
            self._interrupted = True
            # It may have come in the middle of printing: a new console does not print the half line again.
            self._screen = output.console() if self._screen is not None else None

    def _failed(self, path: str, error: BrokerError) -> None:
        self._errors.append(error)
        self._tally.add(error)
        self._done.append({"file": path, "ok": False, "error": exits.document(error)})
        if self._screen is not None:
            self._screen.print(output.text(path, "bold"), output.text("failed", "bold red"))
            self._screen.print()
        message = exits.message(error)
        first, said = self._said
        if message == said:  # a used-up budget and a thousand files: once is enough
            output.complain(f"{path}: the same as {first}")
            return
        self._said = (path, message)
        output.complain(f"{path}: {message}")

    def _answered(self, path: str, result: Result[LabelSet]) -> None:
        self._tally.add(result)
        shown = result_document(result)
        if self._asked.get("raw"):
            shown["raw"] = result.raw
        self._done.append({"file": path, "ok": True, **shown})
        if self._screen is not None:
            show(self._screen, path, result, raw=bool(self._asked.get("raw")))

    def code(self) -> int:
        """The exit code."""
        codes = [exits.code_of(error) for error in self._errors]
        return exits.worst([*codes, exits.INTERRUPTED] if self._interrupted else codes)

    def _counts(self) -> tuple[int, int, int]:
        total = len(self._found.items)
        return total, len(self._errors), total - len(self._done)

    def document(self, code: int) -> dict[str, Any]:
        """For ``--json``; see the module."""
        total, failed, not_tried = self._counts()
        return {
            "command": "label",
            "files": self._done,
            "skipped": [{"path": path, "reason": reason} for path, reason in self._found.skipped],
            "summary": {
                "files": total,
                "failed": failed,
                "not_tried": not_tried,
                "interrupted": self._interrupted,
                "seconds": round(time.monotonic() - self._began, 3),
                **self._tally.document(),
            },
            "exit_code": code,
        }

    def summary(self) -> None:
        """The last line."""
        for line in shown_skipped(self._found.skipped):
            output.complain(line, "note")
        total, failed, not_tried = self._counts()
        parts = [output.counted(total, "file")]
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{not_tried} not tried"] if not_tried else []
        parts += ["interrupted"] if self._interrupted else []
        spent = output.seconds(time.monotonic() - self._began)
        if self._screen is not None:
            self._screen.print(
                output.text(f"{', '.join(parts)}; cost {self._tally.shown()}; time {spent}", "bold")
            )


def show(screen: Console, path: str, result: Result[LabelSet], *, raw: bool = False) -> None:
    """One answered file."""
    screen.print(output.text(path, "bold"))
    screen.print(output.text(f"{who(result.provenance)}; {effort(result)}"))
    for reason in result.provenance.passed_over:
        screen.print(output.text(f"passed over {output.told(reason)}", "dim"))
    labels = result.value.labels
    if not labels:
        screen.print(output.text("no labels: the provider answered and names nothing (that is no error)"))
    else:
        broader = any(each.parents for each in labels)
        table = output.table(
            "label", "confidence", "provider's word", *(["broader"] if broader else []), right=("confidence",)
        )
        for each in labels:
            cells = [each.name, each.confidence.shown, said(each.confidence)]
            cells += [", ".join(each.parents)] if broader else []
            table.add_row(*(output.text(cell) for cell in cells))
        screen.print(table)
    if raw:
        body = json.dumps(result.raw, indent=2, ensure_ascii=False, default=str)
        for line in body.splitlines():
            screen.print(output.text(line), soft_wrap=True)
    screen.print()


def who(provenance: Provenance) -> str:
    """Who answered, in a line."""
    name = f"{provenance.provider}:{provenance.profile}" if provenance.profile else provenance.provider
    parts = [f"{name} {provenance.service}"]
    if provenance.region and provenance.region != provenance.provider:
        parts.append(provenance.region)
    if provenance.model_version:
        parts.append(f"model {provenance.model_version}")
    return ", ".join(parts)


def effort(result: Result[Any]) -> str:
    """Time, money and attempts, in a line."""
    tries = len(result.attempts)
    return f"{output.seconds(result.latency)}; {result.cost.shown}" + (
        f"; {tries} attempts" if tries > 1 else ""
    )


def said(confidence: Confidence) -> str:
    """The provider's own value with its scale."""
    raw = confidence.raw
    if raw is None:
        return "none given"
    top = {"percent": "100", "ratio": "1"}.get(confidence.scale.value)
    if top is None or isinstance(raw, str):
        return f"{raw} ({confidence.scale.value})"
    return f"{raw:.4g} of {top}" + (" (cut to the scale)" if confidence.clamped else "")


def result_document(result: Result[LabelSet]) -> dict[str, Any]:
    """An answer: ``labels``, ``provider``, ``profile``, ``service``, ``region``, ``model_version``,
    ``request_id``, ``call_id``, ``passed_over``, ``attempts``, ``latency_seconds``, ``cost``.
    """
    from broker.cli.tally import cost_document

    made = result.provenance
    return {
        "labels": [label_document(each) for each in result.value.labels],
        "provider": made.provider,
        "profile": made.profile,
        "service": made.service,
        "region": made.region,
        "model_version": made.model_version,
        "request_id": made.request_id,
        "call_id": result.call_id,
        "passed_over": [output.told(reason) for reason in made.passed_over],
        "attempts": len(result.attempts),
        "latency_seconds": round(result.latency, 6),
        "cost": cost_document(result.cost),
    }


def label_document(each: Label) -> dict[str, Any]:
    """A label: ``confidence`` is a ratio or null, ``raw`` the provider's own value on ``scale``."""
    return {
        "name": each.name,
        "confidence": each.confidence.value,
        "raw": each.confidence.raw,
        "scale": each.confidence.scale.value,
        "clamped": each.confidence.clamped,
        "id": each.id,
        "parents": list(each.parents),
        "aliases": list(each.aliases),
        "categories": list(each.categories),
    }
