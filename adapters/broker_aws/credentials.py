"""The account's credential: loaded, kept and renewed within the call's deadline, whatever the chain asks for.

botocore's own chain does the work (keys, files, roles, SSO, web identity, containers, instance role,
``credential_process``), but in a thread of its own and once for all callers: some links of the chain have no
time-out, or one of their own (instance metadata 1 s, container 2 s three times, a process for ever). Requests
of its STS and SSO clients go by the broker's transport, see :func:`broker_aws.wire.carry`.

This module imports botocore; it is loaded with the first client.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.credentials import Credentials
from botocore.exceptions import HTTPClientError

from broker.contract import Context, SingleFlight, protect, redact
from broker.errors import (
    BrokerError,
    DeadlineExceeded,
    NotConfigured,
    Outcome,
    ProviderFault,
    Unavailable,
)
from broker_aws import faults
from broker_aws.settings import WHAT_TO_TYPE, AccountSettings, core_session, find_region

_MANDATORY_SECONDS = 600
"""botocore waits for new keys when the old ones live no longer than this; before, it renews beside the calls."""
_PAUSE_SECONDS = 5.0
"""Between two tries to renew beside the calls."""


class Held:
    """What the client signs with: the part of ``botocore.credentials.Credentials`` that signing asks for.

    :param current: the attempt that is under way; its ``used`` is set to what it was signed with.
    :param carry: handler of ``before-send`` for clients that the chain itself makes.
    """

    method = "mlbroker"

    def __init__(
        self, settings: AccountSettings, current: Callable[[], Any], carry: Callable[..., Any]
    ) -> None:
        self._settings = settings
        self._current = current
        self._carry = carry
        self._flight: SingleFlight[Any] = SingleFlight("the AWS credential was fetched")
        self._source: Any = None
        self._fixed: Any = None
        self._last: Any = None
        self._refused: Any = None
        self._again = 0.0

    def ready(self, context: Context) -> None:
        """Load the credential if none is. Raises :class:`NotConfigured`, :class:`AuthFailed`, :class:`DeadlineExceeded`."""
        if self._source is None:
            self._flight.run(self._load_once, context)

    def get_frozen_credentials(self) -> Any:
        """As botocore asks for each signature; fetched anew when the keys are about to expire."""
        frozen = self._fixed
        exchange = self._current()
        if frozen is None:
            frozen = self._moving(exchange.context)
        exchange.used = frozen
        return frozen

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        """As botocore asks for an account id in endpoints, which our services do not have."""
        return partial(getattr, self._fixed, name, None)

    def refuse(self, used: Any) -> None:
        """The service refused what an attempt was signed with."""
        if used is not None and used == (self._fixed or self._last):
            self._refused = used

    def renew(self, context: Context) -> bool:
        """Whether something else than the refused keys is in use now. The chain is asked from its beginning."""
        if self._settings.access_key_id is not None or self._refused is None:
            return False
        if (self._fixed or self._last) != self._refused:
            return True
        return bool(self._flight.run(self._replace, context))

    def _moving(self, context: Context) -> Any:
        source, last = self._source, self._last
        if not source.refresh_needed():
            frozen = source.get_frozen_credentials()
        elif last is not None and not source.refresh_needed(_MANDATORY_SECONDS):
            if time.monotonic() >= self._again:
                self._again = time.monotonic() + _PAUSE_SECONDS
                self._flight.begin(partial(_frozen, source))
            return last
        else:
            frozen = self._flight.run(partial(_frozen, source), context)
        if frozen is not last:
            self._keep(source, frozen)
        return frozen

    def _keep(self, source: Any, frozen: Any) -> None:
        protect(frozen.secret_key, frozen.token)
        fixed = None if hasattr(source, "refresh_needed") else frozen
        self._source, self._last, self._fixed = source, frozen, fixed

    def _load_once(self) -> None:
        if self._source is None:
            source = self._load()
            self._keep(source, _frozen(source))

    def _replace(self) -> bool:
        if (self._fixed or self._last) != self._refused:
            return True
        source = self._load()
        frozen = _frozen(source)
        if frozen == self._refused:
            return False
        self._keep(source, frozen)
        return True

    def _load(self) -> Any:
        settings = self._settings
        key, secret, token = settings.access_key_id, settings.secret_access_key, settings.session_token
        if key is not None and secret is not None:
            return Credentials(
                key.get_secret_value(),
                secret.get_secret_value(),
                None if token is None else token.get_secret_value(),
            )
        session: Any = core_session(settings)
        session.set_config_variable("region", find_region(settings))  # where STS is asked
        session.register("before-send", self._carry)
        found = _sheltered(session.get_credentials)
        if found is None:
            raise NotConfigured(f"no AWS credential was found; {WHAT_TO_TYPE}")
        return found


class Given:
    """Stands for botocore's chain in the session that makes the client."""

    def __init__(self, held: Held) -> None:
        self._held = held

    def load_credentials(self) -> Held:
        """As ``botocore.session`` asks."""
        return self._held


def _frozen(source: Any) -> Any:
    return _sheltered(source.get_frozen_credentials)


def _sheltered(work: Callable[[], Any]) -> Any:
    """Our errors for whatever the chain raises; the billable request was not sent then."""
    try:
        return work()
    except NotConfigured:
        raise
    except DeadlineExceeded:
        raise DeadlineExceeded("the deadline passed while the AWS credential was fetched") from None
    except BrokerError as error:
        raise Unavailable(
            f"the AWS credential could not be fetched: {error}", outcome=Outcome.NOT_SENT
        ) from None
    except HTTPClientError as error:  # metadata of the instance or container, by botocore's own session
        raise Unavailable(
            f"the AWS credential could not be fetched: {redact(str(error))}", outcome=Outcome.NOT_SENT
        ) from None
    except Exception as error:  # noqa: BLE001 # botocore, files, json, subprocesses
        ours = faults.failure(error)
        if isinstance(ours, ProviderFault):
            ours = NotConfigured(
                f"the AWS credential cannot be used: {type(error).__name__}: {redact(str(error))}; {WHAT_TO_TYPE}"
            )
        raise ours from faults.sanitised(error)
