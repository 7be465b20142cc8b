"""One session and credential for the account, and a client for each service, made on first use.

The clients' network is replaced by the broker's transport, see :mod:`broker_aws.wire`. boto3 at DEBUG logs
the session token, the signature and the request: its loggers are guarded.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from broker.contract import PerProcess, guard_loggers, redact
from broker.contract.loopback import is_loopback
from broker.errors import NotConfigured
from broker_aws.settings import (
    INSTALL,
    NO_REGION,
    STORE,
    WHAT_TO_TYPE,
    AccountSettings,
    core_session,
    find_region,
)
from broker_aws.wire import CURRENT, carry, put_picture, send, send_stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_aws.credentials import Held

T = TypeVar("T")

LOGGERS = ("botocore", "boto3", "urllib3", "s3transfer")
_WITH_PICTURES = ("rekognition", "textract")
_NAMES = {
    "rekognition": "Amazon Rekognition",
    "textract": "Amazon Textract",
    "comprehend": "Amazon Comprehend",
    "transcribe": "Amazon Transcribe",
    STORE: "Amazon S3",
    "bedrock-agent-runtime": "Amazon Bedrock Knowledge Bases",
    "bedrock-agent": "Amazon Bedrock Knowledge Bases",
    "kendra": "Amazon Kendra",
}


# A body that is read from the disk while it is sent cannot be hashed before: TLS guards it. botocore would sign bodies sent to
# loopback. And the old global address of us-east-1 would serve other regions' buckets by redirecting.
_STORED: Any = {"payload_signing_enabled": False, "us_east_1_regional_endpoint": "regional"}


class Login(NamedTuple):
    """boto3's session and what it signs with."""

    session: Any
    held: Held


class Account(NamedTuple):
    """A service's client and what it signs with."""

    service: str
    client: Any
    held: Held


class Clients:
    """The account's clients, lazily made under a lock each, anew in a forked child."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        self._login = PerProcess(self._make_login)
        self._accounts = {name: PerProcess(partial(self._make, name)) for name in settings.services}
        self._region: str | None = None
        self._region_known = False

    @property
    def region(self) -> str | None:
        """The region in effect; looked up once."""
        if not self._region_known:
            self._region, self._region_known = find_region(self._settings), True
        return self._region

    def of(self, service: str) -> Account:
        """The client of one of the settings' services. Raises :class:`NotConfigured` before anything is sent."""
        return self._accounts[service].get()

    def held(self) -> Held:
        """What all clients sign with. Raises :class:`NotConfigured`."""
        return self._login.get().held

    def close(self) -> None:
        """Drop the clients."""
        for each in self._accounts.values():
            account = each.take()
            if account is not None:
                account.client.close()
        self._login.take()

    def _make_login(self) -> Login:
        return _usable(self._open)

    def _make(self, service: str) -> Account:
        return _usable(partial(self._client_of, service))

    def _open(self) -> Login:
        import boto3

        from broker_aws.credentials import Given, Held

        guard_loggers(*LOGGERS)
        settings = self._settings
        problem = settings.half_set()
        if problem:
            raise NotConfigured(problem)
        region = self.region
        if not region:
            raise NotConfigured(NO_REGION)
        held = Held(settings, CURRENT.get, carry)
        core = core_session(settings)
        core.register_component("credential_provider", Given(held))
        return Login(boto3.Session(botocore_session=core, region_name=region), held)

    def _client_of(self, service: str) -> Account:
        from botocore.config import Config

        session, held = self._login.get()
        client = session.client(
            service,
            endpoint_url=self._settings.endpoint_of(service),
            config=Config(
                # One layer repeats, and it is the broker's. "max_attempts": 1 would mean two tries.
                retries={"mode": "standard", "total_max_attempts": 1},
                # What we pass is typed here; options of the caller's are validated in asking.py.
                parameter_validation=False,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                disable_request_compression=True,
                # botocore composes its default twice for every request; a fixed one costs nothing.
                user_agent=f"mlbroker Boto3/{_version('boto3')} Botocore/{_version('botocore')}",
                s3=_STORED if service == STORE else None,
            ),
        )
        if service != STORE:  # what S3 answers in XML is not read: bytes, headers and refusals
            _check_protocol(client)
        _check_region(session, service, client)
        _check_scheme(client.meta.endpoint_url)
        events = client.meta.events
        if service in _WITH_PICTURES:
            events.register(f"before-call.{service}", put_picture)
        events.register(f"before-send.{service}", send_stored if service == STORE else send)
        guard_loggers(*LOGGERS)  # again, for what the client has loaded
        return Account(service, client, held)


def _usable(make: Callable[[], T]) -> T:
    """Our errors for whatever boto3 raises while nothing has been sent."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    try:
        return make()
    except ImportError as error:  # botocore without boto3, or a credential plug-in's own package
        raise NotConfigured(INSTALL) from error
    except BotoCoreError as error:  # unknown profile, broken file, bad region, SSO not logged in
        raise NotConfigured(
            f"the AWS settings cannot be used: {redact(str(error))}; {WHAT_TO_TYPE}"
        ) from None
    except ValueError as error:  # "Invalid endpoint: …"
        raise NotConfigured(
            f"the AWS endpoint cannot be used: {redact(str(error))}; check endpoint and endpoints in the provider's "
            "settings, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_REKOGNITION, _TEXTRACT, _COMPREHEND, _TRANSCRIBE, _S3 and so on"
        ) from None


def _check_protocol(client: Any) -> None:
    """Refuse a botocore that speaks anything but JSON, for the adapter reads the answers itself.

    The models of Textract and Comprehend name CBOR before JSON; botocore puts JSON first (its
    ``PRIORITY_ORDERED_SUPPORTED_PROTOCOLS``), and might once not.
    """
    protocol = getattr(client.meta.service_model, "resolved_protocol", "json")
    if protocol not in ("json", "rest-json"):
        raise NotConfigured(
            f"this botocore speaks {protocol} where mlbroker reads JSON; pip install 'mlbroker[aws]' brings one that fits"
        )


def _check_region(session: Any, service: str, client: Any) -> None:
    """Refuse a region without the service before its name is looked up in vain.

    An endpoint of the user's own (settings, AWS_ENDPOINT_URL*, the profile's endpoint_url) is exempt.
    """
    region = client.meta.region_name
    valid = {
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions(service, partition_name=partition)
    }
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if region in valid or not host.startswith((f"{service}.{region}.", f"{service}-fips.{region}.")):
        return
    raise NotConfigured(
        f"{_NAMES[service]} has no region {redact(region)!r} that this boto3 knows; use one of "
        f"{', '.join(sorted(valid))}, or a newer boto3 (pip install -U 'mlbroker[aws]')"
    )


def _check_scheme(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError as error:
        raise NotConfigured(f"{redact(endpoint)} is no usable AWS endpoint") from error
    if parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return
    raise NotConfigured(
        f"the AWS endpoint {redact(endpoint)} would carry signed requests unencrypted; "
        "use https (http is allowed on loopback only)"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "0"
