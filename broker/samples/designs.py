"""Sampling designs of a use case: from its settings, and from what past days showed.

Step one decides on a call when it is over: nobody else was asked yet, so strata are classes of confidence. Step two decides
on a taken call whether it goes on to people: by then other providers were asked, so strata know whether they agree.
Rates follow Neyman's rule on days that are over, for each provider, as confidences of two are not comparable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from broker.quality.sampling import (
    FLOOR_OF_MEAN,
    Design,
    Features,
    PerTag,
    Rate,
    Strata,
    Stratified,
    neyman_rates,
    terciles,
)
from broker.quality.stratified import Stratum
from broker.samples.rows import Sample, SampleQuery
from broker.samples.store import SampleStore
from broker.sections_quality import SamplingSettings

LEAST_SCORED = 50
"""Items with truth, of days that are over, before rates follow them."""
LEAST_SEEN = 50
"""Taken calls of days that are over, before classes of confidence are made of them."""
FIRST_DIFFER, FIRST_AGREE = 3.0, 0.5
"""Times the mean rate, in design ``disagreement``, until rates follow what was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What decides on the calls of one use case at one provider.

    :param first: on each call; ``least``: the smallest rate above 0 that it gives.
    :param second: on each taken call, whether people are to see it; ``second_least`` as above.
    :param cuts: of confidence in step one, with the stratum and rate of each class in ``classes``, unknown ones in
        ``unsaid``: what ``first`` says, made once, as every call asks for it.
    """

    first: Design
    least: float
    second: Design
    second_least: float
    cuts: tuple[float, ...] = ()
    classes: tuple[tuple[str | None, float], ...] = ()
    unsaid: tuple[str | None, float] = (None, 0.0)


def steps_of(settings: SamplingSettings, learnt: Mapping[str, Any] | None, version: int) -> Steps:
    """From the settings, and from what was learnt of this provider; None: nothing yet.

    :param version: of what was learnt.
    """
    first: Design
    if settings.design == "per-tag" and settings.tag is not None:
        first = PerTag(tag=settings.tag, rates=settings.rates, otherwise=settings.rate)
        rates = (*settings.rates.values(), settings.rate)
    elif settings.design == "stratified" and learnt is not None and learnt.get("first"):
        first = _stratified(learnt["first"], settings.rate, version, by_agreement=False)
        rates = (*first.rates.values(), first.otherwise)
    else:
        first = Rate(per_call=settings.rate)
        rates = (settings.rate,)
    second, second_rates = _second(settings, learnt, version)
    cuts = first.strata.confidence_cuts if isinstance(first, Stratified) else ()
    begins = (float("-inf"), *cuts) if cuts else ()
    return Steps(
        cuts=cuts,
        classes=tuple(first.rate(Features(confidence=each)) for each in begins),
        unsaid=first.rate(Features()),
        first=first,
        least=_least(rates, settings.floor),
        second=second,
        second_least=_least(second_rates, 0.0),
    )


def _second(
    settings: SamplingSettings, learnt: Mapping[str, Any] | None, version: int
) -> tuple[Design, tuple[float, ...]]:
    if settings.refer < 1 and settings.second and settings.design in ("stratified", "disagreement"):
        if learnt is not None and learnt.get("second"):
            made = _stratified(learnt["second"], settings.refer, version, by_agreement=True)
            return made, (*made.rates.values(), made.otherwise)
        if settings.design == "disagreement":
            by_agreement = _Agreement(
                differ=min(1.0, FIRST_DIFFER * settings.refer), agree=FIRST_AGREE * settings.refer
            )
            return by_agreement, (by_agreement.differ, by_agreement.agree)
    return Rate(per_call=settings.refer), (settings.refer,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreement:
    """More where others differ, before anything was learnt."""

    differ: float
    agree: float

    @property
    def id(self) -> str:
        return "disagreement/0"

    def rate(self, features: Features) -> tuple[str | None, float]:
        """Unknown agreement (nobody could be asked) goes with differing."""
        return ("agree", self.agree) if features.agreeing else ("differ", self.differ)


def _stratified(
    learnt: Mapping[str, Any], otherwise: float, version: int, *, by_agreement: bool
) -> Stratified:
    return Stratified(
        strata=Strata(confidence_cuts=tuple(learnt["cuts"]), by_agreement=by_agreement),
        rates=learnt["rates"],
        otherwise=otherwise,
        version=version,
    )


def _least(rates: Sequence[float], floor: float) -> float:
    return min((max(floor, rate) for rate in rates if max(floor, rate) > 0), default=1.0)


def learn(store: SampleStore, use_case: str, settings: SamplingSettings, today: date) -> dict[str, Any]:
    """What past days say of each provider, as it is kept; empty where they say too little.

    Only days before ``today`` count, so that no call's probability depends on itself.
    """
    if settings.design not in ("stratified", "disagreement"):
        return {}
    found: dict[str, Any] = {}
    for provider in store.providers(use_case):
        query = SampleQuery(use_case=use_case, provider=provider)
        past = [each for each in store.samples(query) if each.at.date() < today and not each.failed]
        units = {
            each.sample.id: each.score.unit
            for each in store.scored(query)
            if each.score.unit is not None and each.sample.at.date() < today
        }
        if len(past) < LEAST_SEEN or len(units) < LEAST_SCORED:
            continue
        cuts = terciles([each.confidence for each in past if each.confidence is not None])
        learnt: dict[str, Any] = {}
        if settings.design == "stratified" and cuts:
            learnt["first"] = _rates(
                past, units, Strata(confidence_cuts=cuts, by_agreement=False), settings.rate
            )
        if settings.second and settings.refer < 1:
            strata = Strata(confidence_cuts=cuts if settings.design == "stratified" else ())
            learnt["second"] = _rates(past, units, strata, settings.refer)
        if learnt:
            found[provider] = learnt
    return found


def _rates(
    past: Sequence[Sample], units: Mapping[int, float | None], strata: Strata, mean_rate: float
) -> dict[str, Any]:
    weight: dict[str, float] = {}
    hits: dict[str, float] = {}
    count: dict[str, int] = {}
    for each in past:
        agreeing = each.agreeing if each.asked else None
        name = strata.name(Features(confidence=each.confidence, agreeing=agreeing))
        weight[name] = weight.get(name, 0.0) + 1 / each.probability
        unit = units.get(each.id)
        if unit is not None:
            hits[name] = hits.get(name, 0.0) + unit
            count[name] = count.get(name, 0) + 1
    known = [
        Stratum(name=name, weight=each, hits=round(hits.get(name, 0.0)), n=count.get(name, 0))
        for name, each in weight.items()
    ]
    return {
        "cuts": list(strata.confidence_cuts),
        "rates": neyman_rates(known, mean_rate, floor=FLOOR_OF_MEAN),
    }


class Designs:
    """A use case's designs, by provider; what was learnt is kept in the store and shared by all processes.

    :param settings: of its sampling.
    """

    def __init__(self, use_case: str, settings: SamplingSettings) -> None:
        self._use_case = use_case
        self._settings = settings
        self._plain = steps_of(settings, None, 0)
        self._learnt: dict[str, Steps] = {}
        self._day: date | None = None

    def of(self, provider: str) -> Steps:
        """What decides on calls to this provider now. Cheap: it is asked with each call."""
        return self._learnt.get(provider, self._plain)

    def refresh(self, store: SampleStore, now: datetime) -> None:
        """Once a day: learn from the days before, or take what another process has learnt on this day."""
        today = now.astimezone(UTC).date()
        if self._day == today:
            return
        versions = store.designs(self._use_case)
        if not versions or versions[-1][1].date() < today:
            learnt = learn(store, self._use_case, self._settings, today)
            last = versions[-1][2] if versions else {}
            if learnt and json.dumps(learnt, sort_keys=True) != json.dumps(last, sort_keys=True):
                store.add_design(self._use_case, len(versions) + 1, now, learnt)
                versions = store.designs(self._use_case)
        if versions:
            version, _, learnt = versions[-1]
            self._learnt = {
                provider: steps_of(self._settings, each, version) for provider, each in learnt.items()
            }
        self._day = today
