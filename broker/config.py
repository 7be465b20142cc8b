"""Settings from ``mlbroker.toml``, ``MLBROKER_*`` variables and arguments, the later winning.

The file is the one named by ``MLBROKER_CONFIG``, else ``./mlbroker.toml``, else
``~/.config/mlbroker/mlbroker.toml``. Secrets never show: sections of providers are held as secrets
until the adapter's own model has validated them, and errors do not repeat values.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Secret,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from broker.errors import NotConfigured
from broker.types.budget import Action, Budget, Window
from broker.types.money import LARGEST_AMOUNT

FILE_NAME = "mlbroker.toml"
PREFIX = "MLBROKER_"
LONGEST_DEADLINE = 86_400
"""Seconds."""


def user_folder(variable: str, fallback: str) -> str:
    """``$XDG_…/mlbroker``, or the usual place where the variable is not set."""
    base = os.environ.get(variable) or os.path.join(os.path.expanduser("~"), *fallback.split("/"))
    return os.path.join(base, "mlbroker")


def default_ledger_path() -> str:
    """Where the ledger is unless the settings say otherwise."""
    return os.path.join(user_folder("XDG_DATA_HOME", ".local/share"), "ledger.db")


def config_file() -> str | None:
    """The settings file in force, if there is one."""
    named = os.environ.get("MLBROKER_CONFIG")
    if named:
        return named
    places = (FILE_NAME, os.path.join(user_folder("XDG_CONFIG_HOME", ".config"), FILE_NAME))
    return next((place for place in places if os.path.isfile(place)), None)


def _as_list(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):  # JSON, as other lists in variables are written
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


# NoDecode: else a variable would have to hold JSON, and MLBROKER_PROVIDER=local would be an error.
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_as_list)]
"""A list, or one text with commas (``local`` or ``aws,local``)."""


class LedgerSettings(BaseModel):
    """``[ledger]``"""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: str = Field(default_factory=default_ledger_path)
    """The SQLite file; ``~`` is expanded."""
    durability: Literal["normal", "full"] = "normal"
    """``normal`` survives a killed process; ``full`` a power cut too, at an fsync a write."""


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
    if parts.scheme == "http":
        from broker.runtime.http import is_loopback  # on demand: it loads the HTTP client

        if not is_loopback(host):
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


class Settings(BaseSettings):
    """All settings but the adapters' own.

    :param provider: who answers when a call does not say: one name, ``name:profile``, or an order of preference
        (``["aws", "local"]``), in which the next one is asked where it helps.
    :param deadline: seconds a call may take in all.
    :param max_attempts: attempts of one call at one provider, the first included.
    :param retry_ambiguous: repeat a paid request whose answer was lost; it may be paid twice.
    :param plugins: names of third-party adapters that may load.
    :param tags: put on every call, for the spend report.
    :param allowed_regions: content may be sent to these only (``eu-*``); empty allows all. A provider whose region
        is not known is refused then.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    provider: Names = ("local",)
    deadline: float = Field(default=30.0, gt=0, le=LONGEST_DEADLINE)
    max_attempts: int = Field(default=3, ge=1, le=10)
    retry_ambiguous: bool = False
    plugins: Names = ()
    tags: dict[str, str] = Field(default_factory=dict)
    allowed_regions: Names = ()
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    budgets: dict[BudgetName, BudgetSettings] = Field(default_factory=dict)
    """Limits on what may be spent, by name; they hold for all who use the ledger."""
    jobs: JobSettings = Field(default_factory=JobSettings)
    """What becomes of staged recordings and results."""
    prices: PriceSettings = Field(default_factory=PriceSettings)
    """Prices of your own, over the shipped list prices; 'mlbroker prices check' tries them."""
    limits: LimitSettings = Field(default_factory=LimitSettings)
    """How a provider that fails, is slow or throttles is spared."""
    notify: NotifySettings = Field(default_factory=NotifySettings)
    """Who is told when a budget warns or is used up, or a provider is left alone; 'mlbroker notify test' tries it."""
    providers: dict[str, Secret[dict[str, Any]]] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls it so
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - and so
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, variables over the file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))

    def section(self, provider: str, profile: str | None) -> dict[str, Any]:
        """A provider's settings with a profile's laid over them. Raises :class:`NotConfigured`."""
        secret = self.providers.get(provider)
        section = dict(secret.get_secret_value()) if secret is not None else {}
        profiles = section.pop("profiles", {})
        if profile is None:
            return section
        if not isinstance(profiles, Mapping) or profile not in profiles:
            names = [f"{provider}:{name}" for name in profiles] if isinstance(profiles, Mapping) else []
            known = (", ".join(names) or "none") + did_you_mean(f"{provider}:{profile}", names)
            raise NotConfigured(
                f"there is no profile {provider}:{profile} (known: {known}); write its settings under "
                f"[providers.{provider}.profiles.{profile}] in {FILE_NAME}"
            )
        own = profiles[profile]
        if not isinstance(own, Mapping):
            raise NotConfigured(f"[providers.{provider}.profiles.{profile}] must be a table of settings")
        return {**section, **own}


def load_settings(file: str | None = None, **arguments: Any) -> Settings:
    """Read and validate. Raises :class:`NotConfigured` naming each wrong setting, never its value."""
    path = file if file is not None else config_file()
    if path is not None and not os.path.isfile(path):
        raise NotConfigured(f"there is no settings file {path!r}; 'mlbroker init' writes one")

    class Located(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        found = Located(**arguments)
    except ValidationError as error:
        raise NotConfigured(f"{_origin(path)}: {describe(error, Settings)}") from None
    except (SettingsError, OSError, ValueError) as error:
        raise NotConfigured(f"{_origin(path)} cannot be read: {error}") from None
    if path is None or not found.prices.files:
        return found
    folder = os.path.dirname(os.path.abspath(path))
    files = tuple(os.path.join(folder, os.path.expanduser(each)) for each in found.prices.files)
    return found.model_copy(update={"prices": PriceSettings(files=files)})


def _origin(path: str | None) -> str:
    return f"settings ({path} and {PREFIX}* variables)" if path else f"settings ({PREFIX}* variables)"


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong, setting by setting, without any value."""
    found = []
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        *way, name = each["loc"] or ("settings",)
        text = each["msg"].removeprefix("Value error, ")  # pydantic's word for our own texts
        if each["type"] == "extra_forbidden":
            text = "there is no such setting" + did_you_mean(str(name), _fields(model, way))
        found.append(f"{'.'.join(map(str, (*way, name)))}: {text}")
    return "; ".join(found)


def _fields(model: type[BaseModel], way: Sequence[int | str]) -> list[str]:
    """The settings there are in a section."""
    part_of_a_dict = False
    for part in way:
        if part_of_a_dict:  # the name of a budget
            part_of_a_dict = False
            continue
        field = model.model_fields.get(str(part))
        kind = None if field is None else field.annotation
        if get_origin(kind) is dict:
            kind, part_of_a_dict = get_args(kind)[1], True
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return [] if part_of_a_dict else list(model.model_fields)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The end of a sentence: the nearest of the known names, if one is near."""
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
