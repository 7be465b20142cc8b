"""What a maker makes is what the class makes; see also test_quick_values."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from broker.ledger.base import Intent
from broker.types import Image, LabelRequest, Result
from broker.types.making import maker

V = TypeVar("V")
PICTURE = Image(data=b"x", format="png", width=10, height=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base(Generic[V]):
    NAME: ClassVar[str] = "base"

    first: V
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Base[int]):
    second: str = "two"
    third: int = field(init=False)

    def __post_init__(self) -> None:
        if self.second == "":
            raise ValueError("empty")
        object.__setattr__(self, "third", self.first + 2)


INTENT: dict[str, Any] = {
    "call_id": "c",
    "number": 1,
    "started": datetime(2026, 3, 14, tzinfo=UTC),
    "provider": "fake",
    "profile": "",
    "service": "Fake",
    "operation": "vision.label",
    "region": None,
    "tags": {},
    "currency": "USD",
    "bound": Decimal(1),
    "unpriced": None,
}
MADE = [
    (Base, {"first": 1}),
    (Child, {"first": 1}),
    (Child, {"first": 1, "second": "2", "notes": ["a"]}),
    (Image, {"data": b"x", "format": "png", "width": 10, "height": 20}),
    (LabelRequest, {"image": PICTURE, "max_labels": 3}),
    (Intent, INTENT),
    (Result, {"value": 1, "provenance": 2, "cost": 3, "attempts": (), "call_id": "c", "latency": 0.5}),
]


@pytest.mark.parametrize(("kind", "given"), MADE)
def test_it_is_the_same(kind: Any, given: dict[str, Any]) -> None:
    made, plain = maker(kind)(**given), kind(**given)
    assert type(made) is kind
    assert isinstance(made, kind)
    assert made == plain
    assert repr(made) == repr(plain)
    assert pickle.loads(pickle.dumps(made)) == plain
    assert copy.deepcopy(made) == plain
    assert replace(made) == plain
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize(("kind", "given"), MADE)
def test_it_is_frozen(kind: Any, given: dict[str, Any]) -> None:
    made, plain = maker(kind)(**given), kind(**given)
    for name in [*given, "unknown"]:
        for change in (
            lambda each, name=name: setattr(each, name, 1),
            lambda each, name=name: delattr(each, name),
        ):
            with pytest.raises(Exception, match=r".") as of_plain:
                change(plain)
            with pytest.raises(type(of_plain.value)):
                change(made)
    assert made == plain


def test_each_has_a_default_of_its_own() -> None:
    make = maker(Base)
    assert make(first=1).notes is not make(first=2).notes


def test_what_the_class_refuses_is_refused() -> None:
    make: Any = maker(Child)
    for wrong in ({}, {"first": 1, "fourth": 4}):
        with pytest.raises(TypeError):
            make(**wrong)
    with pytest.raises(TypeError):
        make(1)
    with pytest.raises(ValueError, match="empty"):
        make(first=1, second="")
    with pytest.raises(Exception, match="ratio"):
        maker(LabelRequest)(image=PICTURE, min_confidence=50.0)


def test_other_classes_are_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Open:
        one: int

    @dataclass(frozen=True, slots=True)
    class ByPlace:
        one: int

    @dataclass(frozen=True, slots=True, kw_only=True)
    class SetByItself:
        one: int = field(default=1, init=False)

    kinds: tuple[Any, ...] = (Open, ByPlace, SetByItself)
    for kind in kinds:
        with pytest.raises(TypeError):
            maker(kind)
