"""Draws for calls that are over: one for each provider that was asked, and what a taken one hands over."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any

from broker.contract.context import Batch, Reply
from broker.contract.operations import OPERATIONS
from broker.errors import BadInput, BrokerError
from broker.pipeline.call import Call, Services
from broker.samples.plan import Plan
from broker.samples.rows import Skipped
from broker.samples.sampler import Sampler
from broker.samples.seen import Seen
from broker.types.batch import BatchRequest
from broker.types.call import Attempt
from broker.types.request import Request

log = logging.getLogger("broker")


class Draws:
    """One broker's. Raises nothing: sampling must not take a call's answer.

    :param sampler: counts the draws, and looks at what is taken.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.plans = sampler.plans
        """Use cases that are sampled."""
        self._warned = False

    def answered(self, call: Call, services: Services, reply: Reply[Any]) -> None:
        """A call, or a batch, has its answer."""
        plan, target = self.plans[call.use_case or ""], call.target
        if target is None:
            return
        try:
            provider = str(target.candidate)
            if type(reply.payload) is Batch:
                self._batch(call, services, plan, provider, reply.payload)
                return
            if len(call.attempts) > 1:  # those before it were asked, too, and did not answer
                for other in dict.fromkeys(map(_provider, call.attempts)):
                    if other != provider:
                        self._draw(call, services, plan, call.call_id, other, call.request, None, None)
            self._draw(call, services, plan, call.call_id, provider, call.request, reply, None)
        except Exception as error:  # noqa: BLE001 - as the class says
            self._missed(plan, error)

    def failed(
        self,
        call: Call,
        services: Services,
        error: BrokerError,
        item: str | None = None,
        request: Request | None = None,
    ) -> None:
        """A call, or an item of a batch, has got no answer. Where nobody was asked, or wrongly, nothing is counted.

        :param item: what it is drawn by; None: the call's id. ``request``: the item's own.
        """
        plan = self.plans.get(call.use_case or "")
        if plan is None or not call.attempts or isinstance(error, BadInput):
            return
        try:
            for provider in dict.fromkeys(map(_provider, call.attempts)):
                asked = call.request if request is None else request
                self._draw(call, services, plan, item or call.call_id, provider, asked, None, error)
        except Exception as problem:  # noqa: BLE001 - as the class says
            self._missed(plan, problem)

    def _missed(self, plan: Plan, error: Exception) -> None:
        """Said once: it would be the same with each call."""
        self._sampler.skip(plan.name, Skipped.UNSCORED)
        if not self._warned:
            self._warned = True
            log.warning("calls of %s are not sampled (%s); report it", plan.name, type(error).__name__)

    def _batch(self, call: Call, services: Services, plan: Plan, provider: str, batch: Batch[Any]) -> None:
        if not isinstance(call.request, BatchRequest):
            return
        for index, (request, answer) in enumerate(zip(call.request.items, batch.items, strict=True)):
            item = f"{call.call_id}#{index}"
            if isinstance(answer, Reply):
                self._draw(call, services, plan, item, provider, request, answer, None)
            elif not isinstance(answer, BadInput):
                self._draw(call, services, plan, item, provider, request, None, answer)

    def _draw(
        self,
        call: Call,
        services: Services,
        plan: Plan,
        item: str,
        provider: str,
        request: Request,
        reply: Reply[Any] | None,
        error: BrokerError | None,
    ) -> None:
        """Draw and count; where it is taken, hand over what there is."""
        now = services.runtime.now()
        answer = None if reply is None else reply.payload
        version = None if reply is None else reply.model_version
        found = self._sampler.draw(plan, item, provider, version, now, call.tags, answer)
        if found is None:
            return
        drawn, least = found
        target = call.target
        cost, currency = _cost(call.attempts) if item == call.call_id else (None, None)
        self._sampler.take(
            Seen(
                item=item,
                use_case=plan.name,
                operation=OPERATIONS[call.operation.name],
                request=request,
                provider=provider,
                draw=drawn,
                least=least,
                at=now,
                answer=answer,
                error=None if answer is not None else _kind(call, provider, error),
                region=None if target is None else target.region,
                model_version=version,
                latency=services.runtime.monotonic() - call.started,
                cost=cost,
                currency=currency,
                tags=dict(call.tags),
            )
        )


def _provider(attempt: Attempt) -> str:
    return f"{attempt.provider}:{attempt.profile}" if attempt.profile else attempt.provider


def _kind(call: Call, provider: str, error: BrokerError | None) -> str | None:
    """The class of what went wrong at this provider, and nothing else of it."""
    told = next((each.error for each in reversed(call.attempts) if _provider(each) == provider), None)
    return told or (None if error is None else type(error).__name__)


def _cost(attempts: list[Attempt]) -> tuple[Decimal | None, str | None]:
    """What the call came to; None: not known."""
    total, currency = Decimal(0), None
    for attempt in attempts:
        amount = attempt.cost.amount
        if amount is None or (amount and currency not in (None, attempt.cost.currency)):
            return None, None
        if amount:
            total, currency = total + amount, attempt.cost.currency
    return total, currency or (attempts[0].cost.currency if attempts else None)
