"""What an adapter is: a plain object made from settings, with one method for each operation it has.

A method is written once, as ``def`` (it may block: the runtime calls it inline, or in a worker thread
under ``AsyncBroker``) or as ``async def`` (it awaits only ``context.http.send``).
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, Union, runtime_checkable

from pydantic import BaseModel, ConfigDict

from broker.contract.context import Context, Reply
from broker.contract.manifest import Manifest
from broker.types.vision import (
    DetectedText,
    FaceRequest,
    FaceSet,
    LabelRequest,
    LabelSet,
    TextRequest,
)

P = TypeVar("P")
Answer: TypeAlias = Union[Reply[P], Awaitable[Reply[P]]]


class AdapterSettings(BaseModel):
    """Base of an adapter's settings: one account or profile of a provider.

    Secrets are ``SecretStr``; validation errors never repeat a value.

    :param region: the vendor's region; prices depend on it.
    :param endpoint: another address for the service (a proxy, a private link, a test server).
    :param free_quota: this account has the vendor's free quota of the month; without it every unit is priced.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    region: str | None = None
    endpoint: str | None = None
    free_quota: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How an adapter stands on this machine, found out without network.

    :param configured: a call can be tried.
    :param problem: what is missing and what to type, if it cannot.
    :param credential: where the credential comes from, by name, never its value.
    :param data_use: what the vendor may do with the content, in a line.
    """

    configured: bool
    problem: str = ""
    credential: str = ""
    endpoint: str = ""
    region: str | None = None
    data_use: str = ""


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
class CanLabel(Protocol):
    """vision.label"""

    def label(self, request: LabelRequest, context: Context, /) -> Answer[LabelSet]: ...


@runtime_checkable
class CanDetectText(Protocol):
    """vision.detect_text"""

    def detect_text(self, request: TextRequest, context: Context, /) -> Answer[DetectedText]: ...


@runtime_checkable
class CanDetectFaces(Protocol):
    """vision.detect_faces"""

    def detect_faces(self, request: FaceRequest, context: Context, /) -> Answer[FaceSet]: ...
