"""Sections of the settings: limits, notices, budgets, what stands, jobs, prices."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from broker.runtime.loopback import is_loopback
from broker.types.budget import Action, Budget, Window
from broker.types.money import LARGEST_AMOUNT
from broker.types.standing import period_problem


def _as_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):  # JSON, as other lists in variables are written
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


# NoDecode: else a variable would have to hold JSON, and MLBROKER_PROVIDER=local would be an error.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_as_list)]
"""A list, or one text with commas (``local`` or ``aws,local``)."""


class LimitSettings(BaseModel):
    """``[limits]``: how a provider that fails, is slow or throttles is spared. All counts are per broker.

    ``max_concurrency`` and ``max_rate`` of a single account stand in its own section, ``[providers.NAME]``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    breaker: bool = True
    """Off: failures shut no target off; switching off by hand still works."""
    window: float = Field(default=60.0, ge=1, le=3600)
    """Seconds over which requests and failures of a target are counted."""
    min_calls: int = Field(default=10, ge=1)
    """Requests in the window below which the two ratios tell nothing."""
    failure_ratio: float = Field(default=0.5, gt=0, le=1)
    """This part of the requests failing shuts the target."""
    slow_ratio: float = Field(default=0.5, gt=0, le=1)
    """This part of the requests being slow shuts it too."""
    slow_call_seconds: float = Field(default=20.0, gt=0)
    """A request that takes longer than this is slow."""
    failures_in_a_row: int = Field(default=5, ge=1)
    """So many failures in a row shut it whatever the ratio; three suffice if none reached the provider."""
    open_seconds: float = Field(default=30.0, gt=0)
    """How long a shut target gets no request; doubled each time its trial fails."""
    longest_open_seconds: float = Field(default=300.0, gt=0)
    """The end of the doubling."""
    concurrency: int = Field(default=64, ge=1)
    """Requests of one account on their way at once, unless its ``max_concurrency`` says otherwise."""
    retry_ratio: float = Field(default=0.1, ge=0, le=1)
    """Retries that each first attempt pays for, per provider and operation, besides 10 and one every 10 s."""


class NotifySettings(BaseModel):
    """``[notify]``: who is told when a budget warns or is used up, or a provider is left alone; both may be set."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    webhook: SecretStr | None = None
    """Gets each notice as JSON by POST; https, or http on this machine. A secret: its path often is the key."""
    command: Names = ()
    """A program with its arguments, run for each notice (JSON on standard input) without a shell."""

    @field_validator("webhook")
    @classmethod
    def _check_webhook(cls, given: SecretStr | None) -> SecretStr | None:
        url = "" if given is None else given.get_secret_value().strip()
        if not url:  # as 'mlbroker init' writes it
            return None
        problem = _webhook_problem(url)
        if problem:
            raise ValueError(problem)
        return SecretStr(url)

    @field_validator("command")
    @classmethod
    def _check_command(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if given and not given[0].strip():
            raise ValueError("the first part must name a program")
        if any("\0" in part for part in given):
            raise ValueError("an argument cannot hold a NUL character")
        return given


def _webhook_problem(url: str) -> str:
    """What is wrong with an address, without repeating it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not url.isprintable() or " " in url or not host or parts.scheme not in ("https", "http"):
        return "it must be an address such as https://host/path"
    if parts.username is not None or parts.password is not None:
        return "user and password in an address are not sent; leave them out"
    if parts.scheme == "http" and not is_loopback(host):
        return "http would send it unencrypted; use https (http is allowed to this machine only)"
    return ""


