"""Speech-to-Text of each place that is asked: one client a place, made on first use."""

from __future__ import annotations

from broker_gcp.rest import Rest
from broker_gcp.settings import GcpSettings, speech_in


class Places:
    """The clients of one account."""

    def __init__(self, settings: GcpSettings) -> None:
        self._settings = settings
        self._at: dict[str, Rest] = {}

    def at(self, location: str) -> Rest:
        """The one of a place."""
        found = self._at.get(location)
        # setdefault: of two threads that make one both use the same
        return (
            found
            if found is not None
            else self._at.setdefault(location, Rest(self._settings, speech_in(location)))
        )

    @property
    def used(self) -> tuple[Rest, ...]:
        """Those that were asked so far."""
        return tuple(self._at.values())
