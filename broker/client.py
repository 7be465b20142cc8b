"""``Broker`` and ``AsyncBroker``: put settings, adapters, prices and ledger together and open the facades."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from broker.config import Settings, load_settings
from broker.contract.adapter import Adapter
from broker.core import Core
from broker.declare import declare_budgets, declare_standing, open_ledger
from broker.errors import NotConfigured
from broker.facades.estimate import AsyncEstimates, Estimates
from broker.facades.jobs import AsyncJobs, Jobs
from broker.facades.search import AsyncSearch, Search
from broker.facades.text import AsyncText, Text
from broker.facades.transcription import AsyncTranscription, Transcription
from broker.facades.vision import AsyncVision, Vision
from broker.guard.guards import Guards
from broker.guard.health import Health
from broker.job_core import JobCore
from broker.ledger.base import Ledger, SpendQuery, SpendRow
from broker.ledger.switch_rows import SwitchLedger
from broker.notify.notifier import Notifier
from broker.pipeline.call import Services
from broker.pipeline.stand import checked, meter_of
from broker.pricing.book import PriceBook
from broker.pricing.contract import in_force
from broker.pricing.load import shipped
from broker.registry import Registry
from broker.runtime.asynchronous import AsyncRuntime, require_asyncio
from broker.runtime.blocking import BlockingRuntime, drive
from broker.runtime.door import Door
from broker.switches.board import Board
from broker.switches.persons import Switches
from broker.switches.use_cases import UseCases
from broker.types.money import Price
from broker.types.standing import StandingMeter, StandingSpend

if TYPE_CHECKING:
    from broker.mirror import ShadowCalls
    from broker.pipeline.draws import Draws
    from broker.samples.quality import Quality
    from broker.samples.sampler import Sampler
    from broker.switches.operational import Operational

log = logging.getLogger("broker")

CLOSE_SECONDS = 5.0
"""How long closing waits for calls in flight before it cuts their connections."""
_CUT_SECONDS = 1.0
"""How long it then waits for them to book what became of them."""


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
        admit: Callable[[], object] | None = None,
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
        declare_budgets(self.ledger, self.settings, runtime.now())
        prices = in_force(self.settings.prices.files, extra)
        if self.settings.standing:
            declare_standing(self.ledger, self.settings, self.registry, prices, runtime.now())
        self._notifier = Notifier.of(self.settings.notify)
        self._runtime = runtime
        self._door = Door(admit)
        self._board = self._switchboard()
        self._sampler = self._sampling(adapters, prices)
        self._core = Core(
            Services(
                settings=self.settings,
                runtime=runtime,
                registry=self.registry,
                ledger=self.ledger,
                guards=Guards(self.settings.limits),
                prices=prices,
                door=self._door,
                notify=self._notifier.send,
                board=self._board,
                operational=self._operational(),
                draws=self._draws(),
            )
        )

    def _switchboard(self) -> Board:
        """Raises :class:`~broker.errors.NotConfigured` where a switch is to be enforced that could not be kept."""
        use_cases = UseCases(self.settings.quality.use_cases)
        keeps = isinstance(self.ledger, SwitchLedger)
        enforced = [name for name, each in use_cases.settings.items() if each.switch.mode == "enforce"]
        if enforced and not keeps:
            raise NotConfigured(
                f"this ledger keeps no off switches, so that of {enforced[0]} cannot be enforced; "
                'use the default ledger, or mode = "observe"'
            )
        return Board(
            self.ledger if isinstance(self.ledger, SwitchLedger) else None,
            use_cases,
            monotonic=self._runtime.monotonic,
            now=self._runtime.now,
            notify=self._notifier.send,
        )

    def _operational(self) -> Operational | None:
        """Only where a use case asks for it: it brings statistics along."""
        if all(each.operational is None for each in self.settings.quality.use_cases.values()):
            return None
        from broker.switches.operational import Operational

        return Operational(self._board, monotonic=self._runtime.monotonic, now=self._runtime.now)

    def _sampling(self, adapters: Sequence[type[Adapter]], prices: PriceBook) -> Sampler | None:
        """Only where a use case is sampled: it opens a store and brings statistics along."""
        if all(each.sampling is None for each in self.settings.quality.use_cases.values()):
            return None
        from broker.samples.start import start_sampling

        def mirror() -> ShadowCalls:
            from broker.mirror import ShadowCalls

            return ShadowCalls(self.settings, adapters, self.ledger, prices, self._runtime.companion())

        return start_sampling(
            self.settings,
            board=self._board,
            notify=self._notifier.send,
            now=self._runtime.now,
            mirror=mirror,
            ledger=self.ledger,
        )

    def _draws(self) -> Draws | None:
        if self._sampler is None:
            return None
        from broker.pipeline.draws import Draws

        return Draws(self._sampler)

    @cached_property
    def quality(self) -> Quality:
        """Sampled calls: labels, figures, erasing."""
        from broker.samples.quality import Quality
        from broker.samples.recorded import Records
        from broker.samples.start import path_of

        sampler = self._sampler
        records = (
            None if sampler is None else Records(path_of(self.ledger), sampler.store, self._board.use_cases)
        )
        return Quality(sampler, level=self.settings.quality.level, records=records)

    @cached_property
    def switches(self) -> Switches:
        """The off switches of this ledger: how they stand, and switching them by hand, for all who use it."""
        return Switches(self._board, providers=self.registry.names)

    @property
    def core(self) -> Core:
        """The call path itself, for what this distribution builds on it. No part of the public interface."""
        return self._core

    @cached_property
    def health(self) -> Health:
        """How the providers stand: breakers, rates, calls on their way; to switch one off and on by hand."""
        return Health(self._core.services.guards, self._runtime)

    def spend(self, query: SpendQuery | None = None) -> list[SpendRow]:
        """What was spent, from the ledger. Raises :class:`~broker.errors.LedgerUnavailable`."""
        self._door.ensure_open()
        return self.ledger.spend(query or SpendQuery())

    def stand(
        self,
        name: str,
        *,
        sku: str,
        provider: str,
        since: date | datetime,
        until: date | datetime | None = None,
        units: Decimal | int | str = 1,
        region: str | None = None,
        operations: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> StandingMeter:
        """Declare what is paid by the hour, for all who use the ledger; the same again changes nothing.

        The options are those of ``[standing.NAME]`` (docs/standing.md). Raises :class:`~broker.errors.BadInput` for what
        cannot be meant, :class:`~broker.errors.NotConfigured` for a provider, a sku or a name that means something else,
        :class:`~broker.errors.LedgerUnavailable`.
        """
        self._door.ensure_open()
        facts = {
            "sku": sku,
            "provider": provider,
            "since": since,
            "until": until,
            "units": units,
            "region": region,
            "operations": tuple(operations),
            "tags": dict(tags or {}),
        }
        meter = meter_of(name, checked(name, facts), self.registry, self._core.services.prices)
        try:
            self.ledger.stand([meter], self._runtime.now())
        except ValueError as error:
            raise NotConfigured(str(error)) from None
        return next(each for each in self.ledger.standing() if each.name == name)

    def standing(self, query: SpendQuery | None = None) -> StandingSpend:
        """What stands (an index's hours) came to, by the clock, and its shares by a stated rule; in no sum of :meth:`spend`.

        Raises :class:`~broker.errors.LedgerUnavailable`.
        """
        self._door.ensure_open()
        return self.ledger.standing_spend(query or SpendQuery(), self._runtime.now())

    def _cut(self) -> None:
        """End what is in flight: connections at once, adapters' own clients by closing them."""
        self._door.cut()
        self._runtime.cut()
        self.registry.close()

    def _release(self) -> None:
        """Let go of everything; by the last call again, if one is still inside and takes things up anew."""
        self.registry.close()
        self._runtime.close()
        if self._own_ledger:
            self.ledger.close()


class Broker(_Base):
    """The synchronous client. Share one between threads; close it, or use it in ``with``.

    Not for calls from a signal's handler, which might wait for what it interrupts: start a thread there, or set a flag.

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

    @cached_property
    def text(self) -> Text:
        """Operations on texts."""
        return Text(self._core)

    @cached_property
    def transcription(self) -> Transcription:
        """Operations on recordings."""
        return Transcription(self._core)

    @cached_property
    def jobs(self) -> Jobs:
        """Long recordings that are being transcribed."""
        return Jobs(JobCore(self._core))

    @cached_property
    def search(self) -> Search:
        """Operations on indexes."""
        return Search(self._core)

    @cached_property
    def estimate(self) -> Estimates:
        """What the same calls would cost; nothing is sent."""
        return Estimates(self._core)

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Release connections, models and the ledger. Further calls raise :class:`~broker.errors.BrokerClosed`.

        Calls in other threads get ``timeout`` seconds to end; then their connections are cut, and what was sent
        is booked as possibly billed. Notices that wait are delivered, for at most 5 s. Closing twice does no harm.
        Before that, results of jobs that were handed out are removed at their providers, unless the settings keep them, or
        ``with`` is left by an exception: then nobody knows whether they were saved, and who makes the same call again is given them.
        """
        if self._core.services.collected and not self._door.closed:
            drive(JobCore(self._core).tidy())
        self._door.close()
        try:
            if not self._door.emptied(timeout):
                self._cut()
                self._door.emptied(_CUT_SECONDS)
            operational = self._core.services.operational
            if operational is not None:
                operational.close()
            if self._sampler is not None:
                self._sampler.close(timeout)
        finally:
            self._door.afterwards(self._release)
            self._release()
        self._notifier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._core.services.collected.clear()
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
            self._async_runtime,
            config=config,
            adapters=adapters,
            ledger=ledger,
            settings=settings,
            admit=require_asyncio,
        )

    @cached_property
    def vision(self) -> AsyncVision:
        """Operations on pictures."""
        return AsyncVision(self._core)

    @cached_property
    def text(self) -> AsyncText:
        """Operations on texts."""
        return AsyncText(self._core)

    @cached_property
    def transcription(self) -> AsyncTranscription:
        """Operations on recordings."""
        return AsyncTranscription(self._core)

    @cached_property
    def jobs(self) -> AsyncJobs:
        """Long recordings that are being transcribed."""
        return AsyncJobs(JobCore(self._core))

    @cached_property
    def search(self) -> AsyncSearch:
        """Operations on indexes."""
        return AsyncSearch(self._core)

    @cached_property
    def estimate(self) -> AsyncEstimates:
        """What the same calls would cost; nothing is sent."""
        return AsyncEstimates(self._core)

    async def aclose(self, timeout: float = CLOSE_SECONDS) -> None:  # noqa: ASYNC109 - cuts, where cancelling would not
        """Release connections, models and the ledger, as :meth:`Broker.close` does; calls of all loops are meant."""
        if self._core.services.collected and not self._door.closed:
            await JobCore(self._core).tidy()
        self._door.close()
        try:
            if not await self._async_runtime.emptied(self._door, timeout):
                self._cut()
                await self._async_runtime.emptied(self._door, _CUT_SECONDS)
            operational = self._core.services.operational
            if operational is not None:
                await self._async_runtime.run_blocking(operational.close)
            sampler = self._sampler
            if sampler is not None:
                await self._async_runtime.run_blocking(lambda: sampler.close(timeout))
            if not self._notifier.idle:
                await self._async_runtime.run_blocking(self._notifier.close)
        finally:
            self._door.afterwards(self._release)
            self._release()
            await self._async_runtime.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._core.services.collected.clear()
        await self.aclose()
