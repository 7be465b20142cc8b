"""Answers that were recorded elsewhere: a table of item, provider, answer, confidence, truth and price.

Everything of this package works on such a table as it does on calls of this library. A row is one answer of one provider
to one item. CSV (with a head line) and JSONL are read, plain or gzipped; columns that are not listed are left alone, and texts are brought
into Unicode's form NFC:

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
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, right_or_wrong
from broker.quality.wide import Shape

AS_DESCRIBED = Shape()
LONGEST_CELL = 64 * 1024 * 1024
"""Characters of one answer in a table: a transcript may be long."""
_SURPLUS, _MISSING = "\0more", "\0none"
_WRITTEN_OUT = 30
"""Digits of a number that is an answer, up to which it is written without an exponent."""
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


def read_run(path: str, shape: Shape = AS_DESCRIBED) -> list[Recorded]:
    """All rows of a file: ``.jsonl`` or ``.csv``, or either with ``.gz``.

    :param shape: where the table has what, if not as above; columns such as ``google.label`` are understood anyway.

    Raises ValueError naming the line for what cannot be read, for a second answer of one provider to one item, and for
    two truths of one item, and for a file that is cut off; OSError as :func:`open` does.
    """
    bare = path.removesuffix(".gz")
    if not bare.endswith((".csv", ".jsonl")):
        raise ValueError(f"{path}: recorded answers are .csv or .jsonl files, plain or gzipped")
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")  # type: ignore[arg-type,type-var,unused-ignore]
        try:
            rows = _jsonl(text) if bare.endswith(".jsonl") else _csv(text)
            return list(checked(from_rows(shape.rows(rows))))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}: this is no UTF-8 ({error.reason}); spreadsheets save it as 'CSV UTF-8'"
            ) from None
        except (EOFError, zlib.error) as error:
            raise ValueError(f"{path}: the file is cut off or broken: {error}") from None


def _csv(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Rows of a table; one that is cut off is no row, and above all no failed call."""
    if csv.field_size_limit() < LONGEST_CELL:  # of the whole process, so it is only ever raised
        csv.field_size_limit(LONGEST_CELL)
    reader = csv.DictReader(lines, restkey=_SURPLUS, restval=_MISSING, strict=True)
    try:
        names = list(reader.fieldnames or ())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two columns are named {twice[0]!r}; which one counts?")
        if len(names) == 1 and ";" in names[0]:
            raise ValueError("columns are separated by commas, not by semicolons")
        for number, row in enumerate(reader, 1):
            if _SURPLUS in row or _MISSING in row.values():
                raise ValueError(f"row {number}: it has other columns than the head line")
            yield row
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: this is no CSV: {error}") from None


def _jsonl(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal, parse_constant=_no_number)
        except ValueError as error:
            raise ValueError(f"row {number}: this is no JSON: {error}") from None
        except RecursionError:
            raise ValueError(f"row {number}: this is nested too deeply") from None
        if not isinstance(row, dict):
            raise ValueError(f"row {number}: each line is an object with item, provider and answer")
        yield row


def _no_number(name: str) -> Any:
    """Two answers that are missing (``NaN``) must not be equal."""
    raise ValueError(f"{name} is none; what is missing is null")


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
        item=unicodedata.normalize("NFC", str(row["item"])),
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
    if value is None:
        return None
    if isinstance(value, str):  # one way of writing accents (NFC), so that equal texts are equal
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Decimal):  # 1.0 is 1
        plain = value.normalize()
        return format(plain, "f") if abs(plain.adjusted()) < _WRITTEN_OUT else str(plain)
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
