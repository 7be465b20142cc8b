"""A benchmark's plan: what is asked of whom, how, and at what cost at the most. Read from TOML; see docs/bench.md.

Paths in it start at the plan's own folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from broker.bench.plan_lines import line_of
from broker.config import did_you_mean
from broker.contract.operations import OPERATIONS
from broker.errors import BadInput
from broker.many import MOST_AT_ONCE
from broker.scoring.told import ScoringTable
from broker.sections import Amount

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,63}")
_PROVIDER = r"^[a-z0-9_]+(:[^:\s]+)?$"
NOT_ASKED = ("transcription.stream", "search.upsert", "search.delete", "search.status")
"""Operations that are no question with an answer to one item."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]


def _named(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            "a name begins with a letter or digit and has letters, digits and any of _ . : + -, at most 64"
        )
    return value


Name = Annotated[str, BeforeValidator(_named)]


def _known(operations: tuple[str, ...]) -> tuple[str, ...]:
    for name in operations:
        if name not in OPERATIONS:
            raise ValueError(f"there is no operation {name!r}{did_you_mean(name, list(OPERATIONS))}")
        if name in NOT_ASKED:
            raise ValueError(f"{name} cannot be benchmarked: it does not answer a question about one item")
    if len(set(operations)) < len(operations):
        raise ValueError("an operation is named twice")
    return operations


class DataSection(_Section):
    """``[data]``: the items, and what is right for them."""

    path: str = Field(min_length=1)
    """A folder, or a .csv, .jsonl or .parquet file."""
    kind: Literal["image", "audio", "text", "query"] | None = None
    truth: str | None = None
    """A column, a file, ``folder-name``, ``beside`` or ``none``; otherwise what lies beside the items."""
    root: str | None = None
    """Where paths in a table start."""
    id: str | None = None
    input: str | None = None
    stratum: str | None = None
    cluster: str | None = None
    tags: _Words = ()
    limit: int | None = Field(default=None, ge=1)
    """Only so many items, the first ones."""


class ProviderSection(_Section):
    """``[[provider]]``: one who is asked."""

    provider: str = Field(pattern=_PROVIDER)
    """``aws``, or an account of it: ``aws:prod``."""
    name: Name | None = None
    """To tell two sections of one provider apart; otherwise the provider."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Of its calls, as the facade's keywords; a table named after an operation is for that one only."""
    operations: _Words = ()
    """Only these of the plan's."""
    monthly_cost: Amount | None = None
    """What stands for it a month whether it is called or not: a machine, an index."""

    @field_validator("operations")
    @classmethod
    def _check(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given)

    @property
    def title(self) -> str:
        """Its name in every table."""
        return self.name or self.provider

    def options_of(self, operation: str) -> dict[str, Any]:
        """Of a call to this operation: the general ones, then those for it alone."""
        return _options_of(self.options, operation)


def _options_of(options: dict[str, Any], operation: str) -> dict[str, Any]:
    general = {name: value for name, value in options.items() if name not in OPERATIONS}
    own = options.get(operation, {})
    return {**general, **own} if isinstance(own, dict) else general


class TierSection(_Section):
    """A price of a replayed lane: of a call, up to so many a month."""

    up_to: Annotated[Decimal, Field(gt=0)] | None = None
    price: Amount


class ReplaySection(_Section):
    """``[[replay]]``: answers that were recorded elsewhere."""

    name: Name
    answers: str = Field(min_length=1)
    """A .csv or .jsonl table: item, answer, and where known provider, operation, failed, latency, price, model."""
    provider: str | None = None
    """Whose answers they are: only its rows of the table; prices are taken from the book under this name."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Of the calls that were recorded: list prices and the reading of kept answers heed them."""
    operations: _Words = ()
    made_up: bool = False
    """They were invented, to show something; every table and report says so."""
    note: str = ""
    """Where they come from."""
    recorded: date | None = None
    """The day of the recording (its last one); without it the report does not lean on the lane, for nobody knows its age."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    tiers: tuple[TierSection, ...] = ()
    """What a call costs at other volumes, where the price book shall not be asked."""
    monthly_cost: Amount | None = None

    @field_validator("operations")
    @classmethod
    def _check(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given)

    def options_of(self, operation: str) -> dict[str, Any]:
        """Of a call to this operation: the general ones, then those for it alone."""
        return _options_of(self.options, operation)


class RunSection(_Section):
    """``[run]``: how it is asked."""

    concurrency: int = Field(default=4, ge=1, le=MOST_AT_ONCE)
    """Calls on their way at once; fewer while the provider throttles."""
    warm_up: int = Field(default=1, ge=0, le=1000)
    """First calls of each lane in each sitting whose time does not count; their answers do."""
    repetitions: int = Field(default=1, ge=1, le=100)
    """How often every item is asked, to see whether answers differ."""
    cost_cap: Amount = Decimal("1.00")
    """The most that the whole run may spend, in ``currency``."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    unpriced: Annotated[Amount, Field(gt=0)] | None = None
    """What a call without a known price counts for against the cap; without it such calls are refused."""
    deadline: float | None = Field(default=None, gt=0, le=86_400)
    """Seconds of each call, retries and waiting included."""
    raw: bool = True
    """Keep the vendors' whole answers too."""
    seed: int = 1
    """Of the order in which lanes take turns."""


