"""Any answer of any operation, made from its type's own hints."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from broker.types.confidence import Confidence
from broker.types.geometry import Region
from broker.types.transcript import SpokenWord, TranscriptSegment

TEXTS = st.text(max_size=12)
FLOATS = st.floats(allow_nan=False, width=64)
TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@cache
def answers(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type of :mod:`broker.types`."""
    if isinstance(kind, TypeVar):
        return answers(kind.__bound__)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return st.one_of([answers(each) for each in get_args(kind)])
    if origin is tuple:
        arguments = get_args(kind)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return st.lists(answers(arguments[0]), max_size=2).map(tuple)
        return st.tuples(*[answers(each) for each in arguments])
    if origin is not None and is_dataclass(origin):
        return answers(origin)
    if origin is not None:  # a mapping
        return st.dictionaries(TEXTS, answers(get_args(kind)[1]), max_size=3)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXTS,
        bool: st.booleans(),
        int: st.integers(min_value=0, max_value=2**63),
        float: FLOATS,
        datetime: TIMES,
        NoneType: st.none(),
    }
    if kind in plain:
        return plain[kind]
    if issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind is Confidence:
        return _built(Confidence, value=st.none() | st.floats(0.0, 1.0))
    if kind is Region:
        return st.tuples(*[st.floats(0.0, 1.0)] * 4).map(lambda sides: Region.from_ratio_box(*sides))
    if kind in (SpokenWord, TranscriptSegment):
        return _timed(kind)
    return st.deferred(lambda: _built(kind))


def _built(kind: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    required = {}
    optional = {}
    for each in fields(kind):
        chosen = given[each.name] if each.name in given else answers(hints[each.name])
        bare = each.default is MISSING and each.default_factory is MISSING
        (required if bare else optional)[each.name] = chosen
    return st.fixed_dictionaries(required, optional=optional).map(lambda members: kind(**members))


def _timed(kind: Any) -> st.SearchStrategy[Any]:
    times = st.one_of(
        st.just((None, None)),
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(lambda pair: (min(pair), max(pair))),
    )
    return times.flatmap(lambda pair: _built(kind, start_ms=st.just(pair[0]), end_ms=st.just(pair[1])))
