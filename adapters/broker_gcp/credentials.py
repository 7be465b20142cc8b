"""Authorization headers by google-auth, fetched over the broker's transport and kept until they expire.

The credential is asked for here and not by a plug-in of the gRPC channel: a plug-in costs a thread per
call, reports its failures as UNAVAILABLE, and fetches one token per waiting thread. Here a refresh is done
once for all callers, in a thread that nobody waits for past the deadline (HTTP keeps it anyway, but the
chain also runs programs: gcloud, executable sources), and its failure is known to have cost nothing.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, TypeAlias

from broker.contract import Context, SingleFlight, guard_loggers, protect, redact
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


Headers: TypeAlias = tuple[tuple[str, str], ...]


class Authorization:
    """Gives the headers that authorize a call: metadata of gRPC, headers of REST.

    :param scope: what a token must allow.
    """

    def __init__(self, settings: GcpSettings, endpoint: Endpoint, *, scope: str = SCOPE) -> None:
        self._settings = settings
        self._scope = scope
        self._project = settings.project
        self._flight: SingleFlight[Headers] = SingleFlight("the Google credential was renewed")
        self._credentials: Any = None
        self._refused: Headers = ()
        self._fixed: Headers | None = None
        if settings.api_key is not None:
            self._fixed = (("x-goog-api-key", settings.api_key.get_secret_value()),)
        elif endpoint.loopback:
            self._fixed = ()  # a token of the account never goes to a plain-text port

    def metadata(self, context: Context) -> Headers:
        """Headers for the next call, renewed if they are about to expire; of many callers one renews them.

        Raises :class:`NotConfigured` without a credential, :class:`AuthFailed` when it is refused,
        :class:`Unavailable` (not sent) when the token service cannot be reached.
        """
        if self._fixed is not None:
            return self._fixed
        headers = self._held()
        if headers is None:
            headers = self._flight.run(partial(self._fetched, context), context)
        return headers

    @property
    def ready(self) -> Headers | None:
        """Headers that need no fetching, so that nobody has to block for them."""
        return self._held() if self._fixed is None else self._fixed

    @property
    def project(self) -> str | None:
        """The project of the settings, or else the credential's own: known once there were headers."""
        return self._project

    def refuse(self, used: Headers) -> None:
        """The service refused these headers: the next call asks from the beginning, unless one has meanwhile."""
        self._refused = used

    def renew(self, context: Context) -> bool:
        """Whether other headers than the refused ones are in use now."""
        return self._fixed is None and self.metadata(context) != self._refused

    def _held(self) -> Headers | None:
        """Headers that are neither about to expire nor refused."""
        credentials = self._credentials
        if credentials is None or not credentials.valid:
            return None
        headers = _headers(credentials)
        return None if headers == self._refused else headers

    def _fetched(self, context: Context) -> Headers:
        headers = self._held()
        if headers is not None:
            return headers
        self._renew(context)
        return _headers(self._credentials)

    def _renew(self, context: Context) -> None:
        try:
            from google.auth import exceptions

            from broker_gcp.carrier import Carrier
        except ImportError as error:
            raise NotConfigured(INSTALL) from error
        carrier = Carrier(context)
        try:
            credentials = self._credentials
            if credentials is None or (credentials.valid and _headers(credentials) == self._refused):
                credentials = self._load(carrier)
                guard_loggers("google", "urllib3")
            # before_request() would do the same, and then ask iamcredentials.googleapis.com for the account's
            # "regional access boundary" from a thread of its own, which outlives the attempt and its deadline.
            credentials.refresh(carrier)
            protect(credentials.token)
            self._credentials = credentials
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
                credentials, own = google.auth.default(
                    scopes=[self._scope], request=carrier, quota_project_id=project
                )
            else:
                found: Any = google.auth.load_credentials_from_file(  # type: ignore[no-untyped-call] # google-auth has no types
                    path, scopes=[self._scope], quota_project_id=project, request=carrier
                )
                credentials, own = found
        self._project = project or own or None
        return credentials


def _headers(credentials: Any) -> Headers:
    headers: dict[str, str] = {}
    credentials.apply(headers)
    return tuple((name.lower(), value) for name, value in headers.items())


def _raise_own(met: BrokerError | None) -> None:
    """Raise what the transport met, if the library hid it; the billable request itself was not sent."""
    if isinstance(met, DeadlineExceeded):
        raise DeadlineExceeded("the deadline passed while the Google credential was renewed") from None
    if isinstance(met, NotConfigured):
        raise met from None


def _first(error: Exception) -> str:
    """google-auth puts the whole answer of the token service into its second argument."""
    return str(error.args[0]) if error.args else type(error).__name__
