"""Answers that were recorded elsewhere, read into a run as if they had been given in it, and marked as what they are.

A table (CSV with a head line, or JSONL; ``.gz`` of either) with a row for each answer: ``item`` (the id in the data set),
``answer``, and where known ``provider``, ``operation``, ``failed``, ``latency`` (seconds), ``confidence`` (0..1), ``price``,
``model``. An answer is the JSON that a run keeps (:func:`broker.scoring.stored_answer`), or one of the short forms of
:mod:`broker.bench.short_answers`. Columns that are not listed are left alone. Or a folder of answers as a vendor sent them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from broker.bench.kept import Ended, Question, StoredItem
from broker.bench.lanes import Replayed
from broker.bench.reread import Reader, reader_of
from broker.bench.short_answers import kept_form
from broker.bench.store import Store
from broker.client import Broker
from broker.datasets import Kind
from broker.errors import BadInput, BrokerError, MalformedReply, ProviderError
from broker.runtime.blocking import drive
from broker.scoring import stored_answer
from broker.types.json import JsonValue
from broker.types.money import LARGEST_AMOUNT
from broker.types.request import Request

_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"", "false", "0", "no", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a recording gave a lane.

    :param taken: answers and failures of items of the data set. ``strange``: rows of other items.
    """

    taken: int
    strange: int


def replay(store: Store, lane: Replayed, broker: Broker, *, operations: int, at: datetime) -> Replay:
    """Read the lane's rows, or its folder of vendors' answers, into the store; again does no harm.

    :param operations: of the plan; with several the table must name them.

    Raises :class:`~broker.errors.BadInput` naming the row for what cannot be read, and where no row fits the lane.
    """
    with store.together():
        if os.path.isdir(lane.section.answers):
            return _folder(store, lane, broker, at)
        return _table(store, lane, operations, at)


def _table(store: Store, lane: Replayed, operations: int, at: datetime) -> Replay:
    path, section, operation = lane.section.answers, lane.section, lane.lane.operation
    taken = strange = 0
    seen = bytearray(store.known_items() + 1)
    for number, row in _rows(path):
        if section.provider is not None and row.get("provider") not in (None, "", section.provider):
            continue
        if operations > 1 and not row.get("operation"):
            raise BadInput(f"{path}, row {number}: it names no operation, and the plan has {operations}")
        if row.get("operation") not in (None, "", operation):
            continue
        item = store.item_number(str(row.get("item", "")))
        if item is None:
            strange += 1
            continue
        if seen[item]:
            raise BadInput(
                f"{path}, row {number}: a second answer to item {row['item']!r}; which one counts? Name a provider in "
                "[[replay]] if the table has several"
            )
        seen[item] = True
        try:
            ended = _ended(operation, row)
        except ValueError as error:
            raise BadInput(f"{path}, row {number}: {error}") from None
        store.end(Question(lane=lane.number, repetition=1, item=item), ended, at)
        taken += 1
    if not taken:
        raise BadInput(
            f"{path}: no row is of {lane.lane.name} at {operation} and of an item of the data set; items go by the id in the "
            "data set, of files the path within the folder"
        )
    return Replay(taken=taken, strange=strange)


def _folder(store: Store, lane: Replayed, broker: Broker, at: datetime) -> Replay:
    """``ITEM.json`` for each item (its id, with or without the ending): what the vendor sent, read by the vendor's adapter."""
    folder, operation = lane.section.answers, lane.lane.operation
    reader = reader_of(broker.registry, lane.lane.provider, lane.operation)
    if reader is None:
        raise BadInput(
            f"kept answers of {operation} cannot be read again for {lane.lane.provider}; give a table of answers instead"
        )
    taken, after = 0, 0
    while block := store.items(after, 200):
        after = block[-1].number
        for item in block:
            path = _answer_to(folder, item)
            if path is None:
                continue
            try:
                with open(path, "rb") as file:
                    raw = json.load(file)
                call = drive(broker.core.prepare(lane.operation, item.input, lane.options))
                ended = _read(reader, raw, call.request)
            except (OSError, ValueError, RecursionError, BrokerError) as error:
                raise BadInput(f"{path}: it cannot be read as an answer of {operation}: {error}") from None
            store.end(Question(lane=lane.number, repetition=1, item=item.number), ended, at)
            taken += 1
    if not taken:
        raise BadInput(
            f"{folder}: it holds no answer to an item of the data set; a file is called ITEM.json after its item"
        )
    return Replay(taken=taken, strange=0)


def _read(reader: Reader, raw: JsonValue, request: Request) -> Ended:
    """What the vendor sent, or that it refused this item in the midst of an answer. Raises MalformedReply for neither."""
    try:
        value = reader.read(raw, request)
    except MalformedReply:
        raise
    except ProviderError as error:
        return Ended(ok=False, error_kind=type(error).__name__, error=str(error))
    operation = reader.operation.name
    return Ended(ok=True, answer=stored_answer(operation, value), raw=json.dumps(raw, ensure_ascii=False))


def _answer_to(folder: str, item: StoredItem) -> str | None:
    name = item.id
    if os.path.isabs(name) or ".." in name.split("/"):
        return None
    # Only a file's id has an ending: text v1.2 is no other one than v1.3.
    bare = [f"{os.path.splitext(name)[0]}.json"] if Kind(item.kind).is_file else []
    for found in (f"{name}.json", *bare):
        path = os.path.join(folder, found)
        if os.path.isfile(path):
            return path
    return None


def _rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    bare = path.removesuffix(".gz")
    if not bare.endswith((".csv", ".jsonl")):
        raise BadInput(f"{path}: recorded answers are .csv or .jsonl files, plain or gzipped")
    try:
        with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")  # type: ignore[arg-type,type-var,unused-ignore]
            yield from enumerate(_jsonl(text, path) if bare.endswith(".jsonl") else csv.DictReader(text), 1)
    except OSError as error:
        raise BadInput(f"the recorded answers {path!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: it is no UTF-8 text (byte {error.start})") from None


def _jsonl(lines: io.TextIOWrapper, path: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path}, row {number}: this is no JSON: {error}") from None
            if not isinstance(row, dict):
                raise BadInput(f"{path}, row {number}: each line is an object with item and answer")
            yield row


def _ended(operation: str, row: Mapping[str, Any]) -> Ended:
    said = row.get("failed")
    failed = ("" if said is None else str(said)).lower()
    if failed not in _YES | _NO:
        raise ValueError(f"failed is true or false, not {said!r}")
    answer = row.get("answer")
    ok = failed in _NO and answer is not None
    price = _price(row.get("price"))
    confidence = _number(row.get("confidence"), "confidence")
    latency = _number(row.get("latency"), "latency")
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise ValueError(f"a confidence lies in 0..1, not {confidence:g}")
    return Ended(
        ok=ok,
        answer=kept_form(operation, answer, confidence) if ok else None,
        latency=latency if ok else None,
        known=price,
        currency=str(row.get("currency") or "USD"),
        model=str(row["model"]) if row.get("model") else None,
        error_kind=None if ok else str(row.get("error") or "failed (recorded)"),
        error=None if ok else "the recording has no answer",
    )


def _number(value: Any, name: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} is a number of 0 or more, not {value!r}")
    return number


def _price(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or not 0 <= price <= LARGEST_AMOUNT:
        raise ValueError(f"a price is 0 or more, not {value!r}")
    return price
