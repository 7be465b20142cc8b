"""What an off switch, an estimate or an alarm is about: a use case, an operation, a provider; each may be left open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scope:
    """Calls of a use case, of an operation, at a provider. None: of any.

    :param provider: ``aws``, or one of its accounts (``aws:prod``); the former covers all of them.
    """

    use_case: str | None = None
    operation: str | None = None
    provider: str | None = None

    def covers(self, use_case: str | None, operation: str, provider: str) -> bool:
        """Whether such a call belongs to it.

        :param provider: as the call names it, with its account if it has one.
        """
        if self.use_case is not None and self.use_case != use_case:
            return False
        if self.operation is not None and self.operation != operation:
            return False
        return self.provider in (None, provider) or self.provider == provider.partition(":")[0]

    def __str__(self) -> str:
        """``receipts, vision.label, aws``; ``everything`` where nothing is named."""
        return (
            ", ".join(each for each in (self.use_case, self.operation, self.provider) if each) or "everything"
        )
