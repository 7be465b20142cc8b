"""Amazon S3: recordings into a private bucket, results out of it, both away.

Sources: the service model ``s3/2006-03-01`` of botocore; docs.aws.amazon.com/AmazonS3/latest/API (PutObject, GetObject,
DeleteObject, ErrorResponses). Nothing here makes anything public: no ACL is sent and no address is signed, so the bucket's own
rules hold, its encryption too.

A refusal is read here and not by the SDK, see :func:`broker_aws.wire.send_stored`: of its XML a code and a text are used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from broker.contract import (
    Context,
    Fault,
    FaultTable,
    HttpReply,
    Piece,
    Upload,
    fault_error,
    json_object,
    redact,
)
from broker.errors import AuthFailed, BadInput, BrokerError, MalformedReply
from broker.types import Audio, JsonValue
from broker_aws import faults
from broker_aws.asking import ask
from broker_aws.clients import Clients
from broker_aws.settings import STORE
from broker_aws.wire import Exchange

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")
_CODE = re.compile(rb"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,2000})</Message>")
_REGION = re.compile(rb"<Region>([a-z0-9-]{1,40})</Region>")
_SIZE = re.compile(rb"<ActualObjectSize>([0-9]{1,20})</ActualObjectSize>")
_REGION_HEADER = "x-amz-bucket-region"
_ELSEWHERE = frozenset({"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "Redirect"})
"""Where these name a region, the bucket is there and not where it was asked for."""
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion"})

_TABLE: FaultTable = {
    **faults.TABLE,
    "NoSuchBucket": Fault(error=BadInput, advice="make the bucket, or name another one"),
    "NoSuchKey": Fault(error=BadInput, advice="check the address of the recording"),
    "InvalidObjectState": Fault(error=BadInput, advice="restore it from the archive first"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One object."""

    bucket: str
    key: str

    @classmethod
    def of(cls, address: str) -> Place:
        """From ``s3://bucket/key``. Raises :class:`BadInput`.

        >>> Place.of("s3://my-bucket/a/b.wav")
        Place(bucket='my-bucket', key='a/b.wav')
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise BadInput("an address in Amazon S3 is s3://bucket/key; this one is none")
        return cls(bucket=found[1], key=found[2])

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def named(self) -> dict[str, str]:
        """As S3's operations name it."""
        return {"Bucket": self.bucket, "Key": self.key}


class Store:
    """S3 for one account.

    Every method raises :class:`NotConfigured`, :class:`BadInput`, :class:`AuthFailed` and what else the codes of a refusal
    mean, :class:`MalformedReply`, and what the transport raises.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def put(self, place: Place, audio: Audio, context: Context) -> None:
        """Store a recording, read from the disk while it is sent; over what is there."""
        wanted = {
            **place.named,
            "Body": Upload(audio.open, audio.size),
            "ContentType": audio.mime_type,
        }
        reply = self._asked("put_object", wanted, context)
        if reply.status != 200 or not reply.headers.get("etag"):
            raise MalformedReply(
                "S3 does not say that it has stored the recording",
                status=reply.status,
                request_id=faults.request_id(reply),
            )

    def get(self, place: Place, context: Context) -> dict[str, JsonValue]:
        """A JSON object that is stored."""
        reply = self._asked("get_object", place.named, context)
        return json_object(reply, request_id=faults.request_id(reply))

    def piece(self, place: Place, start: int, length: int, context: Context) -> Piece:
        """Some bytes; fewer where it ends before."""
        wanted = {**place.named, "Range": f"bytes={start}-{start + length - 1}"}
        reply = self._asked("get_object", wanted, context, accepted=(416,))
        if reply.status == 200:  # the whole of it, because no range was seen
            return Piece(data=reply.content[start : start + length], size=len(reply.content))
        found = _RANGE.fullmatch(reply.headers.get("content-range", ""))
        if reply.status == 206 and found is not None and found[1] == str(start):
            return Piece(data=reply.content, size=int(found[3]))
        size = found[3] if found is not None else _found(_SIZE, reply)
        if reply.status != 416 or size is None:
            raise MalformedReply(
                "S3 does not say which bytes it gives",
                status=reply.status,
                request_id=faults.request_id(reply),
            )
        return Piece(data=b"", size=int(size))

    def delete(self, place: Place, context: Context) -> None:
        """Delete one object; none is as good."""
        self._asked("delete_object", place.named, context, gone=True)

    def _asked(
        self,
        method: str,
        wanted: dict[str, Any],
        context: Context,
        *,
        accepted: tuple[int, ...] = (),
        gone: bool = False,
    ) -> HttpReply:
        account = self._clients.of(STORE)
        exchange = Exchange(context)
        reply = ask(account, method, wanted, exchange)
        if reply.status < 300 or reply.status in accepted:
            return reply
        error = refusal(reply, method, str(wanted["Bucket"]))
        if isinstance(error, AuthFailed) and faults.renewable(error):
            account.held.refuse(exchange.used)
        if gone and getattr(error, "code", None) in _GONE:
            return reply
        raise error


def refusal(reply: HttpReply, method: str, bucket: str) -> BrokerError:
    """Our error for an answer of 3xx, 4xx or 5xx of S3.

    :param method: the client's: ``put_object``.
    """
    code, message = _found(_CODE, reply), _found(_MESSAGE, reply)
    region = reply.headers.get(_REGION_HEADER) or _found(_REGION, reply)
    action = "".join(word.capitalize() for word in method.split("_"))
    if region and (300 <= reply.status < 400 or code in _ELSEWHERE):
        return BadInput(
            f"the bucket {bucket} is in the region {redact(region, 40)}, and Amazon Transcribe reads only buckets of its own "
            "region; use a bucket in the region of the settings of provider aws, or set that region",
            status=reply.status,
            code=code,
            request_id=faults.request_id(reply),
        )
    table: FaultTable = _TABLE
    if code == "AccessDenied" or (code is None and reply.status == 403):
        advice = f"allow s3:{action} in the bucket {bucket} for this user or role"
        table = {code or 403: Fault(error=AuthFailed, advice=advice)}
    return fault_error(
        table,
        status=reply.status,
        code=code,
        message=message or f"S3 refused {action} without a reason that can be read",
        headers=reply.headers,
        request_id=faults.request_id(reply),
    )


def _found(pattern: re.Pattern[bytes], reply: HttpReply) -> str | None:
    found = pattern.search(reply.content)
    return None if found is None else unescape(found[1].decode("utf-8", "replace"))
