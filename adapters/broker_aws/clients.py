"""The Rekognition client: made once per process, its network replaced by the broker's transport.

boto3's own HTTP session is not used: its time-out is for each read, so a dripping server holds a call
for as long as it likes. botocore asks the ``before-send`` event for an answer first (public; see
``botocore/endpoint.py``), and that answer comes from ``context.http``; so it is for the operation and
for the STS and SSO requests that renew a credential. The instance's and the container's metadata are
asked by botocore's own session, in a thread that nobody waits for past the deadline.

boto3 at DEBUG logs the session token, the signature and the request: its loggers are guarded.
"""

from __future__ import annotations

import json
from base64 import b64encode
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from broker.contract import Context, HttpReply, PerProcess, guard_loggers, redact
from broker.errors import NotConfigured
from broker_aws.settings import INSTALL, NO_REGION, WHAT_TO_TYPE, AwsSettings, core_session, find_region

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

    from broker_aws.credentials import Held


class Exchange:
    """One call on its way through the SDK: the picture, its attempt, the answer that came.

    :ivar used: the keys that it was signed with.
    """

    __slots__ = ("context", "image", "reply", "used")

    def __init__(self, context: Context, image: bytes) -> None:
        self.context = context
        self.image = image
        self.reply: HttpReply | None = None
        self.used: Any = None


CURRENT: ContextVar[Exchange] = ContextVar("broker_aws_exchange")
"""Set around each SDK call; the event handler has no other way to learn which call it serves."""


LOGGERS = ("botocore", "boto3", "urllib3", "s3transfer")
_NO_PICTURE = b'{"Bytes": ""}'


def put_picture(params: dict[str, Any], **_: Any) -> None:
    """Handler of ``before-call``: the picture goes into the body that the SDK made with an empty one.

    The SDK would have Python's JSON encoder look at each of the picture's base64 characters for quotes,
    which costs 0.15 ms for 50 kB; everything else of the body is the SDK's.
    """
    encoded = b64encode(CURRENT.get().image)
    body: bytes = params["body"]
    if body.count(_NO_PICTURE) == 1:
        params["body"] = body.replace(_NO_PICTURE, b'{"Bytes": "%b"}' % encoded)
        return
    whole = json.loads(body)  # another botocore may write its JSON differently
    whole["Image"]["Bytes"] = encoded.decode("ascii")
    params["body"] = json.dumps(whole).encode()


class _Body:
    """What AWSResponse reads its content from: one block, kept by it after the first read."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> tuple[bytes]:
        return (self._content,)


_NOTHING = _Body(b"{}")
_NO_HEADERS: Any = {}


def send(request: Any, **_: Any) -> AWSResponse:
    """Handler of ``before-send``: the prepared and signed request goes out by our transport.

    Of a success the SDK is shown an empty object: its parser walks the answer by the service model,
    which costs a third of the call, drops members it does not know and turns HTML into ``{}``. The
    adapter reads the whole answer itself. Refusals are shown in full, so that the SDK makes its
    modelled exceptions of them.
    """
    from botocore.awsrequest import AWSResponse

    exchange = CURRENT.get()
    reply = exchange.reply = _sent(request, exchange.context)
    if 200 <= reply.status < 300:
        return AWSResponse(request.url, reply.status, _NO_HEADERS, _NOTHING)
    headers: Any = reply.headers
    return AWSResponse(request.url, reply.status, headers, _Body(reply.content))


def carry(request: Any, **_: Any) -> AWSResponse | None:
    """Handler of ``before-send`` for the chain's own clients (STS, SSO): by our transport, shown in full."""
    from botocore.awsrequest import AWSResponse

    exchange = CURRENT.get(None)
    if exchange is None:
        return None
    reply = _sent(request, exchange.context)
    headers: Any = reply.headers
    return AWSResponse(request.url, reply.status, headers, _Body(reply.content))


