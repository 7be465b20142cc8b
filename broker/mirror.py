"""Shadow calls: another provider is asked the same, through a call path of its own that nobody's calls share.

Own connections, own limits and breakers, own adapters; the same ledger and the same prices, so that every shadow call is
in the spend reports (kind ``shadow``) and below every budget. One provider, one attempt, no switch, no sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from broker.config import Settings
from broker.contract.adapter import Adapter
from broker.contract.context import Reply
from broker.core import new_id, total_cost
from broker.errors import BrokerClosed, BrokerError
from broker.guard.guards import Guards
from broker.ledger.base import Ledger
from broker.pipeline.ahead import Ahead
from broker.pipeline.build import compose
from broker.pipeline.call import Call, Candidate, Services
from broker.pipeline.estimate import estimate
from broker.pricing.book import PriceBook
from broker.registry import Registry
from broker.runtime.blocking import BlockingRuntime, drive
from broker.runtime.door import Door
from broker.samples.mirror import Question, Told
from broker.types.audio import Audio
from broker.types.call import AttemptKind
from broker.types.money import Cost


class ShadowCalls:
    """A :class:`~broker.samples.mirror.Mirror`. Safe for threads.

    :param adapters: as the broker was given them; made anew here.
    :param ledger: the broker's own.
    :param runtime: for these calls alone.
    """

    def __init__(
        self,
        settings: Settings,
        adapters: Sequence[type[Adapter]],
        ledger: Ledger,
        prices: PriceBook,
        runtime: BlockingRuntime,
    ) -> None:
        self._runtime = runtime
        self._registry = Registry(settings, adapters)
        self._door = Door()
        self._services = Services(
            settings=settings.model_copy(update={"max_attempts": 1, "retry_ambiguous": False}),
            runtime=self._runtime,
            registry=self._registry,
            ledger=ledger,
            prices=prices,
            door=self._door,
            guards=Guards(settings.limits),
        )
        self._run = compose(self._services)

    def bound(self, question: Question) -> tuple[Decimal | None, str]:
        """The most that it can cost, and its currency; None: not known, or it would not be taken."""
        try:
            told = drive(estimate(self._call(question, None), self._services, Ahead()))
        except BrokerError:
            return None, "USD"
        found = told.candidates[0]
        if not found.takes:
            return None, found.currency
        return (Decimal(0) if found.free else found.upper_bound), found.currency

    def ask(self, question: Question, most: Decimal) -> Told:
        """Ask once. What may cost more than ``most`` is not sent."""
        call = self._call(question, most)
        try:
            ticket = self._door.enter()
        except BrokerClosed:
            return Told(call_id=call.call_id, error="BrokerClosed", cost=Decimal(0))
        try:
            reply = drive(self._answer(call))
            value = reply.payload.select(question.request)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody waits for the answer
            return Told(call_id=call.call_id, error=type(error).__name__, **self._facts(call))
        finally:
            self._door.leave(ticket)
        return Told(
            call_id=call.call_id, answer=value, model_version=reply.model_version, **self._facts(call)
        )

    async def _answer(self, call: Call) -> Reply[Any]:
        return await self._run(call)

    def _facts(self, call: Call) -> dict[str, Any]:
        cost = total_cost(call) if call.attempts else None
        return {
            "latency": self._runtime.monotonic() - call.started,
            "region": None if call.target is None else call.target.region,
            "cost": Decimal(0) if cost is None else _at_most(cost),
            "currency": None if cost is None else cost.currency,
        }

    def _call(self, question: Question, most: Decimal | None) -> Call:
        started = self._runtime.monotonic()
        deadline = self._services.settings.deadline
        subject = getattr(question.request, question.request.SUBJECT, None)
        if isinstance(subject, Audio):
            deadline += subject.milliseconds / 1000  # as of the call that it goes beside
        return Call(
            call_id=new_id(),
            operation=question.operation,
            request=question.request,
            candidates=(Candidate.parse(question.provider),),
            started=started,
            deadline=started + deadline,
            max_cost=most,
            tags=question.tags,
            kind=AttemptKind.SHADOW,
            why="beside a sampled call",
        )

    def cut(self) -> None:
        """End what is under way; what was sent is booked as possibly billed."""
        self._door.close()
        self._door.cut()
        self._runtime.cut()
        self._registry.close()

    def close(self) -> None:
        """Release connections and models."""
        self._door.close()
        self._registry.close()
        self._runtime.close()


def _at_most(cost: Cost) -> Decimal | None:
    return cost.amount if cost.amount is not None else cost.upper_bound
