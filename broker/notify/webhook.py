"""A notice as one POST of JSON. The address is a secret beyond its host: chat services put the key into the path."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from broker.contract.hints import retry_hint
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, Unavailable
from broker.notify.notice import Delivery, Notice
from broker.runtime.forks import first_use

if TYPE_CHECKING:
    from broker.runtime.http import BlockingTransport
    from broker.runtime.message import HttpReply

TRIES = 3
_HEADERS = {"content-type": "application/json"}
_SLACK = ("hooks.slack.com", "hooks.slack-gov.com")


class Webhook:
    """Posts to one address. Not shared by threads; :meth:`cut` may come from another one.

    :param pause: seconds before the second try; doubled before the third.
    """

    channel = "webhook"

    def __init__(self, url: str, *, pause: float) -> None:
        self._url = url
        self._pause = pause
        self._host = _host(url)
        self._stopped = threading.Event()
        self._transport: BlockingTransport | None = None

    @property
    def target(self) -> str:
        """The host, and nothing more of the address."""
        return self._host

    def deliver(self, notice: Notice, until: float) -> Delivery:
        """Up to three tries before the instant ``until`` of the monotonic clock; a problem is told, not raised."""
        content = _slack(notice) if self._host in _SLACK else notice.body()
        number = 1
        while True:
            detail, delivered, wait = self._once(content, until)
            if delivered or wait is None or number == TRIES or self._stopped.is_set():
                break
            wait = max(wait, self._pause * 2 ** (number - 1))
            if time.monotonic() + wait >= until or self._stopped.wait(wait):
                detail += "; no time is left to try again"
                break
            number += 1
        return Delivery(
            channel=self.channel, target=self._host, delivered=delivered, detail=detail, tries=number
        )

    def _once(self, content: bytes, until: float) -> tuple[str, bool, float | None]:
        """What happened, whether it arrived, and the least seconds to wait before another try; None: no other."""
        try:
            reply = self._post(content, until)
        except MalformedReply as error:  # the body, which nobody needs, is unusable
            status = error.status
            return f"HTTP {status}" if status else "no HTTP answer", status is not None and status < 300, None
        except Unavailable as error:
            return str(error), False, 0.0
        except DeadlineExceeded:
            return "no answer in time", False, None
        except BrokerError as error:  # the scheme or the certificate: another try changes nothing
            return str(error), False, None
        except Exception as error:  # noqa: BLE001 - its text may hold the address
            return f"the request could not be made ({type(error).__name__})", False, None
        if reply.status < 300:
            return f"HTTP {reply.status}", True, None
        if reply.status < 400:
            return f"HTTP {reply.status}: redirects are not followed; set the final address", False, None
        again = reply.status == 429 or reply.status >= 500
        return f"HTTP {reply.status}", False, (_hint(reply) if again else None)

    def _post(self, content: bytes, until: float) -> HttpReply:
        # On first use: the HTTP client takes 0.1 s to import, and most programs never send a notice.
        with first_use:  # a child forked in the midst of it could never send one
            from broker.runtime.exchange import Exchange
            from broker.runtime.http import BlockingTransport

        if self._transport is None:
            self._transport = BlockingTransport()
        return self._transport.send(
            "POST",
            self._url,
            exchange=Exchange(until, time.monotonic),
            headers=_HEADERS,
            params=None,
            content=content,
        )

    def cut(self) -> None:
        """Try no more. A request under way ends by its own time limit."""
        self._stopped.set()

    def release(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # the settings refuse it; a program may not have asked them
        return ""


def _hint(reply: HttpReply) -> float:
    return retry_hint(reply.headers, datetime.now(UTC)) or 0.0


def _slack(notice: Notice) -> bytes:
    """Slack reads ``<!channel>`` and links in the text; names of budgets and tags must not become either."""
    text = str(notice.document()["text"]).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": text}).encode("ascii")  # what it documents; the sentence says it all
