"""Answers as JSON text, to be kept, and back: the very same object. So scores can be made again without calling anybody.

Every result is frozen dataclasses of texts, numbers, truth values, times, enums, tuples and mappings; the types' own hints
say how to read them back. Members that are as by default are left out, so a member that is added to a type later does no
harm to what was kept before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from broker.contract.operations import OPERATIONS
from broker.errors import BadInput, StoredAnswerUnreadable

FORMAT = 1
_TIME, _NUMBER = "$time", "$number"
_Reader: TypeAlias = Callable[[Any], Any]


def stored_answer(operation: str, answer: Any) -> str:
    """One line of JSON. Raises :class:`~broker.errors.BadInput` for what is no answer of the operation."""
    known = OPERATIONS.get(operation)
    if known is None:
        raise BadInput(f"there is no operation {operation!r:.60}")
    if type(answer) is not known.payload:
        raise BadInput(f"{operation} answers with a {known.payload.__name__}, not a {type(answer).__name__}")
    whole = {"format": FORMAT, "operation": operation, "answer": _written(answer)}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as some vendors cut texts
        return json.dumps(whole, separators=(",", ":"), allow_nan=False)
    return text


def read_answer(operation: str, text: str) -> Any:
    """What :func:`stored_answer` was given. Raises :class:`~broker.errors.StoredAnswerUnreadable`."""
    try:
        whole = json.loads(text)
        if whole["operation"] != operation:
            raise StoredAnswerUnreadable(f"this is an answer of another operation than {operation}")
        if whole["format"] != FORMAT:
            raise StoredAnswerUnreadable(
                f"this answer is kept in format {whole['format']!r:.20}; this version of mlbroker reads {FORMAT}"
            )
        payload: Any = OPERATIONS[operation].payload
        return _reader(payload)(whole["answer"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StoredAnswerUnreadable(
            f"a kept answer of {operation} cannot be read ({type(error).__name__}); it is damaged, or a newer mlbroker kept it"
        ) from None


def _written(value: Any) -> Any:
    kind: Any = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if kind is float:
        return value if math.isfinite(value) else {_NUMBER: repr(value)}
    if isinstance(value, Enum):
        return value.value
    if kind is tuple:
        return [_written(each) for each in value]
    if is_dataclass(value):
        return {
            name: _written(found)
            for name, default in _members(kind)
            if (found := getattr(value, name)) is not default
            and not (type(found) is type(default) and found == default)
        }
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    if isinstance(value, Mapping):
        return [[name, _written(each)] for name, each in value.items()]
    raise BadInput(f"a {kind.__name__} in an answer cannot be kept")


@cache
def _members(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Names with their defaults; what has none never is its default."""
    found = []
    for each in fields(kind):
        default = each.default
        if default is MISSING and each.default_factory is not MISSING:
            default = each.default_factory()
        found.append((each.name, default))
    return tuple(found)


@cache
def _reader(kind: Any) -> _Reader:
    """How a value of this type is read. Raises ValueError, TypeError or KeyError for what is none."""
    if isinstance(kind, TypeVar):
        return _reader(kind.__bound__)
    origin: Any = get_origin(kind)
    if origin in (Union, UnionType):
        return _union(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind))
    if isinstance(origin, type) and is_dataclass(origin):
        return _reader(origin)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(get_args(kind)[1])
    if kind is float:
        return _number
    if kind in (str, bool, int):
        return _plain(kind)
    if kind is datetime:
        return lambda value: datetime.fromisoformat(value[_TIME])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind)
    raise TypeError(f"no way to read a {kind!r}")


def _plain(kind: type[Any]) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError
        return value

    return read


def _number(value: Any) -> Any:
    """A float; whole numbers stay what they are."""
    if type(value) is dict:
        return float(value[_NUMBER])
    if type(value) not in (int, float):
        raise ValueError
    return value


def _tuple(kinds: tuple[Any, ...]) -> _Reader:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        each_of = _reader(kinds[0])

        def read_any(value: Any) -> Any:
            if type(value) is not list:
                raise ValueError
            return tuple([each_of(each) for each in value])

        return read_any
    readers = [_reader(each) for each in kinds]

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise ValueError
        return tuple([reader(each) for reader, each in zip(readers, value, strict=True)])

    return read


def _mapping(kind: Any) -> _Reader:
    each_of = _reader(kind)
    return lambda value: {_name(name): each_of(each) for name, each in value}


def _name(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _union(kinds: tuple[Any, ...]) -> _Reader:
    """By what the JSON is: a text, a number, a list, an object."""
    optional = NoneType in kinds
    rest = [each for each in kinds if each is not NoneType]
    if len(rest) == 1:
        only = _reader(rest[0])
        return lambda value: None if value is None and optional else only(value)
    readers = [_reader(each) for each in rest]

    def read(value: Any) -> Any:
        if value is None and optional:
            return None
        for reader in readers:
            try:
                return reader(value)
            except (ValueError, TypeError, KeyError):
                continue
        raise ValueError

    return read


def _object(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers: dict[str, _Reader] = {}
    names = [name for name, _ in _members(kind)]

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise ValueError
        if not readers:  # on first use: types may hold themselves
            readers.update({name: _reader(hints[name]) for name in names})
        return kind(**{name: readers[name](each) for name, each in value.items()})

    return read
