"""Sections of the settings on quality: use cases, how their calls are sampled, what is expected of them, what they are worth."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from broker.sections import TAG_KEY, Amount, Names

if TYPE_CHECKING:  # at run time only where such a section is there: most programs have none
    from broker.quality.guardrails import Tolerance
    from broker.quality.roi import ValueModel
    from broker.quality.switch_state import Policy

_SPAN = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CHANGING = ("search.upsert", "search.delete", "search.status", "transcription.stream")
_CONFIG = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _span(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a time such as 30m, 12h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Span = Annotated[timedelta, BeforeValidator(_span)]
"""A time: ``30m``, ``12h``, ``7d``."""
Share = Annotated[float, Field(ge=0, le=1)]
UseCaseName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class SamplingSettings(BaseModel):
    """``[quality.use_cases.NAME.sampling]``: which calls are looked at. Without it none are."""

    model_config = _CONFIG

    design: Literal["rate", "per-tag", "stratified", "disagreement"] = "stratified"
    """``rate``: all alike; ``per-tag``: by one tag's value; ``stratified``: by confidence and agreement, with Neyman's
    rates; ``disagreement``: those in which a second provider answers otherwise, and fewer of the others."""
    rate: Share = 0.01
    """The mean rate over all calls."""
    floor: Share = 0.0
    """No call's rate is below this."""
    tag: str | None = None
    """Whose values have ``rates`` of their own (``per-tag``)."""
    rates: dict[str, Share] = Field(default_factory=dict)
    """By value of the tag; other values have ``rate``."""
    second: Names = ()
    """Providers that are asked the same, beside the call (shadow calls); their answers are compared, never taken for true."""
    refer: Share = 1.0
    """Share of the taken calls that go on to people for their label; with ``second`` more of them where providers differ."""
    budget: Amount | None = None
    """What shadow calls may cost a day; to be set with ``second``. Near its end the rate falls."""
    max_share: Annotated[Decimal, BeforeValidator(str), Field(gt=0, le=1)] | None = None
    """Of what the use case's own calls came to on the same UTC day, shadow calls may come to this share; None: ``budget`` alone."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.design == "per-tag") != (self.tag is not None) or bool(self.rates) > (self.tag is not None):
            raise ValueError("tag and rates belong to design per-tag, which needs a tag")
        if self.design == "disagreement" and not self.second:
            raise ValueError("design disagreement needs second: a provider to compare with")
        if self.second and not self.budget:
            raise ValueError('second asks others, which may cost money: set budget, a day\'s ("1.00")')
        if self.max_share is not None and self.budget is None:
            raise ValueError(
                'max_share limits what asking others costs, besides budget, a day\'s ("1.00"): set that, too'
            )
        return self


class ToleranceSettings(BaseModel):
    """``[quality.use_cases.NAME.tolerance]``: what quality was planned, and how far it may fall."""

    model_config = _CONFIG

    target: float = Field(gt=0, le=1)
    """Of the use case's metric, as a share of right answers (of an error rate: 1 - rate)."""
    tolerance: float = Field(gt=0, lt=1)
    """It must not be below ``target - tolerance``."""
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    """The risk of switching off although it is not."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.rule()
        return self

    def rule(self) -> Tolerance:
        """As the guardrail takes it."""
        from broker.quality.guardrails import Tolerance

        return Tolerance(target=self.target, tolerance=self.tolerance, alpha=self.alpha)


class OperationalSettings(BaseModel):
    """``[quality.use_cases.NAME.operational]``: errors and slowness over a window, besides the breaker's seconds."""

    model_config = _CONFIG

    error_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of the window's calls."""
    p95_seconds: Annotated[float, Field(gt=0)] | None = None
    """Within which 95 % of the answered requests must be."""
    window: Span = timedelta(hours=1)
    min_calls: int = Field(default=100, ge=20)
    """In the window, below which nothing is said."""


