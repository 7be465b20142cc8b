"""From a facade's method to the pipeline and back: what the sync and the async broker share."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal, InvalidOperation, localcontext
from difflib import get_close_matches
from typing import Any, TypeVar

from broker.config import LONGEST_DEADLINE
from broker.contract.context import Reply
from broker.contract.manifest import Manifest
from broker.contract.operations import STREAM, Operation
from broker.errors import BadInput, BrokerError, MalformedReply
from broker.pipeline.ahead import Ahead
from broker.pipeline.build import compose
from broker.pipeline.call import Call, Candidate, Next, Services
from broker.pipeline.estimate import estimate
from broker.pipeline.live import Live
from broker.pipeline.stream import compose_stream
from broker.pipeline.validate import check_options
from broker.pipeline.watch import Watch
from broker.switches.use_cases import UseCases
from broker.types.audio import Audio
from broker.types.call import Provenance, Result
from broker.types.estimate import Estimate
from broker.types.making import maker
from broker.types.media import Image
from broker.types.money import EXACT, Billed, Cost, weakest
from broker.types.progress import Watcher
from broker.types.request import ImageRequest, Request, check_text
from broker.types.search import SearchRequest
from broker.types.speech import TranscribeRequest
from broker.types.stream import SoundFormat, StreamRequest
from broker.types.transcript import Transcript

R = TypeVar("R", bound=Request)
P = TypeVar("P")

_make_call, _make_result, _make_provenance = maker(Call), maker(Result), maker(Provenance)
_CALL_OPTIONS = ("provider", "deadline", "max_cost", "tags")


class Core:
    """Builds calls, runs them, makes results of them."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._run = compose(services)
        self._default = _order(services.settings.provider)
        found = services.settings.quality.use_cases
        self._use_cases = UseCases(found) if found else None

    async def prepare(self, operation: Operation[R, P], source: Any, options: Mapping[str, Any]) -> Call:
        """A call that has not begun, from checked input. Raises :class:`BadInput`, :class:`NotConfigured`.

        :param source: the picture, the text or the recording, as the user gave it.
        """
        runtime = self.services.runtime
        started = runtime.monotonic()
        if issubclass(operation.request, ImageRequest):
            loaded = (
                source
                if isinstance(source, Image)
                else Image.load(source)
                if isinstance(source, bytes)
                else await runtime.run_blocking(lambda: Image.load(source))
            )
            return self._call(operation, loaded, options, started)
        if issubclass(operation.request, TranscribeRequest):
            recording = (
                source
                if isinstance(source, Audio)
                else await runtime.run_blocking(lambda: Audio.load(source))
            )
            return self._call(operation, recording, options, started)
        if issubclass(operation.request, StreamRequest):
            return self._call(operation, sound_format(source), options, started)
        if issubclass(operation.request, SearchRequest):
            return self._call(operation, operation.request.subject_of(source), options, started)
        return self._call(operation, check_text(source), options, started)

    async def estimate(
        self, operation: Operation[R, P], source: Any, options: Mapping[str, Any], ahead: Ahead
    ) -> Estimate:
        """What such a call would cost now. Nothing is sent or announced; bad input raises as in :meth:`run`."""
        door = self.services.door
        ticket = door.enter()
        try:
            return await estimate(await self.prepare(operation, source, options), self.services, ahead)
        finally:
            door.leave(ticket)

    async def run(
        self,
        operation: Operation[R, P],
        source: Any,
        options: Mapping[str, Any],
        begun: Callable[[str], object] | None = None,
        *,
        apart: str = "",
    ) -> Result[P]:
        """One call. Raises the errors of :mod:`broker.errors`.

        :param begun: told the call's id before anything is sent, so that it can be found in the ledger whatever happens.
        :param apart: where it becomes a job, it shares that with calls of the same text only.
        """
        door = self.services.door
        ticket = door.enter()
        try:
            call = await self.prepare(operation, source, options)
            call.apart = apart
            if begun is not None:
                begun(call.call_id)
            reply = await self.reply_to(call)
            return self.result_of(call, call.request, reply, total_cost(call))
        finally:
            door.leave(ticket)

    async def answer(self, call: Call) -> Result[Any]:
        """Run a prepared call, from inside the door. Raises the errors of :mod:`broker.errors`."""
        reply = await self.reply_to(call)
        return self.result_of(call, call.request, reply, total_cost(call))

    async def reply_to(self, call: Call, run: Next | None = None) -> Reply[Any]:
        """Run a prepared call. What it raises tells of its attempts and their cost.

        :param run: in another way than through all stages.
        """
        try:
            return await (self._run if run is None else run)(call)
        except BrokerError as error:
            self._tell_of(call, error)
            raise

    def stream_call(self, sample_rate: int, options: Mapping[str, Any]) -> tuple[Call, float | None]:
        """A stream that has not begun, and the seconds that it may last. Raises :class:`BadInput`.

        The call's own deadline is for its beginning: until a provider has accepted it.
        """
        if "milliseconds" in options:
            raise BadInput(
                "milliseconds is for the estimate of a stream; the stream itself is as long as its sound"
            )
        given = options.get("deadline")
        seconds = None if given is None else seconds_of(given)
        opening = (
            self.services.settings.deadline
            if seconds is None
            else min(seconds, self.services.settings.deadline)
        )
        started = self.services.runtime.monotonic()
        call = self._call(STREAM, sound_format(sample_rate), {**options, "deadline": opening}, started)
        check_options(call)
        return call, seconds

    async def run_stream(self, call: Call, live: Live, seconds: float | None) -> Result[Transcript]:
        """One stream. What ended it behind its first sound is ``live.failure``, and the result is of what was sent."""
        door = self.services.door
        ticket = door.enter()
        try:
            try:
                reply = await compose_stream(live, seconds, self.services)(call)
            except BrokerError as error:
                self._tell_of(call, error)
                raise
            if live.failure is not None:
                self._tell_of(call, live.failure)
            return self.result_of(call, call.request, reply, total_cost(call))
        finally:
            door.leave(ticket)

    def _tell_of(self, call: Call, error: BrokerError) -> None:
        error.call_id = call.call_id
        error.attempts = tuple(call.attempts)
        error.cost = total_cost(call)

    def result_of(
        self, call: Call, request: Request, reply: Reply[Any], cost: Cost, shared: int = 1
    ) -> Result[Any]:
        """What the user gets of a reply. Raises :class:`MalformedReply` for an answer that cannot be filtered.

        :param request: of the call, or of one of the items it was for.
        :param shared: how many items the call was for.
        """
        try:
            value = reply.payload.select(request)
        except Exception as error:
            fault = MalformedReply(
                f"the adapter's answer holds what it must not ({type(error).__name__}); report it to its author",
                provider=str(call.target.candidate) if call.target is not None else None,
                operation=call.operation.name,
            )
            fault.call_id, fault.attempts, fault.cost = call.call_id, tuple(call.attempts), cost
            raise fault from error
        return _make_result(
            value=value,
            provenance=_provenance(call, reply.model_version, reply.request_id),
            cost=cost,
            attempts=tuple(call.attempts),
            call_id=call.call_id,
            latency=self.services.runtime.monotonic() - call.started,
            raw=reply.raw,
            shared=shared,
        )

    def probe(self, operation: Operation[R, P], options: Mapping[str, Any]) -> Call:
        """A call that is never run, which shows whether the options can be meant. Raises :class:`BadInput`."""
        subject: Any = "?"
        if issubclass(operation.request, ImageRequest):
            subject = Image(data=b"", format="png", width=1, height=1)
        elif issubclass(operation.request, TranscribeRequest):
            subject = Audio(
                format="wav", codec=None, milliseconds=1, sample_rate=1, channels=1, size=0, data=b""
            )
        elif issubclass(operation.request, StreamRequest):
            subject = SoundFormat()
        elif issubclass(operation.request, SearchRequest):
            subject = operation.request.PROBE
        return self._call(operation, subject, options, self.services.runtime.monotonic())

    def _call(
        self,
        operation: Operation[R, P],
        subject: Any,
        options: Mapping[str, Any],
        started: float,
    ) -> Call:
        settings = self.services.settings
        asked = {name: value for name, value in options.items() if name not in _CALL_OPTIONS}
        if "extensions" in asked:
            asked["extensions"] = _mapping("extensions", asked["extensions"])
        watcher: Watcher | None = None
        if issubclass(operation.request, TranscribeRequest):
            watcher = asked.pop("progress", None)
        if watcher is not None and not callable(watcher):
            raise BadInput(f"progress must be a function, not {type(watcher).__name__}")
        language = asked.get("language")
        if language is not None and not isinstance(language, str):
            raise BadInput(f"language must be a tag such as 'en', not {type(language).__name__}")
        try:
            given: dict[str, Any] = {operation.request.SUBJECT: subject}
            request = _maker_of(operation.request)(**given, **asked)
        except TypeError as error:
            raise _unknown_option(operation, asked) from error
        tags = _mapping("tags", options.get("tags"))
        deadline = seconds_of(options.get("deadline", settings.deadline))
        patient = "deadline" not in options and isinstance(request, TranscribeRequest)
        if patient and isinstance(subject, Audio):
            deadline += subject.milliseconds / 1000  # to carry it there and to listen to it
        held = {**settings.tags, **tags} if tags else settings.tags
        return _make_call(
            call_id=new_id(),
            operation=operation,
            request=request,
            candidates=self._candidates(options.get("provider")),
            started=started,
            deadline=started + deadline,
            max_cost=_amount(options.get("max_cost")),
            tags=held,
            use_case=None if self._use_cases is None else self._use_cases.of(operation.name, held),
            patient=patient,
            watch=None if watcher is None else Watch(watcher),
        )

    def _candidates(self, provider: str | Sequence[str] | None) -> tuple[Candidate, ...]:
        if provider is None:
            return self._default
        if isinstance(provider, str):
            return (Candidate.parse(provider),)
        if not isinstance(provider, Sequence) or not all(isinstance(name, str) for name in provider):
            raise BadInput('provider must be a name, or names in order of preference: ["aws", "local"]')
        return _order(provider)


