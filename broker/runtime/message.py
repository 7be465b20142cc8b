"""An HTTP answer as adapters see it: status, headers, whole body; nothing of the client that fetched it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.errors import MalformedReply
from broker.types.json import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One answer, read to its end and decoded.

    :param headers: names in lower case; a repeated header is joined by ``, ``.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> JsonValue:
        """The body parsed as JSON. Raises :class:`MalformedReply` for HTML, empty and cut bodies."""
        try:
            parsed: JsonValue = json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(
                f"the answer is not JSON: {self.content_type or 'no content type'}, "
                f"{len(self.content)} bytes",
                status=self.status,
            ) from error
        return parsed