def _sent(request: Any, context: Context) -> HttpReply:
    body = request.body or b""
    return context.http.send_blocking(
        request.method,
        request.url,
        headers={
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        },
        content=body.encode() if isinstance(body, str) else body,
    )


class Account(NamedTuple):
    """A client and what it signs with."""

    client: Any
    held: Held


class Clients:
    """The account's client, lazily made under a lock, anew in a forked child."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._account = PerProcess(self._make)
        self._region: str | None = None
        self._region_known = False

    @property
    def region(self) -> str | None:
        """The region in effect; looked up once."""
        if not self._region_known:
            self._region, self._region_known = find_region(self._settings), True
        return self._region

    def rekognition(self) -> Account:
        """The client. Raises :class:`NotConfigured` before anything is sent."""
        return self._account.get()

    def close(self) -> None:
        """Drop the client."""
        account = self._account.take()
        if account is not None:
            account.client.close()

    def _make(self) -> Account:
        try:
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise NotConfigured(INSTALL) from error
        try:
            return self._client_of_session()
        except ImportError as error:  # botocore without boto3, or a credential plug-in's own package
            raise NotConfigured(INSTALL) from error
        except BotoCoreError as error:  # unknown profile, broken file, bad region, SSO not logged in
            raise NotConfigured(
                f"the AWS settings cannot be used: {redact(str(error))}; {WHAT_TO_TYPE}"
            ) from None
        except ValueError as error:  # "Invalid endpoint: …"
            raise NotConfigured(
                f"the AWS endpoint cannot be used: {redact(str(error))}; check endpoint in the settings "
                "of provider aws, AWS_ENDPOINT_URL_REKOGNITION and AWS_ENDPOINT_URL"
            ) from None

    def _client_of_session(self) -> Account:
        import boto3
        from botocore.config import Config

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
        session = boto3.Session(botocore_session=core, region_name=region)
        client = session.client(
            "rekognition",
            endpoint_url=settings.endpoint,
            config=Config(
                # One layer repeats, and it is the broker's. "max_attempts": 1 would mean two tries.
                retries={"mode": "standard", "total_max_attempts": 1},
                # What we pass is typed here; options of the caller's are validated in rekognition.py.
                parameter_validation=False,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                disable_request_compression=True,
                # botocore composes its default twice for every request; a fixed one costs nothing.
                user_agent=f"mlbroker Boto3/{_version('boto3')} Botocore/{_version('botocore')}",
            ),
        )
        _check_region(session, region, client.meta.endpoint_url)
        _check_scheme(client.meta.endpoint_url)
        client.meta.events.register("before-call.rekognition.DetectLabels", put_picture)
        client.meta.events.register("before-send.rekognition", send)
        guard_loggers(*LOGGERS)  # again, for what the client has loaded
        return Account(client, held)


def _check_region(session: Any, region: str, endpoint: str) -> None:
    """Refuse a region without Rekognition before its name is looked up in vain.

    An endpoint of the user's own (settings, AWS_ENDPOINT_URL*, the profile's endpoint_url) is exempt.
    """
    valid = {
        name
        for partition in session.get_available_partitions()
        for name in session.get_available_regions("rekognition", partition_name=partition)
    }
    host = urlsplit(endpoint).hostname or ""
    if region in valid or not host.startswith((f"rekognition.{region}.", f"rekognition-fips.{region}.")):
        return
    raise NotConfigured(
        f"Amazon Rekognition has no region {redact(region)!r} that this boto3 knows; use one of "
        f"{', '.join(sorted(valid))}, or a newer boto3 (pip install -U 'mlbroker[aws]')"
    )


def _check_scheme(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError as error:
        raise NotConfigured(f"{redact(endpoint)} is no usable endpoint of provider aws") from error
    if parts.scheme == "https" or _is_loopback(parts.hostname or ""):
        return
    raise NotConfigured(
        f"the AWS endpoint {redact(endpoint)} would carry signed requests unencrypted; "
        "use https (http is allowed on loopback only)"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "0"