def sound_format(given: SoundFormat | int) -> SoundFormat:
    """Of a stream, from its samples a second. Raises :class:`BadInput`."""
    return given if isinstance(given, SoundFormat) else SoundFormat(sample_rate=given)


_makers: dict[type[Request], Callable[..., Any]] = {}


def _maker_of(request: type[Request]) -> Callable[..., Any]:
    return _makers.get(request) or _makers.setdefault(request, maker(request))


def _order(names: Sequence[str]) -> tuple[Candidate, ...]:
    """Each once: one that is named twice must not get twice the attempts."""
    return tuple(dict.fromkeys(Candidate.parse(name) for name in names))


# An own generator: the program may have seeded the shared one, and counts on its order.
_random = random.Random()  # noqa: S311 - ids, not secrets
os.register_at_fork(after_in_child=_random.seed)


def new_id() -> str:
    """An id that sorts by time: 48 bits of milliseconds, 80 random bits, in hex."""
    return f"{time.time_ns() // 1_000_000:012x}{_random.getrandbits(80):020x}"


def _provenance(call: Call, model_version: str | None, request_id: str | None) -> Provenance:
    target = call.target
    if target is None:
        raise BrokerError("a call cannot be answered without a target")
    manifest: Manifest = target.adapter.manifest
    return _make_provenance(
        provider=manifest.provider,
        profile=target.candidate.profile,
        service=target.spec.service,
        operation=call.operation.name,
        region=target.region,
        model_version=model_version,
        request_id=request_id,
        passed_over=tuple(call.passed_over),
    )


