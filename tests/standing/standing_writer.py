"""A process that declares, ends and watches what stands, again and again, until it is killed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from standing_support import START, meter
from test_standing_budgets import intent, paid

from broker.errors import BudgetExceeded
from broker.ledger import LedgerBusy, SqliteLedger

AT = datetime(2026, 1, 15, 12, tzinfo=UTC)


def main(path: str, mine: int) -> None:
    ledger = SqliteLedger(path)
    print("ready", flush=True)
    for number in range(10_000):
        at = AT + timedelta(minutes=number)
        try:
            ledger.stand([meter("shared"), meter(f"{mine}-{number % 50}", START + timedelta(days=1))], at)
            if number % 3 == 0:
                ledger.end_standing(f"{mine}-{number % 50}", START + timedelta(days=3), at)
            ledger.settle(ledger.announce(intent(at)), paid("1"))
        except BudgetExceeded:
            print("refused", flush=True)
        except LedgerBusy:
            continue
        print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
