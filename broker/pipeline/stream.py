"""A stream is one call whose request goes on: the same stages stand before it, and its row is settled when it is over.

The stage runs the adapter's generator and lends it the sound (:mod:`broker.pipeline.stream_sound`). Another provider, or
the same once more, is asked only until the first sound was handed over: what was said before is said once.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from broker.config import LONGEST_DEADLINE
from broker.contract.context import Context, Reply
from broker.contract.streams import StreamEnd
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, Outcome, ProviderError, Unavailable
from broker.pipeline.admit import admit, target_of
from broker.pipeline.build import compose
from broker.pipeline.call import Call, Next, Services, Target
from broker.pipeline.cap import cap
from broker.pipeline.fallback import fallback
from broker.pipeline.guard import guard
from broker.pipeline.live import Left, Live
from broker.pipeline.off_switch import off_switch
from broker.pipeline.record import foreign, outcome_of_failure, sanitised, say_both
from broker.pipeline.retry import retry
from broker.pipeline.stream_meter import stream_of
from broker.pipeline.stream_slices import Slices
from broker.pipeline.stream_sound import MeteredSound
from broker.pipeline.validate import validate
from broker.types.stream import StreamEvent

FAREWELL_SECONDS = 10.0
"""What a provider has for its last results when the stream's own deadline has ended the sound."""


def compose_stream(live: Live, seconds: float | None, services: Services) -> Next:
    """The stages of one stream, in their order.

    :param seconds: the longest that it may last; None: as long as the provider lets it.
    """
    until = services.runtime.monotonic() + (LONGEST_DEADLINE if seconds is None else seconds)
    order = (
        validate,
        fallback,
        off_switch,
        admit,
        retry,
        partial(_once, live),
        cap,
        off_switch,
        guard,
        partial(_stream, live, until),
    )
    return compose(services, order)


async def _once(live: Live, call: Call, services: Services, next_stage: Next) -> Reply[Any]:  # noqa: ARG001 - a stage
    """Keep back, from those who would ask again, what comes after the first sound; and that the user left."""
    try:
        return await next_stage(call)
    except Left:
        return Reply(payload=live.transcript())
    except BrokerError as error:
        if not live.sent:
            raise
        live.failure = error
        return Reply(payload=live.transcript())


async def _stream(
    live: Live,
    until: float,
    call: Call,
    services: Services,
    next_stage: Next,  # noqa: ARG001 - the innermost
) -> Reply[Any]:
    """The innermost stage: announce, open, send and listen, settle."""
    target, runtime = target_of(call), services.runtime
    services.door.check()
    live.check()
    if runtime.monotonic() >= min(call.deadline, until):
        raise DeadlineExceeded(f"{call.operation.name}: the deadline passed before the stream began")
    slices = Slices(call, services, target)
    await slices.announce_first()
    sound = MeteredSound(live, slices, call, services, target, until=until, farewell=FAREWELL_SECONDS)
    context = Context(
        call_id=call.call_id,
        attempt=slices.first,
        operation=call.operation.name,
        http=runtime.http(call.deadline),
        remaining=sound.remaining,
        region=target.region,
    )
    try:
        end = await runtime.alone(
            partial(_listen, live, sound, call, services, target, context), "mlbroker-stream", call.seat
        )
        slices.report(end, live.milliseconds)
    except BaseException as failure:
        sound.close()
        error = failure
        gone = live.left and isinstance(error, Exception)
        outcome = _outcome(live, error, gone=gone)
        await runtime.shielded(
            lambda: slices.settle(
                outcome, sound.latency, sent=live.milliseconds, error=None if gone else error
            )
        )
        if gone:
            raise Left from None
        if isinstance(error, ProviderError):
            error.provider = error.provider or str(target.candidate)
            error.operation = error.operation or call.operation.name
            say_both(error, runtime.now())
        if isinstance(error, BrokerError) or not isinstance(error, Exception):
            raise
        fault, cause = foreign(error, target, call), sanitised(error)
    else:
        sound.close()
        reply = Reply(payload=live.transcript(), request_id=end.request_id, model_version=end.model_version)
        outcome = Outcome.DONE if live.sent else Outcome.NOT_SENT  # nothing was sent, so nothing is billed
        await runtime.shielded(
            lambda: slices.settle(outcome, sound.latency, sent=live.milliseconds, reply=reply)
        )
        live.failure = sound.stopped
        return reply
    raise fault from cause


def _listen(
    live: Live, sound: MeteredSound, call: Call, services: Services, target: Target, context: Context
) -> StreamEnd:
    """Run the adapter's generator to its end, in its own thread."""
    events = iter(target.method(call.request, sound, context))
    try:
        while True:
            try:
                event = next(events)
            except StopIteration as stop:
                value = stop.value
                break
            sound.touch()
            if not isinstance(event, StreamEvent):
                raise MalformedReply(f"the adapter gave {type(event).__name__} where StreamEvent is due")
            if event.final or stream_of(call.request).partials:
                live.give(event, services.door.check)
            sound.touch()
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
    live.check()
    if not sound.ended:
        raise Unavailable(
            "the stream ended before the sound was at its end; what was streamed may have been billed",
            outcome=Outcome.AMBIGUOUS if live.sent else Outcome.NOT_SENT,
        )
    return value if isinstance(value, StreamEnd) else StreamEnd()


def _outcome(live: Live, error: BaseException, *, gone: bool) -> Outcome:
    """What the end of a stream says of the sound that was sent."""
    if gone or not isinstance(error, Exception):
        if not live.sent:
            return Outcome.NOT_SENT if gone else outcome_of_failure(error)
        # Who leaves has been served: a provider that has answered bills what it was sent until then.
        return Outcome.DONE if live.answered else Outcome.AMBIGUOUS
    found = outcome_of_failure(error)
    return Outcome.AMBIGUOUS if found is Outcome.NOT_SENT and live.sent else found
