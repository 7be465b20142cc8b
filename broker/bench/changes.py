"""Two runs of one plan compared lane by lane: what a provider answers otherwise than last time, to the same questions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from broker.bench.plan import Plan
from broker.bench.result import Lane, Origin
from broker.bench.runs import BenchRun, ItemAnswers, StoredAnswer, open_run
from broker.bench.scores import truth_for
from broker.bench.session import dataset_of, runs_in
from broker.bench.store import Store
from broker.errors import BadInput, BadTruth
from broker.quality.drift.pinned import PinnedAnswer, Replay, ReplayTally
from broker.scoring import parse_truth, pinned_answer, read_answer, right_answer, score
from broker.scoring.settings import ScoringSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChange:
    """One lane, then and now.

    :param run: the later run's folder name.
    """

    lane: Lane
    replay: Replay
    snapshot: str
    run: str
    before_at: datetime
    at: datetime


def finished_runs(plan: Plan) -> list[str]:
    """Folders of the finished runs of a plan's name, oldest first."""
    found: list[tuple[str, str]] = []
    for folder in runs_in(plan.keep):
        store = Store(folder)
        try:
            if store.get("name") == plan.name and store.get("finished") is not None:
                found.append((store.get("started") or "", folder))
        finally:
            store.close()
    return [folder for _, folder in sorted(found)]


def check_same_set(plan: Plan) -> None:
    """Raise :class:`~broker.errors.BadInput` if the plan's items are no longer those of its last finished run."""
    runs = finished_runs(plan)
    if not runs:
        return
    with open_run(runs[-1]) as last:
        told = last.result().provenance.data.snapshot
    now = dataset_of(plan).snapshot().id
    if told != now:
        raise _other_set(told, now)


def check_lanes(plan: Plan, operation: str) -> None:
    """Raise :class:`~broker.errors.BadInput` unless the plan asks each provider once, and for this operation alone.

    What is found out is kept by provider, so a second lane of the same one would be lost in the first.
    """
    if plan.operations != (operation,):
        raise BadInput(
            f"the pinned set asks for {', '.join(plan.operations)} and the use case is of {operation}; "
            f'write operations = "{operation}" into its plan'
        )
    names = [each.provider for each in plan.provider]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(
            f"the pinned set asks {', '.join(twice)} more than once; a pinned set asks a provider in one way"
        )


def _other_set(one: str, other: str) -> BadInput:
    return BadInput(
        f"these are two sets ({one} and {other}); a pinned set never changes: keep the old files, and give a new set a plan "
        "of its own"
    )


def changes(before: str, after: str) -> list[LaneChange]:
    """Every lane that both runs asked. Raises :class:`~broker.errors.BadInput` for runs of two sets, or unfinished ones.

    Both runs are scored by the later one's rules, so that nothing but answers can differ.
    """
    with open_run(before) as then, open_run(after) as now:
        told, tells = then.result(), now.result()
        for each in (told, tells):
            if not each.run.finished:
                raise BadInput(
                    f"the run in {each.run.folder!r} is not finished; go on with it: mlbroker bench PLAN"
                )
        if told.provenance.data.snapshot != tells.provenance.data.snapshot:
            raise _other_set(told.provenance.data.snapshot, tells.provenance.data.snapshot)
        settings = now.plan().scoring.settings()
        known = {each.lane.key for each in told.lanes}
        lanes = [
            each.lane for each in tells.lanes if each.lane.origin is Origin.ASKED and each.lane.key in known
        ]
        return [
            LaneChange(
                lane=lane,
                replay=replay,
                snapshot=tells.provenance.data.snapshot,
                run=os.path.basename(os.path.normpath(after)),
                before_at=told.run.ended,
                at=tells.run.ended,
            )
            for lane, replay in _replays(then, now, lanes, settings)
        ]


def _replays(
    then: BenchRun, now: BenchRun, lanes: Sequence[Lane], settings: ScoringSettings
) -> Iterator[tuple[Lane, Replay]]:
    """Items of both runs pass side by side, by their ids; of lanes without any answer nothing is told."""
    tallies = {lane.key: ReplayTally() for lane in lanes}
    for old, new in zip_longest(then.items(by_id=True), now.items(by_id=True)):
        first, second = _firsts(old), _firsts(new)
        for key, tally in tallies.items():
            before, after = first.get(key), second.get(key)
            if before is None and after is None:
                continue
            if old is None or new is None or before is None or after is None or old.id != new.id:
                raise BadInput(
                    f"{key}: the runs do not have answers to the same items; replay the set once more: mlbroker bench PLAN"
                )
            tally.add(_pinned(old, before, settings), _pinned(new, after, settings))
    for lane in lanes:
        found = tallies[lane.key].told()
        if found.items or found.failed:
            yield lane, found


def _firsts(item: ItemAnswers | None) -> dict[str, StoredAnswer]:
    """By lane."""
    return {} if item is None else {each.lane.key: each for each in item.answers if each.repetition == 1}


def _pinned(item: ItemAnswers, stored: StoredAnswer, settings: ScoringSettings) -> PinnedAnswer:
    operation = stored.lane.operation
    answer = None if stored.answer is None else read_answer(operation, stored.answer)
    right = None
    given = truth_for(operation, item.truth)
    if answer is not None and given is not None:
        try:
            truth = parse_truth(operation, given, settings, where=item.source)
        except BadTruth:  # the run has said so
            return pinned_answer(operation, item.id, answer)
        scores = score(
            operation, answer, truth, item=item.id, provider=stored.lane.provider, settings=settings
        )
        right = right_answer(scores, settings)
    return pinned_answer(operation, item.id, answer, right=right)
