"""What an adapter is: a plain object made from settings, with one method for each operation it has.

A method is written once, as ``def`` (it may block: the runtime calls it inline, or in a worker thread
under ``AsyncBroker``) or as ``async def`` (it awaits only ``context.http.send``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, SecretBytes, SecretStr, model_validator

from broker.contract.context import Context
from broker.contract.manifest import Manifest
from broker.contract.quiet import guard_loggers
from broker.contract.redact import protect
from broker.errors import AuthFailed

_CARRIERS = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
"""Loggers of the HTTP client under all adapters: at DEBUG it logs the headers of answers. Some do not exist yet."""


class AdapterSettings(BaseModel):
    """Base of an adapter's settings: one account or profile of a provider.

    Secrets are ``SecretStr``, alone or as the values of a mapping; validation errors never repeat a value, and from then on their values are cut
    out of every message of this process, whoever repeats them.

    :param region: the vendor's region; prices depend on it.
    :param endpoint: another address for the provider's services (a proxy, a private link, a test server).
    :param endpoints: the same for single services, by their names in the support table; wins over ``endpoint``.
    :param free_quota: this account has the vendor's free quota of the month; without it every unit is priced.
    :param max_concurrency: requests of this account on their way at once; others wait their turn, up to their
        deadline. Unset: ``limits.concurrency``.
    :param max_rate: requests per second and operation, one second's worth at once; others wait. Unset: no limit
        until the vendor throttles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    region: str | None = None
    endpoint: str | None = None
    endpoints: dict[str, str] = Field(default_factory=dict)
    free_quota: bool = False
    max_concurrency: Annotated[int, Field(ge=1)] | None = None
    max_rate: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: Any) -> Any:
        """A text of nothing is a setting that is not set, as in the file that ``mlbroker init`` writes."""
        if not isinstance(given, Mapping):
            return given
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {name: value for name, value in given.items() if value != "" or name not in optional}

    def model_post_init(self, context: Any, /) -> None:
        """Make the secrets known to :func:`~broker.contract.redact`, and guard the log of what will carry them."""
        super().model_post_init(context)
        guard_loggers(*_CARRIERS)
        for _, value in self:
            for each in value.values() if isinstance(value, Mapping) else (value,):
                if isinstance(each, SecretStr):
                    protect(each.get_secret_value())
                elif isinstance(each, SecretBytes):
                    protect(each.get_secret_value().decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How an adapter stands on this machine, found out without network.

    :param configured: a call can be tried.
    :param problem: what is missing and what to type, if it cannot; beside ``configured`` it is what stops some
        operations only.
    :param credential: where the credential comes from, by name, never its value.
    :param data_use: what the vendor may do with the content, in a line.
    :param usable: operations that need none of what is missing, where it is not ``configured``.
    """

    configured: bool
    problem: str = ""
    credential: str = ""
    endpoint: str = ""
    region: str | None = None
    data_use: str = ""
    usable: tuple[str, ...] = ()

    def takes(self, operation: str) -> bool:
        """Whether a call of this operation can be tried."""
        return self.configured or operation in self.usable


class Adapter(Protocol):
    """Every adapter. ``Settings`` is the model its section of the settings is validated by."""

    manifest: ClassVar[Manifest]
    Settings: ClassVar[type[AdapterSettings]]

    def __init__(self, settings: Any, /) -> None: ...


@runtime_checkable
class Closable(Protocol):
    """An adapter that holds clients."""

    def close(self) -> None:
        """Release them; called once, when the broker closes."""
        ...


@runtime_checkable
class Describable(Protocol):
    """An adapter that can tell how it stands."""

    def setup(self) -> Setup:
        """No network, no secrets."""
        ...


@runtime_checkable
class Regional(Protocol):
    """An adapter whose operations are not all processed in the same place.

    Without it, ``region`` of the adapter holds for all.
    """

    def region_of(self, operation: str, /) -> str | None:
        """Where the content of this operation goes: what ``allowed_regions`` is held against, and what prices depend on.

        None: it is not known. No network.
        """
        ...


@runtime_checkable
class Renewable(Protocol):
    """An adapter whose credential can be replaced while it runs: a token, a role's keys, a rewritten file."""

    def renew(self, refused: AuthFailed, context: Context, /) -> bool | Awaitable[bool]:
        """Called after an attempt was refused; True: another credential is in use now, so try once more.

        False: there is no other, or no other could help (a missing permission); the refusal then stands.
        Of many threads refused with one credential a single one may fetch the next. May block, up to
        ``context.remaining()``; may raise what a call may raise, with nothing sent.

        :param refused: what the attempt ended with; its status and code tell whether a new credential helps.
        """
        ...
