"""Exit codes, the one readable line for an error, and what to type next.

Codes, the same for every command and nothing else: 0 all well; 1 some file or provider failed; 2 wrong
usage; 3 not configured; 4 refused to spend (max-cost, budget, off switch or ledger); 130 interrupted.
Where several hold, the later of 1, 3, 4, 130 is given.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any

from broker.cli.output import told
from broker.errors import (
    AllProvidersFailed,
    AuthFailed,
    BadInput,
    BrokerError,
    BudgetExceeded,
    DeadlineExceeded,
    LedgerUnavailable,
    MalformedReply,
    NotConfigured,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    StillIndexing,
    SwitchedOff,
    Throttled,
    Unavailable,
    Unsupported,
)

OK, FAILED, USAGE, NOT_CONFIGURED, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130
_RANK = (OK, FAILED, NOT_CONFIGURED, REFUSED, INTERRUPTED)

EPILOG = """\b
Exit codes:
  0    all well
  1    some file or provider failed
  2    wrong usage
  3    not configured
  4    refused to spend: max-cost, budget, off switch or ledger
  130  interrupted (what was done is shown)

Every command has --json: one object on stdout, amounts as texts."""


def code_of(error: BaseException) -> int:
    """The exit code an error stands for."""
    if isinstance(error, AllProvidersFailed):
        codes = {code_of(each) for each in error.exceptions}
        return codes.pop() if len(codes) == 1 else FAILED
    if isinstance(error, NotConfigured):
        return NOT_CONFIGURED
    if isinstance(error, (BudgetExceeded, LedgerUnavailable, SwitchedOff)) or _busy(error):
        return REFUSED
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED


def worst(codes: Iterable[int]) -> int:
    """One code for many items."""
    return max(codes, key=_RANK.index, default=OK)


def message(error: BaseException) -> str:
    """One line: what is wrong and what to type next, safe for a terminal."""
    # The message of AllProvidersFailed names the reasons already; str() would add a count of them.
    text = told(error.message) if isinstance(error, AllProvidersFailed) else _text(error)
    tries = len(error.attempts) if isinstance(error, BrokerError) else 0
    text += f" (after {tries} attempts)" if tries > 1 else ""
    advice = _advice(error)
    notes = getattr(error, "__notes__", ()) if isinstance(error, BrokerError) else ()
    text = "; ".join((text, *map(told, notes)))
    return f"{text}; {advice}" if advice and advice not in text else text


def _text(error: BaseException) -> str:
    if isinstance(error, BrokerError):
        return told(str(error)).strip() or type(error).__name__
    # Not one of ours, so nobody has redacted it yet.
    from broker.contract.redact import redact

    return f"unexpected {type(error).__name__}: {redact(str(error))}".rstrip(": ")


def _advice(error: BaseException) -> str:
    if not isinstance(error, BrokerError):
        return "this is a bug; run 'mlbroker --debug …' again and report what it shows"
    if isinstance(error, Throttled):
        wait = f"wait {error.retry_after:g} s and " if error.retry_after else "wait a little and "
        return f"{wait}try again"
    if _busy(error):
        return "try again"
    if isinstance(error, BudgetExceeded) and _CAP in str(error):
        return ""
    if isinstance(error, BudgetExceeded) and _by_budget(error):
        return _BUDGET
    if isinstance(error, BadInput) and error.status is not None:  # the vendor's word, which may be none
        if error.misaddressed:  # what to check, the error says itself
            return ""
        return "it was refused as it stands; another input or other options may pass"
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return advice
    return ""


def _by_budget(error: BudgetExceeded) -> bool:
    """Whether --max-cost has no part in it; a dry run's refusal is known by its words."""
    text = str(error)
    return error.refusal is not None or (_BUDGET in text and "max_cost" not in text)


_CAP = "raise run.cost_cap"
"""Of a benchmark, which says all there is to do."""
_BUDGET = "'mlbroker budget' shows how budgets stand"
_ADVICE: tuple[tuple[type[BrokerError], str], ...] = (
    (AllProvidersFailed, "'mlbroker doctor' shows how each provider stands"),
    (NotConfigured, "'mlbroker doctor' shows how this machine stands"),
    (BudgetExceeded, "raise --max-cost or name a cheaper provider with --provider"),
    (StillIndexing, "give it more seconds with --wait"),
    (DeadlineExceeded, "give it more seconds with --deadline"),
    (AuthFailed, "'mlbroker doctor' shows where the credential comes from"),
    (QuotaExhausted, "raise the quota with the vendor or name another provider with --provider"),
    (Unavailable, "try again later or name another provider with --provider"),
    (Unsupported, "'mlbroker providers' shows who can"),
    (ProviderFault, "report it to the vendor with the request id, or name another provider with --provider"),
    (MalformedReply, "try again or name another provider with --provider"),
)


def _busy(error: BaseException) -> bool:
    return type(error).__name__ == "LedgerBusy"  # by name: the ledger's module is not loaded for every error


def document(error: BaseException) -> dict[str, Any]:
    """An error for ``--json``: ``type``, ``message``, ``provider``, ``billed``, ``call_id``, ``retry_at``, ``budget``.

    ``billed`` is true, false or null for *not known*; ``retry_at`` is when to come back, if that is known;
    ``budget`` the name of the one that refused.
    """
    ours = error if isinstance(error, BrokerError) else None
    refusal = error.refusal if isinstance(error, BudgetExceeded) else None
    retry_at = error.retry_at if isinstance(error, (ProviderError, AllProvidersFailed)) else None
    return {
        "type": type(error).__name__,
        "message": message(error),
        "provider": error.provider if isinstance(error, ProviderError) else None,
        "billed": None if ours is None else ours.billed,
        "call_id": None if ours is None else ours.call_id,
        "retry_at": None if retry_at is None else retry_at.isoformat(),
        "budget": None if refusal is None else refusal.state.budget.name,
    }


def trace(error: BaseException) -> str:
    """The traceback for ``--debug``, each line redacted and safe for a terminal."""
    from broker.contract.redact import redact

    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(line[: len(line) - len(line.lstrip(" "))] + redact(line, 2000) for line in lines)
