"""What the commands on indexes share: their options, and what a dry run says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from broker.cli import asking, exits, output

if TYPE_CHECKING:
    from broker.types.estimate import Estimate
    from broker.types.standing import StandingRate

Index = Annotated[
    str | None, typer.Option("--index", "-i", metavar="NAME", help="Which index; else the settings' one.")
]
Words = Annotated[list[str], typer.Argument(metavar="WORDS", help="What to look for.", show_default=False)]


def call_options(
    *,
    provider: list[str] | None,
    index: str | None,
    deadline: float | None,
    max_cost: str | None,
    tag: list[str] | None,
    ext: list[str] | None,
    **more: Any,
) -> dict[str, Any]:
    """The facade's keywords, without those that were not given."""
    asked = asking.given(
        provider=provider,
        language=more.pop("language", None),
        deadline=deadline,
        max_cost=max_cost,
        tag=tag,
        ext=ext,
        raw=more.pop("raw", False),
        index=index,
        **more,
    )
    return asked


def planned(command: str, estimates: Sequence[Estimate], as_json: bool) -> NoReturn:
    """Say what it would cost, and end."""
    amounts = [each.amount for each in estimates]
    total = None if None in amounts else sum((each for each in amounts if each is not None), Decimal(0))
    currencies = {each.currency for each in estimates if each.amount}
    currency = currencies.pop() if len(currencies) == 1 else "USD"
    if currencies:
        total = None
    takes = all(each.first is not None for each in estimates)
    code = exits.OK if takes else exits.NOT_CONFIGURED
    if as_json:
        output.emit(
            {
                "command": command,
                "dry_run": True,
                "estimates": [
                    {
                        "provider": None if each.first is None else each.first.name,
                        "amount": each.amount,
                        "upper_bound": each.upper_bound,
                        "currency": each.currency,
                        "shown": each.shown,
                        "standing": []
                        if each.first is None
                        else [_rate(rate) for rate in each.first.standing],
                    }
                    for each in estimates
                ],
                "amount": total,
                "currency": currency,
                "exit_code": code,
            }
        )
        raise typer.Exit(code)
    from broker.types.money import shown_amount

    screen = output.console()
    for line in dict.fromkeys(each.shown for each in estimates):
        screen.print(output.text(line), soft_wrap=True)
    rates = [rate for each in estimates if each.first is not None for rate in each.first.standing]
    for told in dict.fromkeys(_told(rate) for rate in rates):
        screen.print(output.text(told), soft_wrap=True)
    whole = "unknown" if total is None else shown_amount(total, currency)
    screen.print(
        output.text(f"{output.counted(len(estimates), 'call')}, cost {whole}; nothing was sent", "bold")
    )
    raise typer.Exit(code)


def _rate(rate: StandingRate) -> dict[str, Any]:
    return {
        "name": rate.name or None,
        "sku": rate.sku,
        "units": output.decimal(rate.units),
        "hourly": output.decimal(rate.hourly),
        "currency": rate.currency,
        "unpriced": rate.unpriced,
    }


def _told(rate: StandingRate) -> str:
    """What stands beside the cost of the calls."""
    from broker.types.money import quantize, shown_amount

    if rate.hourly is None:
        return f"beside it stands {rate.name or rate.sku}: {rate.unpriced}"
    cost = shown_amount(quantize(rate.hourly), rate.currency)
    return f"beside it stands {rate.name} ({rate.sku}): {cost} an hour, called or not"
