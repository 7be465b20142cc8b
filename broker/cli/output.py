"""What commands print: one kind of table, one JSON object, and nothing a vendor wrote left unescaped."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def plain(value: str) -> str:
    """Safe for a terminal line. Behind a function, because the contract's package takes 0.1 s to import."""
    from broker.contract.redact import plain

    return plain(value)


def told(value: str) -> str:
    """A message that may repeat a setting: plain, and addresses in it without user and password."""
    return re.sub(r"(?<=//)[^/\s@]*@", "", plain(value))


def console(*, stderr: bool = False) -> Console:
    """A console that takes no markup, no emoji codes and guesses no colours in what it is given.

    rich honours NO_COLOR and COLUMNS itself; 80 columns where neither says anything.
    """
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=False)


def text(value: object, style: str = "") -> Text:
    """A piece of text as it is, without control, bidi-override or markup meaning."""
    from rich.text import Text

    return Text(plain(str(value)), style=style)


def table(*headers: str, right: tuple[str, ...] = ()) -> Table:
    """A table whose cells fold, so that a narrow terminal loses nothing."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in headers:
        made.add_column(name, overflow="fold", justify="right" if name in right else "left")
    return made


def facts(indent: int = 0) -> Table:
    """A borderless two-column list of names and what is known of them."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    if indent:
        made.pad_edge = True
        made.padding = (0, 0, 0, indent)
    return made


def emit(document: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """The one JSON object of ``--json``. ASCII only, so that no text in it can steer a terminal.

    :param indent: None: on one line.
    """
    body = json.dumps(
        _standard(document), indent=indent, ensure_ascii=True, allow_nan=False, default=_plain_value
    )
    sys.stdout.write(body.replace("\x7f", "\\u007f") + "\n")


def _standard(value: Any) -> Any:
    """As JSON allows it: NaN, infinities and lone surrogates, which vendors and file names can hold, become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_standard(key): _standard(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_standard(each) for each in value]
    return value


def _plain_value(value: object) -> object:
    if isinstance(value, Decimal):
        return decimal(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in the JSON of the command line")


def decimal(amount: Decimal | None) -> str | None:
    """An amount as a text without exponent or trailing zeros; null stays *not known*."""
    return None if amount is None else f"{amount.normalize():f}" if amount else "0"


def complain(line: str, kind: str = "error") -> None:
    """One line on stderr. Not wrapped: it may hold a command to copy."""
    sys.stderr.write(f"{kind}: {told(line)}\n")
    sys.stderr.flush()


class Warnings(logging.Handler):
    """What the library warns of becomes a line on stderr like the others."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        complain(record.getMessage(), "warning")


def seconds(duration: float) -> str:
    """A duration for people."""
    return f"{duration * 1000:.0f} ms" if duration < 1 else f"{duration:.2f} s"


def clock(milliseconds: int) -> str:
    """A place in a recording: ``1:02:03``."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def today() -> date:
    """The day in UTC: the ledger's and the price book's."""
    return datetime.now(UTC).date()


def home_short(path: str) -> str:
    """A path with the home folder as ``~``."""
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if home not in ("", "/") and path.startswith(f"{home}/") else path


class Progress:
    """A bar on stderr, only if that is a terminal.

    :param total: files; one alone has no bar.
    :param inside: how far the single file is will be told, so that one alone has a bar as well.
    """

    def __init__(self, total: int, *, inside: bool = False) -> None:
        self._bar: Any = None
        self._several = total > 1
        self._done = 0
        self._on = False
        self._lock = threading.Lock()
        if (self._several or inside) and sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(bar_width=24),
                *([MofNCompleteColumn()] if self._several else []),
                TextColumn("{task.description}", markup=False),
                console=console(stderr=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._task = self._bar.add_task("", total=total)

    def begin(self, name: str) -> None:
        """A file is being worked on."""
        if self._bar is None:
            return
        with self._lock:
            self._on = True
            self._bar.update(self._task, description=plain(name)[-48:])
            if self._several:
                self._bar.start()

    def tell(self, text: str, ratio: float | None) -> None:
        """How far a file is; from any thread. Nothing where no file is being worked on: results are printed then."""
        if self._bar is None:
            return
        with self._lock:
            if not self._on:
                return
            self._bar.update(self._task, description=plain(text), completed=self._done + (ratio or 0.0))
            if not self._bar.live.is_started:
                self._bar.start()

    def end(self) -> None:
        """It is done; the bar goes away so that the result can be printed. Once more does nothing."""
        if self._bar is None:
            return
        with self._lock:
            if self._on:
                self._on = False
                self._done += 1
            if self._bar.live.is_started:
                self._bar.stop()
            self._bar.update(self._task, completed=self._done)
