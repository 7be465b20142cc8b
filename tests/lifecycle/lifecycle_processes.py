"""What the worker processes of multiprocessing import: a broker in the parent, used again or made anew."""

from __future__ import annotations

from typing import Any

from lifecycle_support import PICTURE, options

from broker import Broker

_brokers: dict[str, Broker] = {}


def begin(family: str, address: str) -> None:
    """The broker of this process; a forked one goes on with its parent's."""
    if family not in _brokers:
        _brokers[family] = Broker(**options(family, address, deadline=60.0))


def call(number: int) -> str:
    """One call, by whatever broker there is."""
    (broker,) = _brokers.values()
    result: Any = broker.vision.label(PICTURE, tags={"number": str(number)})
    name: str = result.value.labels[0].name
    return name
