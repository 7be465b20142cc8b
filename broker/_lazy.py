"""Behind ``import broker``: names on first use, and the default broker that ``broker.vision`` belongs to."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from broker.client import Broker

_lock = threading.Lock()
_default: Broker | None = None


def resolve(name: str, *, client: Sequence[str], errors: Sequence[str], facades: Sequence[str]) -> Any:
    """What ``broker.name`` is. Raises AttributeError for a name there is not."""
    if name in facades:
        return getattr(default_broker(), name)
    if name in client:
        from broker import client as module

        return getattr(module, name)
    if name in errors:
        from broker import errors as error_module

        return getattr(error_module, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("mlbroker")
    raise AttributeError(f"module 'broker' has no attribute {name!r}")


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
