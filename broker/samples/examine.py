"""What becomes of a taken call: its row, what of it is kept, its scores by gold, what others answer to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from broker.errors import BrokerError
from broker.quality.reference import Reference
from broker.quality.sampling import Features
from broker.samples.gold import Gold, GoldTruth
from broker.samples.label import scores_of
from broker.samples.mirror import Mirror, Question, Told
from broker.samples.plan import Plan
from broker.samples.purses import Purses
from broker.samples.rows import (
    UNKNOWN_VERSION,
    Content,
    Sample,
    SampleState,
    Score,
    Shadow,
    Skipped,
)
from broker.samples.seen import Seen, class_token, content_digest, input_digest, input_of, keyed
from broker.samples.store import SampleStore
from broker.scoring.score import answer_class, confidence_of, is_empty, parse_truth, same_answer
from broker.scoring.stored import stored_answer

log = logging.getLogger("broker")

QUALITY_TAG = "quality"
"""On every shadow call: the use case's name."""
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A taken call, looked at.

    :param sample: not yet in the store.
    :param scores: by gold, where it is known.
    :param asks: providers that are to be asked the same.
    """

    seen: Seen
    sample: Sample
    contents: tuple[Content, ...]
    truth: GoldTruth | None
    scores: tuple[Score, ...]
    asks: tuple[str, ...]


class Examiner:
    """Looks at taken calls of all use cases. :meth:`look` for one thread, the rest for several.

    :param count: told what was not looked at.
    :param probes: providers of a use case that are being tried again for the sake of their quality.
    :param purses: money for what is asked.
    :param held: whether a use case's operation at a provider is switched off, so that nobody may ask there.
    """

    def __init__(
        self,
        store: SampleStore,
        plans: dict[str, Plan],
        *,
        count: Callable[[str, Skipped], None],
        probes: Callable[[str], Sequence[str]],
        held: Callable[[str, str, str], bool],
        purses: Purses,
        now: Callable[[], datetime],
    ) -> None:
        self._purses = purses
        self._store = store
        self._plans = plans
        self._count = count
        self._probes = probes
        self._held = held
        self._now = now
        self._gold: dict[str, Gold] = {
            name: Gold(each.settings.gold, each.settings.operation)
            for name, each in plans.items()
            if each.settings.gold is not None
        }
        self._unreadable: set[str] = set()

    def look(self, seen: Seen) -> Found:
        """One taken call."""
        plan = self._plans[seen.use_case]
        answer = _selected(seen)
        content = _content(seen)
        truth = self._truth(seen, None if content is None else content_digest(content[1]))
        asks = self._asks(plan, seen) if answer is not None else ()
        sample = self._sample(plan, replace(seen, answer=answer), content, asks)
        scores: list[Score] = []
        if truth is not None:
            sample = replace(sample, state=SampleState.NONE, until=None)
            scores = self._by_gold(plan, sample, answer, truth)
        contents = self._contents(plan, seen, answer, content, truth)
        return Found(
            seen=replace(seen, answer=answer),
            sample=sample,
            contents=contents,
            truth=truth,
            scores=tuple(scores),
            asks=asks,
        )

    def _sample(
        self, plan: Plan, seen: Seen, content: tuple[str, bytes] | None, asks: tuple[str, ...]
    ) -> Sample:
        operation, answer, seed = seen.operation.name, seen.answer, plan.seed
        named = None
        if answer is not None:
            named = answer_class(operation, answer, provider=seen.provider, settings=plan.scoring)
        sample = Sample(
            item=seen.item,
            use_case=seen.use_case,
            operation=operation,
            provider=seen.provider,
            region=seen.region,
            model_version=seen.model_version or UNKNOWN_VERSION,
            at=seen.at,
            tags=seen.tags,
            design=seen.draw.design,
            stratum=seen.draw.stratum or "",
            probability=seen.draw.probability,
            least=seen.least,
            u=seen.draw.u,
            failed=answer is None,
            error=seen.error,
            latency=seen.latency,
            cost=seen.cost,
            currency=seen.currency,
            empty=answer is not None and is_empty(operation, answer),
            confidence=None if answer is None else confidence_of(operation, answer),
            pending=bool(asks),
            input_digest=None if content is None else input_digest(seed, seen, content[1]),
            answer_digest=None if answer is None else keyed(seed, "answer", stored_answer(operation, answer)),
            answer_token=None if named is None else class_token(seed, seen.use_case, named),
        )
        if answer is None or not plan.settings.waits:
            return sample
        until = seen.at + plan.settings.waits
        if asks:  # step two is decided when they have answered
            return replace(sample, state=SampleState.WAITING, until=until)
        return self._referred(plan, sample, None, until)

    def _referred(self, plan: Plan, sample: Sample, agreeing: int | None, until: datetime) -> Sample:
        features = Features(tags=sample.tags, confidence=sample.confidence, agreeing=agreeing)
        taken, rate, least, stratum = plan.refer(sample.item, sample.provider, features)
        return replace(
            sample,
            state=SampleState.WAITING if taken else SampleState.NONE,
            until=until if taken else None,
            refer_probability=rate,
            refer_least=least,
            refer_stratum=stratum,
        )

    def _truth(self, seen: Seen, digest: str | None) -> GoldTruth | None:
        gold = self._gold.get(seen.use_case)
        if gold is None:
            return None
        try:
            return gold.truth(seen.tags, digest)
        except (BrokerError, OSError) as error:
            self._count(seen.use_case, Skipped.UNREADABLE)
            if seen.use_case not in self._unreadable:
                self._unreadable.add(seen.use_case)
                log.warning(
                    "the gold of %s cannot be read, so nothing is scored by it: %s", seen.use_case, error
                )
            return None

    def _asks(self, plan: Plan, seen: Seen) -> tuple[str, ...]:
        if plan.per_day is None:
            return ()
        wanted = dict.fromkeys((*plan.sampling.second, *self._probes(plan.name)))
        return tuple(name for name in wanted if name != seen.provider)

    def _contents(
        self,
        plan: Plan,
        seen: Seen,
        answer: Any,
        content: tuple[str, bytes] | None,
        truth: GoldTruth | None,
    ) -> tuple[Content, ...]:
        kept = plan.settings.content
        if kept == "off":
            return ()
        until = plan.until(seen.at)
        found: list[tuple[str, str, bytes]] = []
        if answer is not None:
            found.append(("answer", JSON, stored_answer(seen.operation.name, answer).encode()))
        if truth is not None:
            found.append(("truth", JSON, json.dumps(truth.raw).encode()))
        if kept == "inputs" and content is not None:
            found.append(("input", *content))
        return tuple(
            Content(sample=0, part=part, kind=kind, value=value, until=until) for part, kind, value in found
        )

    def _by_gold(self, plan: Plan, sample: Sample, answer: Any, truth: GoldTruth) -> list[Score]:
        gold = self._gold[plan.name]
        try:
            return scores_of(
                sample,
                answer,
                parse_truth(sample.operation, truth.raw, plan.scoring, where=truth.where),
                reference=Reference.GOLD,
                scoring=plan.scoring,
                seed=plan.seed,
                metric=plan.settings.metric,
                at=self._now(),
                source=gold.source,
                cluster=truth.cluster,
            )
        except BrokerError as error:
            self._count(plan.name, Skipped.UNSCORED)
            log.warning("a sampled call of %s could not be scored: %s", plan.name, error)
            return []

    def ask_others(self, found: Found, number: int, mirror: Mirror) -> None:
        """Put the same question to others, and keep what follows from their answers. Raises nothing but the store's error."""
        seen, plan = found.seen, self._plans[found.seen.use_case]
        shadows: list[Shadow] = []
        contents: list[Content] = []
        agreeing = asked = 0
        for provider in found.asks:
            told = self._ask(plan, seen, provider, mirror)
            if told is None:
                continue
            if told.answer is None:
                self._count(plan.name, Skipped.FAILED)
                shadows.append(_shadow(number, provider, told, self._now()))
                continue
            same = same_answer(
                seen.operation.name,
                seen.answer,
                told.answer,
                providers=(seen.provider, provider),
                settings=plan.scoring,
            )
            if provider in plan.sampling.second:
                asked += same.same is not None
                agreeing += bool(same.same)
            named = answer_class(seen.operation.name, told.answer, provider=provider, settings=plan.scoring)
            shadows.append(
                replace(
                    _shadow(number, provider, told, self._now()),
                    confidence=confidence_of(seen.operation.name, told.answer),
                    same=same.same,
                    share=same.share,
                    answer_token=None if named is None else class_token(plan.seed, plan.name, named),
                )
            )
            if plan.settings.content != "off":
                value = stored_answer(seen.operation.name, told.answer).encode()
                contents.append(
                    Content(
                        sample=number,
                        part=f"shadow:{provider}",
                        kind=JSON,
                        value=value,
                        until=plan.until(seen.at),
                    )
                )
            if provider in self._probes(plan.name):
                self._probed(plan, found, provider, told)
        sample = replace(found.sample, id=number)
        if found.sample.state is SampleState.WAITING:
            sample = self._referred(plan, sample, agreeing if asked else None, seen.at + plan.settings.waits)
        referred = None
        if sample.refer_probability is not None:
            referred = (
                sample.refer_probability,
                sample.refer_least or sample.refer_probability,
                sample.refer_stratum or "",
            )
        self._store.add_shadows(
            number,
            shadows,
            asked=asked,
            agreeing=agreeing,
            referred=referred,
            state=sample.state,
            until=sample.until,
        )
        if contents:
            self._store.keep(contents)

    def _ask(self, plan: Plan, seen: Seen, provider: str, mirror: Mirror) -> Told | None:
        """The answer of one; None where it is switched off, or the money does not allow to ask."""
        if self._held(plan.name, seen.operation.name, provider):
            self._count(plan.name, Skipped.OFF)
            return None
        question = Question(
            operation=seen.operation,
            request=seen.request,
            provider=provider,
            tags={**seen.tags, QUALITY_TAG: plan.name},
        )
        bound, currency = mirror.bound(question)
        if bound is None or (bound and currency != plan.sampling.currency):
            self._count(plan.name, Skipped.UNPRICED)
            return None
        since = self._now()
        refused = self._purses.hold(plan, bound, since) if bound else None
        if refused is not None:
            self._count(plan.name, refused)
            self._purses.allow(plan, since)
            return None
        told = mirror.ask(question, bound)
        if bound:
            cost = bound if told.cost is None else told.cost
            self._purses.settle(plan, bound, cost, since, self._now())
            self._purses.allow(plan, self._now())
        return told

    def _probed(self, plan: Plan, found: Found, provider: str, told: Told) -> None:
        """A provider that is tried again: its answer is a sample of its own, scored where there is gold."""
        if found.truth is None:
            return
        operation = found.seen.operation.name
        sample = replace(
            found.sample,
            provider=provider,
            region=told.region,
            model_version=told.model_version or UNKNOWN_VERSION,
            latency=told.latency,
            cost=told.cost,
            currency=told.currency,
            empty=is_empty(operation, told.answer),
            confidence=confidence_of(operation, told.answer),
            pending=False,
            answer_digest=keyed(plan.seed, "answer", stored_answer(operation, told.answer)),
            answer_token=None,
        )
        scores = self._by_gold(plan, sample, told.answer, found.truth)
        self._store.write({}, {}, [(sample, ())], [scores])


def _selected(seen: Seen) -> Any:
    """The answer as the user gets it; None where there is none."""
    return None if seen.answer is None else seen.answer.select(seen.request)


def _content(seen: Seen) -> tuple[str, bytes] | None:
    try:
        return input_of(seen.request)
    except (OSError, BrokerError):
        return None


def _shadow(number: int, provider: str, told: Told, at: datetime) -> Shadow:
    return Shadow(
        sample=number,
        provider=provider,
        at=at,
        call_id=told.call_id,
        model_version=told.model_version or UNKNOWN_VERSION,
        error=told.error,
        latency=told.latency,
        cost=told.cost,
        currency=told.currency,
    )
