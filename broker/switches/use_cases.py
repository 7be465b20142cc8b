"""Which use case a call belongs to, by its operation and its tags."""

from __future__ import annotations

from collections.abc import Mapping

from broker.sections_quality import UseCaseSettings

TAG = "use_case"
"""A call that has this tag belongs to the use case of that name, if the operation is the same."""


class UseCases:
    """Those of the settings, in their order: the first that a call fits is its own."""

    def __init__(self, settings: Mapping[str, UseCaseSettings]) -> None:
        self.settings = dict(settings)
        self._by_operation: dict[str, list[tuple[str, tuple[tuple[str, str], ...]]]] = {}
        for name, each in settings.items():
            self._by_operation.setdefault(each.operation, []).append((name, tuple(each.tags.items())))

    def of(self, operation: str, tags: Mapping[str, str]) -> str | None:
        """Its name; None where the call belongs to none."""
        candidates = self._by_operation.get(operation)
        if candidates is None:
            return None
        named = tags.get(TAG)
        if named is not None:
            return named if any(name == named for name, _ in candidates) else None
        for name, wanted in candidates:
            # One without tags takes every call of its operation.
            for key, value in wanted:  # all() would make a generator for each call
                if tags.get(key) != value:
                    break
            else:
                return name
        return None
