"""What stands once for many rows: subjects and charge lines, in whichever process they were first met."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ledger_support import check_sums, intent, line, one, rows, settlement

from broker.ledger import SqliteLedger
from broker.types.call import AttemptKind
from broker.types.money import Billed

SUBJECTS: tuple[dict[str, Any], ...] = (
    {},
    {"region": "eu-west-1"},
    {"region": ""},
    {"profile": "prod"},
    {"kind": AttemptKind.RETRY},
    {"currency": "EUR"},
)
FIELDS = ("provider", "profile", "service", "operation", "region", "currency")


def test_each_row_says_who_it_was_and_subjects_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for _ in range(2):  # another process finds the subjects there
        with closing(SqliteLedger(str(path))) as ledger:
            for changes in SUBJECTS:
                one(ledger, **changes)
                ledger.announce(intent(**changes))
    wanted = [intent(**changes) for changes in SUBJECTS]
    for state in ("settled", "open"):
        found = rows(path, "SELECT * FROM attempt WHERE state = ? ORDER BY seq", state)
        assert len(found) == 2 * len(wanted)
        for row, each in zip(found, wanted * 2, strict=True):
            assert [row[name] for name in FIELDS] == [getattr(each, name) for name in FIELDS]
            assert (row["kind"], row["day"]) == (each.kind.value, each.day)
    assert rows(path, "SELECT count(*) FROM subject")[0][0] == len(SUBJECTS)
    check_sums(path)


@pytest.mark.parametrize("billed", [Billed.YES, Billed.UNKNOWN])
def test_charge_lines_that_come_again_are_kept_once_and_read_as_before(
    tmp_path: Path, billed: Billed
) -> None:
    path = tmp_path / "ledger.db"
    lines = (line(Decimal("0.002")), line(Decimal("0.001"), sku="other"))
    same = settlement(billed=billed, charges=lambda _: lines)
    for _ in range(2):
        with closing(SqliteLedger(str(path))) as ledger:
            for _ in range(3):
                one(ledger, same)
            one(ledger, settlement(billed=billed, charges=lambda _: (line(Decimal("0.003")),)))
    assert rows(path, "SELECT count(*) FROM charge_list")[0][0] == 1
    stored = [row["charges"] for row in rows(path, "SELECT charges FROM closed_row ORDER BY seq")]
    assert [text.startswith("[") for text in stored] == [True, False, False, True] * 2
    charges = rows(path, "SELECT attempt, sku FROM charge ORDER BY attempt")
    assert [row["sku"] for row in charges].count("other") == 6
    assert len(charges) == 6 * 2 + 2
    check_sums(path)


def test_a_number_is_not_kept_for_lines_whose_writing_was_undone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    lines = (line(Decimal("0.002")),)
    same = settlement(charges=lambda _: lines)
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger, same)
        ticket = ledger.announce(intent())
        ledger._close_attempt, close = _fails, ledger._close_attempt  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            ledger.settle(ticket, same)
        assert rows(path, "SELECT count(*) FROM charge_list")[0][0] == 0
        ledger._close_attempt = close  # type: ignore[method-assign]
        ledger.settle(ticket, same)
        one(ledger, same)
    assert rows(path, "SELECT count(*) FROM charge_list")[0][0] == 1
    assert rows(path, "SELECT count(*) FROM charge")[0][0] == 3
    check_sums(path)


def _fails(*_: object) -> None:
    raise ZeroDivisionError
