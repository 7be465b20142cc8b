"""An auditor: recomputes rollup, meters and budgets of a ledger from the rows of its attempts, by means of its own."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

PICO = 10**12
CUTS = {"hour": 13, "day": 10, "month": 7}
SECONDS = {"m": 60, "h": 3600, "d": 86_400}


def rows(path: str, statement: str) -> list[dict[str, Any]]:
    """Straight from the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement).fetchall()]


def audit(path: str) -> list[str]:
    """What does not add up; empty if everything does."""
    attempts = rows(path, "SELECT * FROM attempt")
    decided = [row["seq"] for row in rows(path, "SELECT seq FROM decision")]
    wrong = [f"decided twice: {seq}" for seq in set(decided) if decided.count(seq) > 1]
    if rows(path, "PRAGMA integrity_check") != [{"integrity_check": "ok"}]:
        wrong.append("the file is damaged")
    if len({(row["call_id"], row["number"]) for row in attempts}) != len(attempts):
        wrong.append("an attempt is there twice")
    return [*wrong, *_rows(attempts), *_rollup(path, attempts), *_meters(path, attempts, set(decided)), *_budgets(path, attempts)]  # fmt: skip


def _rows(attempts: list[dict[str, Any]]) -> list[str]:
    found = []
    for row in attempts:
        amount, bound = row["amount"], row["bound"]
        if row["billed"] == "no" and (amount or bound):
            found.append(f"not billed, and yet it costs: {row}")
        if amount is not None and bound is not None and amount > bound:
            found.append(f"above its bound: {row}")
        if row["state"] != "open" and row["billed"] != "unknown" and row["held"] != "[]":
            found.append(f"certain, and yet it holds a budget: {row}")
    return found


def _rollup(path: str, attempts: list[dict[str, Any]]) -> list[str]:
    wanted: dict[tuple[str, ...], list[int]] = {}
    for row in attempts:
        if row["state"] == "open":
            continue
        certain = row["billed"] == "yes" and row["amount"] is not None
        facts = (
            1,
            row["billed"] == "unknown",
            row["amount"] is None and row["bound"] is None,
            row["error"] is not None,
            row["amount"] or 0,
            0 if certain else row["bound"] or 0,
        )
        for tag in ("", *(f"{name}={value}" for name, value in json.loads(row["tags"]).items())):
            who = (row["provider"], row["profile"], row["operation"], row["kind"], row["currency"])
            sums = wanted.setdefault((row["day"], tag, *who), [0] * 6)
            for place, fact in enumerate(facts):
                sums[place] += fact
    found = {
        tuple(list(row.values())[:7]): [
            *(row[name] for name in ("attempts", "unknown", "unpriced", "failed")),
            row["amount"] * 10**6 + row["amount_rest"],
            row["at_risk"] * 10**6 + row["at_risk_rest"],
        ]
        for row in rows(path, "SELECT * FROM spend")
    }
    return [
        f"rollup {key}: {found.get(key)}, the rows say {wanted.get(key)}"
        for key in {*wanted, *found}
        if wanted.get(key, [0] * 6) != found.get(key, [0] * 6)
    ]


def _meters(path: str, attempts: list[dict[str, Any]], decided: set[int]) -> list[str]:
    wanted: dict[tuple[str, str, str], Decimal] = {}
    wrong = []
    charges: dict[int, list[dict[str, Any]]] = {}
    for line in rows(path, "SELECT * FROM charge"):
        charges.setdefault(line["attempt"], []).append(line)
    for row in attempts:
        if row["billed"] != "yes" or row["seq"] in decided:
            continue
        lines = charges.get(row["seq"], [])
        if row["amount"] is not None and sum(line["amount"] for line in lines) != row["amount"]:
            wrong.append(f"its charges are not its amount: {row}")
        for line in lines:
            key = (row["day"][:7], f"{row['provider']}:{row['profile']}", line["sku"])
            wanted[key] = wanted.get(key, Decimal(0)) + Decimal(line["units"])
    found = {
        (r["month"], r["account"], r["sku"]): Decimal(r["units"]) for r in rows(path, "SELECT * FROM meter")
    }
    return wrong if found == wanted else [*wrong, f"meters {found}, the rows say {wanted}"]


def _budgets(path: str, attempts: list[dict[str, Any]]) -> list[str]:
    wrong = []
    uses = {
        (row["budget"], row["bucket"]): tuple(int(row[name]) for name in ("counted", "unknown"))
        for row in rows(path, "SELECT * FROM budget_use")
    }
    budgets = rows(path, "SELECT * FROM budget")
    names = {row["name"] for row in budgets}
    wrong += [f"use of a budget there is not: {key}" for key in uses if key[0] not in names]
    for budget in budgets:
        facts = json.loads(budget["definition"])
        wanted: dict[str, list[int]] = {}
        for row in attempts:
            if not _covers(facts, row):
                continue
            sums = wanted.setdefault(_bucket(facts["window"], row["started_at"]), [0, 0])
            counts = _counts(facts, row)
            sums[0] += counts
            sums[1] += counts if row["billed"] == "unknown" and row["state"] != "open" else 0
        first = _bucket(facts["window"], budget["since"])  # before, it need not know
        for bucket in {*wanted, *(each for name, each in uses if name == budget["name"])}:
            expected, found = (*wanted.get(bucket, (0, 0)),), uses.get((budget["name"], bucket), (0, 0))
            if bucket >= first and expected != found:
                wrong.append(f"budget {budget['name']} in {bucket}: {found}, the rows say {expected}")
    return wrong


def _covers(facts: dict[str, Any], row: dict[str, Any]) -> bool:
    provider, _, profile = (facts["provider"] or "").partition(":")
    tags = json.loads(row["tags"])
    return (
        (not provider or provider == row["provider"])
        and (not profile or profile == row["profile"])
        and all(tags.get(name) == value for name, value in facts["tags"])
    )


def _counts(facts: dict[str, Any], row: dict[str, Any]) -> int:
    value = row["bound"] if row["amount"] is None else row["amount"]
    if value == 0 or (value is not None and row["currency"] == facts["currency"]):
        return int(value)
    return int(Decimal(facts["unpriced"] or 0) * PICO)


def _bucket(window: str, started: str) -> str:
    if window in CUTS:
        return started[: CUTS[window]]
    found = re.fullmatch(r"rolling (\d+)([mhd])", window)
    assert found is not None
    width = int(found[1]) * SECONDS[found[2]] // 60
    return f"{int(datetime.fromisoformat(started).timestamp()) // width:012d}"
