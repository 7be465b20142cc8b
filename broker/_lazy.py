"""Behind ``import broker``: names on first use, and the default broker that ``broker.vision`` belongs to."""

from __future__ import annotations

import atexit
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.client import Broker

_lock = threading.Lock()
_default: Broker | None = None


_FACADES = ("vision",)
_CLIENT = ("AsyncBroker", "Broker")


def resolve(name: str) -> Any:
    """What ``broker.name`` is. Raises AttributeError for a name there is not."""
    if name in _FACADES:
        return getattr(default_broker(), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("mlbroker")
    from broker import __all__

    if name not in __all__:
        raise AttributeError(f"module 'broker' has no attribute {name!r}")
    module = import_module("broker.client" if name in _CLIENT else "broker.errors")
    return getattr(module, name)


def default_broker() -> Broker:
    """The broker of the settings, made once a process and closed at its end."""
    global _default  # noqa: PLW0603 - the one default per process
    if _default is None:
        with _lock:
            if _default is None:
                from broker.client import Broker

                _default = Broker()
                atexit.register(_default.close)
    return _default
