"""Answers that were recorded elsewhere: a table of item, provider, answer, confidence, truth and price.

Everything of this package works on such a table as it does on calls of this library. A row is one answer of one provider
to one item. CSV (with a head line) and JSONL are read, plain or gzipped; columns that are not listed are left alone:

==============  ========================================================================================
``item``        its name; the same for all providers
``provider``    who answered
``answer``      its answer as a text; JSON that is no text is kept as JSON text. JSONL ``null``: the call failed
``confidence``  a number on the provider's own scale; empty: unknown
``truth``       what is right; empty: not known
``price``       of this answer; empty: unknown
``failed``      ``true`` where there was no answer (an empty answer is an answer)
``cluster``     what belongs together: file, conversation, query
``stratum``     of the sampling design; ``probability``: of having been chosen (1 if empty)
==============  ========================================================================================
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, right_or_wrong

_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One answer of one provider to one item.

    :param answer: None: the call failed.
    :param confidence: on the provider's own scale; None: unknown.
    :param truth: None: not known.
    :param price: None: unknown.
    """

    item: str
    provider: str
    answer: str | None
    confidence: float | None = None
    truth: str | None = None
    price: Decimal | None = None
    drawn: Drawn = EVERY_ITEM

    @property
    def right(self) -> bool | None:
        """The answer is the truth; None: the call failed. Raises ValueError where the truth is not known."""
        if self.truth is None:
            raise ValueError(f"item {self.item!r} has no truth; only items that have can be scored")
        return None if self.answer is None else self.answer == self.truth


def read_run(path: str) -> list[Recorded]:
    """All rows of a file: ``.jsonl`` or ``.csv``, or either with ``.gz``.

    Raises ValueError naming the line for what cannot be read, for a second answer of one provider to one item, and for
    two truths of one item; OSError as :func:`open` does.
    """
    bare = path.removesuffix(".gz")
    if not bare.endswith((".csv", ".jsonl")):
        raise ValueError(f"{path}: recorded answers are .csv or .jsonl files, plain or gzipped")
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")  # type: ignore[arg-type,type-var,unused-ignore]
        return list(checked(from_rows(_jsonl(text) if bare.endswith(".jsonl") else csv.DictReader(text))))


def _jsonl(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal)
        except ValueError as error:
            raise ValueError(f"row {number}: this is no JSON: {error}") from None
        if not isinstance(row, dict):
            raise ValueError(f"row {number}: each line is an object with item, provider and answer")
        yield row


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Recorded]:
    """Rows by column, as a reader of CSV or JSON gives them. Raises ValueError naming the row, counted from 1."""
    for number, row in enumerate(rows, 1):
        try:
            yield _row(row)
        except (ValueError, InvalidOperation) as error:
            raise ValueError(f"row {number}: {error}") from None


def _row(row: Mapping[str, Any]) -> Recorded:
    for name in ("item", "provider", "answer"):
        if name not in row or (name != "answer" and row[name] in (None, "")):
            raise ValueError(f"column {name!r} is missing")
    failed = str(row.get("failed") if row.get("failed") is not None else "").lower()
    if failed not in _YES | _NO:
        raise ValueError(f"failed is true or false, not {row['failed']!r}")
    return Recorded(
        item=str(row["item"]),
        provider=str(row["provider"]),
        answer=None if failed in _YES else _text(row["answer"]),
        confidence=_number(row.get("confidence"), "confidence"),
        truth=None if row.get("truth") in (None, "") else _text(row["truth"]),
        price=_price(row.get("price")),
        drawn=Drawn(
            cluster=_text(row.get("cluster")) or None,
            stratum=_text(row.get("stratum")) or None,
            probability=1.0 if (chosen := _number(row.get("probability"), "probability")) is None else chosen,
        ),
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _number(value: Any, name: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no number: {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} is no number: {value!r}")
    return number


def _price(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"price is no number: {value!r}") from None
    if not price.is_finite() or price < 0:
        raise ValueError(f"a price is 0 or more: {value!r}")
    return price


def checked(rows: Iterable[Recorded]) -> Iterator[Recorded]:
    """The same rows. Raises ValueError for two answers of one provider to one item, and for two truths of one item."""
    seen: set[tuple[str, str]] = set()
    truths: dict[str, str] = {}
    for row in rows:
        key = (row.provider, row.item)
        if key in seen:
            raise ValueError(f"{row.provider} has two answers to item {row.item!r}; which one counts?")
        seen.add(key)
        if row.truth is not None and truths.setdefault(row.item, row.truth) != row.truth:
            raise ValueError(f"item {row.item!r} has two truths: {truths[row.item]!r} and {row.truth!r}")
        yield row


def by_provider(rows: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """Rows of each provider, providers in the order in which they come."""
    found: dict[str, list[Recorded]] = {}
    for row in rows:
        found.setdefault(row.provider, []).append(row)
    return found


def accuracy_scores(rows: Iterable[Recorded]) -> list[ItemScore]:
    """The rows that have a truth as right-or-wrong items; give those of one provider."""
    return [right_or_wrong(row.item, row.right, row.drawn) for row in rows if row.truth is not None]


def answers_by_item(rows: Iterable[Recorded]) -> dict[str, dict[str, str]]:
    """For each item: who answered what. Failed calls gave no answer."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        answers = found.setdefault(row.item, {})
        if row.answer is not None:
            answers[row.provider] = row.answer
    return found


def truths(rows: Iterable[Recorded]) -> dict[str, str]:
    """The truth of each item that has one."""
    return {row.item: row.truth for row in rows if row.truth is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a provider's answers cost.

    :param known: the sum of known prices; ``unknown``: answers without one. A total with unknown prices is a lower bound.
    """

    known: Decimal
    unknown: int


def spend(rows: Iterable[Recorded]) -> Spend:
    """What these answers cost, failed ones too where they have a price."""
    known, unknown = Decimal(0), 0
    for row in rows:
        if row.price is None:
            unknown += 1
        else:
            known += row.price
    return Spend(known=known, unknown=unknown)
