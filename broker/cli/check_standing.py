"""What ``mlbroker doctor`` says of an index that is paid by the hour while nobody has declared that it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.errors import BrokerError

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.contract.manifest import Manifest
    from broker.registry import Registry

_SHOWN = 6
"""Skus that are named."""


class Declared:
    """What the ledger and the settings say stands, and which operations were called; nothing is written.

    A ledger that cannot be read says nothing here: its own line does.
    """

    def __init__(self, settings: Settings) -> None:
        from broker.cli import standing
        from broker.ledger.base import SpendQuery
        from broker.pipeline.call import Candidate

        self._at = standing.now()
        named = [Candidate.parse(each.provider) for each in settings.standing.values()]
        self._by_settings = {(each.provider, each.profile or "") for each in named}
        self._served: set[tuple[str, str, str]] = set()
        self._called: set[tuple[str, ...]] = set()
        try:
            ledger = standing.open_there(settings)
            if ledger is None:
                return
            try:
                for meter in ledger.standing():
                    if meter.until is None or meter.until > self._at:
                        self._served |= {(meter.provider, meter.profile, each) for each in meter.operations}
                self._called = {
                    row.group for row in ledger.spend(SpendQuery(by=("provider", "profile", "operation")))
                }
            finally:
                ledger.close()
        except BrokerError:
            return

    def missing(self, registry: Registry, manifest: Manifest, profile: str | None) -> list[str]:
        """A warning with the command to type where an account uses, or is set up for, what nobody has declared."""
        from broker.contract.indexes import IndexSettings

        account = (manifest.provider, profile or "")
        specs = [
            each
            for each in manifest.operations
            if each.standing
            and each.support.value == "yes"
            and (*account, each.operation) not in self._served
        ]
        if not specs or account in self._by_settings:
            return []
        try:
            setup = registry.setup(manifest.provider, profile)
            options = registry.options(manifest.provider, profile)
        except BrokerError:
            return []  # told as the provider's problem
        has_index = not isinstance(options, IndexSettings) or bool(options.index or options.indexes)
        specs = [
            each
            for each in specs
            if (*account, each.operation) in self._called or (has_index and setup.takes(each.operation))
        ]
        if not specs:
            return []
        skus = list(dict.fromkeys(sku for each in specs for sku in each.standing))
        names = ", ".join(each.operation for each in specs)
        other = f" (or another of {', '.join(skus[1:_SHOWN])})" if len(skus) > 1 else ""
        who = f"{account[0]}:{account[1]}" if account[1] else account[0]
        told = (
            f"{names}: what they work on is paid for as long as it stands, called or not, and nobody has declared it, so no "
            f"budget counts it; type: mlbroker standing add {account[0]}-index --sku {skus[0]}{other} -p {who} "
            f"--since {self._at:%Y-%m-%d} with the day it was made (docs/standing.md)"
        )
        return [told]
