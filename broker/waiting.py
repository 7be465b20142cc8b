"""Wait until an engine has worked through what it accepted: by asking it, as seldom as will do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from broker.contract.operations import STATUS
from broker.core import Core, sum_of
from broker.errors import BadInput, BrokerError, DeadlineExceeded, StillIndexing, Throttled, Unavailable
from broker.types.call import Attempt, Result
from broker.types.document import ids as checked_ids
from broker.types.money import Cost
from broker.types.write import DocumentState, DocumentStatus, WriteReport

FIRST_SECONDS, LONGEST_SECONDS, FACTOR = 0.5, 15.0, 1.6
"""Between two questions: engines take from a second to an hour."""
DEADLINE = 300.0
"""Seconds for the whole wait, where the caller does not say."""


async def wait_until(core: Core, given: Any, options: Mapping[str, Any]) -> Result[WriteReport]:
    """Ask for the status of documents until none is under way.

    Each question is a call of its own, with its attempts and its cost; the result has the sum. A document that failed is
    told in the report, not raised.

    :param given: ids, or the report of an upsert or a deletion.
    :param options: of ``search.status``; ``deadline`` is that of the whole wait; ``gone``: wait until they are not there
        any more.

    Raises :class:`StillIndexing` at the deadline, from what kept the last question from an answer, if anything did; and what
    ``search.status`` raises where asking again would not help.
    """
    keys = given.acknowledged if isinstance(given, WriteReport) else checked_ids(given)
    if not keys:
        raise BadInput("there is nothing to wait for: no document was accepted")
    runtime, seconds = core.services.runtime, _seconds(options.get("deadline", DEADLINE))
    asked = {name: value for name, value in options.items() if name not in ("deadline", "gone")}
    gone = bool(options.get("gone", False))
    until = runtime.monotonic() + seconds
    found: dict[str, DocumentStatus] = {}
    costs: list[Cost] = []
    attempts: list[Attempt] = []
    pause, result = FIRST_SECONDS, None
    failed: BrokerError | None = None
    while True:
        pending = tuple(key for key in keys if not _settled(found.get(key), gone=gone))
        if not pending and result is not None:
            report = WriteReport(statuses=tuple(found[key] for key in keys))
            return replace(
                result,
                value=report,
                cost=sum_of(costs),
                attempts=tuple(attempts),
                latency=_since(core, until, seconds),
            )
        left = until - runtime.monotonic()
        if result is not None or costs:
            nap = min(pause * (0.8 + 0.4 * runtime.random()), left)
            if left <= 0.0 or nap <= 0.0:
                raise _late(keys, pending, found, seconds, costs, attempts) from failed
            await runtime.sleep(nap)
            pause = min(LONGEST_SECONDS, pause * FACTOR)
            left = until - runtime.monotonic()
            if left <= 0.0:
                raise _late(keys, pending, found, seconds, costs, attempts) from failed
        try:
            result = await core.run(
                STATUS,
                pending,
                {**asked, "deadline": max(0.001, min(core.services.settings.deadline, left))},
            )
        except (Throttled, Unavailable, DeadlineExceeded) as error:
            # A question has a deadline of its own, the last one what is left of the wait's: neither ends the wait.
            failed = error
            attempts += error.attempts
            costs.append(error.cost if error.cost is not None else sum_of([]))
            if not isinstance(error, DeadlineExceeded) and error.retry_after is not None:
                pause = max(pause, error.retry_after)
            continue
        except BrokerError as error:
            error.attempts, error.cost = (
                (*attempts, *error.attempts),
                sum_of([*costs, *([error.cost] if error.cost is not None else [])]),
            )
            raise
        failed = None
        attempts += result.attempts
        costs.append(result.cost)
        found.update((each.id, each) for each in result.value.statuses)


def _settled(status: DocumentStatus | None, *, gone: bool) -> bool:
    if status is None:
        return False
    if gone:
        return status.state is DocumentState.ABSENT
    # A document that was just accepted may not be known by its id yet.
    return status.state in (DocumentState.DONE, DocumentState.FAILED)


def _late(
    keys: tuple[str, ...],
    pending: tuple[str, ...],
    found: Mapping[str, DocumentStatus],
    seconds: float,
    costs: list[Cost],
    attempts: list[Attempt],
) -> StillIndexing:
    error = StillIndexing(
        f"after {seconds:g} s {len(pending)} of {len(keys)} documents are not yet where they shall be; wait again, or ask "
        "search.status later"
    )
    error.pending, error.attempts, error.cost = pending, tuple(attempts), sum_of(costs)
    error.report = WriteReport(
        statuses=tuple(
            found.get(key, DocumentStatus(id=key, state=DocumentState.UNKNOWN, may_retry=True))
            for key in keys
        )
    )
    return error


def _since(core: Core, until: float, seconds: float) -> float:
    return seconds - (until - core.services.runtime.monotonic())


def _seconds(deadline: Any) -> float:
    if isinstance(deadline, timedelta):
        deadline = deadline.total_seconds()
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or not 0.0 < deadline < 1e9:
        raise BadInput(f"deadline must be a number of seconds above 0 or a timedelta, not {deadline!r:.80}")
    return float(deadline)
