"""The answer to several items in one request: each checked like a single answer, and only what may be billed is metered."""

from __future__ import annotations

from typing import Any

from broker.contract.context import Batch, Reply
from broker.contract.operations import OPERATIONS
from broker.errors import BILLED, MalformedReply, Outcome, ProviderError
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call
from broker.types.batch import BatchRequest
from broker.types.money import Usage


def check_items(reply: Reply[Any], call: Call) -> None:
    """Whether there is an answer of the right kind to each item. Raises :class:`MalformedReply`."""
    items, asked = reply.payload.items, call.request
    due = OPERATIONS[call.operation.name].payload
    if not isinstance(asked, BatchRequest) or len(items) != len(asked.items):
        raise MalformedReply(f"the adapter returned {len(items)} answers to another number of items")
    for item in items:
        answered = isinstance(item, Reply) and isinstance(item.payload, due)
        if not answered and not isinstance(item, ProviderError):
            raise MalformedReply(f"the adapter returned an answer to an item that is no {due.__name__}")


def used_by(reply: Reply[Any], call: Call) -> tuple[Usage, ...]:
    """What the vendor may bill: the items it answered, and those that failed in a way that may be billed."""
    found: list[Usage] = []
    meter = target_of(call).spec.meter
    for item, request in zip(reply.payload.items, call.request.items, strict=True):  # type: ignore[attr-defined] # check_items has seen it
        if isinstance(item, ProviderError):
            if BILLED[item.outcome] is not False:
                found.extend(meter(request))
        else:
            found.extend(item.usage or meter(request))
    return tuple(found)


def failed_whole(batch: Batch[Any]) -> ProviderError | None:
    """The first error, where every item failed and none can have been billed: then the request is not either."""
    errors = [item for item in batch.items if isinstance(item, ProviderError)]
    if len(errors) < len(batch.items) or any(BILLED[each.outcome] is not False for each in errors):
        return None
    return errors[0]


def outcome_of(reply: Reply[Any]) -> tuple[Outcome, ProviderError | None]:
    """What the ledger notes of an answered request: its items may all have failed."""
    if isinstance(reply.payload, Batch):
        error = failed_whole(reply.payload)
        if error is not None:
            return error.outcome, error
    return Outcome.DONE, None
