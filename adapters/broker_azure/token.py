"""Microsoft Entra tokens by azure-identity: kept until shortly before they expire, fetched once at a time.

Fetched in a thread that nobody waits for past the deadline: HTTP keeps it anyway, but some links of the chain
are command-line tools (``az``, ``azd``, PowerShell) with a time-out of their own, 10 s each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from broker.contract import Context, SingleFlight, guard_loggers, protect, redact
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
STORAGE_SCOPE = "https://storage.azure.com/.default"
"""For Blob, in all of Azure's clouds (learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory)."""
SEARCH_SCOPE = "https://search.azure.com/.default"
EARLY_SECONDS = 300.0
"""A token is renewed this long before it expires, as azure-core's own policy does."""
_METADATA_HOST = "169.254.169.254"
_CURRENT: ContextVar[Context] = ContextVar("broker_azure_context")


class Tokens:
    """One account's token for one kind of resource. Blocks while it fetches: call it in a worker under an event loop.

    :param scope: what the token is for.
    """

    def __init__(self, scope: str = SCOPE) -> None:
        self._scope = scope
        self._pid = os.getpid()
        self._flight: SingleFlight[str] = SingleFlight("the Azure token was fetched")
        self._credential: Any = None
        self._failures: list[tuple[BrokerError, str]] = []
        self._token = ""
        self._expires = 0.0
        self._refused = ""

    def held(self) -> str | None:
        """The token, if one is held that will not expire soon and was not refused. Never blocks."""
        token = self._token
        return token if self._expires - time.time() > EARLY_SECONDS and token != self._refused else None

    def get(self, context: Context) -> str:
        """The token, fetched if need be; of many callers at once one fetches and the others wait.

        Raises :class:`NotConfigured` without a credential, :class:`AuthFailed` when it is refused,
        :class:`Unavailable` (not sent) when the token service cannot be reached.
        """
        if self._pid != os.getpid():
            self._credential, self._expires, self._pid = None, 0.0, os.getpid()
        held = self.held()
        return held if held is not None else self._flight.run(partial(self._fetch, context), context)

    def refuse(self, token: str) -> None:
        """The service refused this token: the next call fetches another, unless one has been fetched meanwhile."""
        self._refused = token

    @property
    def spoiled(self) -> bool:
        """Whether the token that was last fetched has been refused."""
        return bool(self._token) and self._token == self._refused

    def renew(self, context: Context) -> bool:
        """Whether another token than the refused one is in use now."""
        return self.get(context) != self._refused

    def close(self) -> None:
        """Drop credential and token."""
        credential, self._credential, self._expires, self._token = self._credential, None, 0.0, ""
        if credential is not None:
            credential.close()

    def _met(self, failure: BrokerError, url: str) -> None:
        self._failures.append((failure, url))

    def _fetch(self, context: Context) -> str:
        held = self.held()
        if held is not None:
            return held
        mark = _CURRENT.set(context)
        self._failures.clear()
        try:
            # One that gave a refused token keeps it until it expires; another asks anew.
            if self._credential is None or (self._token and self._token == self._refused):
                self._credential = _make(self._met)
            token = self._credential.get_token(self._scope)
        except NotConfigured:
            raise
        except Exception as error:  # noqa: BLE001 # azure-core, msal, files and subprocesses of the chain
            raise _failure(error, self._failures) from None
        finally:
            _CURRENT.reset(mark)
        found = str(token.token)
        protect(found)
        self._token, self._expires = found, float(token.expires_on)
        return found


def _make(on_failure: Callable[[BrokerError, str], None]) -> Any:
    try:
        from azure.identity import DefaultAzureCredential

        from broker_azure.transport import BrokerTransport
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    made = DefaultAzureCredential(transport=BrokerTransport(_CURRENT.get, on_failure))
    guard_loggers("azure", "msal", "urllib3")
    return made


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