def total_cost(call: Call) -> Cost:
    """The sum over all attempts; one that is not known makes the sum not known."""
    attempts = call.attempts
    return attempts[0].cost if len(attempts) == 1 else sum_of([each.cost for each in attempts])


def sum_of(costs: Sequence[Cost]) -> Cost:
    """One cost of several; one that is not known makes the sum not known."""
    if len(costs) == 1:
        return costs[0]
    with localcontext(EXACT):
        return _sum(costs)


def _sum(costs: Sequence[Cost]) -> Cost:
    billed = {cost.billed for cost in costs}
    # What surely costs nothing has no currency, whatever its price is in.
    priced = [cost for cost in costs if cost.upper_bound != 0 or cost.amount != 0]
    currencies = list(dict.fromkeys(cost.currency for cost in priced))
    mixed = len(currencies) > 1
    amounts = [cost.amount for cost in priced if cost.amount is not None]
    bounds = [cost.upper_bound for cost in priced if cost.upper_bound is not None]
    unpriced = next((cost.unpriced for cost in costs if cost.unpriced), None)
    if mixed:
        unpriced = f"its attempts are priced in {' and '.join(currencies)}, which are not added up"
    return Cost(
        amount=sum(amounts, Decimal(0)) if len(amounts) == len(priced) and not mixed else None,
        upper_bound=sum(bounds, Decimal(0)) if len(bounds) == len(priced) and not mixed else None,
        currency=currencies[0] if currencies else costs[-1].currency if costs else "USD",
        billed=Billed.UNKNOWN
        if Billed.UNKNOWN in billed
        else Billed.YES
        if Billed.YES in billed
        else Billed.NO,
        basis=weakest(cost.basis for cost in costs),
        unpriced=unpriced,
    )


def seconds_of(deadline: Any) -> float:
    """A deadline as given. Raises :class:`BadInput`."""
    if isinstance(deadline, timedelta):
        deadline = deadline.total_seconds()
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or deadline != deadline:
        raise BadInput(f"deadline must be a number of seconds or a timedelta, not {deadline!r}")
    if deadline > LONGEST_DEADLINE:  # no clock and no socket takes infinity
        raise BadInput(f"deadline must be at most {LONGEST_DEADLINE} seconds (a day), not {deadline!r}")
    return float(deadline)


def _mapping(name: str, given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise BadInput(f'{name} must be a mapping with text keys, as {{"project": "atlas"}}')
    return dict(given)


def _amount(max_cost: Any) -> Decimal | None:
    if max_cost is None or isinstance(max_cost, Decimal):
        return max_cost
    if isinstance(max_cost, (str, int)) and not isinstance(max_cost, bool):
        try:
            return Decimal(max_cost)
        except InvalidOperation as error:
            raise BadInput(f"max_cost {max_cost!r} is no amount") from error
    raise BadInput(
        f'max_cost must be a Decimal or a text such as "0.01", not {type(max_cost).__name__}: '
        "money in floats is never exact"
    )


def _unknown_option(operation: Operation[Any, Any], asked: Mapping[str, Any]) -> BadInput:
    asks = operation.request
    known = [*_CALL_OPTIONS, *(each.name for each in fields(asks) if each.name != asks.SUBJECT)]
    wrong = next((name for name in asked if name not in known), None)
    if wrong is None:
        return BadInput(f"{operation.name}: an option has the wrong type")
    near = get_close_matches(wrong, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f" (options: {', '.join(known)})"
    return BadInput(f"{operation.name} has no option {wrong!r}{hint}")
