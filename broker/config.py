"""Settings from ``mlbroker.toml``, ``MLBROKER_*`` variables and arguments, the later winning.

The file is the one named by ``MLBROKER_CONFIG``, else ``./mlbroker.toml``, else
``~/.config/mlbroker/mlbroker.toml``. Secrets never show: sections of providers are held as secrets
until the adapter's own model has validated them, and errors do not repeat values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from broker.errors import NotConfigured
from broker.sections import (
    BudgetName,
    BudgetSettings,
    JobSettings,
    LimitSettings,
    Names,
    NotifySettings,
    PriceSettings,
    StandingSettings,
)
from broker.sections_quality import QualitySettings

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


class LedgerSettings(BaseModel):
    """``[ledger]``"""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: str = Field(default_factory=default_ledger_path)
    """The SQLite file; ``~`` is expanded."""
    durability: Literal["normal", "full"] = "normal"
    """``normal`` survives a killed process; ``full`` a power cut too, at an fsync a write."""


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
    standing: dict[BudgetName, StandingSettings] = Field(default_factory=dict)
    """What is paid by the hour, by name; it counts for all who use the ledger."""
    jobs: JobSettings = Field(default_factory=JobSettings)
    """What becomes of staged recordings and results."""
    prices: PriceSettings = Field(default_factory=PriceSettings)
    """Prices of your own, over the shipped list prices; 'mlbroker prices check' tries them."""
    limits: LimitSettings = Field(default_factory=LimitSettings)
    """How a provider that fails, is slow or throttles is spared."""
    notify: NotifySettings = Field(default_factory=NotifySettings)
    """Who is told when a budget warns or is used up, or a provider is left alone; 'mlbroker notify test' tries it."""
    quality: QualitySettings = Field(default_factory=QualitySettings)
    """Use cases: how they are sampled, what is expected of them, and their off switches."""
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
    if path is None:
        return found
    folder = os.path.dirname(os.path.abspath(path))
    if found.quality.use_cases:
        found = found.model_copy(update={"quality": found.quality.located(folder)})
    if not found.prices.files:
        return found
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
