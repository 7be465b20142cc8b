"""The queue of samples that wait for people: the most telling first, some twice, and nobody's name on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from broker.quality.reference import Reference
from broker.quality.review import REPEATS, queued
from broker.quality.sampling import number_of
from broker.quality.stratified import Stratum
from broker.samples.gold import ITEM_TAG
from broker.samples.label import decide
from broker.samples.plan import Plan
from broker.samples.reviews import Review
from broker.samples.rows import Content, Sample, SampleQuery, SampleState
from broker.samples.seen import keyed
from broker.samples.store import SampleStore
from broker.samples.told import told_answer
from broker.scoring.score import parse_truth
from broker.types.json import JsonValue

_SECOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDecide:
    """One showing of a sample. It names no provider, and no order of the candidates tells one.

    :param number: the sample's; with ``turn`` it names the showing.
    :param named: what the caller called the item (tag ``item``).
    :param load: reads the input: a queue may be of thousands of pictures.
    :param candidates: what was answered, as truths could be written; each once.
    """

    number: int
    turn: int
    operation: str
    at: datetime
    named: str | None
    load: Callable[[], Content | None] = field(repr=False, compare=False)
    candidates: tuple[JsonValue, ...] = field(repr=False)

    @property
    def shown(self) -> Content | None:
        """The input, where it is kept; read from the store each time."""
        return self.load()

    @property
    def id(self) -> str:
        """``412``, or ``412.2`` where it is shown again."""
        return str(self.number) if self.turn == 1 else f"{self.number}.{self.turn}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How a use case's queue stands.

    :param waiting: samples without a decision; ``again``: to be shown a second time.
    :param decided: samples with one; ``could_not_tell``: of them, without a truth.
    """

    waiting: int
    again: int
    decided: int
    could_not_tell: int


class Queue:
    """One use case's. Reads the store when it is made; decisions are kept one by one, so leaving early loses nothing."""

    def __init__(self, store: SampleStore, plan: Plan) -> None:
        self._store = store
        self._plan = plan
        name = plan.name
        waiting = store.samples(SampleQuery(use_case=name, state=SampleState.WAITING))
        # While others are being asked it is not decided yet whether it is for people.
        self._waiting = {each.id: each for each in waiting if not each.pending}
        self._reviews = store.reviews(name)
        turns = Counter(each.sample for each in self._reviews)
        again = {number for number, count in turns.items() if count == 1 and self._repeated(number)}
        self._again = {
            each.id: each
            for each in (store.samples(SampleQuery(use_case=name)) if again else ())
            if each.id in again and store.content(each.id, "answer") is not None
        }

    def _repeated(self, number: int) -> bool:
        return number_of(self._plan.seed, str(number), "repeat") < REPEATS

    @property
    def stands(self) -> Waiting:
        """How many wait, and how many are decided."""
        first = [each for each in self._reviews if each.turn == 1]
        return Waiting(
            waiting=len(self._waiting),
            again=len(self._again),
            decided=len(first),
            could_not_tell=sum(each.token is None for each in first),
        )

    def showings(self) -> list[ToDecide]:
        """All that is to be decided, in the order in which it tells most; second showings behind."""
        strata = self._strata()
        order = queued(
            [(str(each.id), _stratum(each)) for each in self._waiting.values()],
            strata,
            seed=self._plan.seed,
            repeats=0,
        )
        found = [self._showing(self._waiting[int(each.item)], 1) for each in order]
        later = sorted(
            self._again.values(), key=lambda each: number_of(self._plan.seed, str(each.id), "again")
        )
        return [*found, *(self._showing(each, _SECOND) for each in later)]

    def _strata(self) -> list[Stratum]:
        """What is known of each: its share of all calls, by the probabilities, and how often answers were right."""
        scored = self._store.scored(SampleQuery(use_case=self._plan.name))
        weights: Counter[str] = Counter()
        for each in (*self._waiting.values(), *(found.sample for found in scored)):
            weights[_stratum(each)] += 1 / (each.probability * (each.refer_probability or 1.0))  # type: ignore[assignment]
        total = sum(weights.values())
        hits: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for found in scored:
            if found.score.unit is not None:
                counts[_stratum(found.sample)] += 1
                hits[_stratum(found.sample)] += found.score.unit >= 0.5
        return [
            Stratum(name=name, weight=weight / total, hits=hits[name], n=counts[name])
            for name, weight in weights.items()
        ]

    def _showing(self, sample: Sample, turn: int) -> ToDecide:
        return ToDecide(
            number=sample.id,
            turn=turn,
            operation=sample.operation,
            at=sample.at,
            named=sample.tags.get(ITEM_TAG),
            load=partial(self._store.content, sample.id, "input"),
            candidates=self._candidates(sample),
        )

    def _candidates(self, sample: Sample) -> tuple[JsonValue, ...]:
        found: dict[str, JsonValue] = {}
        for part in self._store.parts_kept(sample.id):
            provider = sample.provider if part == "answer" else part.partition("shadow:")[2]
            kept = self._store.content(sample.id, part) if provider else None
            if kept is not None:
                raw = told_answer(sample.operation, kept.value.decode(), provider, self._plan.scoring)
                if raw is not None:
                    found[json.dumps(raw, sort_keys=True)] = raw
        # By a drawn order, so that the first is not always the same provider's.
        order = sorted(
            found, key=lambda text: number_of(self._plan.seed, f"{sample.id}\0{text}", "candidate")
        )
        return tuple(found[text] for text in order)

    def decide(self, showing: ToDecide, truth: JsonValue | None, *, by: str, at: datetime) -> bool:
        """Keep a decision; a second one is kept for comparison only. False: somebody else has decided it meanwhile.

        :param truth: as data sets have it (docs/datasets.md); None: one cannot tell.

        Raises :class:`~broker.errors.BadTruth`, and then nothing was kept; :class:`~broker.errors.BadInput`,
        :class:`~broker.errors.QualityUnavailable`.
        """
        plan, token = self._plan, None
        if truth is not None:
            parse_truth(showing.operation, truth, plan.scoring)
            token = keyed(plan.seed, "review", json.dumps(truth, sort_keys=True))[:32]
        sample = (self._waiting if showing.turn == 1 else self._again).pop(showing.number, None)
        if sample is None:
            return False
        review = Review(sample=sample.id, turn=showing.turn, at=at, actor=by, token=token)
        if showing.turn > 1:
            return self._store.add_review(review)
        if truth is None:
            kept = self._store.add_review(review)
            if kept:
                self._store.set_state([sample.id], SampleState.GIVEN_UP)
        else:
            # Scored first: a decision that is kept without its score would never be made again.
            now = self._store.samples(SampleQuery(item=sample.item, provider=sample.provider))
            if not now or not decide(
                self._store, plan, now[0], truth, reference=Reference.REVIEWED, at=at, source=by, waiting=True
            ):
                return False
            kept = self._store.add_review(review)
        self._reviews = [*self._reviews, review]
        return kept


def by_id(showings: Sequence[ToDecide]) -> Mapping[str, ToDecide]:
    """Showings by their names, for a file that comes back."""
    return {each.id: each for each in showings}


def _stratum(sample: Sample) -> str:
    return f"{sample.stratum}|{sample.refer_stratum or ''}"