class SwitchSettings(BaseModel):
    """``[quality.use_cases.NAME.switch]``: what the off switch may do, and who may undo it."""

    model_config = _CONFIG

    mode: Literal["observe", "enforce"] = "observe"
    """``observe`` says what it would have done; ``enforce`` does it."""
    on_unknown: Literal["closed", "open"] | None = None
    """What holds while its state cannot be read: ``closed`` (calls go on) or ``open``. To be set with ``enforce``."""
    degrade_to: Names = ()
    """Whom to ask behind the call's own order while a provider is switched off."""
    window: Span = timedelta(days=1)
    """In which something must be learned, and after whose end a warning may be over."""
    first_cooldown: Span = timedelta(hours=1)
    """Before it is tried again; doubled each time it fails."""
    longest_cooldown: Span = timedelta(days=7)
    clear_windows: int = Field(default=2, ge=1)
    """In a row, until a warning ends."""
    stale_windows: int = Field(default=2, ge=1)
    """In a row without anything learned, until that is a warning of its own."""
    trial_share: Share = 0.05
    """Of the calls that try a provider which was left for errors or slowness. Never after a breach of quality."""
    owners: Names = ()
    """Who may switch on again what waits for its owner; empty: everybody who gives a name."""
    require_two: bool = False
    """A second person confirms that."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mode == "enforce" and self.on_unknown is None:
            raise ValueError(
                'with mode enforce say what holds while the state is unknown: on_unknown = "closed" or "open"'
            )
        self.policy()
        return self

    def policy(self) -> Policy:
        """As the switch takes it."""
        from broker.quality.switch_state import Mode, Policy

        return Policy(
            mode=Mode(self.mode),
            first_cooldown=self.first_cooldown,
            longest_cooldown=self.longest_cooldown,
            clear_windows=self.clear_windows,
            stale_windows=self.stale_windows,
            trial_share=self.trial_share,
            require_two=self.require_two,
            owners=self.owners,
        )


class ValueSettings(BaseModel):
    """``[quality.use_cases.NAME.value]``: what answers are worth and what goes into them, for the return on it."""

    model_config = _CONFIG

    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    right: Amount
    """What a right answer is worth."""
    wrong: Amount = Decimal(0)
    """What a wrong one loses."""
    failed: Amount = Decimal(0)
    """What a call without an answer loses."""
    losses: dict[str, dict[str, Amount]] = Field(default_factory=dict)
    """By truth, then by answer: what this error loses, where it is not ``wrong``."""
    doubt: Annotated[Decimal, BeforeValidator(str), Field(ge=0, lt=1)] = Decimal(0)
    """How far ``right`` may be off, as a share of it."""
    before: Amount = Decimal(0)
    """What the same calls were worth each before: without the providers, or with another one."""
    engineering_per_month: Amount = Decimal(0)
    label: Amount = Decimal(0)
    """What a label by a person costs."""
    planned_per_month: Amount | None = None
    """Spend that was planned."""
    required: Decimal | None = None
    """Net return, in per cent, below which the use case is not worth it; its *upper* bound decides."""
    windows: int = Field(default=3, ge=1)
    """Months in a row below it, until the switch opens."""

    def model(self) -> ValueModel:
        """As the return takes it."""
        from broker.quality.roi import ValueModel

        losses = {
            (truth, answer): loss for truth, found in self.losses.items() for answer, loss in found.items()
        }
        return ValueModel(
            right=self.right, wrong=self.wrong, failed=self.failed, losses=losses, doubt=self.doubt
        )


class UseCaseSettings(BaseModel):
    """``[quality.use_cases.NAME]``: calls that serve one purpose, whose quality is known together."""

    model_config = _CONFIG

    operation: str = Field(pattern=r"^[a-z]+\.[a-z_]+$")
    """Which one: ``vision.label``."""
    tags: dict[str, str] = Field(default_factory=dict)
    """A call belongs here if it has them all; a call with the tag ``use_case = "NAME"`` does anyway."""
    sampling: SamplingSettings | None = None
    gold: str | None = None
    """A data set with truth (docs/datasets.md): calls whose input or whose tag ``item`` is in it are scored at once."""
    label_days: int | None = Field(default=None, ge=0, le=365)
    """How long a sampled call waits for a person's label. None: 7 days; 0 with ``gold``: what is not in it has no truth."""
    metric: str | None = None
    """Its id; else the operation's official one."""
    scoring: dict[str, Any] = Field(default_factory=dict)
    """What the metric depends on: concept map, normaliser, thresholds (docs/scoring.md)."""
    content: Literal["off", "answers", "inputs"] = "off"
    """What of a sampled call is kept: nothing but digests and features, the answers, or inputs and answers."""
    consent: bool = False
    """That those whose content it is allow it; to be said with ``content``."""
    retention_days: int = Field(default=30, ge=1, le=3650)
    """After which kept content is deleted."""
    pinned: str | None = None
    """A benchmark's plan (docs/bench.md) whose items never change: 'mlbroker quality replay' asks them again."""
    pinned_every: Span = timedelta(days=7)
    """How often that is done; the level of its test follows from it."""
    tolerance: ToleranceSettings | None = None
    operational: OperationalSettings | None = None
    switch: SwitchSettings = Field(default_factory=SwitchSettings)
    value: ValueSettings | None = None

    @property
    def waits(self) -> timedelta:
        """For a person's label."""
        days = self.label_days
        return timedelta(days=(0 if self.gold is not None else 7) if days is None else days)

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, given: dict[str, str]) -> dict[str, str]:
        if not all(TAG_KEY.fullmatch(key) for key in given):
            raise ValueError("no call can have such a tag, so no call would belong here")
        return given

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sampling is not None and self.operation in _CHANGING:
            raise ValueError(
                f"{self.operation} changes what a provider keeps or is heard bit by bit; such calls are not sampled"
            )
        if self.content != "off" and not self.consent:
            raise ValueError("to keep content say consent = true: those whose content it is allow it")
        return self


