"""The Rekognition client: made once per process, its network replaced by the broker's transport.

boto3's own HTTP session is not used for the operation: its time-out is for each read, so a dripping
server holds a call for as long as it likes. botocore asks the ``before-send`` event for an answer
first (public; see ``botocore/endpoint.py``), and that answer comes from ``context.http``.

Not under our control: when botocore itself renews credentials (instance role, SSO, STS) it uses its
own HTTP session, with its own time-outs (1 s, one attempt, for the instance metadata).

boto3 at DEBUG logs the session token, the signature and the request; keep ``botocore`` above DEBUG.
"""

from __future__ import annotations

import json
import os
import threading
from base64 import b64encode
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from broker.contract import Http, HttpReply, redact
from broker.errors import NotConfigured
from broker_aws.settings import INSTALL, NO_REGION, WHAT_TO_TYPE, AwsSettings, core_session, find_region

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse


class Exchange:
    """One call on its way through the SDK: the picture, the transport to use, and the answer that came."""

    __slots__ = ("http", "image", "reply")

    def __init__(self, http: Http, image: bytes) -> None:
        self.http = http
        self.image = image
        self.reply: HttpReply | None = None


CURRENT: ContextVar[Exchange] = ContextVar("broker_aws_exchange")
"""Set around each SDK call; the event handler has no other way to learn which call it serves."""


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
    reply = exchange.http.send_blocking(
        request.method,
        request.url,
        headers={
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        },
        content=request.body or b"",
    )
    exchange.reply = reply
    if 200 <= reply.status < 300:
        return AWSResponse(request.url, reply.status, _NO_HEADERS, _NOTHING)
    headers: Any = reply.headers
    return AWSResponse(request.url, reply.status, headers, _Body(reply.content))


class Clients:
    """The account's client, lazily made under a lock, anew in a forked child."""

    def __init__(self, settings: AwsSettings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._client: Any = None
        self._region: str | None = None
        self._region_known = False

    @property
    def region(self) -> str | None:
        """The region in effect; looked up once."""
        if not self._region_known:
            self._region, self._region_known = find_region(self._settings), True
        return self._region

    def rekognition(self) -> Any:
        """The client. Raises :class:`NotConfigured` before anything is sent."""
        if self._pid != os.getpid():
            # The parent's lock may have been held at the fork by a thread that is not here.
            self._pid, self._lock, self._client = os.getpid(), threading.Lock(), None
        client = self._client
        if client is None:
            with self._lock:
                client = self._client
                if client is None:
                    client = self._client = self._make()
        return client

    def close(self) -> None:
        """Drop the client."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _make(self) -> Any:
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

    def _client_of_session(self) -> Any:
        import boto3
        from botocore.config import Config

        settings = self._settings
        problem = settings.half_set()
        if problem:
            raise NotConfigured(problem)
        region = self.region
        if not region:
            raise NotConfigured(NO_REGION)
        session = boto3.Session(
            botocore_session=core_session(settings),
            region_name=region,
            aws_access_key_id=_plain(settings.access_key_id),
            aws_secret_access_key=_plain(settings.secret_access_key),
            aws_session_token=_plain(settings.session_token),
        )
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
        if session.get_credentials() is None:
            raise NotConfigured(f"no AWS credential was found; {WHAT_TO_TYPE}")
        client.meta.events.register("before-call.rekognition.DetectLabels", put_picture)
        client.meta.events.register("before-send.rekognition", send)
        return client


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


def _plain(secret: Any) -> str | None:
    return None if secret is None else str(secret.get_secret_value())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "0"
