"""Between botocore and the broker's transport: what goes out is the SDK's request, what comes back is read by us.

boto3's own HTTP session is not used: its time-out is for each read, so a dripping server holds a call
for as long as it likes. botocore asks the ``before-send`` event for an answer first (public; see
``botocore/endpoint.py``), and that answer comes from ``context.http``; so it is for the operations and
for the STS and SSO requests that renew a credential. The instance's and the container's metadata are
asked by botocore's own session, in a thread that nobody waits for past the deadline.
"""

from __future__ import annotations

import json
from base64 import b64encode
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from broker.contract import Context, HttpReply

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse


class Exchange:
    """One call on its way through the SDK: the picture, its attempt, the answer that came.

    :ivar image: the picture's bytes, for operations on one.
    :ivar used: the keys that it was signed with.
    """

    __slots__ = ("context", "image", "reply", "used")

    def __init__(self, context: Context, image: bytes = b"") -> None:
        self.context = context
        self.image = image
        self.reply: HttpReply | None = None
        self.used: Any = None


CURRENT: ContextVar[Exchange] = ContextVar("broker_aws_exchange")
"""Set around each SDK call; the event handler has no other way to learn which call it serves."""

NO_PICTURE: dict[str, bytes] = {"Bytes": b""}
"""What stands for the picture in an operation's arguments; :func:`put_picture` puts the picture itself there."""
_NO_PICTURE = b'{"Bytes": ""}'
_HOLDERS = ("Image", "Document")
"""The member that holds the picture: Rekognition's, Textract's."""


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
    holder = next(name for name in _HOLDERS if name in whole)
    whole[holder]["Bytes"] = encoded.decode("ascii")
    params["body"] = json.dumps(whole).encode()


class _Body:
    """What AWSResponse reads its content from: one block, kept by it after the first read."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> tuple[bytes]:
        return (self._content,)


_NOTHING = _Body(b"{}")
_EMPTY = _Body(b"")
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


def send_stored(request: Any, **_: Any) -> AWSResponse:
    """Handler of ``before-send`` of S3: nothing of the answer is shown to the SDK, which would read XML where there is none.

    It would also follow a bucket to its region by requests of its own, and does so by what a refusal says.
    """
    from botocore.awsrequest import AWSResponse

    exchange = CURRENT.get()
    reply = exchange.reply = _sent(request, exchange.context)
    return AWSResponse(request.url, 200 if reply.status >= 300 else reply.status, _NO_HEADERS, _EMPTY)


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