class WorkloadSection(_Section):
    """``[workload]``: what is meant to run later; cost curves and the report's scale readiness rest on it."""

    calls_per_month: int | None = Field(default=None, ge=1, le=10**9)
    p95_limit: float | None = Field(default=None, gt=0)
    """Seconds."""
    budget: Amount | None = None
    """A month."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    peak_per_second: float | None = Field(default=None, gt=0)


class Plan(_Section):
    """The whole file. Made by :func:`read_plan`."""

    name: Name = "bench"
    operations: _Words
    keep: str = "bench-runs"
    """The folder in which each run gets a folder of its own."""
    delta: float = Field(default=0.03, gt=0, lt=1)
    """The smallest difference in quality that matters."""
    level: float = Field(default=0.95, ge=0.5, lt=1)
    """Of all intervals."""
    data: DataSection
    provider: tuple[ProviderSection, ...] = ()
    replay: tuple[ReplaySection, ...] = ()
    run: RunSection = RunSection()
    workload: WorkloadSection = WorkloadSection()
    scoring: ScoringTable = ScoringTable()
    folder: str = Field(default="", exclude=True)
    """The plan's own; no setting."""

    @field_validator("operations")
    @classmethod
    def _check_operations(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given:
            raise ValueError("name at least one operation, such as vision.label")
        return _known(given)

    @model_validator(mode="after")
    def _check_lanes(self) -> Self:
        if not self.provider and not self.replay:
            raise ValueError(
                "name somebody: a [[provider]] who is asked, or a [[replay]] of recorded answers"
            )
        names = [each.title for each in self.provider] + [each.name for each in self.replay]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two lanes are called {twice!r}; give one of them another name")
        return self

    @property
    def digest(self) -> str:
        """Of what decides which questions there are: with the same one an unfinished run is gone on with."""
        asked = {
            "operations": self.operations,
            "data": self.data.model_dump(mode="json"),
            "provider": [each.model_dump(mode="json", exclude={"monthly_cost"}) for each in self.provider],
            "replay": [
                each.model_dump(mode="json", include={"name", "answers", "provider"}) for each in self.replay
            ],
            "repetitions": self.run.repetitions,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def read_plan(path: str) -> tuple[Plan, str]:
    """A plan and its text. Raises :class:`~broker.errors.BadInput` that names the line of each slip."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(
            f"the plan {path!r} cannot be read: {error.strerror}; 'mlbroker bench --init FOLDER' writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: it is no UTF-8 text (byte {error.start})") from None
    stem = (
        re.sub(r"[^A-Za-z0-9_.+-]+", "-", os.path.splitext(os.path.basename(path))[0]).strip("-_.") or "bench"
    )
    return parse_plan(text, path, folder=os.path.dirname(os.path.abspath(path)), name=stem[:64]), text


def parse_plan(text: str, path: str, *, folder: str, name: str = "bench") -> Plan:
    """A plan from its text. ``path`` is for messages; paths in the plan start at ``folder``."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: it is no TOML: {error}") from None
    if "folder" in given:
        raise BadInput(f"{path}, line {line_of(text, ('folder',))}: folder: there is no such setting")
    try:
        plan = Plan.model_validate({"name": name, **given})
    except ValidationError as error:
        raise BadInput("; ".join(_slips(error, text, path))) from None
    return _placed(plan, folder)


def _slips(error: ValidationError, text: str, path: str) -> list[str]:
    found = []
    for each in error.errors(include_url=False, include_input=False)[:10]:
        location = tuple(each["loc"])
        line = line_of(text, location)
        where = path if line is None else f"{path}, line {line}"
        what = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
        words = str(each["msg"]).removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            words = f"there is no such setting{did_you_mean(str(location[-1]), _settings_at(location[:-1]))}"
        elif each["type"] == "missing":
            words = "it is missing"
        found.append(f"{where}: {what + ': ' if what else ''}{words}")
    return found


def _settings_at(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Plan
    sections: Mapping[str, type[BaseModel]] = {
        "data": DataSection,
        "provider": ProviderSection,
        "replay": ReplaySection,
        "run": RunSection,
        "workload": WorkloadSection,
        "tiers": TierSection,
        "scoring": ScoringTable,
    }
    for part in location:
        model = sections.get(part, model) if isinstance(part, str) else model
    return list(model.model_fields)


def _placed(plan: Plan, folder: str) -> Plan:
    """Paths from the plan's folder on."""

    def at(path: str) -> str:
        return os.path.normpath(os.path.join(folder, os.path.expanduser(path)))

    truth = plan.data.truth
    beside = truth is not None and os.path.isfile(at(truth))
    data = plan.data.model_copy(
        update={
            "path": at(plan.data.path),
            "root": None if plan.data.root is None else at(plan.data.root),
            "truth": at(truth) if truth is not None and beside else truth,
        }
    )
    replays = tuple(each.model_copy(update={"answers": at(each.answers)}) for each in plan.replay)
    concepts = plan.scoring.concept_map
    scoring = plan.scoring.model_copy(update={"concept_map": None if concepts is None else at(concepts)})
    return plan.model_copy(
        update={
            "data": data,
            "replay": replays,
            "keep": at(plan.keep),
            "scoring": scoring,
            "folder": folder,
        }
    )
