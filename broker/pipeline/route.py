"""From a candidate's name to a target that may be called: its adapter, its method, its region."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from broker.contract.adapter import Adapter, Regional
from broker.contract.jobs import HasJobs, JobPath, JobSteps
from broker.contract.manifest import Support
from broker.errors import BadInput, BrokerError, NotConfigured, Unsupported
from broker.pipeline.admit import takes_all
from broker.pipeline.call import Call, Candidate, JobTarget, Services, Target
from broker.types.request import Request
from broker.types.speech import TranscribeRequest

ON_THIS_MACHINE = "local"
"""The region of adapters that send nothing away; always allowed."""


def target_for(candidate: Candidate, call: Call, services: Services) -> Target:
    """The target, found once. Raises :class:`NotConfigured`, :class:`Unsupported`."""
    key = (candidate, call.operation.name, call.operation.method)
    target = services.targets.get(key)
    if target is None:
        target = resolve(candidate, call.operation.name, call.operation.method, services)
        services.targets[key] = target
    longer = target.longer
    if longer is not None and (call.starting or not _at_once(call.request, target, longer)):
        return _readable(call.request, longer)
    if call.starting and target.job is None:
        raise Unsupported(
            "it has no jobs; call transcribe, which answers at once",
            provider=candidate.provider,
            operation=call.operation.name,
        )
    if isinstance(call.request, TranscribeRequest):
        _readable(call.request, target)
    return target


def job_target(candidate: Candidate, operation: str, method: str, services: Services) -> Target:
    """The target of a job that there is. Raises as :func:`target_for`."""
    key = (candidate, operation, method)
    target = services.targets.get(key)
    if target is None:
        target = services.targets[key] = resolve(candidate, operation, method, services)
    longer = target.longer if target.job is None else target
    if longer is None:
        raise Unsupported("it has no jobs", provider=candidate.provider, operation=operation)
    return longer


def _at_once(request: Request, target: Target, longer: Target) -> bool:
    """Whether one request answers it; else a job does."""
    if not isinstance(request, TranscribeRequest):
        return True
    limits = target.spec.limits
    try:
        if request.audio.uri is not None:
            return False
        if limits is not None:
            limits.check(request, target.candidate.provider, target.spec.operation)
    except BadInput:
        return False
    asked = frozenset(request.asked())
    spoken = (*request.candidates, *((request.language,) if request.language else ()))
    if not asked <= target.spec.options and asked <= longer.spec.options:
        return False
    if longer.spec.languages == target.spec.languages:
        return True
    if takes_all(
        spoken, longer.spec, exactly=True
    ):  # not en where en-GB was asked for, if the other way has en-GB
        return takes_all(spoken, target.spec, exactly=True)
    return takes_all(spoken, target.spec) or not takes_all(spoken, longer.spec)


def _readable(request: Request, target: Target) -> Target:
    """Raises :class:`Unsupported` for a recording in a store that this provider does not read."""
    uri = request.audio.uri if isinstance(request, TranscribeRequest) else None
    reads = target.job.path.reads if target.job is not None else ()
    if uri is None or uri.startswith(reads):
        return target
    takes = f"it reads {' and '.join(reads)} alone" if reads else "it reads no store"
    raise Unsupported(
        f"the recording is at {uri.partition(':')[0]}://, and {takes}; download it and pass its path, or name a provider "
        "that reads it",
        provider=target.candidate.provider,
        operation=target.spec.operation,
    )


def resolve(candidate: Candidate, operation: str, method: str, services: Services) -> Target:
    """The adapter and method for a candidate. Raises :class:`NotConfigured`, :class:`Unsupported`."""
    spec = services.registry.manifest(candidate.provider).spec(operation)
    if spec.batch is None and method.endswith("_batch"):
        raise Unsupported("it takes one item in a request", provider=candidate.provider, operation=operation)
    adapter = services.registry.adapter(candidate.provider, candidate.profile)
    found = getattr(adapter, method, None) if spec.direct else _no_request
    if found is None:
        raise Unsupported(
            f"the adapter claims {operation} (support: {Support.YES.value}) but has no method {method!r}; report it",
            provider=candidate.provider,
            operation=operation,
        )
    region = region_of(adapter, operation)
    _check_region(region, candidate, operation, services)
    target = Target(
        candidate=candidate,
        adapter=adapter,
        spec=spec,
        method=found,
        region=region,
        free_quota=services.registry.options(candidate.provider, candidate.profile).free_quota,
    )
    if spec.job is None or not isinstance(adapter, HasJobs):
        return target
    longer = _with_jobs(target, spec.job, adapter.transcription_jobs)
    return replace(target, longer=longer) if spec.direct else longer


def _with_jobs(target: Target, path: JobPath, steps: JobSteps) -> Target:
    spec = replace(
        target.spec,
        service=path.service,
        sku=path.sku,
        limits=path.limits,
        options=path.options,
        languages=target.spec.languages if path.languages is None else path.languages,
        unproven=path.unproven,
    )
    return replace(target, spec=spec, method=steps.submit, job=JobTarget(path=path, steps=steps))


def _no_request(*arguments: object) -> None:
    """In the place of a method that a provider with jobs only does not have."""
    raise BrokerError(f"this provider has jobs only; {len(arguments)} arguments reached it as a request")


def check_ready(candidate: Candidate, services: Services, operation: str) -> None:
    """Whether a call can be tried at all, so that an order of preference passes it over. Raises :class:`NotConfigured`."""
    if candidate in services.ready:
        return
    setup = services.registry.setup(candidate.provider, candidate.profile)
    if not setup.takes(operation):
        raise NotConfigured(setup.problem or f"{candidate} is not configured")
    if setup.configured:
        services.ready.add(candidate)


def region_of(adapter: Adapter, operation: str) -> str | None:
    """Where an operation's content goes; None where the adapter does not say."""
    region = (
        adapter.region_of(operation) if isinstance(adapter, Regional) else getattr(adapter, "region", None)
    )
    return region if isinstance(region, str) and region else None


def _check_region(region: str | None, candidate: Candidate, operation: str, services: Services) -> None:
    """Content leaves only for the allowed regions; where a provider's region is not known, it does not leave."""
    allowed = services.settings.allowed_regions
    if not allowed or region == ON_THIS_MACHINE:
        return
    if region is None or not any(fnmatchcase(region, pattern) for pattern in allowed):
        where = "its region is not known" if region is None else f"its region is {region}"
        raise Unsupported(
            f"{where}, and allowed_regions are {', '.join(allowed)}; set another place in [providers.{candidate.provider}], "
            "or allow it",
            provider=str(candidate),
            operation=operation,
        )
