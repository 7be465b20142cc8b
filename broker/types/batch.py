"""Many inputs: what goes to a vendor together, and what comes back for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from broker.errors import BrokerError
from broker.types.call import Result
from broker.types.request import Request

P_co = TypeVar("P_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest(Request):
    """Several requests of one operation with the same options, for one request to the vendor."""

    SUBJECT: ClassVar[str] = "items"

    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Generic[P_co]):
    """What became of one of many inputs: a result or an error, never both.

    :param index: its place among the inputs, from 0.
    :param source: the input, as it was given.
    :param result: as of a single call. Where the vendor answered several inputs in one request, its cost is this input's
        share, and its attempts are those of the whole request.
    :param error: why there is none; raised by :attr:`value`. Its cost is this input's share; where others were in the same
        request it has no attempts of its own, and ``call_id`` names the request.
    """

    index: int
    source: object
    result: Result[P_co] | None = None
    error: BrokerError | None = None

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.result is not None

    @property
    def value(self) -> P_co:
        """The result's value. Raises the error, if that is what there is."""
        if self.result is None:
            raise self.error or BrokerError("there is neither a result nor an error")
        return self.result.value
