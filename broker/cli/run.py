"""One operation over all inputs of a command: call, show at once, remember for the summary.

``--json`` gives ``command``, ``files``, ``skipped``, ``summary`` and ``exit_code``. A file has ``file`` (for
texts ``input``, shortened; of ``redact`` the place only), ``ok`` and either ``error`` (the keys of :func:`broker.cli.exits.document`) or those of
:func:`result_document` with the operation's own. ``summary`` has ``files``, ``failed``, ``not_tried``, ``interrupted``,
``seconds``, ``cost`` (a list by currency: ``amount``, ``may_be_owed``), ``unpriced_attempts``. Of ``transcribe`` there is
``jobs`` too: those that were left when the command was interrupted (``id``, ``name``, ``provider``, ``state``). With
``--dry-run`` it is the one of :mod:`broker.cli.dry_run`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.cli import exits, output
from broker.cli.files import Found, shown_skipped
from broker.cli.waiting import Waiting
from broker.errors import BrokerError, LedgerUnavailable, NotConfigured, SwitchedOff

if TYPE_CHECKING:
    from rich.console import Console

    from broker.cli.tally import Tally
    from broker.client import Broker
    from broker.types.call import Provenance, Result

_SAME_FOR_ALL = (NotConfigured, LedgerUnavailable, SwitchedOff)
"""What stops the first input stops the others too: trying them would say the same a thousand times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How one operation's results look.

    :param command: its name on the command line.
    :param operation: ``vision.label``, …
    :param show: prints a value below the line that says who answered.
    :param document: the operation's own members of an answer's JSON.
    :param after: what else is done with an answer (a picture drawn); gives a line for people, or nothing.
    :param bare: all that goes to standard output of an answer, where it is for a program (subtitles).
    :param long: one input may take its time, so that how far it is is told meanwhile.
    """

    command: str
    operation: str
    show: Callable[[Console, Any], None]
    document: Callable[[Any], dict[str, Any]]
    after: Callable[[str, Any, Any], str | None] | None = None
    bare: Callable[[Any], str] | None = None
    long: bool = False


class Run:
    """All inputs of one command.

    :param view: gives the view for an input: a command may take pictures and texts.
    """

    def __init__(
        self,
        broker: Broker,
        view: Callable[[str], View],
        asked: dict[str, Any],
        found: Found,
        screen: Console | None,
        jobs: int = 1,
        *,
        bare: bool = False,
    ) -> None:
        from broker.cli.tally import Tally

        self._broker = broker
        self._view = view
        self._asked = asked
        self._found = found
        self._screen = screen
        self._jobs = jobs
        self._bare = bare
        self._began = time.monotonic()
        self._errors: list[BaseException] = []
        self._done: list[dict[str, Any]] = []
        self._interrupted = False
        self._unwritten = False
        self._said = ("", "")  # the input that failed last with a text of its own, and the text
        self._tally: Tally = Tally()
        long = any(view(name).long for name in found.files[:1])
        self._waiting = Waiting() if long else None

    def all(self) -> None:
        """Every input; one that fails stops the others only if they would fail alike."""
        for name, problem in self._found.failed.items():
            self._failed(name, problem)
        waiting = self._waiting
        progress = output.Progress(len(self._found.files), inside=waiting is not None)
        if waiting is not None:
            waiting.bar = progress
        outcomes = self._outcomes(progress)
        try:
            with nullcontext() if waiting is None else waiting.interruptible():
                self._take(outcomes, progress)
        except KeyboardInterrupt:
            self._interrupted = True
            # It may have come in the middle of printing: a new console does not print the half line again.
            self._screen = output.console() if self._screen is not None else None
        finally:
            progress.end()
            outcomes.close()

    def _take(
        self, outcomes: Iterator[tuple[str, Result[Any] | BrokerError]], progress: output.Progress
    ) -> None:
        for name, outcome in outcomes:
            progress.end()
            if isinstance(outcome, BrokerError):
                self._failed(name, outcome)
                if isinstance(outcome, _SAME_FOR_ALL):
                    return
            else:
                self._answered(name, outcome)

    def _outcomes(
        self, progress: output.Progress
    ) -> Generator[tuple[str, Result[Any] | BrokerError], None, None]:
        """In the order of the inputs; several on their way at once only if that was asked for."""
        names = self._found.files
        asked = self._asked if self._waiting is None else {**self._asked, "progress": self._waiting}
        if self._jobs > 1 and len({self._view(name).operation for name in names}) == 1:
            many = _method(self._broker, self._view(names[0]).operation, "_many")
            values = [self._found.value(name) for name in names]
            progress.begin(names[0])
            for item in many(values, concurrency=self._jobs, **asked):
                yield names[item.index], item.result or item.error
                progress.begin(names[item.index])
            return
        for name in names:
            progress.begin(name)
            try:
                method = _method(self._broker, self._view(name).operation)
                outcome: Result[Any] | BrokerError = method(self._found.value(name), **asked)
            except BrokerError as error:
                outcome = error
            finally:
                progress.end()
            yield name, outcome

    def _key(self, name: str) -> str:
        return "input" if name in self._found.texts else "file"

    def _failed(self, name: str, error: BrokerError) -> None:
        self._errors.append(error)
        self._tally.add(error)
        self._done.append({self._key(name): name, "ok": False, "error": exits.document(error)})
        if self._screen is not None:
            self._screen.print(output.text(name, "bold"), output.text("failed", "bold red"))
            self._screen.print()
        message = exits.message(error)
        first, said = self._said
        if message == said:  # a used-up budget and a thousand files: once is enough
            output.complain(f"{name}: the same as {first}")
            return
        self._said = (name, message)
        output.complain(f"{name}: {message}")

    def _answered(self, name: str, result: Result[Any]) -> None:
        self._tally.add(result)
        view = self._view(name)
        shown = {**view.document(result.value), **result_document(result)}
        if self._asked.get("raw"):
            shown["raw"] = result.raw
        line = None
        if view.after is not None or view.bare is not None:
            try:
                if view.after is not None:
                    line = view.after(name, self._found.value(name), result.value)
                if self._bare and view.bare is not None:
                    sys.stdout.write(view.bare(result.value))
            except BrokerError as error:
                self._unwritten = True
                self._errors.append(error)
                output.complain(f"{name}: {exits.message(error)}")
        self._done.append({self._key(name): name, "ok": True, **shown})
        if self._screen is not None:
            show(self._screen, name, result, view, raw=bool(self._asked.get("raw")), line=line)

    @property
    def unsaved(self) -> bool:
        """Something that was answered may have reached nobody."""
        return self._interrupted or self._unwritten

    def code(self) -> int:
        """The exit code."""
        codes = [exits.code_of(error) for error in self._errors]
        return exits.worst([*codes, exits.INTERRUPTED] if self._interrupted else codes)

    def _counts(self) -> tuple[int, int, int]:
        total = len(self._found.items)
        failed = sum(not each["ok"] for each in self._done)
        return total, failed, total - len(self._done)

    def document(self, command: str, code: int) -> dict[str, Any]:
        """For ``--json``; see the module."""
        total, failed, not_tried = self._counts()
        return {
            "command": command,
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
            **(
                {}
                if self._waiting is None
                else {"jobs": self._waiting.document() if self._interrupted else []}
            ),
            "exit_code": code,
        }

    def summary(self) -> None:
        """The last line."""
        for line in shown_skipped(self._found.skipped):
            output.complain(line, "note")
        if self._interrupted and self._waiting is not None:
            self._waiting.tell_left()
        total, failed, not_tried = self._counts()
        parts = [output.counted(total, self._found.noun)]
        parts += [f"{failed} failed"] if failed else []
        # An interrupt leaves some that were under way, and perhaps billed: of those "not tried" would be untrue.
        left = "not finished" if self._interrupted else "not tried"
        parts += [f"{not_tried} {left}"] if not_tried else []
        parts += ["interrupted"] if self._interrupted else []
        spent = output.seconds(time.monotonic() - self._began)
        cost = self._tally.shown()
        if self._interrupted and not_tried:  # only the ledger knows what it was
            cost += " but for what was under way ('mlbroker spend' shows it)"
        if self._screen is not None:
            self._screen.print(output.text(f"{', '.join(parts)}; cost {cost}; time {spent}", "bold"))


def _method(broker: Broker, operation: str, suffix: str = "") -> Callable[..., Any]:
    capability, name = operation.split(".")
    method: Callable[..., Any] = getattr(getattr(broker, capability), name + suffix)
    return method


def show(
    screen: Console, name: str, result: Result[Any], view: View, *, raw: bool = False, line: str | None = None
) -> None:
    """One answered input."""
    screen.print(output.text(name, "bold"))
    screen.print(output.text(f"{who(result.provenance)}; {effort(result)}"))
    for reason in result.provenance.passed_over:
        screen.print(output.text(f"passed over {output.told(reason)}", "dim"))
    view.show(screen, result.value)
    if line is not None:
        screen.print(output.text(line, "dim"))
    if raw:
        body = json.dumps(result.raw, indent=2, ensure_ascii=False, default=str)
        for each in body.splitlines():
            screen.print(output.text(each), soft_wrap=True)
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
    parts = [output.seconds(result.latency), result.cost.shown]
    parts += [f"{tries} attempts"] if tries > 1 else []
    parts += [f"one request for {result.shared} inputs"] if result.shared > 1 else []
    return "; ".join(parts)


def result_document(result: Result[Any]) -> dict[str, Any]:
    """What every answer has: ``provider``, ``profile``, ``service``, ``region``, ``model_version``, ``request_id``,
    ``call_id``, ``passed_over``, ``attempts``, ``shared``, ``latency_seconds``, ``cost``.
    """
    from broker.cli.tally import cost_document

    made = result.provenance
    return {
        "provider": made.provider,
        "profile": made.profile,
        "service": made.service,
        "region": made.region,
        "model_version": made.model_version,
        "request_id": made.request_id,
        "call_id": result.call_id,
        "passed_over": [output.told(reason) for reason in made.passed_over],
        "attempts": len(result.attempts),
        "shared": result.shared,
        "latency_seconds": round(result.latency, 6),
        "cost": cost_document(result.cost),
    }