class QualitySettings(BaseModel):
    """``[quality]``: how good answers are, and what follows from it."""

    model_config = _CONFIG

    store: str | None = None
    """Where samples and scores are kept; else beside the ledger."""
    seed: SecretStr | None = None
    """Secret from which it is drawn which calls are looked at, at least 16 characters; else one is made and kept in the store."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Of every interval."""
    false_alarms_a_year: float = Field(default=2.0, gt=0)
    """How many alarms of drift may be false, over all use cases and providers together."""
    queue: int = Field(default=1000, ge=1)
    """Sampled calls that may wait to be looked at; more are dropped and counted."""
    use_cases: dict[UseCaseName, UseCaseSettings] = Field(default_factory=dict)

    @field_validator("store")
    @classmethod
    def _check_store(cls, given: str | None) -> str | None:
        return given or None  # as 'mlbroker init' writes it

    @field_validator("seed")
    @classmethod
    def _check_seed(cls, given: SecretStr | None) -> SecretStr | None:
        if given is None or not given.get_secret_value():  # as 'mlbroker init' writes it
            return None
        if len(given.get_secret_value().encode()) < 16:
            raise ValueError("it needs at least 16 characters; leave it out to have one made")
        return given

    def located(self, folder: str) -> Self:
        """With the paths of gold and concept maps beginning in the settings file's folder."""

        def placed(given: Any) -> Any:
            return os.path.join(folder, os.path.expanduser(given)) if isinstance(given, str) else given

        cases = {
            name: each.model_copy(
                update={
                    "gold": placed(each.gold),
                    "scoring": {
                        key: placed(value) if key == "concept_map" else value
                        for key, value in each.scoring.items()
                    },
                }
            )
            for name, each in self.use_cases.items()
        }
        return self.model_copy(update={"use_cases": cases})
