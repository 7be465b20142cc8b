"""Many inputs of one operation: what ``*_many`` does with one group of them, sync and async alike.

Where the vendor answers several items in one request, a group is one such request; else each input is a call of its own.
Nothing that goes wrong with one input touches the others: its error stands in its place.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any, Generic, TypeVar

from broker.contract.context import Batch, Reply
from broker.contract.limits import BatchLimits, TextLimits
from broker.contract.operations import Operation
from broker.core import Core, sum_of, total_cost
from broker.errors import BadInput, BrokerError, BudgetExceeded, ContentRefused, ProviderError
from broker.pipeline.admit import check
from broker.pipeline.call import Call, Target
from broker.pipeline.fallback import helps
from broker.pipeline.meter import usage_of
from broker.pipeline.route import check_ready, target_for
from broker.pipeline.validate import check_options
from broker.pricing.bill import Bill, bill
from broker.types.batch import BatchRequest, Item
from broker.types.call import Attempt, AttemptKind
from broker.types.money import EXACT, LARGEST_AMOUNT, Billed, Cost, Usage, quantize
from broker.types.request import ImageRequest, Request, TextRequest

R = TypeVar("R", bound=Request)
P = TypeVar("P")

MOST_AT_ONCE = 256
"""More requests on their way at once than this help nobody."""
Group = Sequence[tuple[int, Any]]
"""Places and inputs that are worked on together."""


def check_concurrency(concurrency: Any) -> int:
    """How many requests may be on their way at once. Raises :class:`BadInput`."""
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise BadInput(f"concurrency must be a whole number of 1 or more, not {concurrency!r:.80}")
    if concurrency > MOST_AT_ONCE:
        raise BadInput(f"concurrency must be at most {MOST_AT_ONCE}, not {concurrency}")
    return concurrency


class Many(Generic[R, P]):
    """One call of ``*_many``. Bad options are raised at once, not once an input."""

    def __init__(self, core: Core, operation: Operation[R, P], options: Mapping[str, Any]) -> None:
        self._core = core
        self._operation = operation
        self._options = options
        self._probe = core.probe(operation, options)
        check_options(self._probe)
        self._target, self._limits = self._batching()

    @property
    def group(self) -> int:
        """How many inputs are worked on together."""
        return 1 if self._limits is None else self._limits.max_items

    async def items(self, group: Group) -> list[Item[P]]:
        """What becomes of a group of inputs, in their order. Raises only what ends everything: a closed broker."""
        door = self._core.services.door
        ticket = door.enter()
        try:
            found: dict[int, Item[P]] = {}
            waiting: list[tuple[int, Any, Call]] = []
            for index, source in group:
                try:
                    call = await self._core.prepare(self._operation, source, self._options)
                except BrokerError as error:
                    found[index] = Item(index=index, source=source, error=error)
                    continue
                if self._fits(call):
                    waiting.append((index, source, call))
                else:
                    found[index] = await self._alone(index, source, call)
            for together in self._packed(waiting):
                for item in await self._together(together):
                    found[item.index] = item
            return [found[index] for index, _ in group]
        finally:
            door.leave(ticket)

    def _batching(self) -> tuple[Target | None, BatchLimits | None]:
        """The first provider in the order that can be asked, if it takes several items in one request."""
        services = self._core.services
        for candidate in self._probe.candidates:
            try:
                target = target_for(candidate, self._probe, services)
                if len(self._probe.candidates) > 1:
                    check_ready(candidate, services, self._operation.name)
                if target.spec.batch is None or target.spec.batch.max_items < 2:
                    return None, None
            except BrokerError:
                continue  # told by the calls themselves
            try:
                batched = replace(self._probe, operation=self._operation.batched())
                return target_for(candidate, batched, services), target.spec.batch
            except BrokerError:
                return None, None  # it claims batches and has no method for them; single calls are as good
        return None, None

    def _fits(self, call: Call) -> bool:
        """Whether it can go with others; what this provider refuses or must cut goes alone, and may fall back."""
        target, limits = self._target, self._limits
        if target is None or limits is None:
            return False
        try:
            check(call, target, self._core.services)
        except BrokerError:
            return False
        if call.max_cost is not None:
            bound = self._bound(call.request, target)
            if bound is None or bound > call.max_cost:
                return False  # others would pay for it
        text = target.spec.limits
        if isinstance(text, TextLimits) and isinstance(call.request, TextRequest):
            most = text.max_size if limits.max_item is None else limits.max_item
            if not replace(text, max_size=most).fits(call.request.text):
                return False
        return limits.max_bytes is None or _bytes(call.request) <= limits.max_bytes

    def _packed(self, waiting: Sequence[tuple[int, Any, Call]]) -> list[list[tuple[int, Any, Call]]]:
        """Groups that keep the limit of bytes."""
        packs: list[list[tuple[int, Any, Call]]] = []
        room = 0
        for each in waiting:
            size = _bytes(each[2].request)
            limit = self._limits.max_bytes if self._limits is not None else None
            if not packs or (limit is not None and size > room):
                packs.append([])
                room = limit or 0
            packs[-1].append(each)
            room -= size
        return packs

    async def _alone(self, index: int, source: Any, call: Call) -> Item[P]:
        self._begin(call)
        try:
            return Item(index=index, source=source, result=await self._core.answer(call))
        except BrokerError as error:
            return Item(index=index, source=source, error=error)

    def _begin(self, call: Call) -> None:
        """Its deadline runs from now: it may have waited for others of its group."""
        now = self._core.services.runtime.monotonic()
        call.started, call.deadline = now, call.deadline + (now - call.started)

    async def _together(self, group: Sequence[tuple[int, Any, Call]]) -> list[Item[P]]:
        if len(group) == 1:
            return [await self._alone(*group[0])]
        target = self._target
        first = group[0][2]
        if target is None:
            raise BrokerError("there is nobody to send a batch to")
        asked = first.request
        call = replace(
            first,
            operation=self._operation.batched(),
            request=BatchRequest(
                items=tuple(each.request for _, _, each in group),
                language=asked.language,
                extensions=asked.extensions,
                raw=asked.raw,
            ),
            candidates=(target.candidate,),
            attempts=[],
            passed_over=[],
            max_cost=self._cap(first.max_cost, [each.request for _, _, each in group], target),
        )
        self._begin(call)
        try:
            reply = await self._core.reply_to(call)
        except BrokerError as error:
            return await self._refused(group, call, error)
        batch: Batch[P] = reply.payload
        weights = [
            self._weight(each, target, answer)
            for (_, _, each), answer in zip(group, batch.items, strict=True)
        ]
        shares = parted(call.attempts[-1].cost, weights)
        if len(call.attempts) > 1:  # what was lost before it was all of theirs
            evenly = [self._weight(each, target) for _, _, each in group]
            lost = [parted(made.cost, evenly) for made in call.attempts[:-1]]
            shares = [sum_of(costs) for costs in zip(*lost, shares, strict=True)]
        return [
            self._item(index, source, each.request, call, answer, share, len(group))
            for (index, source, each), answer, share in zip(group, batch.items, shares, strict=True)
        ]

    def _item(
        self,
        index: int,
        source: Any,
        request: Request,
        call: Call,
        answer: Reply[P] | ProviderError,
        cost: Cost,
        shared: int,
    ) -> Item[P]:
        if isinstance(answer, BrokerError):
            # Without the attempts, which are those of all: whether this one is billed is told by its own outcome.
            answer.call_id, answer.cost = call.call_id, cost
            if call.target is not None:
                answer.provider = answer.provider or str(call.target.candidate)
            answer.operation = answer.operation or call.operation.name
            return Item(index=index, source=source, error=answer)
        try:
            result = self._core.result_of(call, request, answer, cost, shared)
        except BrokerError as error:
            error.attempts = ()  # as above: its own cost is its share
            return Item(index=index, source=source, error=error)
        return Item(index=index, source=source, result=result)

    def _weight(self, call: Call, target: Target, answer: Reply[P] | ProviderError | None = None) -> Decimal:
        """What an item would cost alone; nothing, if it cannot have been billed."""
        if isinstance(answer, ProviderError) and answer.billed is False:
            return Decimal(0)
        used = answer.usage if isinstance(answer, Reply) and answer.usage else None
        alone = self._bill(call.request, target, used)
        return sum(alone.units, Decimal(0)) if alone.bound is None else alone.bound

    def _bound(self, request: Request, target: Target) -> Decimal | None:
        return self._bill(request, target).bound

    def _bill(self, request: Request, target: Target, used: Sequence[Usage] | None = None) -> Bill:
        services, spec = self._core.services, target.spec
        return bill(
            usage_of(request, spec) if used is None else used,
            services.prices,
            region=target.region,
            day=services.runtime.now().date(),
            default_sku=spec.sku or f"{target.candidate.provider}.{spec.operation}",
        )

    def _cap(self, each: Decimal | None, requests: Sequence[Request], target: Target) -> Decimal | None:
        """What the whole may cost, so that no item's share can pass the cap, also after repetitions."""
        if each is None:
            return None
        bounds = [self._bound(request, target) or Decimal(0) for request in requests]
        largest, each = max(bounds), min(each, LARGEST_AMOUNT)
        if not largest:
            return each
        with localcontext(EXACT):
            return quantize(each * sum(bounds, Decimal(0)) / largest)

    async def _refused(
        self, group: Sequence[tuple[int, Any, Call]], call: Call, error: BrokerError
    ) -> list[Item[P]]:
        """The whole request failed: each input goes to the providers behind this one, or has the error in its place."""
        target = self._target
        order = self._probe.candidates
        weights = [Decimal(1)] * len(group)
        if target is not None:
            weights = [self._weight(each, target) for _, _, each in group]
        unpaid = all(made.cost.upper_bound == 0 for made in call.attempts)
        if unpaid and isinstance(error, (BudgetExceeded, BadInput, ContentRefused)):
            # There may be room for some of them, and a budget may ask for another provider; or only one is not taken.
            _carry(group, call.attempts, weights)
            return [await self._alone(*each) for each in group]
        behind = order[order.index(target.candidate) + 1 :] if target is not None else ()
        if behind and helps(error, call, self._core.services, tried=bool(call.attempts)):
            _carry(group, call.attempts, weights)
            for _, _, each in group:
                each.candidates = behind
                each.passed_over.append(str(error))
                if call.attempts:
                    each.kind = AttemptKind.FALLBACK
                    each.why = f"{call.candidates[0]}: {type(error).__name__}"
            return [await self._alone(*each) for each in group]
        shares = parted(total_cost(call), weights)
        items: list[Item[P]] = []
        draws = self._core.services.draws
        for place, ((index, source, each), share) in enumerate(zip(group, shares, strict=True)):
            if draws is not None:
                draws.failed(call, self._core.services, error, f"{call.call_id}#{place}", each.request)
            own = copied(error)
            own.attempts, own.cost = (), share
            items.append(Item(index=index, source=source, error=own))
        return items


