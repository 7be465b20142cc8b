"""Choose who answers: the first of the named providers that can."""

from __future__ import annotations

from typing import Any

from broker.contract.adapter import Adapter
from broker.contract.context import Reply
from broker.contract.manifest import Support
from broker.errors import AllProvidersFailed, BadInput, BrokerError, NotConfigured, Unsupported
from broker.pipeline.call import Call, Candidate, Next, Services, Target


async def route(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Pass over candidates that are not configured or lack the operation; say so in the provenance."""
    if not call.candidates:
        raise BadInput("provider must name at least one provider")
    reasons: list[BrokerError] = []
    for candidate in call.candidates:
        try:
            key = (candidate, call.operation.name)
            target = services.targets.get(key)
            if target is None:
                target = resolve(candidate, call.operation.name, call.operation.method, services)
                services.targets[key] = target
            call.target = target
            if len(call.candidates) > 1:
                _ready(candidate, services)
        except (NotConfigured, Unsupported) as reason:
            reasons.append(reason)
            call.passed_over.append(f"{candidate}: {reason}")
            continue
        return await next_stage(call)
    if len(reasons) == 1:
        raise reasons[0]
    raise AllProvidersFailed(
        f"no provider can take {call.operation.name}: {'; '.join(call.passed_over)}", reasons
    )


def resolve(candidate: Candidate, operation: str, method: str, services: Services) -> Target:
    """The adapter and method for a candidate. Raises :class:`NotConfigured`, :class:`Unsupported`."""
    spec = services.registry.manifest(candidate.provider).spec(operation)
    adapter = services.registry.adapter(candidate.provider, candidate.profile)
    found = getattr(adapter, method, None)
    if found is None:
        raise Unsupported(
            f"the adapter claims {operation} (support: {Support.YES.value}) but has no method {method!r}; report it",
            provider=candidate.provider,
            operation=operation,
        )
    return Target(
        candidate=candidate,
        adapter=adapter,
        spec=spec,
        method=found,
        region=_region(adapter),
        free_quota=services.registry.options(candidate.provider, candidate.profile).free_quota,
    )


def _region(adapter: Adapter) -> str | None:
    region = getattr(adapter, "region", None)
    return region if isinstance(region, str) and region else None


def _ready(candidate: Candidate, services: Services) -> None:
    setup = services.registry.setup(candidate.provider, candidate.profile)
    if not setup.configured:
        raise NotConfigured(setup.problem or f"{candidate} is not configured")
