"""Frozen dataclasses made quickly, for those of which every call makes one.

What the dataclass writes for a frozen class sets each field through ``object.__setattr__``, which takes longer than all
else that is done for it. Written as plain attributes of a twin with the same slots and then declared to be of the class, an
object of fourteen fields takes a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """A function that takes what the class takes and makes what it makes.

    Raises TypeError for a class that is no keyword-only dataclass with slots.
    """
    made: Any = cls
    known: tuple[Field[Any], ...] = fields(made)
    if "__slots__" not in vars(made) or not all(each.kw_only for each in known if each.init):
        raise TypeError(f"{made.__name__} is no keyword-only dataclass with slots")
    names: dict[str, Any] = {"_new": _twin(made), "_class": made, "_absent": MISSING}
    parameters, steps = [], []
    for each in known:
        if not each.init:
            if each.default is not MISSING or each.default_factory is not MISSING:
                raise TypeError(f"{made.__name__}.{each.name} is set by the dataclass itself")
            continue  # by __post_init__
        value = each.name
        parameter = value
        if each.default is not MISSING:
            names[f"_default_{value}"] = each.default
            parameter = f"{value}=_default_{value}"
        elif each.default_factory is not MISSING:
            names[f"_default_{value}"] = each.default_factory
            parameter = f"{value}=_absent"
            value = f"_default_{value}() if {value} is _absent else {value}"
        parameters.append(parameter)
        steps.append(f"_made.{each.name} = {value}")
    steps.append("_made.__class__ = _class")
    if hasattr(made, "__post_init__"):
        steps.append("_made.__post_init__()")
    body = "\n    ".join(["_made = _new()", *steps, "return _made"])
    exec(f"def make(*, {', '.join(parameters)}):\n    {body}", names)  # noqa: S102 - the names of a dataclass's fields
    make: Any = names["make"]
    make.__name__ = make.__qualname__ = f"make_{made.__name__}"
    make.__doc__ = f"What {made.__name__} makes."
    return make  # type: ignore[no-any-return]


def _twin(made: Any) -> type:
    """A class of the same bases and slots whose objects can be written."""
    # A frozen base refuses to be written and to be deleted from; one of the two alone would keep the slow way for both.
    body = {
        "__slots__": made.__slots__,
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    if "__orig_bases__" in vars(made):  # a generic class
        body["__orig_bases__"] = made.__orig_bases__
    return type(f"_Unfrozen{made.__name__}", made.__bases__, body)
