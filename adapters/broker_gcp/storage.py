"""Cloud Storage over its JSON API: recordings into a private bucket, results out of it, both away.

Sources: docs.cloud.google.com/storage/docs/json_api/v1/objects (insert, get, list, delete) and …/request-endpoints (object
names are percent-encoded, slashes too). Nothing here makes anything public: no ACL is sent, so the bucket's own rules hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from broker.contract import Context, Piece, Upload, given, json_object, needed, reading
from broker.errors import BadInput, MalformedReply, NotConfigured
from broker.types import Audio, JsonValue
from broker_gcp.rest import Rest
from broker_gcp.settings import STORAGE, GcpSettings

_ADDRESS = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])/(.{1,1024})", re.DOTALL)
_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")
MOST_PAGES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One object, or the beginning of the names of several."""

    bucket: str
    name: str

    @classmethod
    def of(cls, address: str) -> Place:
        """From ``gs://bucket/name``. Raises :class:`BadInput`.

        >>> Place.of("gs://my-bucket/a/b.wav")
        Place(bucket='my-bucket', name='a/b.wav')
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise BadInput("an address in Cloud Storage is gs://bucket/name; this one is none")
        return cls(bucket=found[1], name=found[2])

    def __str__(self) -> str:
        return f"gs://{self.bucket}/{self.name}"

    @property
    def path(self) -> str:
        """Of the object, below the service's address."""
        return f"/storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"


class Storage:
    """Cloud Storage for one account.

    Every method raises :class:`NotConfigured`, the mapped refusals of :mod:`broker_gcp.faults`, :class:`MalformedReply`, and
    what the transport raises.
    """

    def __init__(self, settings: GcpSettings) -> None:
        self._settings = settings
        self.rest = Rest(settings, STORAGE)

    def problem(self) -> str:
        """What stops a call, as far as it can be told without network; empty where nothing does."""
        if self._settings.api_key is not None:
            return "Cloud Storage does not take an api_key; recordings above 60 s need a credential file in place of it"
        return self.rest.problem()

    async def put(self, place: Place, audio: Audio, context: Context) -> None:
        """Store a recording, read from the disk while it is sent; over what is there."""
        self._check()
        reply = await self.rest.send(
            "POST",
            f"/upload/storage/v1/b/{place.bucket}/o",
            context,
            params={"uploadType": "media", "name": place.name},
            headers={"content-type": audio.mime_type, "accept": "application/json"},
            content=Upload(audio.open, audio.size),
        )
        body = json_object(reply, request_id=None)
        with reading("the stored object"):
            if needed(body, "size", str) != str(audio.size):  # an int64 is a string in JSON
                raise ValueError(f"of {audio.size} bytes it holds {body['size']!r:.40}")

    async def get(self, place: Place, context: Context) -> dict[str, JsonValue]:
        """A JSON object that is stored."""
        self._check()
        return json_object(
            await self.rest.send("GET", place.path, context, params={"alt": "media"}), request_id=None
        )

    async def piece(self, place: Place, start: int, length: int, context: Context) -> Piece:
        """Some bytes; fewer where it ends before."""
        self._check()
        reply = await self.rest.send(
            "GET",
            place.path,
            context,
            params={"alt": "media"},
            # identity: an object stored with gzip would else be unpacked on the way, and ranges not be its own
            headers={"range": f"bytes={start}-{start + length - 1}", "accept-encoding": "identity"},
            accepted=(416,),
        )
        if reply.status == 200:  # the whole of it, because no range was seen
            return Piece(data=reply.content[start : start + length], size=len(reply.content))
        found = _RANGE.fullmatch(reply.headers.get("content-range", ""))
        if found is None or reply.status not in (206, 416):
            raise MalformedReply("Cloud Storage does not say which bytes it gives", status=reply.status)
        size = int(found[1])
        return Piece(data=reply.content if reply.status == 206 else b"", size=size)

    async def names(self, beginning: Place, context: Context) -> tuple[Place, ...]:
        """All objects whose names begin so."""
        self._check()
        found: list[Place] = []
        token = ""
        for _ in range(MOST_PAGES):
            params = {"prefix": beginning.name, "fields": "items(name),nextPageToken"}
            body = json_object(
                await self.rest.send(
                    "GET",
                    f"/storage/v1/b/{beginning.bucket}/o",
                    context,
                    params={**params, "pageToken": token} if token else params,
                ),
                request_id=None,
            )
            with reading("the list of objects"):
                found += [
                    Place(bucket=beginning.bucket, name=each)
                    for each in _names(body)
                    if each.startswith(beginning.name)  # what is deleted is never more than what was meant
                ]
                token = given(body, "nextPageToken", str) or ""
            if not token:
                return tuple(found)
        raise MalformedReply("Cloud Storage's list of objects does not end")

    async def delete(self, place: Place, context: Context) -> None:
        """Delete one object; none is as good."""
        self._check()
        await self.rest.send("DELETE", place.path, context, accepted=(404,))

    def _check(self) -> None:
        if self._settings.api_key is not None:
            raise NotConfigured(self.problem())


def _names(body: Mapping[str, JsonValue]) -> Iterator[str]:
    for item in given(body, "items", list) or ():
        yield needed(item, "name", str)
