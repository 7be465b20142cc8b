"""Telling people when something trips: a webhook, a command, or both; a call never waits for it."""

from __future__ import annotations

from broker.notify.notice import Delivery, Notice
from broker.notify.notifier import Notifier

__all__ = ["Delivery", "Notice", "Notifier"]
