"""Authorization headers by google-auth, fetched over the broker's transport and kept until they expire.

The credential is asked for here and not by a plug-in of the gRPC channel: a plug-in costs a thread per
call, reports its failures as UNAVAILABLE, and fetches one token per waiting thread. Here a refresh is
bounded by the call's deadline, done once under a lock, and its failure is known to have cost nothing.
"""

from __future__ import annotations

import threading
import warnings
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
from broker_gcp.settings import INSTALL, WHAT_TO_TYPE, Endpoint, GcpSettings

SCOPE = "https://www.googleapis.com/auth/cloud-vision"


class Authorization:
    """Gives the metadata that authorizes a call."""

    def __init__(self, settings: GcpSettings, endpoint: Endpoint) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._credentials: Any = None
        self._fixed: tuple[tuple[str, str], ...] | None = None
        if settings.api_key is not None:
            self._fixed = (("x-goog-api-key", settings.api_key.get_secret_value()),)
        elif endpoint.loopback:
            self._fixed = ()  # a token of the account never goes to a plain-text port

    def metadata(self, context: Context) -> tuple[tuple[str, str], ...]:
        """Headers for the next call, renewed if they are about to expire.

        Raises :class:`NotConfigured` without a credential, :class:`AuthFailed` when it is refused,
        :class:`Unavailable` (not sent) when the token service cannot be reached.
        """
        if self._fixed is not None:
            return self._fixed
        if not self._lock.acquire(timeout=max(0.0, min(context.remaining(), threading.TIMEOUT_MAX))):
            raise DeadlineExceeded("the deadline passed while another call renewed the Google credential")
        try:
            return self._ask(context)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Fetch a new token for the next call: the service refused this one."""
        with self._lock:
            if self._credentials is not None and hasattr(self._credentials, "expiry"):
                self._credentials.token = None

    def _ask(self, context: Context) -> tuple[tuple[str, str], ...]:
        if self._credentials is None or not self._credentials.valid:
            self._renew(context)
        credentials: Any = self._credentials
        headers: dict[str, str] = {}
        credentials.apply(headers)
        return tuple((name.lower(), value) for name, value in headers.items())

    def _renew(self, context: Context) -> None:
        try:
            from google.auth import exceptions

            from broker_gcp.carrier import Carrier
        except ImportError as error:
            raise NotConfigured(INSTALL) from error
        carrier = Carrier(context)
        try:
            if self._credentials is None:
                self._credentials = self._load(carrier)
            # before_request() would do the same, and then ask iamcredentials.googleapis.com for the account's
            # "regional access boundary" from a thread of its own, which outlives the attempt and its deadline.
            self._credentials.refresh(carrier)
        except exceptions.TransportError as error:
            _raise_own(carrier.failure)
            # RefreshError for a refusal; this is for a token service that could not be reached.
            raise Unavailable(
                f"the Google token service could not be reached: {redact(str(error))}",
                outcome=Outcome.NOT_SENT,
            ) from None
        except exceptions.DefaultCredentialsError as error:
            _raise_own(carrier.failure)
            raise NotConfigured(
                f"no usable Google credential: {redact(str(error))}; {WHAT_TO_TYPE}"
            ) from None
        except exceptions.GoogleAuthError as error:
            retryable = bool(getattr(error, "retryable", False))
            text = f"the Google credential could not be renewed: {redact(_first(error))}"
            if retryable:
                raise Unavailable(text, outcome=Outcome.NOT_SENT) from None
            raise AuthFailed(f"{text}; {WHAT_TO_TYPE}") from None
        except BrokerError:
            raise
        except Exception as error:  # noqa: BLE001 # json, key and file errors of the library
            raise NotConfigured(
                f"the Google credential cannot be used: {type(error).__name__}: {redact(str(error))}; {WHAT_TO_TYPE}"
            ) from None

    def _load(self, carrier: Any) -> Any:
        import google.auth

        path, project = self._settings.credentials_file, self._settings.project
        with warnings.catch_warnings():
            # Warned of: files from strangers (this one is named in the settings) and gcloud user credentials.
            warnings.simplefilter("ignore")
            if path is None:
                return google.auth.default(scopes=[SCOPE], request=carrier, quota_project_id=project)[0]
            credentials: Any = google.auth.load_credentials_from_file(  # type: ignore[no-untyped-call] # google-auth has no types
                path, scopes=[SCOPE], quota_project_id=project, request=carrier
            )
            return credentials[0]


def _raise_own(met: BrokerError | None) -> None:
    """Raise what the transport met, if the library hid it; the billable request itself was not sent."""
    if isinstance(met, DeadlineExceeded):
        raise DeadlineExceeded("the deadline passed while the Google credential was renewed") from None
    if isinstance(met, NotConfigured):
        raise met from None


def _first(error: Exception) -> str:
    """google-auth puts the whole answer of the token service into its second argument."""
    return str(error.args[0]) if error.args else type(error).__name__
