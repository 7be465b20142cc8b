"""What a stub answers: plain answers, faults, and the order they come in."""

from __future__ import annotations

import json as jsonlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeAlias, Union
from urllib.parse import parse_qsl

from broker.types.json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """One request as it arrived.

    :param path: percent-decoded, without the query.
    :param query: as sent, without the question mark.
    :param headers: names in lower case; a repeated header is joined by ``, ``.
    :param body: what was read of it; empty while it is still arriving or was cut before.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def route(self) -> str:
        """What the stub routes by: the ``X-Amz-Target``, or else the path."""
        return self.headers.get("x-amz-target") or self.path

    @property
    def params(self) -> dict[str, str]:
        """The decoded query; of a repeated name the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> JsonValue:
        """The body parsed as JSON."""
        parsed: JsonValue = jsonlib.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. With neither ``json`` nor ``body`` the body is empty.

    :param headers: win over the headers that the stub adds by itself.
    :param delay: seconds to wait, after the request was read, before the answer is written.
    """

    status: int = 200
    json: JsonValue = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    def __post_init__(self) -> None:
        if self.json is not None and self.body is not None:
            raise ValueError("an Answer has either json or body, not both")

    @cached_property
    def payload(self) -> bytes:
        """The body's bytes; encoded once, since one answer may be sent thousands of times."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else jsonlib.dumps(self.json).encode()


class FaultKind(str, Enum):
    """How a stub misbehaves."""

    RESET_BEFORE_READ = "reset_before_read"
    RESET_AFTER_BODY = "reset_after_body"
    CLOSE_EMPTY = "close_empty"
    HANG = "hang"
    DRIP = "drip"
    TRUNCATED = "truncated"
    CHUNK_CUT = "chunk_cut"
    HTML = "html"
    EMPTY = "empty"
    GZIP_BOMB = "gzip_bomb"
    REDIRECT = "redirect"
    GARBAGE = "garbage"


SAMPLE: JsonObject = {"note": "an answer that should never be taken for a good one"}


@dataclass(frozen=True)
class Fault:
    """A misbehaviour. Use the constructors: each says what goes over the wire."""

    kind: FaultKind
    json: JsonValue = None
    interval: float = 0.05
    size: int = 0
    to: str = ""

    @classmethod
    def reset_before_read(cls) -> Fault:
        """RST when the head is there, before the body is read.

        A small body may have left the client by then, so a client cannot always tell this from
        :meth:`reset_after_body`. From a callable script it comes after the body.
        """
        return cls(FaultKind.RESET_BEFORE_READ)

    @classmethod
    def reset_after_body(cls) -> Fault:
        """Read the whole request, then RST."""
        return cls(FaultKind.RESET_AFTER_BODY)

    @classmethod
    def close_empty(cls) -> Fault:
        """Read the whole request, then FIN without a byte."""
        return cls(FaultKind.CLOSE_EMPTY)

    @classmethod
    def hang(cls) -> Fault:
        """Read the whole request and never answer, until the client leaves or the stub closes."""
        return cls(FaultKind.HANG)

    @classmethod
    def drip(cls, interval: float = 0.05, json: JsonValue = SAMPLE) -> Fault:
        """A whole head at once, then the body one byte per interval."""
        return cls(FaultKind.DRIP, json=json, interval=interval)

    @classmethod
    def truncated(cls, json: JsonValue = SAMPLE) -> Fault:
        """A body that is valid JSON, under a Content-Length that promises more, then FIN."""
        return cls(FaultKind.TRUNCATED, json=json)

    @classmethod
    def chunk_cut(cls, json: JsonValue = SAMPLE) -> Fault:
        """A chunked body cut in the middle of a chunk, then FIN."""
        return cls(FaultKind.CHUNK_CUT, json=json)

    @classmethod
    def html(cls) -> Fault:
        """200 with the HTML of a captive portal."""
        return cls(FaultKind.HTML)

    @classmethod
    def empty(cls) -> Fault:
        """200 application/json with Content-Length 0."""
        return cls(FaultKind.EMPTY)

    @classmethod
    def gzip_bomb(cls, size: int) -> Fault:
        """A small gzip body that decodes to ``size`` bytes of valid JSON, so that only a cap stops it."""
        if size < 2:
            raise ValueError("a gzip bomb decodes to at least the two bytes of {}")
        return cls(FaultKind.GZIP_BOMB, size=size)

    @classmethod
    def redirect(cls, to: str = "/redirected") -> Fault:
        """302 to another place; the default is this stub, where a client that follows is counted again."""
        return cls(FaultKind.REDIRECT, to=to)

    @classmethod
    def garbage(cls) -> Fault:
        """Bytes that are not HTTP, then FIN."""
        return cls(FaultKind.GARBAGE)


Step: TypeAlias = Union[Answer, Fault]
Decide: TypeAlias = Callable[[SeenRequest], Step]
Steps: TypeAlias = Union[Answer, Fault, JsonObject, Decide]
"""Anything that can be said to a route: a mapping is short for ``Answer(json=…)``."""


def as_step(step: Answer | Fault | JsonObject) -> Step:
    """A mapping made an answer; anything else as it is."""
    return step if isinstance(step, (Answer, Fault)) else Answer(json=step)


class Script:
    """What to answer, request by request. Safe to share by threads.

    :param steps: used up one per request; or a callable that decides on the whole request.
    :param default: what comes when the steps are used up; without it the last step repeats.
    """

    def __init__(
        self,
        steps: Iterable[Answer | Fault | JsonObject] | Decide,
        default: Answer | Fault | JsonObject | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._decide: Decide | None = None
        self._steps: deque[Step] = deque()
        if callable(steps):
            if default is not None:
                raise ValueError("a callable script decides on every request, so it has no default")
            self._decide = steps
            return
        self._steps.extend(as_step(step) for step in steps)
        if default is not None:
            self._last = as_step(default)
        elif self._steps:
            self._last = self._steps[-1]
        else:
            raise ValueError("a script needs a step or a default")

    @property
    def needs_body(self) -> bool:
        """Whether the answer can depend on the body, so that it must be read first."""
        return self._decide is not None

    @property
    def left(self) -> int:
        """How many steps are not used up."""
        with self._lock:
            return len(self._steps)

    def next(self, request: SeenRequest) -> Step:
        """What to answer to this request."""
        if self._decide is not None:
            return self._decide(request)
        with self._lock:
            return self._steps.popleft() if self._steps else self._last


def as_script(
    steps: tuple[Steps | Script, ...], default: Answer | Fault | JsonObject | None = None
) -> Script:
    """One script from what a caller wrote: a script, a callable, or steps."""
    if len(steps) == 1:
        only = steps[0]
        if isinstance(only, Script):
            return only
        if callable(only):
            return Script(only, default)
    plain: list[Answer | Fault | JsonObject] = []
    for step in steps:
        if isinstance(step, Script) or callable(step):
            raise TypeError("a script or callable stands alone; it cannot be one step among others")
        plain.append(step)
    return Script(plain, default)
