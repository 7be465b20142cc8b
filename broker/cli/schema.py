"""The settings there are, read from the models, so that ``init`` and ``doctor`` cannot fall behind them."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.errors import BrokerError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from broker.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One field of a settings model.

    :param note: what its docstring says of it.
    """

    name: str
    default: Any
    note: str
    kind: str


def settings_of(model: type[BaseModel]) -> list[Setting]:
    """The fields of a model with their defaults and explanations."""
    notes = _notes(model)
    return [
        Setting(
            name=name,
            default=field.get_default(call_default_factory=True, validated_data={})
            if not field.is_required()
            else None,
            note=field.description or notes.get(name, ""),
            kind=str(field.annotation),
        )
        for name, field in model.model_fields.items()
    ]


def _notes(model: type[BaseModel]) -> dict[str, str]:
    """From ``:param name:`` lines and from texts under the fields, the nearer class winning."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not each.__module__.startswith("broker"):
            continue
        for name, note in re.findall(
            r":param (\w+): (.*?)(?=\n\s*:param|\n\s*\n|\Z)", each.__doc__ or "", re.DOTALL
        ):
            found[name] = _tidy(note)
        try:
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        except (OSError, TypeError, SyntaxError, ValueError):  # no source is shipped: fewer comments
            continue
        body = getattr(definition, "body", [])
        for field, text in itertools.pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                found[field.target.id] = _tidy(text.value.value)
    return found


def _tidy(note: str) -> str:
    return " ".join(note.replace("``", "").split())


def provider_settings(registry: Registry) -> dict[str, list[Setting]]:
    """The settings of each provider; of one whose adapter cannot be loaded, those that all have."""
    from broker.contract.adapter import AdapterSettings

    found: dict[str, list[Setting]] = {}
    for name in registry.names():
        try:
            model = registry.settings_type(name)
        except BrokerError:
            model = AdapterSettings
        found[name] = settings_of(model)
    return found
