"""What is told, and what became of telling it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from broker.contract.redact import plain
from broker.types.json import JsonObject

SENDER = "mlbroker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that people should know.

    :param kind: what happened, for machines: ``budget.warning``, ``budget.used_up``, ``breaker.open``.
    :param subject: the name of the budget, or of whatever it happened to.
    :param text: one sentence for people; chat services show it.
    :param at: when, in UTC.
    :param facts: names with their values as texts (``limit``, ``spent``, ``currency``), in the order to show.
    """

    kind: str
    subject: str
    text: str
    at: datetime
    facts: tuple[tuple[str, str], ...] = ()

    def document(self) -> JsonObject:
        """As it is sent: ``sender``, ``kind``, ``subject``, ``text``, ``at``, ``facts`` (texts by name)."""
        return {
            "sender": SENDER,
            "kind": self.kind,
            "subject": plain(self.subject),
            "text": plain(self.text),
            "at": self.at.astimezone(UTC).isoformat(),
            "facts": {name: plain(value) for name, value in self.facts},
        }

    def body(self) -> bytes:
        """The document as JSON; ASCII only, so that no receiver can read it wrongly."""
        return json.dumps(self.document()).encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one notice on one way.

    :param channel: ``webhook`` or ``command``.
    :param target: the webhook's host or the program's name; the rest of either may be a secret.
    :param detail: the last thing that happened: ``HTTP 200``, ``exit code 3``, ``not finished within 10 s``.
    :param tries: how often it was tried.
    """

    channel: str
    target: str
    delivered: bool
    detail: str
    tries: int = 1
