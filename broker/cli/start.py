"""``mlbroker transcribe --start``: recordings as jobs that nobody waits for.

``--json`` gives ``command``, ``started`` (a list: ``file``, ``ok``, and ``error`` as of :mod:`broker.cli.run` or ``job``,
``provider`` and ``handle``, which ``broker.jobs.get`` takes), ``skipped``, ``interrupted``, ``jobs`` (those that were
interrupted, as of ``transcribe``) and ``exit_code``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from broker.cli import exits, options, output
from broker.cli.files import Found, shown_skipped
from broker.cli.waiting import Waiting
from broker.errors import BrokerError

if TYPE_CHECKING:
    from broker.client import Broker
    from broker.facades.jobs import Job


def start(context: typer.Context, found: Found, asked: dict[str, Any], *, as_json: bool) -> None:
    """Start all and end the command with its exit code."""
    from broker.cli import main

    state = options.begin(context, as_json)
    with main.make_broker(config=state.config) as broker:
        begun = _Begun(broker, found, asked, as_json=as_json)
        begun.all()
    begun.tell()
    raise typer.Exit(begun.code)


class _Begun:
    """What became of each."""

    def __init__(self, broker: Broker, found: Found, asked: dict[str, Any], *, as_json: bool) -> None:
        self._broker = broker
        self._found = found
        self._asked = asked
        self._screen = None if as_json else output.console()
        self._done: list[dict[str, Any]] = []
        self._errors: list[BrokerError] = []
        self._interrupted = False
        self._waiting = Waiting()

    def all(self) -> None:
        """One after another: each is staged before the next."""
        for name, problem in self._found.failed.items():
            self._failed(name, problem)
        bar = output.Progress(len(self._found.files), inside=True)
        self._waiting.bar = bar
        try:
            for name in self._found.files:
                bar.begin(name)
                try:
                    job = self._broker.transcription.start(
                        self._found.value(name), **self._asked, progress=self._waiting
                    )
                except BrokerError as error:
                    bar.end()
                    self._failed(name, error)
                else:
                    bar.end()
                    self._started(name, job)
        except KeyboardInterrupt:
            self._interrupted = True
        finally:
            bar.end()

    def _started(self, name: str, job: Job) -> None:
        self._done.append(
            {"file": name, "ok": True, "job": job.id, "provider": job.provider, "handle": job.to_json()}
        )
        if self._screen is not None:  # not wrapped: the id is to be copied
            self._screen.print(output.text(f"{job.id}  {name} ({job.provider})"), soft_wrap=True)

    def _failed(self, name: str, error: BrokerError) -> None:
        self._errors.append(error)
        self._done.append({"file": name, "ok": False, "error": exits.document(error)})
        output.complain(f"{name}: {exits.message(error)}")

    @property
    def code(self) -> int:
        codes = [exits.code_of(error) for error in self._errors]
        return exits.worst([*codes, exits.INTERRUPTED] if self._interrupted else codes)

    def tell(self) -> None:
        """The end."""
        known = {str(each["job"]) for each in self._done if each["ok"]}
        if self._screen is None:
            output.emit(
                {
                    "command": "transcribe",
                    "started": self._done,
                    "skipped": [{"path": path, "reason": reason} for path, reason in self._found.skipped],
                    "interrupted": self._interrupted,
                    "jobs": self._waiting.document(known),
                    "exit_code": self.code,
                }
            )
            return
        for line in shown_skipped(self._found.skipped):
            output.complain(line, "note")
        if self._interrupted:
            self._waiting.tell_left(known)
        if any(each["ok"] for each in self._done):
            self._screen.print(output.text("for a transcript type: mlbroker jobs resume ID", "dim"))
