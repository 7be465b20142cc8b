"""Behind ``import broker``: names on first use, and the default broker that ``broker.vision`` belongs to."""

from __future__ import annotations

import atexit
import os
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from broker.runtime.forks import first_use

if TYPE_CHECKING:
    from broker.client import Broker

_lock = threading.Lock()
_default: Broker | None = None


def _renew() -> None:
    """In a forked child: another thread of the parent may have held the lock."""
    global _lock  # noqa: PLW0603 - the one lock per process
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew)

_OF_THE_DEFAULT = ("estimate", "health", "jobs", "search", "text", "transcription", "vision")
_CLIENT = ("AsyncBroker", "Broker")


def resolve(name: str) -> Any:
    """What ``broker.name`` is. Raises AttributeError for a name there is not."""
    if name in _OF_THE_DEFAULT:
        return getattr(default_broker(), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("mlbroker")
    from broker import __all__

    if name not in __all__:
        raise AttributeError(f"module 'broker' has no attribute {name!r}")
    with first_use:
        module = import_module("broker.client" if name in _CLIENT else "broker.errors")
    return getattr(module, name)


def default_broker() -> Broker:
    """The broker of the settings, made once a process and closed at its end."""
    global _default  # noqa: PLW0603 - the one default per process
    if _default is None:
        with _lock:
            if _default is None:
                with first_use:
                    from broker.client import Broker

                _default = Broker()
                atexit.register(_default.close)
    return _default
