"""From a filter to Azure AI Search's OData.

Source: learn.microsoft.com/azure/search/search-query-odata-syntax-reference (the grammar) and its pages on comparison,
collection and ``search.in``. A null field equals and exceeds nothing, and ``not`` of that is true: the meaning that our
filters have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from broker.contract import FilterWalker
from broker.errors import Unsupported
from broker.types import Contains, Equals, OneOf, Range
from broker.types.metadata import Scalar
from broker_azure.search_keys import key_of

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}", re.ASCII)
_TAKEN = re.compile(r"azuresearch.*", re.IGNORECASE | re.ASCII)
_WORDS = frozenset(
    {"and", "or", "not", "eq", "ne", "gt", "ge", "lt", "le", "true", "false", "null", "nan", "inf"}
)
_SIGNS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}
_FEW = 16
"""Texts of a list that are said one by one; Azure counts conditions, and advises ``search.in`` for many."""
_DELIMITERS = "|,;~^"
ID = "id"


def field_problem(name: str) -> str:
    """Why an index cannot have a field of this name; empty: it can."""
    if not _FIELD.fullmatch(name) or _TAKEN.fullmatch(name):
        return (
            f"an index of Azure AI Search has no field {name}: it begins with a letter, not with azureSearch, and has "
            "letters, digits and _"
        )
    return ""


def text_literal(text: str) -> str:
    """A text as a constant: its only escape is the quote, which is doubled."""
    return "'" + text.replace("'", "''") + "'"


def time_literal(time: datetime) -> str:
    """``2019-05-06T12:30:05.451Z``. The service keeps milliseconds."""
    return time.isoformat().removesuffix("+00:00") + "Z"


def literal(value: Scalar) -> str:
    """Any constant."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text_literal(value)
    return time_literal(value) if isinstance(value, datetime) else repr(value)


class ODataFilter(FilterWalker[str]):
    """One index's translator.

    :param members: the index's fields for a document's own members (``id``, ``title``, …); what is not among them is metadata,
        whose names are the fields' own.
    """

    def __init__(self, members: Mapping[str, str] | None = None) -> None:
        self._members = members or {}

    def equals(self, condition: Equals) -> str:
        value = condition.value
        if condition.name == ID and isinstance(value, str):
            key = key_of(value)
            if key is None:
                return "false"
            value = key
        return f"{self._field(condition.name)} eq {literal(value)}"

    def one_of(self, condition: OneOf) -> str:
        texts = [each for each in condition.values if isinstance(each, str)]
        whole = "".join(texts)
        delimiter = next((each for each in _DELIMITERS if each not in whole), "")
        plain = all(
            each and each == each.strip() for each in texts
        )  # what search.in does to others is not said
        if condition.name == ID or len(texts) <= _FEW or not delimiter or not plain:
            return super().one_of(condition)
        values = text_literal(delimiter.join(texts))
        return f"search.in({self._field(condition.name)}, {values}, {text_literal(delimiter)})"

    def range(self, condition: Range) -> str:
        name = self._field(condition.name)
        bounds = [f"{name} {_SIGNS[sign]} {literal(value)}" for sign, value in condition.bounds()]
        return bounds[0] if len(bounds) == 1 else self.all_of(bounds)

    def contains(self, condition: Contains) -> str:
        name = self._field(condition.name)
        each = "each" if name.lower() == "item" else "item"
        return f"{name}/any({each}: {each} eq {literal(condition.value)})"

    def all_of(self, parts: Sequence[str]) -> str:
        return f"({' and '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        return f"({' or '.join(parts)})"

    def negated(self, part: str) -> str:
        return f"not ({part})"

    def _field(self, name: str) -> str:
        field = self._members.get(name, name)
        problem = field_problem(field)
        if not problem and field.lower() in _WORDS:
            problem = f"{field} is a word of its filter language"
        if problem:
            self.refuse(problem)
        return field


def facet_name(name: str) -> str:
    """The field to count. Raises :class:`Unsupported`."""
    if problem := field_problem(name):
        raise Unsupported(f"the facet cannot be asked for: {problem}")
    return name
