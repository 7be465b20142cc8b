"""Quotas that vendors publish: calls a second, sourced and dated, in the same files as the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from broker.types.markup import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Shown):
    """How many calls a second an account has by default.

    :param low: calls a second that are sure; ``high``: at most, where the page leaves a span.
    :param says: the source in one line.
    :param dated: the day it gives of itself; None: it gives none.
    """

    provider: str
    low: float
    high: float
    says: str
    source: str
    dated: date | None = None
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    def speaks_of(self, provider: str, service: str, operation: str) -> bool:
        """Whether it is about this operation."""
        return (
            self.provider == provider
            and (not self.services or service in self.services)
            and (not self.operations or operation in self.operations)
        )
