"""``Broker`` and ``AsyncBroker``: put settings, adapters, prices and ledger together and open the facades."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from broker.config import Settings, load_settings
from broker.contract.adapter import Adapter
from broker.core import Core
from broker.errors import LedgerUnavailable, NotConfigured
from broker.facades.vision import AsyncVision, Vision
from broker.ledger.base import Ledger, SpendQuery, SpendRow
from broker.ledger.sqlite import SqliteLedger
from broker.pipeline.call import Services
from broker.pricing.load import shipped
from broker.registry import Registry
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime
from broker.types.money import Price

log = logging.getLogger("broker")


class _Base:
    """What both brokers do the same: everything but waiting."""

    def __init__(
        self,
        runtime: BlockingRuntime,
        *,
        config: str | None,
        adapters: Sequence[type[Adapter]],
        ledger: Ledger | Mapping[str, str] | None,
        settings: Mapping[str, Any],
    ) -> None:
        if isinstance(ledger, Mapping):
            settings, ledger = {**settings, "ledger": dict(ledger)}, None
        self.settings: Settings = load_settings(config, **settings)
        self.registry = Registry(self.settings, adapters)
        extra: list[Price] = [row for each in adapters for row in each.manifest.prices]
        for name in self.settings.plugins:
            try:
                rows = self.registry.manifest(name).prices
                shipped().extended(rows)
            except NotConfigured:
                continue  # a broken plug-in is told by its first call and by mlbroker doctor
            except ValueError as error:
                log.warning(
                    "the prices of the plug-in %r are not used, so its calls are unpriced: %s", name, error
                )
                continue
            extra.extend(rows)
        self.ledger: Ledger = ledger if ledger is not None else open_ledger(self.settings)
        self._own_ledger = ledger is None
        self._runtime = runtime
        self._core = Core(
            Services(
                settings=self.settings,
                runtime=runtime,
                registry=self.registry,
                ledger=self.ledger,
                prices=shipped().extended(extra),
            )
        )

    def spend(self, query: SpendQuery | None = None) -> list[SpendRow]:
        """What was spent, from the ledger. Raises :class:`~broker.errors.LedgerUnavailable`."""
        return self.ledger.spend(query or SpendQuery())

    def _close(self) -> None:
        self.registry.close()
        if self._own_ledger:
            self.ledger.close()


def open_ledger(settings: Settings) -> SqliteLedger:
    """The ledger of the settings, with attempts of dead processes marked unknown."""
    ledger = SqliteLedger(os.path.expanduser(settings.ledger.path), durability=settings.ledger.durability)
    with suppress(LedgerUnavailable):  # said again, and acted on, by the first call that needs it
        ledger.recover()
    return ledger


class Broker(_Base):
    """The synchronous client. Share one between threads; close it, or use it in ``with``.

    ::

        with Broker(provider="aws", deadline=10) as broker:
            broker.vision.label("cat.jpg")

    :param config: a settings file instead of the usual places.
    :param adapters: adapter classes of your own, without an entry point.
    :param ledger: the settings of ``[ledger]`` (``{"path": "spend.db"}``), or a ledger of your own, whose closing
        stays yours.
    :param settings: any setting of :class:`~broker.config.Settings`, winning over file and variables.
    """

    def __init__(
        self,
        *,
        config: str | None = None,
        adapters: Sequence[type[Adapter]] = (),
        ledger: Ledger | Mapping[str, str] | None = None,
        runtime: BlockingRuntime | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            runtime if runtime is not None else BlockingRuntime(),
            config=config,
            adapters=adapters,
            ledger=ledger,
            settings=settings,
        )

    @cached_property
    def vision(self) -> Vision:
        """Operations on pictures."""
        return Vision(self._core)

    def close(self) -> None:
        """Release connections, models and the ledger."""
        self._close()
        self._runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncBroker(_Base):
    """The asynchronous client; the same options, the same call path.

    ::

        async with AsyncBroker() as broker:
            await broker.vision.label("cat.jpg")
    """

    def __init__(
        self,
        *,
        config: str | None = None,
        adapters: Sequence[type[Adapter]] = (),
        ledger: Ledger | Mapping[str, str] | None = None,
        runtime: AsyncRuntime | None = None,
        **settings: Any,
    ) -> None:
        self._async_runtime = runtime if runtime is not None else AsyncRuntime()
        super().__init__(
            self._async_runtime, config=config, adapters=adapters, ledger=ledger, settings=settings
        )

    @cached_property
    def vision(self) -> AsyncVision:
        """Operations on pictures."""
        return AsyncVision(self._core)

    async def aclose(self) -> None:
        """Release connections, models and the ledger."""
        self._close()
        await self._async_runtime.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
