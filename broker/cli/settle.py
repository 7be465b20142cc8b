"""``mlbroker settle``: attempts that may have been billed, and what a person found out about them.

``--json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``attempts`` (a list:
``call_id``, ``number``, ``started``, ``provider``, ``profile``, ``operation``, ``currency``, ``at_most`` (null: no
known price), ``outcome`` (null: its process died), ``error``, ``request_id``), ``at_most`` by currency,
``unpriced_attempts``, ``decision`` (null where nothing was asked to be settled: ``settled``, ``amount``, each;
null is as announced, ``reason``) and ``exit_code``. It is 1, without ``--json``, if attempts came or went while the
question stood.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.ledger.base import Decision, UnknownAttempt, UnknownQuery
    from broker.ledger.sqlite import SqliteLedger

_ENDED = {
    "server": "the provider failed",
    "ambiguous": "the answer was lost",
    "unknown": "an unknown error",
}
_AMOUNT = re.compile(r"\$?(?P<number>[0-9]+(?:\.[0-9]{1,12})?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the options say. ``decision`` is None where they only ask for the list."""

    query: UnknownQuery
    decision: Decision | None
    yes: bool
    dry_run: bool


def settle(
    context: typer.Context,
    call: Annotated[
        str | None, typer.Option("--call", metavar="ID", help="The attempts of this call.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", "-p", metavar="NAME", help="Those at this provider.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Those of this day (UTC) or before.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    not_billed: Annotated[bool, typer.Option("--not-billed", help="They are not on the invoice.")] = False,
    billed: Annotated[
        str | None, typer.Option("--billed", metavar="AMOUNT", help="Each was billed this much, as 0.0015.")
    ] = None,
    as_announced: Annotated[
        bool, typer.Option("--as-announced", help="Each was billed the most it could cost.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="How you know; kept in the ledger.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do; settle nothing.")] = False,
    as_json: options.Json = False,
) -> None:
    """List attempts that may have been billed, and settle them."""
    state = options.begin(context, as_json)
    asked = _asked(
        _query(call, provider, until, every=every),
        selected=every or not (call is None and provider is None and until is None),
        decision=_decision(not_billed, billed, as_announced, reason),
        yes=yes,
        dry_run=dry_run,
    )
    from broker.cli import standing
    from broker.config import load_settings

    settings = load_settings(state.config)
    ledger = standing.open_there(settings)
    if ledger is None:
        _tell(settings, asked, [], settled=None, recorded=False, as_json=as_json)
        return
    try:
        code = _run(ledger, settings, asked, as_json)
    finally:
        ledger.close()
    raise typer.Exit(code)


def _query(call: str | None, provider: str | None, until: str | None, *, every: bool) -> UnknownQuery:
    from broker.ledger.base import UnknownQuery

    if every and (call or provider or until):
        raise typer.BadParameter("it leaves nothing to select", param_hint="--all")
    name, _, profile = (provider or "").partition(":")
    # What an attempt's id looks like: the call's and the attempt's number.
    if call is not None and (found := re.fullmatch(r"([0-9a-f]{32})-[0-9]+", call)):
        raise typer.BadParameter(
            f"the call is {found[1]}; its attempts are settled together", param_hint="--call"
        )
    return UnknownQuery(
        call_id=call, provider=name or None, profile=profile or None, until=options.day(until, "--until")
    )


def _decision(
    not_billed: bool, billed: str | None, as_announced: bool, reason: str | None
) -> Decision | None:
    from broker.ledger.base import Decision

    named = [
        name
        for name, given in (
            ("--not-billed", not_billed),
            ("--billed", billed is not None),
            ("--as-announced", as_announced),
        )
        if given
    ]
    if len(named) > 1:
        raise typer.BadParameter("one decision at a time", param_hint=" and ".join(named))
    if not named:
        if reason is not None:
            raise typer.BadParameter(
                "a reason for what? Add --not-billed, --billed AMOUNT or --as-announced",
                param_hint="--reason",
            )
        return None
    if reason is None or not output.plain(reason).strip():
        raise typer.BadParameter(
            "say how you know, such as 'not on invoice 4711'; it is kept", param_hint="--reason"
        )
    amount: Decimal | None = None if as_announced else Decimal(0)
    if billed is not None:
        found = _AMOUNT.fullmatch(billed)
        if found is None:
            raise typer.BadParameter(
                f"{output.plain(billed)!r} is no amount; write it as 0.0015, with 12 decimals at most",
                param_hint="--billed",
            )
        amount = Decimal(found["number"])
    return Decision(amount=amount, reason=output.plain(reason).strip())


def _asked(
    query: UnknownQuery, *, selected: bool, decision: Decision | None, yes: bool, dry_run: bool
) -> _Asked:
    if decision is not None and not selected:
        raise typer.BadParameter(
            "say which attempts: --call, --provider, --until or --all", param_hint=_option(decision)
        )
    if decision is None and (yes or dry_run):
        raise typer.BadParameter(
            "there is nothing to do; add --not-billed, --billed AMOUNT or --as-announced",
            param_hint="--yes" if yes else "--dry-run",
        )
    return _Asked(query=query, decision=decision, yes=yes, dry_run=dry_run)


def _run(ledger: SqliteLedger, settings: Settings, asked: _Asked, as_json: bool) -> int:
    import contextlib

    from broker.cli import standing
    from broker.ledger.base import LedgerBusy

    with contextlib.suppress(LedgerBusy):  # another process is writing: what is known is there all the same
        ledger.recover()
    found = ledger.unknown(asked.query)
    decision = asked.decision
    if decision is None or not found:
        _tell(settings, asked, found, settled=None, as_json=as_json)
        return exits.OK
    _check(decision, found)
    if asked.dry_run:
        _tell(settings, asked, found, settled=0, as_json=as_json)
        return exits.OK
    if not asked.yes:
        if as_json or not sys.stdin.isatty():
            raise typer.BadParameter(
                "nobody can be asked here; add --yes, or --dry-run to look", param_hint="--yes"
            )
        _show(found)
        if not typer.confirm(_would(decision, found) + "?", err=True):
            output.complain("nothing is settled", "note")
            return exits.OK
        if ledger.unknown(asked.query) != found:
            output.complain("attempts came or went since they were shown; nothing is settled, look again")
            return exits.FAILED
    try:
        done = ledger.decide(asked.query, decision, standing.now())
    except ValueError as error:  # beyond what a ledger can hold
        raise typer.BadParameter(str(error), param_hint=_option(decision)) from None
    _tell(settings, asked, done, settled=len(done), as_json=as_json, shown=not asked.yes)
    return exits.OK


def _check(decision: Decision, found: Sequence[UnknownAttempt]) -> None:
    """What cannot be meant, before anybody is asked."""
    if decision.amount is None and any(each.bound is None for each in found):
        raise typer.BadParameter(
            "some have no known price, so nothing was announced; say --billed AMOUNT",
            param_hint="--as-announced",
        )
    currencies = sorted({each.currency for each in found})
    if decision.amount and len(currencies) > 1:
        raise typer.BadParameter(
            f"the attempts are in {' and '.join(currencies)}; select those of one by --call or --provider",
            param_hint="--billed",
        )


def _option(decision: Decision) -> str:
    if decision.amount is None:
        return "--as-announced"
    return "--billed" if decision.amount else "--not-billed"


def _sums(found: Sequence[UnknownAttempt]) -> dict[str, Decimal]:
    from broker.types.money import EXACT

    sums: dict[str, Decimal] = {}
    for each in found:
        if each.bound is not None:
            sums[each.currency] = EXACT.add(sums.get(each.currency, Decimal(0)), each.bound)
    return sums


def _most(found: Sequence[UnknownAttempt]) -> str:
    from broker.types.money import shown_amount

    parts = [shown_amount(amount, currency) for currency, amount in sorted(_sums(found).items())]
    unpriced = sum(each.bound is None for each in found)
    return " + ".join(
        [*parts, *([f"{output.counted(unpriced, 'attempt')} without a price"] if unpriced else [])]
    )


def _would(decision: Decision, found: Sequence[UnknownAttempt]) -> str:
    """``settle 3 attempts as billed $0.001 each, $0.003 in all``."""
    from broker.types.money import EXACT, shown_amount

    head = f"settle {output.counted(len(found), 'attempt')} as"
    if decision.amount is None:
        return f"{head} billed what was announced, {_most(found)}"
    if not decision.amount:
        return f"{head} not billed, so that {_most(found)} less may be owed"
    currency = found[0].currency
    each = shown_amount(decision.amount, currency)
    if len(found) == 1:
        return f"{head} billed {each}"
    whole = shown_amount(EXACT.multiply(decision.amount, Decimal(len(found))), currency)
    return f"{head} billed {each} each, {whole} in all"


def _tell(
    settings: Settings,
    asked: _Asked,
    found: Sequence[UnknownAttempt],
    *,
    settled: int | None,
    as_json: bool,
    recorded: bool = True,
    shown: bool = False,
) -> None:
    """The answer. ``settled`` is None where nothing was asked to be, 0 in a dry run."""
    from broker.cli import standing

    path = standing.ledger_path(settings)
    if as_json:
        output.emit(_document(path, asked, found, settled=settled, recorded=recorded))
        return
    screen = output.console()
    if not found:
        nothing = (
            "no attempt that matches waits for a decision" if _narrow(asked.query) else "nothing to settle"
        )
        screen.print(output.text(nothing if recorded else "nothing recorded yet, so nothing to settle"))
    elif asked.decision is None or settled is None:
        _show(found)
        noun = output.counted(len(found), "attempt")
        screen.print(output.text(f"{noun} may have been billed: at most {_most(found)}", "bold"))
        screen.print(output.text("when the invoice or the vendor's support says what became of them, type:"))
        screen.print(output.text("  mlbroker settle --call ID --not-billed --reason 'not on the invoice'"))
        screen.print(output.text("(or --billed AMOUNT, --as-announced; --provider, --until, --all)", "dim"))
    else:
        if not shown:
            _show(found)
        what = _would(asked.decision, found)
        line = f"would {what}; nothing is settled" if asked.dry_run else what.replace("settle", "settled", 1)
        screen.print(output.text(line, "bold"))
    screen.print(output.text(f"ledger: {output.home_short(path)}", "dim"))


def _narrow(query: UnknownQuery) -> bool:
    return query.call_id is not None or query.provider is not None or query.until is not None


def _show(found: Sequence[UnknownAttempt]) -> None:
    """Two lines an attempt: the ids are long, and people copy them."""
    from rich.padding import Padding

    from broker.types.money import shown_amount

    screen = output.console()
    for each in found:
        who = f"{each.provider}:{each.profile}" if each.profile else each.provider
        most = (
            "no known price" if each.bound is None else f"at most {shown_amount(each.bound, each.currency)}"
        )
        number = f", attempt {each.number}" if each.number > 1 else ""
        head = output.text(f"{each.started:%Y-%m-%d %H:%M} UTC  {who} {each.operation}{number}  {most}")
        head.stylize("bold", len(head) - len(most))
        screen.print(head)
        screen.print(Padding(output.text(f"call {each.call_id}  {_ended(each)}"), (0, 0, 0, 2), expand=False))
        if each.request_id:
            line = f"request {each.request_id}, for the vendor's support"
            screen.print(Padding(output.text(line), (0, 0, 0, 2), expand=False))
    screen.print()


def _ended(each: UnknownAttempt) -> str:
    if each.outcome is None:
        return "its process died"
    return _ENDED.get(each.outcome, each.outcome) + (f" ({each.error})" if each.error else "")


def _document(
    path: str, asked: _Asked, found: Sequence[UnknownAttempt], *, settled: int | None, recorded: bool
) -> dict[str, Any]:
    decision = asked.decision
    return {
        "command": "settle",
        "ledger": path,
        "recorded": recorded,
        "attempts": [
            {
                "call_id": each.call_id,
                "number": each.number,
                "started": each.started,
                "provider": each.provider,
                "profile": each.profile,
                "operation": each.operation,
                "currency": each.currency,
                "at_most": output.decimal(each.bound),
                "outcome": each.outcome,
                "error": each.error,
                "request_id": each.request_id,
            }
            for each in found
        ],
        "at_most": {currency: output.decimal(amount) for currency, amount in sorted(_sums(found).items())},
        "unpriced_attempts": sum(each.bound is None for each in found),
        "decision": None
        if decision is None
        else {
            "settled": settled or 0,
            "amount": output.decimal(decision.amount),
            "reason": decision.reason,
        },
        "exit_code": exits.OK,
    }
