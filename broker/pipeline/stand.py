"""From ``[standing.NAME]`` to meters that the ledger takes: what they serve, and what they cost by time."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from pydantic import TypeAdapter, ValidationError

from broker.config import Settings, did_you_mean
from broker.contract.manifest import Support
from broker.errors import BadInput, BrokerError, NotConfigured
from broker.pipeline.call import Candidate
from broker.pipeline.route import region_of
from broker.pricing.book import PriceBook
from broker.pricing.standing import schedule
from broker.registry import Registry
from broker.sections import BudgetName, StandingSettings
from broker.types.standing import StandingMeter


def checked(name: str, facts: Mapping[str, object]) -> StandingSettings:
    """As the settings would be read. Raises :class:`BadInput` naming each wrong one."""
    try:
        return TypeAdapter(dict[BudgetName, StandingSettings]).validate_python({name: dict(facts)})[name]
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join(
                filter(None, (".".join(map(str, each["loc"][1:])), each["msg"].removeprefix("Value error, ")))
            )
            for each in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise BadInput(f"what stands cannot be declared so: {wrong}") from None


def meters_of(settings: Settings, registry: Registry, prices: PriceBook) -> list[StandingMeter]:
    """What the settings say stands. Raises :class:`NotConfigured`."""
    return [meter_of(name, given, registry, prices) for name, given in settings.standing.items()]


def meter_of(name: str, given: StandingSettings, registry: Registry, prices: PriceBook) -> StandingMeter:
    """One of them. Raises :class:`NotConfigured` for a provider, sku or operation there is not."""
    candidate = Candidate.parse(given.provider)
    operations = _operations(name, given, candidate.provider, registry)
    return StandingMeter(
        name=name,
        sku=given.sku,
        provider=candidate.provider,
        profile=candidate.profile or "",
        region=given.region,
        operations=operations,
        tags=tuple(sorted(given.tags.items())),
        units=given.units,
        since=given.since,
        until=given.until,
        prices=schedule(
            prices,
            given.sku,
            given.region or _region(candidate, operations[0], registry),
            given.since.date(),
        ),
    )


def _operations(name: str, given: StandingSettings, provider: str, registry: Registry) -> tuple[str, ...]:
    where = f"[standing.{name}]"
    cells = [cell for cell in registry.manifest(provider).operations if cell.support is Support.YES]
    if given.operations:
        found = [
            cell.operation
            for cell in cells
            if any(fnmatchcase(cell.operation, pattern) for pattern in given.operations)
        ]
        if not found:
            raise NotConfigured(f"{where} operations: {provider} has none of {', '.join(given.operations)}")
        return tuple(sorted(found))
    found = [cell.operation for cell in cells if given.sku in cell.standing]
    if not found:
        known = sorted({sku for cell in cells for sku in cell.standing})
        raise NotConfigured(
            f"{where} sku: no operation of {provider} is paid by {given.sku!r}"
            f"{did_you_mean(given.sku, known)} (known: {', '.join(known) or 'none'}); if it is right, say what it serves "
            'with operations = ["search.*"]'
        )
    return tuple(sorted(found))


def _region(candidate: Candidate, operation: str, registry: Registry) -> str | None:
    """Where the account's calls go; an account that is not set up has no region, and its meters no price."""
    try:
        return region_of(registry.adapter(candidate.provider, candidate.profile), operation)
    except BrokerError:
        return None
