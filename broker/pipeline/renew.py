"""After a refused credential: ask the adapter for another one, once a call. Entered only after a failure."""

from __future__ import annotations

import logging
from typing import Any

from broker.contract.adapter import Renewable
from broker.contract.context import Context, Reply
from broker.contract.redact import redact
from broker.errors import AuthFailed, BrokerError, DeadlineExceeded, NotConfigured, ProviderError
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.guard import denied
from broker.types.call import AttemptKind

log = logging.getLogger("broker")


async def with_another_credential(
    refused: AuthFailed, call: Call, services: Services, next_stage: Next
) -> Reply[Any]:
    """One more attempt if the adapter has another credential; else the refusal stands.

    The refused attempt is in the ledger as rejected and not billed; the next has a row of its own and counts
    towards ``max_attempts``. Where no attempt is left the credential is renewed for the next call all the same.
    Raises the refusal, what the attempt raises, and what the renewal met: the credential's own refusal or
    absence, its service out of reach, the deadline.
    """
    if not isinstance(target_of(call).adapter, Renewable):
        raise refused  # the guard knows it already
    try:
        renewed = await _renewed(refused, call, services)
    except (AuthFailed, NotConfigured):
        denied(refused, call, services)
        raise
    if not renewed:
        denied(refused, call, services)
        raise refused
    if len(call.attempts) - call.attempts_before >= services.settings.max_attempts:
        raise refused
    call.kind, call.why = AttemptKind.RETRY, type(refused).__name__
    return await next_stage(call)


async def _renewed(refused: AuthFailed, call: Call, services: Services) -> bool:
    target, runtime = target_of(call), services.runtime
    adapter: Any = target.adapter
    context = Context(
        call_id=call.call_id,
        attempt=len(call.attempts),
        operation=call.operation.name,
        http=runtime.http(call.deadline),
        remaining=lambda: call.deadline - runtime.monotonic(),
        region=target.region,
    )
    try:
        return bool(await runtime.call(adapter.renew, refused, context, deadline=call.deadline))
    except DeadlineExceeded as late:
        raise DeadlineExceeded(
            f"{call.operation.name}: the deadline passed while the credential of {target.candidate} was renewed",
            last_error=refused,
        ) from late
    except BrokerError as met:
        if isinstance(met, ProviderError):
            met.provider = met.provider or str(target.candidate)
            met.operation = met.operation or call.operation.name
        raise met from refused
    except Exception as error:  # noqa: BLE001 - an adapter of others may raise anything
        log.warning("%s could not renew its credential: %s", target.candidate, redact(str(error)))
        return False
