"""One sitting of a benchmark: begin or go on, say what it will cost, ask, and tell what was found."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from broker.bench.cost_ahead import CostAhead, cost_ahead
from broker.bench.kept import State, StoredItem
from broker.bench.lanes import TAG, Asked, Lanes, Replayed, lanes_of
from broker.bench.outcome import Facts, outcome
from broker.bench.plan import Plan
from broker.bench.read_again import reading_of
from broker.bench.recordings import replay
from broker.bench.result import BenchResult, DataSetFacts
from broker.bench.run import Runner, Watcher, settle_lost
from broker.bench.store import FILE, Store
from broker.bench.truths_ahead import UnusableTruths, unusable_truths
from broker.bench.whole_file import write_whole
from broker.client import Broker
from broker.datasets import Dataset, Kind, ReadOptions, open_dataset
from broker.errors import BadDataset, BadInput, BudgetExceeded, LedgerUnavailable
from broker.scoring import stored_answer
from broker.types.budget import Action, Budget, Window
from broker.types.money import EXACT, shown_amount

RESULT = "result.json"
PLAN = "plan.toml"
_WINDOW = "rolling 366d"
"""A run's budget has no month's end at which it begins anew."""
_TOGETHER = 500
_ZERO = Decimal(0)
Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how many are done, and of how many where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOfRun:
    """What the questions that are left will cost.

    :param lanes: those that are asked. ``spent``: what earlier sittings came to at the most.
    :param amount: of what is left, at this month's tiers; None: not known. ``most``: one attempt each at the dearest tier.
    :param cap: of the whole run.
    :param unpriced: why something has no price, if so. ``about``: only a part was estimated one by one.
    """

    lanes: tuple[CostAhead, ...]
    spent: Decimal
    amount: Decimal | None
    most: Decimal | None
    cap: Decimal
    currency: str
    unpriced: str | None
    about: bool

    @property
    def free(self) -> bool:
        """Nothing can be billed."""
        return all(each.free for each in self.lanes)

    @property
    def above(self) -> bool:
        """It could cost more than the cap."""
        return not self.free and (self.most is None or EXACT.add(self.spent, self.most) > self.cap)


class Session:
    """A run's folder, opened for asking.

    :param folder: of an unfinished run to go on with, or a new one's.
    """

    def __init__(self, broker: Broker, plan: Plan, folder: str, command: str) -> None:
        self._broker = broker
        self._runtime = broker.core.services.runtime
        self._began = self._runtime.monotonic()
        self.plan = plan
        self.command = command
        self.store = Store(folder, create=True, full=broker.settings.ledger.durability == "full")
        self.store.take()
        self.run_id = self.store.get("id") or secrets.token_hex(6)
        self._sitting = 0
        self._discard = self.store.get("data") is None
        try:
            self.lanes: Lanes = lanes_of(plan, broker, self.run_id)
        except BaseException:
            self.close()
            raise
        self.unsettled = 0
        self.unusable: tuple[UnusableTruths, ...] = ()

    @property
    def resumed(self) -> bool:
        """There are answers already."""
        return any(self.store.asked_of(each.number) for each in self.lanes.asked)

    def prepare(self, text: str, progress: Progress, *, again_unknown: bool) -> None:
        """Take in the data set and recordings, or see that they are as they were; find out what a crash has lost.

        :param text: the plan's, to be kept with the run.
        """
        facts = self.store.get("data")
        dataset = dataset_of(self.plan)
        snapshot = dataset.snapshot(lambda done: progress("reading the data set", done, None))
        if facts is None:
            self.store.put("id", self.run_id)
            self.store.put("digest", self.plan.digest)
            self.store.put("started", self._runtime.now().isoformat())
            self.store.put_lanes(self.lanes.all)
            self._take_in(dataset)
            told = DataSetFacts(
                name=os.path.basename(dataset.path),
                source=dataset.path,
                snapshot=snapshot.id,
                kind=snapshot.kind.value,
                items=self.store.known_items(),
                with_truth=self.store.with_truth(),
                skipped=tuple(
                    f"{count} files {ending or 'without ending'}" for ending, count in snapshot.ignored
                ),
            )
            self._discard = False
            self.store.put("data", json.dumps({name: getattr(told, name) for name in told.__slots__}))
        elif json.loads(facts)["snapshot"] != snapshot.id:
            raise BadInput(
                f"the data set has changed since this run began ({json.loads(facts)['snapshot']}, now {snapshot.id}); begin a new "
                "run with --restart"
            )
        else:
            self.store.put_lanes(self.lanes.all)
        if self.lanes.asked:
            self._try_truths(progress)
        self._keep_plan(text)
        for each in self.lanes.replayed:
            found = replay(
                self.store, each, self._broker, operations=len(self.plan.operations), at=self._runtime.now()
            )
            self.store.put(f"strange:{each.number}", str(found.strange))
        self.unsettled = settle_lost(self.store, self._broker.core, again_unknown=again_unknown)

    def _take_in(self, dataset: Dataset) -> None:
        waiting: list[StoredItem] = []
        for number, item in enumerate(dataset.items(), 1):
            if self.plan.data.limit is not None and number > self.plan.data.limit:
                break
            waiting.append(
                StoredItem(
                    number=number,
                    id=item.id,
                    kind=item.kind.value,
                    input=item.input,
                    truth=None if item.truth is None else json.dumps(item.truth, ensure_ascii=False),
                    stratum=item.stratum,
                    cluster=item.cluster,
                    tags=json.dumps(item.tags),
                    source=item.where,
                )
            )
            if len(waiting) >= _TOGETHER:
                self.store.put_items(waiting)
                waiting = []
        self.store.put_items(waiting)

    def _try_truths(self, progress: Progress) -> None:
        """Before anything is paid for."""
        settings = self.plan.scoring.settings()
        try:
            self.unusable = unusable_truths(
                self.store,
                self.plan.operations,
                settings,
                lambda done: progress("reading truths", done, None),
            )
        except BadDataset:
            self.discard_if_new()
            raise

    def _keep_plan(self, text: str) -> None:
        write_whole(os.path.join(self.store.folder, PLAN), text)
        self.store.put("plan_folder", self.plan.folder)
        self.store.put("name", self.plan.name)

    # ------------------------------------------------------------------ money

    def cost(self, progress: Progress) -> CostOfRun:
        """What is left to pay. Nothing is sent."""
        left = {each.number: self._left(each) for each in self.lanes.asked}
        found = cost_ahead(
            self._broker,
            self.lanes.asked,
            self.store,
            left,
            lambda done, total: progress("estimating the cost", done, total),
            self.plan.run.unpriced,
        )
        listed = [
            each for each in self.lanes.replayed if each.listed and not self.store.get(f"uses:{each.number}")
        ]
        for each in (*found, *self._list_prices(listed)):
            self.store.put(f"uses:{each.lane.number}", each.kept())
        priced = [each for each in found if each.calls and not each.free]
        currencies = {each.currency for each in priced} | ({self.plan.run.currency} if priced else set())
        return CostOfRun(
            lanes=tuple(found),
            spent=self.store.spent_at_most(),
            amount=_sum([each.amount for each in found]),
            most=_sum([each.most for each in found]) if len(currencies) < 2 else None,
            cap=self.plan.run.cost_cap,
            currency=self.plan.run.currency,
            unpriced=next((each.unpriced for each in priced if each.unpriced), None),
            about=any(each.estimated < each.calls for each in found),
        )

    def _list_prices(self, lanes: Sequence[Replayed]) -> list[CostAhead]:
        """What recorded answers would cost if they were asked for today."""
        calls = self.store.known_items()
        left = {each.number: calls for each in lanes}
        return cost_ahead(self._broker, lanes, self.store, left, lambda *_: None) if lanes else []

    def _left(self, lane: Asked) -> int:
        return max(0, self.store.known_items() * self.plan.run.repetitions - self.store.asked_of(lane.number))

    # ------------------------------------------------------------------ asking

    def ask(self, watcher: Watcher, cap: Decimal) -> dict[str, str]:
        """Ask what is left, under a budget of the run's own. Returns the lanes that were stopped, and why.

        :param cap: of the whole run, what earlier sittings spent included.
        """
        self._sitting = self.store.begin_sitting(self._runtime.now(), self.command)
        ledger = self._broker.ledger
        self.store.put("cap", str(cap))
        budget = Budget(
            name=f"bench-{self.run_id}",
            limit=cap,
            currency=self.plan.run.currency,
            window=Window(text=_WINDOW),
            tags=((TAG, self.run_id),),
            action=Action.STOP,
            unpriced=self.plan.run.unpriced,
        )
        runner = Runner(
            self._broker.core,
            self.store,
            self.lanes.asked,
            stored_answer,
            watcher,
            concurrency=self.plan.run.concurrency,
            warm_up=self.plan.run.warm_up,
            repetitions=self.plan.run.repetitions,
            seed=self.plan.run.seed,
        )
        ledger.declare([budget], self._runtime.now())
        try:
            runner.run()
        finally:
            with suppress(LedgerUnavailable):  # it would hold nobody else up: no other call has the run's tag
                ledger.forget(budget.name)
            self.store.worked(self._sitting, self._runtime.monotonic() - self._began)
        return runner.stopped

    @property
    def finished(self) -> bool:
        """Nothing is left to ask."""
        return all(self._left(each) == 0 for each in self.lanes.asked)

    def result(self, progress: Progress) -> BenchResult:
        """Score everything and write ``result.json``."""
        total = self.store.count(State.ANSWERED, State.FAILED)
        facts = facts_of(
            self.store,
            self._runtime.now(),
            left_out=(*self.lanes.left_out, *self._strange()),
            command=self.command,
            finished=self.finished,
        )
        made = outcome(
            self.plan,
            self.store,
            self._broker.core.services,
            facts,
            lambda done: progress("scoring", done, total),
        )
        write_result(self.store.folder, made)
        if self.finished:
            self.store.put("finished", self._runtime.now().isoformat())
        return made

    def _strange(self) -> list[str]:
        found = []
        for each in self.lanes.replayed:
            count = int(self.store.get(f"strange:{each.number}") or 0)
            if count:
                found.append(
                    f"{each.lane.key}: {count} recorded answers are of items that the data set does not have"
                )
        return found

    def discard_if_new(self) -> None:
        """Remove the folder of a run that nothing was asked of: only its cost was wanted."""
        self._discard = not self.resumed and not self.store.sittings()[0]

    def close(self) -> None:
        """Let others work on the run."""
        self.store.leave()
        self.store.close()
        if self._discard:
            shutil.rmtree(self.store.folder, ignore_errors=True)


def dataset_of(plan: Plan) -> Dataset:
    """What the plan asks. Raises :class:`~broker.errors.BadInput` where its operations do not take that."""
    data = plan.data
    options = ReadOptions(
        kind=None if data.kind is None else Kind(data.kind),
        truth=data.truth,
        root=data.root,
        id=data.id,
        input=data.input,
        stratum=data.stratum,
        cluster=data.cluster,
        tags=data.tags,
    )
    dataset = open_dataset(data.path, options)
    for operation in plan.operations:
        if Kind.of(operation) is not dataset.kind:
            wanted = Kind.of(operation)
            raise BadInput(
                f"{operation} takes {wanted.value if wanted else 'nothing that a data set holds'}, and {data.path} holds "
                f"{dataset.kind.value}; change operations, or say [data] kind"
            )
    return dataset


def facts_of(store: Store, now: datetime, *, left_out: Sequence[str], command: str, finished: bool) -> Facts:
    """What a store knows of its run."""
    data = json.loads(store.get("data") or "{}")
    data["skipped"] = tuple(data.get("skipped", ()))
    store.put("left_out", json.dumps(list(left_out)))
    reading = reading_of(store)
    return Facts(
        data=DataSetFacts(**data),
        left_out=(*left_out, *([reading] if reading else [])),
        command=command,
        started=datetime.fromisoformat(store.get("started") or now.isoformat()),
        ended=now,
        run_id=store.get("id") or "",
        finished=finished,
    )


def write_result(folder: str, result: BenchResult) -> str:
    """Into the run's folder, whole or not at all; its path. Raises :class:`~broker.errors.BadInput` where it cannot be written."""
    path = os.path.join(folder, RESULT)
    try:
        write_whole(path, result.to_json())
    except OSError as error:
        raise BadInput(
            f"the result cannot be written to {path!r} ({error.strerror or error}); the answers are kept: make room, or check its "
            f"owner and mode, then type: mlbroker bench rescore {folder}"
        ) from error
    return path


