"""A provider of texts whose answers show what it was sent, for tests of parts and batches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    Batch,
    BatchLimits,
    Context,
    Manifest,
    OperationSpec,
    Reply,
    TextLimits,
    TextUnit,
    characters,
)
from broker.errors import ProviderError
from broker.types import (
    BatchRequest,
    Confidence,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntityRequest,
    EntitySet,
    Polarity,
    Price,
    Rounding,
    Sentiment,
    SentimentRequest,
    Tier,
    Unit,
)

Hook = Callable[[str], ProviderError | BaseException | None]


def price(sku: str, *, amount: str = "0.0001", per: int = 10) -> Price:
    return Price(
        id=f"{sku}@test",
        sku=sku,
        unit=Unit.CHARACTER,
        region="*",
        currency="USD",
        valid_from=date(2000, 1, 1),
        checked_on=date(2000, 1, 1),
        source="a test",
        confidence="high",
        rounding=Rounding(increment=Decimal(per), minimum=Decimal(3 * per), per=Decimal(per)),
        tiers=(Tier(up_to=None, price=Decimal(amount)),),
    )


class Echo:
    """Entities are the words that begin with a capital letter; sentiment is told by the first word."""

    manifest: ClassVar[Manifest]
    Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
    region: ClassVar[str] = "here"
    requests: ClassVar[list[Any]]
    hook: ClassVar[Hook]
    lock: ClassVar[threading.Lock]

    def __init__(self, settings: AdapterSettings, /) -> None:
        self.settings = settings

    def sentiment(self, request: SentimentRequest, context: Context, /) -> Reply[DocumentSentiment]:
        self._told(request)
        return self._judged(request)

    def sentiment_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[DocumentSentiment]]:
        with self.lock:
            self.requests.append(request)
        whole = type(self).hook("BATCH")
        if whole is not None:
            raise whole
        items: list[Any] = []
        for each in request.items:
            failed = type(self).hook(each.text)
            items.append(failed if failed is not None else self._judged(each))
        return Reply(payload=Batch(items=tuple(items)))

    def entities(self, request: EntityRequest, context: Context, /) -> Reply[EntitySet]:
        self._told(request)
        found = []
        begin = 0
        for word in request.text.split(" "):
            if word[:1].isupper():
                found.append(
                    Entity(
                        text=word,
                        begin=begin,
                        end=begin + len(word),
                        offset_ok=True,
                        kind=EntityKind.PERSON,
                        category="NAME",
                        confidence=Confidence.ratio(0.5),
                    )
                )
            begin += len(word) + 1
        return Reply(payload=EntitySet(entities=tuple(found)))

    def _told(self, request: Any) -> None:
        with self.lock:
            self.requests.append(request)
        failed = type(self).hook(request.text)
        if failed is not None:
            raise failed

    def _judged(self, request: SentimentRequest) -> Reply[DocumentSentiment]:
        word = request.text.split(" ")[0].strip(".")
        label = Polarity(word) if word in {each.value for each in Polarity} else Polarity.NEUTRAL
        return Reply(
            payload=DocumentSentiment(
                document=Sentiment(label=label, confidence=Confidence.ratio(0.5)), language=word
            )
        )


def echo(
    *,
    provider: str = "echo",
    limit: int = 40,
    unit: TextUnit = TextUnit.CODE_POINT,
    cut: bool = True,
    batch: BatchLimits | None = None,
    hook: Hook | None = None,
    amount: str = "0.0001",
) -> type[Echo]:
    """A new adapter class, which keeps what it is sent in ``requests``."""

    class Made(Echo):
        pass

    limits = TextLimits(max_size=limit, unit=unit, cut=cut)
    Made.manifest = Manifest(
        provider=provider,
        version="1",
        operations=tuple(
            OperationSpec(
                operation=name,
                service="Echo",
                sku=f"{provider}.text",
                meter=characters,
                limits=limits,
                batch=batch if name == "text.sentiment" else None,
                languages=("en",),
            )
            for name in ("text.sentiment", "text.entities")
        ),
        prices=(price(f"{provider}.text", amount=amount),),
    )
    Made.requests = []
    Made.hook = staticmethod(hook or (lambda text: None))  # type: ignore[assignment] # a function, not a method
    Made.lock = threading.Lock()
    return Made
