"""Every fault of the list is proved by tests that exist, or says which capability it waits for."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
from fault_table import ALL, ROWS, Row

from broker.testing.faults import HTTP_FAULTS
from broker.testing.peer import GRPC_FAULTS

TESTS = Path(__file__).resolve().parents[1]


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def test_every_number_has_one_row() -> None:
    assert [row.number for row in ROWS] == list(range(1, 65))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number}-{row.words}")
def test_a_row_is_proved_or_waits(row: Row) -> None:
    assert row.words
    assert set(row.families) <= set(ALL)
    assert row.proofs or row.later, "neither a test nor a reason"
    for proof in row.proofs:
        file, _, name = proof.partition("::")
        path = TESTS / file
        assert path.is_file(), f"{row.number}: there is no {file}"
        assert name in functions(path), f"{row.number}: there is no {name} in {file}"


def test_the_numbers_of_the_kit_are_those_of_the_table() -> None:
    """A fault of the test kit proves the row of its number, by the tests that run over all of them."""
    runs = {
        "HTTP": (HTTP_FAULTS, "test_a_fault_is_told_rightly_and_every_request_is_in_the_ledger"),
        "gRPC": (GRPC_FAULTS, "test_a_fault_is_told_rightly_and_every_call_is_in_the_ledger"),
    }
    rows = {row.number: row for row in ROWS}
    for kind, (faults, test) in runs.items():
        numbers = {fault.number for fault in faults}
        claimed = {
            number for number, row in rows.items() if any(proof.endswith(test) for proof in row.proofs)
        }
        assert numbers <= claimed, f"{kind}: {numbers - claimed}"


def test_a_test_that_names_a_number_is_in_that_row() -> None:
    claimed = {(row.number, proof.rpartition("::")[2]) for row in ROWS for proof in row.proofs}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name in functions(path):
            words = name.split("_")
            if len(words) > 1 and words[0] == "test" and words[1].isdigit():
                number = int(words[1])
                mine = [each for each in claimed if each[0] == number]
                assert mine, f"{name} names {number}, whose row has no proof"