def _carry(
    group: Sequence[tuple[int, Any, Call]], attempts: Sequence[Attempt], weights: list[Decimal]
) -> None:
    """Give each its share of what was tried together: it is a part of its cost, and counts below its ``max_cost``."""
    for made in attempts:
        for (_, _, call), share in zip(group, parted(made.cost, weights), strict=True):
            call.attempts.append(replace(made, cost=share))


def copied(error: BrokerError) -> BrokerError:
    """Of his own for each input."""
    try:
        own = copy.copy(error)
    except Exception:  # noqa: BLE001 - an adapter's own class may not be made for it
        return error
    own.__cause__ = error.__cause__
    return own


def _bytes(request: Request) -> int:
    if isinstance(request, ImageRequest):
        return len(request.image.data)
    return len(request.text.encode()) if isinstance(request, TextRequest) else 0


def parted(whole: Cost, weights: Sequence[Decimal]) -> list[Cost]:
    """Parts that add up to the whole, to the last decimal."""
    with localcontext(EXACT):
        return _parted_exactly(whole, weights)


def _parted_exactly(whole: Cost, weights: Sequence[Decimal]) -> list[Cost]:
    total = sum(weights, Decimal(0))
    if not total:
        weights, total = [Decimal(1)] * len(weights), Decimal(len(weights))

    def split(amount: Decimal | None) -> list[Decimal | None]:
        if amount is None:
            return [None] * len(weights)
        parts: list[Decimal | None] = []
        given, seen = Decimal(0), Decimal(0)
        for weight in weights:
            seen += weight
            upto = quantize(EXACT.divide(EXACT.multiply(amount, seen), total))
            parts.append(EXACT.subtract(upto, given))
            given = upto
        return parts

    return [
        replace(whole, amount=amount, upper_bound=bound)
        if weight
        else replace(whole, amount=Decimal(0), upper_bound=Decimal(0), billed=Billed.NO, basis=None)
        for weight, amount, bound in zip(weights, split(whole.amount), split(whole.upper_bound), strict=True)
    ]
