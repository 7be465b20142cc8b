"""Whether an address is this machine, as adapters ask it."""

from __future__ import annotations

from broker.runtime.loopback import is_loopback

__all__ = ["is_loopback"]