def folder_for(plan: Plan, now: datetime, *, restart: bool) -> tuple[str, bool]:
    """The folder of this plan's unfinished run, and True; or a new one's, and False."""
    if not restart:
        for folder in sorted(runs_in(plan.keep), reverse=True):
            store = Store(folder)
            try:
                if store.get("digest") == plan.digest and store.get("finished") is None:
                    return folder, True
            finally:
                store.close()
    return os.path.join(plan.keep, f"{plan.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"), False


def runs_in(folder: str) -> list[str]:
    """Run folders that are kept there."""
    try:
        return [each.path for each in os.scandir(folder) if os.path.isfile(os.path.join(each.path, FILE))]
    except OSError:
        return []


def above_cap(cost: CostOfRun) -> BudgetExceeded:
    """Why the run is not begun."""
    what = (
        "an unknown amount"
        if cost.most is None
        else f"up to {shown_amount(EXACT.add(cost.spent, cost.most), cost.currency)}"
    )
    why = f" ({cost.unpriced}; say run.unpriced in the plan)" if cost.unpriced and cost.most is None else ""
    cap = shown_amount(cost.cap or _ZERO, cost.currency)
    return BudgetExceeded(
        f"the run could cost {what}{why}, and its cap is {cap}; raise run.cost_cap in the plan, ask fewer "
        "items (data.limit), or say --yes"
    )


def _sum(parts: Sequence[Decimal | None]) -> Decimal | None:
    total = _ZERO
    for each in parts:
        if each is None:
            return None
        total = EXACT.add(total, each)
    return total
