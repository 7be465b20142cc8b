"""From a candidate's name to a target that may be called: its adapter, its method, its region."""

from __future__ import annotations

from fnmatch import fnmatchcase

from broker.contract.adapter import Adapter
from broker.contract.manifest import Support
from broker.errors import NotConfigured, Unsupported
from broker.pipeline.call import Call, Candidate, Services, Target

ON_THIS_MACHINE = "local"
"""The region of adapters that send nothing away; always allowed."""


def target_for(candidate: Candidate, call: Call, services: Services) -> Target:
    """The target, found once. Raises :class:`NotConfigured`, :class:`Unsupported`."""
    key = (candidate, call.operation.name, call.operation.method)
    target = services.targets.get(key)
    if target is None:
        target = resolve(candidate, call.operation.name, call.operation.method, services)
        services.targets[key] = target
    return target


def resolve(candidate: Candidate, operation: str, method: str, services: Services) -> Target:
    """The adapter and method for a candidate. Raises :class:`NotConfigured`, :class:`Unsupported`."""
    spec = services.registry.manifest(candidate.provider).spec(operation)
    if spec.batch is None and method.endswith("_batch"):
        raise Unsupported("it takes one item in a request", provider=candidate.provider, operation=operation)
    adapter = services.registry.adapter(candidate.provider, candidate.profile)
    found = getattr(adapter, method, None)
    if found is None:
        raise Unsupported(
            f"the adapter claims {operation} (support: {Support.YES.value}) but has no method {method!r}; report it",
            provider=candidate.provider,
            operation=operation,
        )
    region = _region(adapter)
    _check_region(region, candidate, operation, services)
    return Target(
        candidate=candidate,
        adapter=adapter,
        spec=spec,
        method=found,
        region=region,
        free_quota=services.registry.options(candidate.provider, candidate.profile).free_quota,
    )


def check_ready(candidate: Candidate, services: Services) -> None:
    """Whether a call can be tried at all, so that an order of preference passes it over. Raises :class:`NotConfigured`."""
    if candidate in services.ready:
        return
    setup = services.registry.setup(candidate.provider, candidate.profile)
    if not setup.configured:
        raise NotConfigured(setup.problem or f"{candidate} is not configured")
    services.ready.add(candidate)


def _region(adapter: Adapter) -> str | None:
    region = getattr(adapter, "region", None)
    return region if isinstance(region, str) and region else None


def _check_region(region: str | None, candidate: Candidate, operation: str, services: Services) -> None:
    """Content leaves only for the allowed regions; where a provider's region is not known, it does not leave."""
    allowed = services.settings.allowed_regions
    if not allowed or region == ON_THIS_MACHINE:
        return
    if region is None or not any(fnmatchcase(region, pattern) for pattern in allowed):
        where = "its region is not known" if region is None else f"its region is {region}"
        raise Unsupported(
            f"{where}, and allowed_regions are {', '.join(allowed)}; set region for [providers.{candidate.provider}], "
            "or allow it",
            provider=str(candidate),
            operation=operation,
        )
