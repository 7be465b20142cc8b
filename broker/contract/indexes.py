"""Which index is meant: the settings of every adapter that searches."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from broker.errors import BadInput, NotConfigured

Address = Annotated[str, Field(min_length=1, max_length=1024)]


class IndexSettings(BaseModel):
    """A mixin for an adapter's settings.

    :param index: the index where a call names none.
    :param indexes: names of the program's own for the vendor's ids, so that ``index="manuals"`` means the same with every
        provider: ``indexes = { manuals = "0a1b2c3d-…" }``.
    """

    index: Address | None = None
    indexes: dict[str, Address] = Field(default_factory=dict)

    def address(self, asked: str | None, *, provider: str, own: bool = True) -> str:
        """The vendor's id of the index a call means. Raises :class:`NotConfigured`, :class:`BadInput`.

        :param own: a name that the settings do not have is taken for the vendor's own id.
        """
        name = asked if asked is not None else self.index
        if name is None:
            if len(self.indexes) == 1:
                return next(iter(self.indexes.values()))
            raise NotConfigured(
                f"{provider}: which index? Pass index=, or set index for [providers.{provider}]"
            )
        found = self.indexes.get(name)
        if found is not None:
            return found
        if asked is None or own:
            return name
        known = ", ".join(self.indexes) or "none"
        raise BadInput(
            f"there is no index of this name in the settings (indexes: {known})",
            provider=provider,
            misaddressed=True,
        )
