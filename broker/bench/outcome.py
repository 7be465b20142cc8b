"""From a run's folder to its :class:`~broker.bench.result.BenchResult`: scores, figures, verdicts, curves. Nobody is asked."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from itertools import combinations

from broker.bench.figures import flips_of, models_of, money_of_lane, quality_of, reliability_of, speed_of
from broker.bench.plan import Plan, ProviderSection, ReplaySection
from broker.bench.result import (
    Agreement,
    BenchProvenance,
    BenchResult,
    DataSetFacts,
    Lane,
    LaneResult,
    ModelSeen,
    Origin,
    Pairing,
    RunFacts,
    Workload,
)
from broker.bench.scores import Scored, order_of, score_run
from broker.bench.store import Store
from broker.bench.tallies import Clusters, pairs
from broker.bench.tariffs import LaneTariff, asked_tariff, digest_of, oldest, stale, stated_tariff
from broker.bench.volume import break_evens, curve
from broker.pipeline.call import Services
from broker.quality.intervals import share_interval
from broker.quality.paired import compare_tally
from broker.types.money import Price

FEW_ITEMS = 100
"""Fewer items with truth are said to be few before any figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the run knows of itself, beside its answers.

    :param data: what was asked. ``left_out``: providers without a lane, and why. ``ended``: now.
    """

    data: DataSetFacts
    left_out: tuple[str, ...]
    command: str
    started: datetime
    ended: datetime
    run_id: str
    finished: bool


def outcome(
    plan: Plan,
    store: Store,
    services: Services,
    facts: Facts,
    progress: Callable[[int], None] = lambda _: None,
) -> BenchResult:
    """Everything that can be said. Scores are made anew from the kept answers.

    :param progress: told how many questions are scored.
    """
    settings = plan.scoring.settings()
    scored = score_run(store, settings, progress)
    clusters = Clusters(store)
    questions = store.known_items() * plan.run.repetitions
    lanes: list[LaneResult] = []
    tariffs: dict[str, list[tuple[str, LaneTariff]]] = {}
    for number, lane in store.lanes().items():
        asks = questions if lane.origin is Origin.ASKED else store.known_items()
        result, tariff = _lane(plan, store, services, number, lane, scored, clusters, asks)
        lanes.append(result)
        tariffs.setdefault(lane.operation, []).append((lane.name, tariff))
    rows = [row for each in tariffs.values() for _, tariff in each for row in tariff.rows]
    also = (plan.workload.calls_per_month,) if plan.workload.calls_per_month else ()
    return BenchResult(
        run=_run_facts(plan, store, facts),
        provenance=_provenance(store, services, facts, scored, lanes, rows),
        workload=Workload(
            calls_per_month=plan.workload.calls_per_month,
            p95_limit=plan.workload.p95_limit,
            budget=plan.workload.budget,
            currency=plan.workload.currency,
            peak_per_second=plan.workload.peak_per_second,
        ),
        delta=plan.delta,
        level=plan.level,
        lanes=tuple(lanes),
        pairings=tuple(_pairings(plan, store, scored, clusters)),
        curves=tuple(
            curve(name, operation, each.tariff, also)
            for operation, of in tariffs.items()
            for name, each in of
        ),
        break_evens=tuple(
            found
            for operation, of in tariffs.items()
            for found in break_evens(operation, [(name, each.tariff) for name, each in of])
        ),
        agreements=tuple(_agreements(plan, store, scored)),
        notes=tuple(_notes(plan, facts, lanes, scored, rows)),
    )


def _lane(
    plan: Plan,
    store: Store,
    services: Services,
    number: int,
    lane: Lane,
    scored: Scored,
    clusters: Clusters,
    questions: int,
) -> tuple[LaneResult, LaneTariff]:
    speed = speed_of(store, number, lane.origin, plan.run.concurrency, plan.level)
    section = _section(plan, lane)
    if isinstance(section, ReplaySection):
        lane = replace(lane, recorded=section.recorded)
    tariff = _tariff(plan, store, services, number, lane, speed.throughput)
    scores = scored.lanes[number]
    order = order_of(lane.operation, plan.scoring.settings())
    quality = quality_of(store, number, scored, clusters, order, plan.level)
    result = LaneResult(
        lane=lane,
        quality=quality,
        reliability=reliability_of(store, number, questions, plan.level),
        speed=speed,
        money=money_of_lane(store, lane, number, tariff, quality[0] if quality else None),
        flips=flips_of(scores, plan.run.repetitions, plan.level) if lane.origin is Origin.ASKED else None,
        stopped=store.busy(number)[3],
    )
    return result, tariff


def _tariff(
    plan: Plan, store: Store, services: Services, number: int, lane: Lane, throughput: float | None
) -> LaneTariff:
    section = _section(plan, lane)
    stated = stated_tariff(section) if isinstance(section, ReplaySection) else None
    if stated is not None:
        return stated
    why = "the recording tells no price" if lane.origin is Origin.MADE_UP else ""
    return asked_tariff(
        None if lane.origin is Origin.MADE_UP else store.get(f"uses:{number}"),
        services,
        lane.provider,
        standing=None if section is None else section.monthly_cost,
        throughput=throughput,
        currency=plan.run.currency,
        fallback=why or "no price could be found for it",
    )


def _section(plan: Plan, lane: Lane) -> ProviderSection | ReplaySection | None:
    if lane.origin is Origin.ASKED:
        return next((each for each in plan.provider if each.title == lane.name), None)
    return next((each for each in plan.replay if each.name == lane.name), None)


def _pairings(plan: Plan, store: Store, scored: Scored, clusters: Clusters) -> Iterator[Pairing]:
    """Every two lanes of an operation, by every metric that both have and that tells how good answers are."""
    by_operation: dict[str, dict[str, int]] = {}
    for number, lane in store.lanes().items():
        by_operation.setdefault(lane.operation, {})[lane.name] = number
    for operation, names in by_operation.items():
        for key in order_of(operation, plan.scoring.settings()):
            have = {name: number for name, number in names.items() if key in scored.lanes[number].first}
            if len(have) < 2:
                continue
            metric = scored.lanes[next(iter(have.values()))].metrics[key]
            if metric.ground:
                continue
            together = list(combinations(have, 2))
            for first, second in together:
                tally = pairs(store, have[first], have[second], scored.numbers[key], metric, clusters)
                compared = compare_tally(tally, plan.delta, plan.level, comparisons=len(together))
                yield Pairing(
                    operation=operation, metric=metric.id, first=first, second=second, comparison=compared
                )


def _agreements(plan: Plan, store: Store, scored: Scored) -> Iterator[Agreement]:
    lanes = store.lanes()
    for (one, other), (same, both) in sorted(scored.agreed.items()):
        yield Agreement(
            operation=lanes[one].operation,
            first=lanes[one].name,
            second=lanes[other].name,
            same=share_interval(same, both, plan.level, estimand="agreement"),
        )


def _run_facts(plan: Plan, store: Store, facts: Facts) -> RunFacts:
    sittings, seconds = store.sittings()
    return RunFacts(
        id=facts.run_id,
        name=plan.name,
        folder=store.folder,
        started=facts.started,
        ended=facts.ended,
        finished=facts.finished,
        sittings=sittings,
        seconds=seconds,
        seed=plan.run.seed,
        concurrency=plan.run.concurrency,
        warm_up=plan.run.warm_up,
        repetitions=plan.run.repetitions,
        plan_digest=plan.digest,
        cost_cap=Decimal(store.get("cap") or plan.run.cost_cap) if plan.provider else None,
        currency=plan.run.currency,
    )


def _provenance(
    store: Store,
    services: Services,
    facts: Facts,
    scored: Scored,
    lanes: list[LaneResult],
    rows: list[Price],
) -> BenchProvenance:
    day = facts.ended.astimezone(UTC).date()
    models = []
    for number, each in enumerate(lanes, 1):
        for model, answers, first, last in models_of(store, number):
            models.append(
                ModelSeen(
                    lane=each.lane.key,
                    version=model,
                    answers=answers,
                    first=datetime.fromisoformat(first),
                    last=datetime.fromisoformat(last),
                )
            )
    return BenchProvenance(
        mlbroker=version("mlbroker"),
        python=platform.python_version(),
        platform=f"{sys.platform} {platform.machine()}",
        data=facts.data,
        price_book=digest_of(services.prices, day),
        prices_day=day,
        prices_oldest=oldest(rows),
        prices_stale=stale(rows, day),
        models=tuple(models),
        scorers=scored.names,
        command=facts.command,
    )


def _notes(
    plan: Plan, facts: Facts, lanes: list[LaneResult], scored: Scored, rows: list[Price]
) -> Iterator[str]:
    """What must be read before any figure."""
    made_up = [each.lane.name for each in lanes if each.lane.origin is Origin.MADE_UP]
    if made_up:
        names = ", ".join(dict.fromkeys(made_up))
        yield f"{names}: answers, prices and all that follows from them are made up, to show what a result looks like; they say nothing of any vendor"
    replayed = [each.lane.name for each in lanes if each.lane.origin is Origin.REPLAYED]
    if replayed:
        names = ", ".join(dict.fromkeys(replayed))
        yield f"{names}: replayed from a recording, not asked; what the recording does not tell is unknown"
    if not facts.finished:
        left = sum(each.reliability.left for each in lanes)
        yield f"the run is not finished: {left:,} questions were not asked; the same command goes on with it"
    unsettled = sum(each.reliability.unsettled for each in lanes)
    if unsettled:
        yield (
            f"{unsettled} calls were sent whose answers are lost in a crash; they were paid for, or may have been, and are not "
            "asked again unless you say --again-unknown"
        )
    for each in lanes:
        if each.stopped is not None:
            yield f"{each.lane.key} was stopped: {each.stopped}"
    yield from facts.left_out
    yield from scored.notes
    bare = [each for each in lanes if each.lane.origin is Origin.ASKED and _bare(each, plan)]
    if bare:
        names = ", ".join(dict.fromkeys(each.lane.name for each in bare))
        yield f"{names}: calls cost nothing; what the machine costs that answers them is not in it ([[provider]] monthly_cost)"
    if not facts.data.with_truth:
        yield "no item has a truth: quality is unknown, which is not good quality"
    elif facts.data.with_truth < FEW_ITEMS:
        yield f"only {facts.data.with_truth} items have a truth: intervals are wide, and few differences can be told"
    old = stale(rows, facts.ended.astimezone(UTC).date())
    if old:
        yield f"prices read more than 90 days ago: {', '.join(old)}"


def _bare(result: LaneResult, plan: Plan) -> bool:
    """It was asked at no cost, and nothing is said to stand for it."""
    section = _section(plan, result.lane)
    free = result.money is not None and result.money.per_1000 == 0
    return free and section is not None and section.monthly_cost is None
