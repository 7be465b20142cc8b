"""How a benchmark goes on, on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from broker.cli import output
from broker.types.money import EXACT, shown_amount

if TYPE_CHECKING:
    from broker.bench.lanes import Asked

_LINE_EVERY = 30.0
"""Seconds between lines where there is no terminal."""


class Watch:
    """A :class:`~broker.bench.run.Watcher`, and the progress of what comes before and after asking."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._what = ""
        self._done = self._failed = self._total = 0
        self._spent = Decimal(0)
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
                console=output.console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def progress(self, what: str, done: int, total: int | None) -> None:
        """Something other than asking is under way."""
        self._show(what, done, total)

    def begin(self, total: int) -> None:
        """Asking begins: so many questions."""
        self._total = total
        self._told = time.monotonic()

    def asked(self, lane: Asked, spent: Decimal, *, ok: bool) -> None:
        """See :class:`~broker.bench.run.Watcher`."""
        self._done += 1
        self._failed += not ok
        self._spent = EXACT.add(self._spent, spent)
        failed = f", {self._failed} failed" if self._failed else ""
        self._show(f"{lane.lane.key}{failed}, {self._money()}", self._done, self._total)
        now = time.monotonic()
        if self._bar is None and now - self._told > _LINE_EVERY:
            self._told = now
            output.complain(f"{self._done:,} of {self._total:,} asked{failed}, {self._money()}", "note")

    def waiting(self, lane: Asked, seconds: float) -> None:
        """See :class:`~broker.bench.run.Watcher`."""
        self._show(f"{lane.lane.name} asks for patience: {seconds:.0f} s", self._done, self._total)

    def say(self, line: str) -> None:
        """One line, beside the bar."""
        self.pause()
        output.complain(line, "note")

    def pause(self) -> None:
        """The bar goes away, so that something can be printed."""
        if self._bar is not None and self._bar.live.is_started:
            self._bar.stop()

    def _money(self) -> str:
        return shown_amount(self._spent.quantize(Decimal("0.0001")), "USD") if self._spent else "$0.00"

    def _show(self, what: str, done: int, total: int | None) -> None:
        if self._bar is None:
            return
        if self._task is None:
            self._task = self._bar.add_task("", total=total)
        if not self._bar.live.is_started:
            self._bar.start()
        self._bar.update(self._task, description=output.plain(what)[:48], completed=done, total=total)
