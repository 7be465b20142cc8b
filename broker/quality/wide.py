"""Other shapes of recorded answers, brought into rows of one answer each: a column for each provider, or other names.

Published tables mostly have a line for each item and columns for each provider: ``truth``, then ``google.label``,
``google.confidence``; or the provider's bare name with its whole answer beneath. Rows without an item's name are named by
their number, so that every provider's answers stay together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ANSWERS = ("label", "answer", "text", "transcript")
"""Behind a provider's name and a dot, the column of its answer."""
_BESIDE = ("confidence", "price", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where a table has what.

    :param columns: our name to the table's, where they differ: ``{"item": "file", "truth": "reference"}``.
    :param providers: names of columns that hold one provider's answers each.
    :param extract: what counts of an answer: the last match, its first group if it has one, in lower case, as
        the truth then is; an answer without a match is an answer that is wrong. None: all of it.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    providers: Sequence[str] = ()
    extract: re.Pattern[str] | None = None

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Rows with ``item``, ``provider``, ``answer``. Raises ValueError for a table that has no answers."""
        for number, row in enumerate(rows, 1):
            named = self._named(row, number)
            if "provider" in named and "answer" in named and not self.providers:
                yield self._extracted(named)
                continue
            providers = self.providers or _providers_of(named)
            if not providers:
                raise ValueError(
                    f"row {number}: there is neither a column provider with a column answer, nor a column such as "
                    f"google.label; columns: {', '.join(map(str, row))}"
                )
            for provider in providers:
                yield self._extracted(_one(named, provider, number))

    def _named(self, row: Mapping[str, Any], number: int) -> dict[str, Any]:
        for ours, theirs in self.columns.items():
            if theirs not in row:
                raise ValueError(
                    f"row {number}: there is no column {theirs!r} (for {ours}); columns: {', '.join(map(str, row))}"
                )
        taken = set(self.columns.values())
        named = {name: value for name, value in row.items() if name not in taken}
        named.update({ours: row[theirs] for ours, theirs in self.columns.items()})
        named.setdefault("item", str(number))
        return named

    def _extracted(self, row: dict[str, Any]) -> dict[str, Any]:
        if self.extract is None:
            return row
        if isinstance(row.get("truth"), str):
            row = {**row, "truth": row["truth"].lower()}
        if not isinstance(row["answer"], str):
            return row
        found = [match[1] if match.groups() else match[0] for match in self.extract.finditer(row["answer"])]
        return {**row, "answer": (found[-1] or "").lower() if found else ""}


def _providers_of(row: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name in row:
        provider, dot, member = str(name).rpartition(".")
        if dot and member in ANSWERS and provider not in found:
            found.append(provider)
    return found


def _one(row: Mapping[str, Any], provider: str, number: int) -> dict[str, Any]:
    named = [f"{provider}.{each}" for each in ANSWERS] + [provider]
    column = next((each for each in named if each in row), None)
    if column is None:
        raise ValueError(f"row {number}: there is no column {provider!r}, and no {provider}.label")
    found = {
        name: row[name] for name in ("item", "truth", "cluster", "stratum", "probability") if name in row
    }
    beside = {each: row[f"{provider}.{each}"] for each in _BESIDE if f"{provider}.{each}" in row}
    return {**found, **beside, "provider": provider, "answer": row[column]}
