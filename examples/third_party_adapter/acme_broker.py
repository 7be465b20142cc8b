"""A third-party adapter, whole: Acme Vision answers ``vision.label`` over REST."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
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
from broker.types import Confidence, Label, LabelRequest, LabelSet, Price, Tier, Unit

PRICE = Price(
    id="acme-label-2026",
    sku="acme.vision.label",
    unit=Unit.IMAGE,
    region="*",
    currency="USD",
    valid_from=date(2026, 1, 1),
    checked_on=date(2026, 9, 30),
    source="acme.example/prices",
    confidence="high",
    tiers=(Tier(up_to=None, price=Decimal("0.002")),),
)


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
        prices=(PRICE,),
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
            found = [_label(item) for item in answer["labels"]]
        except (KeyError, TypeError, ValueError):
            raise MalformedReply("'labels' is missing or not a list of name and score") from None
        return Reply(
            payload=LabelSet(labels=tuple(found)),
            request_id=reply.headers.get("x-request-id"),
            raw=answer if request.raw else None,
        )


def _label(item: Any) -> Label:
    name = item["name"]
    if not isinstance(name, str) or not name:
        raise TypeError("a name is a text")
    return Label(name=name, confidence=Confidence.ratio(item["score"]))
