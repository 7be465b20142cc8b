"""What stands, in ``mlbroker spend``: apart from what calls cost, with the rule by which it is shared out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from broker.cli import output
from broker.types.money import EXACT, quantize, shown_amount

if TYPE_CHECKING:
    from rich.console import Console

    from broker.ledger.base import SpendQuery
    from broker.types.standing import AllocatedRow, StandingSpend

RULE = "a day's cost in equal parts to its answered attempts; idle: of days without one"


def document(found: StandingSpend, query: SpendQuery) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "rule": found.rule,
        "rows": [
            {
                "name": row.name,
                "sku": row.sku,
                "provider": row.provider,
                "profile": row.profile,
                "units": output.decimal(row.units),
                "hours": output.decimal(quantize(row.hours)),
                "currency": row.currency,
                "amount": output.decimal(row.amount),
                "allocated": output.decimal(row.allocated),
                "idle": output.decimal(row.idle),
                "unpriced_hours": output.decimal(quantize(row.unpriced_hours)),
                "unpriced": row.unpriced,
                "until": row.ended,
            }
            for row in found.rows
        ],
        "allocated": [
            {
                "group": dict(zip(query.by, row.group, strict=True)),
                "attempts": row.attempts,
                "currency": row.currency,
                "amount": output.decimal(row.amount),
            }
            for row in found.allocated
        ],
        "totals": {currency: output.decimal(amount) for currency, amount in sorted(found.totals.items())},
    }


def show(screen: Console, found: StandingSpend, query: SpendQuery) -> None:
    """Nothing where nothing stands."""
    if not found.rows:
        return
    screen.print(output.text("paid by the hour, called or not; in no amount above", "bold"))
    table = output.table("what stands", "hours", "amount", "idle", right=("hours", "amount", "idle"))
    for row in found.rows:
        hours = f"{row.hours:,.2f}".removesuffix(".00")
        amount = "unknown" if row.amount is None else shown_amount(_rounded(row.amount), row.currency)
        if row.amount is not None and row.unpriced_hours:
            amount += " + unknown"
        idle = "-" if row.amount is None else shown_amount(_rounded(row.idle), row.currency)
        name = f"{row.name} ({row.sku})"
        table.add_row(*(output.text(cell) for cell in (name, hours, amount, idle)))
    screen.print(table)
    if found.allocated:
        names = ("attempts", "its share", "for each")
        shares = output.table(*query.by, *names, right=names)
        for each in found.allocated:
            share = shown_amount(_rounded(each.amount), each.currency)
            cells = (*each.group, f"{each.attempts:,}", share, _for_each(each))
            shares.add_row(*(output.text(cell) for cell in cells))
        screen.print(shares)
    for row in found.rows:
        if row.unpriced:
            screen.print(output.text(f"{row.name}: {row.unpriced}", "yellow"))
    screen.print(output.text(f"rule {found.rule}: {RULE}", "dim"))
    screen.print()


def _for_each(row: AllocatedRow) -> str:
    if not row.attempts:
        return "-"
    return shown_amount(_rounded(EXACT.divide(row.amount, row.attempts)), row.currency)


def _rounded(amount: Decimal) -> Decimal:
    """As people read it: with six decimals; ``--json`` has all."""
    return round(amount, 6)
