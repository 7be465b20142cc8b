"""What the settings say of one use case, ready to be used with each call."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from broker.quality.sampling import Features, PerTag, number_of
from broker.samples.designs import Designs, Steps
from broker.samples.rows import Purse
from broker.scoring.operations import scorer_of
from broker.sections_quality import SamplingSettings, UseCaseSettings

if TYPE_CHECKING:
    from broker.scoring.settings import ScoringSettings

SHARES = 16
"""The budget's share is rounded down to so many steps, so that draws have few different probabilities to be counted by."""


class Plan:
    """One use case that is sampled. Its share and what was learnt change under it; each is replaced as a whole."""

    def __init__(self, name: str, settings: UseCaseSettings, sampling: SamplingSettings, seed: bytes) -> None:
        self.name = name
        self.settings = settings
        self.sampling = sampling
        self.seed = seed
        self.share = 1.0
        self.designs = Designs(name, sampling)
        self._confidence = scorer_of(settings.operation).confidence
        self._scoring: ScoringSettings | None = None

    @property
    def per_day(self) -> Decimal | None:
        """Money for shadow calls."""
        return self.sampling.budget

    @property
    def scoring(self) -> ScoringSettings:
        """What scores depend on. Raises :class:`~broker.errors.BadInput` for settings that cannot be meant."""
        if self._scoring is None:
            from broker.scoring.told import scoring_settings

            self._scoring = scoring_settings(self.settings.scoring)
        return self._scoring

    def until(self, at: datetime) -> datetime:
        """How long content of a call then is kept."""
        return at + timedelta(days=self.settings.retention_days)

    def stratum(self, provider: str, tags: Mapping[str, str], answer: Any) -> tuple[str | None, float]:
        """Of step one's design, and the rate there; with every call, so what need not be known is not asked for.

        :param answer: None: there is none.
        """
        steps = self.designs.of(provider)
        if not steps.cuts:
            design = steps.first
            return design.rate(Features(tags=tags)) if type(design) is PerTag else steps.unsaid
        sure = None if answer is None else self._confidence(answer)
        return steps.unsaid if sure is None else steps.classes[bisect_right(steps.cuts, sure)]

    def probability(self, rate: float) -> float:
        """With which a call of such a rate is taken now; the same as :func:`broker.quality.sampling.decide` says."""
        return min(1.0, self.share * max(self.sampling.floor, rate))

    def least(self, provider: str) -> float:
        """The smallest probability above 0 that a call has now."""
        return min(1.0, self.share * self.designs.of(provider).least) if self.share else 1.0

    def refer(self, item: str, provider: str, features: Features) -> tuple[bool, float, float, str]:
        """Step two: whether people are to see a taken call; its probability, the smallest one, and the stratum."""
        steps: Steps = self.designs.of(provider)
        stratum, rate = steps.second.rate(features)
        taken = number_of(self.seed, item, "refer") < rate
        return taken, rate, min(rate, steps.second_least), f"{steps.second.id}|{stratum or ''}"

    def allow(self, purse: Purse) -> None:
        """Follow what the budget has left."""
        self.share = int(purse.share * SHARES) / SHARES
