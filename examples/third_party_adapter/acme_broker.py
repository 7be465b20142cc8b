"""A third-party adapter, whole: Acme Vision answers ``vision.label`` over REST."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import SecretStr

from broker.contract import (
    AdapterSettings,
    Context,
    Manifest,
    OperationSpec,
    Reply,
    raise_for_status,
)
from broker.errors import MalformedReply
from broker.types import Confidence, Label, LabelRequest, LabelSet


class AcmeSettings(AdapterSettings):
    """``[providers.acme]``"""

    endpoint: str | None = "https://api.acme.example"
    key: SecretStr


class AcmeAdapter:
    """What mlbroker finds under the entry point ``acme``."""

    manifest: ClassVar[Manifest] = Manifest(
        provider="acme",
        version="0.1.0",
        operations=(OperationSpec(operation="vision.label", service="Acme Vision"),),
    )
    Settings: ClassVar[type[AdapterSettings]] = AcmeSettings

    def __init__(self, settings: AcmeSettings, /) -> None:
        self._settings = settings

    async def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """POST the picture; ``{"labels": [{"name", "score"}]}`` comes back."""
        reply = await context.http.send(
            "POST",
            f"{self._settings.endpoint}/v1/labels",
            headers={"authorization": f"Bearer {self._settings.key.get_secret_value()}"},
            content=request.image.data,
        )
        raise_for_status(reply, {})  # a table of Acme's own error codes would go here
        answer: Any = reply.json()
        try:
            found = [Label(name=x["name"], confidence=Confidence.ratio(x["score"])) for x in answer["labels"]]
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedReply("'labels' is missing or not a list of name and score") from error
        return Reply(
            payload=LabelSet(labels=tuple(found)),
            request_id=reply.headers.get("x-request-id"),
            raw=answer if request.raw else None,
        )
