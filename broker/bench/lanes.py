"""From a plan to its lanes: who is asked what, with which options; checked before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from broker.bench.plan import Plan, ProviderSection, ReplaySection
from broker.bench.result import Lane, Origin
from broker.client import Broker
from broker.contract.operations import OPERATIONS, Operation
from broker.errors import BadInput, BrokerError, NotConfigured, Unsupported
from broker.pipeline.call import Candidate
from broker.pipeline.validate import check_options
from broker.switches.use_cases import TAG as USE_CASE

TAG = "bench"
"""The tag of every attempt of a run; its value is the run's id."""
LANE_TAG = "bench_lane"
_OF_NO_USE_CASE = {USE_CASE: "-"}
"""No use case can have this name: questions of a benchmark are not sampled, and are no evidence of how users' calls go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A lane that is really asked.

    :param number: of the lane in the store. ``options``: of each call, with provider and tags.
    """

    number: int
    lane: Lane
    section: ProviderSection
    operation: Operation[Any, Any]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A lane whose answers were recorded elsewhere. ``operation`` and ``options`` are those of a call at today's list price."""

    number: int
    lane: Lane
    section: ReplaySection
    operation: Operation[Any, Any]
    options: Mapping[str, Any]

    @property
    def listed(self) -> bool:
        """The price book is asked what its answers would cost today."""
        return self.lane.origin is Origin.REPLAYED and not self.section.tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """All of them; ``left_out``: why a provider has none at an operation."""

    asked: tuple[Asked, ...]
    replayed: tuple[Replayed, ...]
    left_out: tuple[str, ...]

    @property
    def all(self) -> tuple[Lane, ...]:
        """In the order of their numbers."""
        numbered = [(each.number, each.lane) for each in self.asked]
        numbered += [(each.number, each.lane) for each in self.replayed]
        return tuple(lane for _, lane in sorted(numbered, key=lambda pair: pair[0]))


def lanes_of(plan: Plan, broker: Broker, run_id: str) -> Lanes:
    """Every provider at every operation that it offers, operation by operation.

    Raises :class:`~broker.errors.NotConfigured` where one cannot be asked on this machine, :class:`~broker.errors.BadInput` for
    options that no call takes.
    """
    asked: list[Asked] = []
    replayed: list[Replayed] = []
    left_out: list[str] = []
    missing: dict[str, str] = {}
    number = 0
    for name in plan.operations:
        for section in plan.provider:
            if section.operations and name not in section.operations:
                continue
            try:
                made = _asked(plan, section, OPERATIONS[name], broker, run_id, number + 1)
            except Unsupported as error:
                left_out.append(f"{section.title} has no lane at {name}: {error}")
            except NotConfigured as error:
                missing[section.title] = str(error)
            else:
                number += 1
                asked.append(made)
        for replay in plan.replay:
            if not replay.operations or name in replay.operations:
                number += 1
                replayed.append(_replayed(replay, OPERATIONS[name], broker, number))
    if missing:
        reasons = "; ".join(f"{title}: {problem}" for title, problem in missing.items())
        raise NotConfigured(
            f"{reasons}; set it up ('mlbroker doctor' shows how it stands) or take it out of the plan"
        )
    if not asked and not replayed:
        raise BadInput("nobody of the plan offers its operations: " + "; ".join(left_out))
    return Lanes(asked=tuple(asked), replayed=tuple(replayed), left_out=tuple(left_out))


def _asked(
    plan: Plan,
    section: ProviderSection,
    operation: Operation[Any, Any],
    broker: Broker,
    run_id: str,
    number: int,
) -> Asked:
    candidate = Candidate.parse(section.provider)
    registry = broker.registry
    registry.manifest(candidate.provider).spec(operation.name)
    setup = registry.setup(candidate.provider, candidate.profile)
    if not setup.takes(operation.name):
        raise NotConfigured(setup.problem or "it is not configured")
    given = section.options_of(operation.name)
    options: dict[str, Any] = {
        **given,
        "provider": section.provider,
        "tags": {TAG: run_id, LANE_TAG: section.title, **_OF_NO_USE_CASE},
    }
    if plan.run.deadline is not None:
        options.setdefault("deadline", plan.run.deadline)
    if plan.run.raw and any(each.name == "raw" for each in fields(operation.request)):
        options["raw"] = True
    try:
        check_options(broker.core.probe(operation, options))
    except BrokerError as error:
        raise BadInput(f"options of {section.title} for {operation.name}: {error}") from error
    return Asked(
        number=number,
        lane=Lane(
            name=section.title,
            provider=section.provider,
            operation=operation.name,
            origin=Origin.ASKED,
            options=json.dumps(given, sort_keys=True, default=str) if given else "",
        ),
        section=section,
        operation=operation,
        options=options,
    )


def _replayed(
    section: ReplaySection, operation: Operation[Any, Any], broker: Broker, number: int
) -> Replayed:
    given = section.options_of(operation.name)
    provider = section.provider or section.name
    if given:
        try:
            check_options(broker.core.probe(operation, {**given, "provider": provider}))
        except BrokerError as error:
            raise BadInput(f"options of {section.name} for {operation.name}: {error}") from error
    lane = Lane(
        name=section.name,
        provider=provider,
        operation=operation.name,
        origin=Origin.MADE_UP if section.made_up else Origin.REPLAYED,
        options=json.dumps(given, sort_keys=True, default=str) if given else "",
        note=section.note,
    )
    return Replayed(
        number=number,
        lane=lane,
        section=section,
        operation=operation,
        options={**given, "provider": lane.provider},
    )
