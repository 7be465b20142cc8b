"""Reading a vendor's JSON without trusting it: what must be there is demanded, what may be there has its type.

A 200 with an HTML page, an empty body or half an answer must never become an empty result.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from broker.contract.faults import check_answered
from broker.contract.redact import redact
from broker.errors import MalformedReply
from broker.runtime.message import HttpReply
from broker.types.json import JsonValue

T = TypeVar("T")


def json_object(
    reply: HttpReply, *, request_id: str | None, accepted: Container[int] = (200,)
) -> dict[str, JsonValue]:
    """The body of a success as an object. Raises :class:`MalformedReply`.

    :param accepted: statuses that carry the whole answer.
    """
    check_answered(reply, request_id=request_id, accepted=accepted)
    try:
        body = reply.json()
    except MalformedReply as error:
        error.request_id = request_id
        raise
    if not isinstance(body, dict):
        raise MalformedReply(
            f"the answer is a JSON {type(body).__name__}, not an object",
            status=reply.status,
            request_id=request_id,
        )
    return body


@contextmanager
def reading(what: str, *, status: int | None = None, request_id: str | None = None) -> Iterator[None]:
    """Turn whatever reading an unexpected answer raises into :class:`MalformedReply`; ``what``: "a label"."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MalformedReply(
            f"{what} is malformed: {redact(str(error))}", status=status, request_id=request_id
        ) from None


def needed(item: Any, name: str, kind: type[T]) -> T:
    """A member that the vendor's schema promises. Raises ValueError if it is not there or of another type."""
    if type(item) is not dict and not isinstance(item, Mapping):  # the first is fast, and true of all JSON
        raise ValueError(f"where {name} is due there is a {type(item).__name__}")
    value = item.get(name)
    if value is None:
        raise ValueError(f"it has no {name}")
    return value if type(value) is kind else _typed(value, name, kind)


def given(item: Any, name: str, kind: type[T]) -> T | None:
    """A member that may be missing. Raises ValueError if it is there and of another type."""
    if type(item) is not dict and not isinstance(item, Mapping):
        raise ValueError(f"where {name} is due there is a {type(item).__name__}")
    value = item.get(name)
    return value if value is None or type(value) is kind else _typed(value, name, kind)


def _typed(value: Any, name: str, kind: type[T]) -> T:
    if kind is float and type(value) is int:  # JSON has one kind of number
        return float(value)  # type: ignore[return-value] # T is float here
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{name} is a {type(value).__name__}")
    return value
