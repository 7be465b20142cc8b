"""From a provider's name to its adapter, through entry points, on first use.

Our own adapters enter by the same door as third-party ones (the group ``broker.adapters``), but a
third party's module runs only when the settings name it under ``plugins``: importing is running.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from pydantic import ValidationError

from broker.config import FILE_NAME, Settings, describe, did_you_mean
from broker.contract.adapter import Adapter, AdapterSettings, Closable, Describable, Setup
from broker.contract.manifest import Manifest
from broker.contract.redact import redact
from broker.errors import BrokerError, NotConfigured
from broker.runtime.forks import first_use, renewed_in_child

log = logging.getLogger("broker")
GROUP = "broker.adapters"
OWN_DISTRIBUTION = "mlbroker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an adapter comes from, for ``mlbroker doctor``."""

    provider: str
    distribution: str
    version: str
    allowed: bool


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {redact(str(error))}"


class Registry:
    """The adapters of one broker.

    :param adapters: adapter classes given by the program; they need no entry point.
    """

    def __init__(self, settings: Settings, adapters: Sequence[type[Adapter]] = ()) -> None:
        self._settings = settings
        self._types: dict[str, type[Adapter]] = {each.manifest.provider: each for each in adapters}
        self._instances: dict[tuple[str, str | None], Adapter] = {}
        self._options: dict[tuple[str, str | None], AdapterSettings] = {}
        self._lock = threading.RLock()
        self._points: dict[str, list[EntryPoint]] | None = None
        self._owners: dict[int, str] = {}
        renewed_in_child(self)

    def names(self) -> list[str]:
        """Providers that may be called, ours first."""
        found = [*self._types]
        found += [name for name, points in self._entry_points().items() if self._allowed(points)]
        order = ("aws", "gcp", "azure", "local")
        return sorted(set(found), key=lambda name: (order.index(name) if name in order else 9, name))

    def origins(self) -> list[Origin]:
        """Every adapter installed, also those not allowed to load."""
        return [
            Origin(
                provider=name,
                distribution=point.dist.name if point.dist else "unknown",
                version=point.dist.version if point.dist else "",
                allowed=bool(self._allowed([point])),
            )
            for name, points in self._entry_points().items()
            for point in points
        ]

    def manifest(self, provider: str) -> Manifest:
        """What a provider's adapter says of itself. Raises :class:`NotConfigured`."""
        return self._type(provider).manifest

    def settings_type(self, provider: str) -> type[AdapterSettings]:
        """The model of a provider's section. Raises :class:`NotConfigured`."""
        return self._type(provider).Settings

    def adapter(self, provider: str, profile: str | None = None) -> Adapter:
        """The adapter for a provider's account, made once. Raises :class:`NotConfigured`."""
        key = (provider, profile)
        found = self._instances.get(key)
        if found is not None:
            return found
        with self._lock:
            found = self._instances.get(key)
            if found is None:
                kind = self._type(provider)
                section = self._settings.section(provider, profile)
                where = f"providers.{provider}" + (f".profiles.{profile}" if profile else "")
                try:
                    options = kind.Settings.model_validate(section)
                except ValidationError as error:
                    raise NotConfigured(f"[{where}]: {describe(error, kind.Settings)}") from None
                try:
                    found = kind(options)
                except BrokerError:
                    raise
                except Exception as error:  # noqa: BLE001 - an adapter of others may raise anything
                    raise NotConfigured(
                        f"the adapter {provider!r} cannot be made from [{where}]: {_told(error)}"
                    ) from None
                self._options[key] = options
                self._instances[key] = found
        return found

    def options(self, provider: str, profile: str | None = None) -> AdapterSettings:
        """The validated settings that the adapter was made from."""
        self.adapter(provider, profile)
        return self._options[provider, profile]

    def setup(self, provider: str, profile: str | None = None) -> Setup:
        """How a provider stands on this machine; a problem is told, not raised."""
        try:
            adapter = self.adapter(provider, profile)
            return adapter.setup() if isinstance(adapter, Describable) else Setup(configured=True)
        except BrokerError as error:
            return Setup(configured=False, problem=str(error))
        except Exception as error:  # noqa: BLE001 - an adapter of others may raise anything
            return Setup(configured=False, problem=f"the adapter {provider!r} failed: {_told(error)}")

    def renew(self) -> None:
        """In a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close every adapter that was made."""
        with self._lock:
            adapters, self._instances = list(self._instances.values()), {}
        for adapter in adapters:
            if isinstance(adapter, Closable):
                try:
                    adapter.close()
                except Exception as error:  # noqa: BLE001 - the others must still be closed
                    name = adapter.manifest.provider
                    log.warning("the adapter %r failed to close: %s", name, _told(error))

    def _type(self, provider: str) -> type[Adapter]:
        found = self._types.get(provider)
        if found is not None:
            return found
        with self._lock:
            points = self._entry_points().get(provider, [])
            allowed = self._allowed(points)
            if not points:
                raise self._unknown(provider)
            if not allowed:
                origin = points[0].dist.name if points[0].dist else "another package"
                raise NotConfigured(
                    f"the adapter {provider!r} of {origin} may not load yet; to trust it with credentials, "
                    f'put plugins = ["{provider}"] into {FILE_NAME}'
                )
            if len(allowed) > 1:
                owners = ", ".join(point.dist.name if point.dist else "?" for point in allowed)
                raise NotConfigured(f"several packages claim the provider {provider!r}: {owners}; remove one")
            try:
                with first_use:
                    kind: type[Adapter] = allowed[0].load()
            except Exception as error:
                raise NotConfigured(
                    f"the adapter {provider!r} ({allowed[0].value}) cannot be loaded: {_told(error)}"
                ) from error
            manifest = getattr(kind, "manifest", None)
            if not isinstance(manifest, Manifest):
                raise NotConfigured(
                    f"{allowed[0].value}, named {provider!r}, is no adapter: it has no manifest"
                )
            model = getattr(kind, "Settings", None)
            if not (isinstance(model, type) and issubclass(model, AdapterSettings)):
                raise NotConfigured(
                    f"{allowed[0].value}, named {provider!r}, is no adapter: its Settings must be a subclass of "
                    "broker.contract.AdapterSettings"
                )
            if manifest.provider != provider:
                raise NotConfigured(
                    f"{allowed[0].value} is installed as {provider!r} but calls itself {manifest.provider!r}; "
                    "report it to its author"
                )
            self._types[provider] = kind
        return kind

    def _unknown(self, provider: str) -> NotConfigured:
        known = self.names()
        hint = did_you_mean(provider, known)
        return NotConfigured(f"there is no provider {provider!r} (known: {', '.join(known)}){hint}")

    def _entry_points(self) -> dict[str, list[EntryPoint]]:
        if self._points is None:
            found: dict[str, list[EntryPoint]] = {}
            with first_use:  # importlib.metadata imports what it reads with as it goes
                for point in entry_points(group=GROUP):
                    # An editable install can list its own metadata twice; the same target of one package is one.
                    others = found.setdefault(point.name, [])
                    if all((point.value, _owner(point)) != (other.value, _owner(other)) for other in others):
                        others.append(point)
            self._points = found
        return self._points

    def _allowed(self, points: Iterable[EntryPoint]) -> list[EntryPoint]:
        return [
            point
            for point in points
            if self._owner(point) == OWN_DISTRIBUTION or point.name in self._settings.plugins
        ]

    def _owner(self, point: EntryPoint) -> str:
        """Of a point that is kept here; found out once, for importlib.metadata reads the package's whole description for it."""
        owner = self._owners.get(id(point))
        if owner is None:
            owner = self._owners[id(point)] = _owner(point)
        return owner


def _owner(point: EntryPoint) -> str:
    with first_use:
        return point.dist.name if point.dist is not None else ""
