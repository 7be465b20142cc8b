"""Microsoft Entra tokens by azure-identity: kept until shortly before they expire, fetched once at a time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from broker.contract import Context, redact
from broker.errors import (
    AuthFailed,
    BrokerError,
    DeadlineExceeded,
    NotConfigured,
    Outcome,
    Unavailable,
)
from broker_azure.settings import INSTALL, WHAT_TO_TYPE

SCOPE = "https://cognitiveservices.azure.com/.default"
EARLY_SECONDS = 300.0
"""A token is renewed this long before it expires, as azure-core's own policy does."""
_METADATA_HOST = "169.254.169.254"
_CURRENT: ContextVar[Context] = ContextVar("broker_azure_context")


class Tokens:
    """One account's token. Blocks while it fetches: call it in a worker under an event loop."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._credential: Any = None
        self._failures: list[tuple[BrokerError, str]] = []
        self._token = ""
        self._expires = 0.0

    def held(self) -> str | None:
        """The token, if one is held that will not expire soon. Never blocks."""
        return self._token if self._expires - time.time() > EARLY_SECONDS else None

    def get(self, context: Context) -> str:
        """The token, fetched if need be; of many callers at once one fetches and the others wait.

        Raises :class:`NotConfigured` without a credential, :class:`AuthFailed` when it is refused,
        :class:`Unavailable` (not sent) when the token service cannot be reached.
        """
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._credential, self._expires = None, 0.0
        if not self._lock.acquire(timeout=max(0.0, min(context.remaining(), threading.TIMEOUT_MAX))):
            raise DeadlineExceeded("the deadline passed while another call fetched the Azure token")
        try:
            held = self.held()
            if held is not None:
                return held
            return self._fetch(context)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Fetch anew for the next call: the service refused this token."""
        self._expires = 0.0

    def close(self) -> None:
        """Drop credential and token."""
        credential, self._credential, self._expires, self._token = self._credential, None, 0.0, ""
        if credential is not None:
            credential.close()

    def _met(self, failure: BrokerError, url: str) -> None:
        self._failures.append((failure, url))

    def _fetch(self, context: Context) -> str:
        mark = _CURRENT.set(context)
        self._failures.clear()
        try:
            if self._credential is None:
                self._credential = _make(self._met)
            token = self._credential.get_token(SCOPE)
        except NotConfigured:
            raise
        except Exception as error:  # noqa: BLE001 # azure-core, msal, files and subprocesses of the chain
            raise _failure(error, self._failures) from None
        finally:
            _CURRENT.reset(mark)
        self._token, self._expires = str(token.token), float(token.expires_on)
        return self._token


def _make(on_failure: Callable[[BrokerError, str], None]) -> Any:
    try:
        from azure.identity import DefaultAzureCredential

        from broker_azure.transport import BrokerTransport
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    return DefaultAzureCredential(transport=BrokerTransport(_CURRENT.get, on_failure))


def _failure(error: Exception, failures: list[tuple[BrokerError, str]]) -> BrokerError:
    """Our error for what azure-identity raised; its text names each credential tried, and no secret.

    Whatever the token service did, the billable request was not sent.

    :param failures: what the transport met on the way: the chain swallows exceptions.
    """
    from azure.core.exceptions import ClientAuthenticationError

    text = redact(str(error), 600)
    for met, _ in failures:
        if isinstance(met, DeadlineExceeded):
            return DeadlineExceeded("the deadline passed while the Azure token was fetched")
        if isinstance(met, NotConfigured):
            return met
    if isinstance(error, ClientAuthenticationError):
        answer = getattr(error, "response", None)
        if answer is not None:
            return AuthFailed(f"the Azure credential was refused: {text}; {WHAT_TO_TYPE}")
        # The probe for a managed identity fails on every machine outside Azure; that is no outage.
        if any(_METADATA_HOST not in url for _, url in failures):
            return Unavailable(
                f"the Azure token service could not be reached: {text}", outcome=Outcome.NOT_SENT
            )
        return NotConfigured(f"no Azure credential can be used: {text}; {WHAT_TO_TYPE}")
    return Unavailable(f"the Azure token could not be fetched: {text}", outcome=Outcome.NOT_SENT)