def _exactly(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError(f'money in floats is never exact; write it as a text ("{value}")')
    return value


def _unless_refused(value: Any) -> Any:
    return None if value == "refuse" else value


Amount = Annotated[Decimal, BeforeValidator(_exactly), Field(ge=0, le=LARGEST_AMOUNT, decimal_places=12)]
"""Money: a text or a whole number."""
TAG_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
"""Letters, digits and a few joints: what every export format and label set takes."""
_OPERATION = re.compile(r"[a-z]+\.([a-z_]+|\*)")


class BudgetSettings(BaseModel):
    """``[budgets.NAME]``: a limit that holds for everybody who uses the ledger."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    limit: Amount
    """The most that spent and reserved may come to in a window."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    window: str = "month"
    """``hour``, ``day`` or ``month`` (calendar, UTC), or ``rolling 24h`` (also m and d)."""
    provider: str | None = Field(default=None, pattern=r"^[a-z0-9_]+(:[^:\s]+)?$")
    """Only calls to this provider, or to this account of it (``aws:prod``)."""
    operation: str | None = Field(default=None, pattern=_OPERATION.pattern)
    """Only this operation, or a family (``vision.*``)."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Only calls that have all of these tags."""
    action: Action = Action.STOP
    """``stop`` refuses, ``degrade`` asks other providers, ``warn`` only notifies."""
    warn_at: tuple[Annotated[Decimal, BeforeValidator(str), Field(gt=0, le=1)], ...] = (Decimal("0.8"),)
    """Shares of the limit that are notified when reached."""
    degrade_to: Names = ("local",)
    """Whom to ask when the limit is reached, in order."""
    unpriced: Annotated[Annotated[Amount, Field(gt=0)] | None, BeforeValidator(_unless_refused)] = None
    """What an attempt counts for whose price is not known: an amount above 0, or ``refuse``."""

    @field_validator("window")
    @classmethod
    def _check_window(cls, given: str) -> str:
        return Window(text=given).text

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, given: dict[str, str]) -> dict[str, str]:
        if not all(TAG_KEY.fullmatch(key) for key in given):
            raise ValueError("no call can have such a tag, so the budget would cover nothing")
        return given

    def named(self, name: str) -> Budget:
        """As the ledger takes it."""
        return Budget(
            name=name,
            limit=self.limit,
            currency=self.currency,
            window=Window(text=self.window),
            provider=self.provider,
            operation=self.operation,
            tags=tuple(sorted(self.tags.items())),
            action=self.action,
            warn_at=self.warn_at,
            degrade_to=self.degrade_to if self.action is Action.DEGRADE else (),
            unpriced=self.unpriced,
        )


BudgetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


def _instant(value: Any) -> Any:
    """A day begins at midnight, UTC; an instant says its zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if len(value) > len("2026-11-01") else date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ValueError("write a day (2026-11-01) or an instant with its zone (2026-11-01T12:30:00Z)")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is outside the calendar") from None


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A day, from its midnight in UTC, or an instant with its zone."""


class StandingSettings(BaseModel):
    """``[standing.NAME]``: what is paid by the hour whether it is called or not, such as an index."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    sku: str = Field(min_length=1)
    """What an hour of it is billed as, such as ``azure.search.s1``; 'mlbroker prices list --unit hour' shows some."""
    provider: str = Field(pattern=r"^[a-z0-9_]+(:[^:\s]+)?$")
    """Whose, or which account's (``azure:prod``)."""
    region: str | None = None
    """Where it stands, for its price; else the provider's own."""
    units: Annotated[Decimal, BeforeValidator(_exactly), Field(gt=0, le=1_000_000, decimal_places=6)] = (
        Decimal(1)
    )
    """How many stand at once: search units (replicas x partitions), indexes."""
    since: Instant
    """When it began to stand."""
    until: Instant | None = None
    """When it ended, or will end."""
    operations: Annotated[
        tuple[Annotated[str, Field(pattern=_OPERATION.pattern)], ...], NoDecode, BeforeValidator(_as_list)
    ] = ()
    """What it serves (``search.*``); else the operations that the provider says are paid so."""
    tags: dict[str, str] = Field(default_factory=dict)
    """A budget with tags covers it if it has them all."""

    @model_validator(mode="after")
    def _check_end(self) -> Self:
        if problem := period_problem(self.since, self.until):
            raise ValueError(problem)
        return self


class JobSettings(BaseModel):
    """``[jobs]``: of recordings that take longer than a request."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    remove: Literal["all", "recording", "nothing"] = "all"
    """What is removed at the provider: the staged recording when its job has ended, and (``all``) the job with its result
    once that was handed out and the broker is closed. What the user put into a store himself is never touched."""


class PriceSettings(BaseModel):
    """``[prices]``"""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    files: Names = ()
    """Contract prices, which win over the shipped ones. A path starts at the settings file's folder, without a
    settings file at the working directory; ``~`` is expanded."""
