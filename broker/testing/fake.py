"""A provider that answers what a test tells it to: a real adapter, through the same door as the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar

from broker.contract import AdapterSettings, Context, Manifest, OperationSpec, Reply
from broker.types import (
    Confidence,
    Label,
    LabelRequest,
    LabelSet,
    Price,
    Tier,
    Unit,
)

Answer = Reply[LabelSet] | BaseException
Script = Sequence[Answer] | Callable[[LabelRequest, Context], Reply[LabelSet]]


def labels(*names: str, confidence: float = 0.9) -> Reply[LabelSet]:
    """A reply with these labels, each a little less sure than the one before."""
    return Reply(
        payload=LabelSet(
            labels=tuple(
                Label(name=name, confidence=Confidence.ratio(confidence / (1 + position)))
                for position, name in enumerate(names)
            )
        ),
        request_id="fake-request",
        model_version="fake-1",
    )


def fake_price(amount: str | None = "0.001", *, sku: str = "fake.vision.label", free: bool = False) -> Price:
    """A price row for the fake provider; None for an unpriced one."""
    return Price(
        id=f"{sku}@test",
        sku=sku,
        unit=Unit.IMAGE,
        region="*",
        currency="USD",
        valid_from=date(2000, 1, 1),
        checked_on=date(2000, 1, 1),
        source="a test",
        confidence="high",
        tiers=() if amount is None or free else (Tier(up_to=None, price=Decimal(amount)),),
        free="test" if free else None,
        unpriced="a test wants it so" if amount is None else None,
    )


class Play:
    """Plays a script: one answer a request, the last one again and again. Safe for threads."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._lock = threading.Lock()
        self.seen: list[Context] = []

    def next(self, request: LabelRequest, context: Context) -> Reply[LabelSet]:
        """Answer, or raise what the script holds."""
        with self._lock:
            self.seen.append(context)
            number = len(self.seen)
        if callable(self._script):
            return self._script(request, context)
        answer = self._script[min(number, len(self._script)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer


class FakeAdapter:
    """Answers from its ``play``. Made by :func:`fake_provider`."""

    manifest: ClassVar[Manifest]
    Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
    play: ClassVar[Play]

    def __init__(self, settings: AdapterSettings, /) -> None:
        self.region = settings.region

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """The next scripted answer."""
        return self.play.next(request, context)


def fake_provider(
    script: Script | None = None,
    *,
    provider: str = "fake",
    price: Price | None = None,
    spec: OperationSpec | None = None,
) -> type[FakeAdapter]:
    """A new adapter class with a script of its own; hand it to ``Broker(adapters=[…])``.

    :param script: replies and exceptions in order, or a function of request and context.
    :param price: its price row; default 0.001 USD an image.
    """

    class Scripted(FakeAdapter):
        pass

    sku = f"{provider}.vision.label"
    Scripted.manifest = Manifest(
        provider=provider,
        version="1",
        operations=(spec or OperationSpec(operation="vision.label", service="Fake Vision"),),
        prices=(price or fake_price(sku=sku),),
    )
    Scripted.play = Play(script if script is not None else [labels("Cat", "Animal")])
    return Scripted
