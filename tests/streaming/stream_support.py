"""A streaming provider that does what a test tells it to, and sound to stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    Context,
    Manifest,
    OperationSpec,
    Sound,
    StreamEnd,
    StreamLimits,
    streamed_seconds,
)
from broker.types import Confidence, Price, Rounding, SpeechOption, Tier, TranscriptSegment, Unit
from broker.types.stream import StreamEvent, StreamRequest

RATE = 16_000
SECOND = 2 * RATE
"""Bytes of a second of sound."""

Act = Callable[[StreamRequest, Sound, Context], Iterator[StreamEvent]]


def event(text: str, *, final: bool = True, start: int = 0, end: int = 0) -> StreamEvent:
    """A result."""
    return StreamEvent(
        final=final,
        segment=TranscriptSegment(text=text, start_ms=start, end_ms=end, confidence=Confidence.unknown()),
    )


def each_second(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
    """A partial result for each second of sound, a final one for each ten, and one at the end."""
    heard = said = 0
    for piece in sound:
        heard += len(piece)
        while heard >= (said + 1) * SECOND:
            said += 1
            yield event(f"second {said}", final=said % 10 == 0, start=1000 * said - 1000, end=1000 * said)
    if said % 10 or not said:
        yield event(f"the end after {heard} bytes", start=1000 * said, end=1000 * said)
    return StreamEnd(request_id="stream-1", model_version="fake-1")


def price(
    amount: str | None = "0.001",
    *,
    sku: str,
    rounding: Rounding | None = None,
    tiers: tuple[Tier, ...] = (),
    free: bool = False,
) -> Price:
    """A price a second; None for an unpriced one."""
    found = tiers or ((Tier(up_to=None, price=Decimal(amount)),) if amount is not None else ())
    return Price(
        id=f"{sku}@test",
        sku=sku,
        unit=Unit.SECOND,
        region="*",
        currency="USD",
        valid_from=date(2000, 1, 1),
        checked_on=date(2000, 1, 1),
        source="a test",
        confidence="high",
        rounding=Rounding(increment=Decimal(1)) if rounding is None else rounding,
        tiers=() if free else found,
        free="test" if free else None,
        unpriced="a test wants it so" if amount is None and not tiers and not free else None,
    )


def streaming_provider(
    act: Act = each_second,
    *,
    provider: str = "fake",
    row: Price | None = None,
    limits: StreamLimits | None = None,
    **spec: Any,
) -> type[Any]:
    """A new adapter class whose streams do what ``act`` does."""
    sku = f"{provider}.stream"
    usual = OperationSpec(
        operation="transcription.stream",
        service="Fake Streams",
        sku=sku,
        meter=streamed_seconds,
        limits=limits,
        languages=("en", "de"),
        options=frozenset({SpeechOption.HINTS}),
    )

    class Scripted:
        manifest: ClassVar[Manifest] = Manifest(
            provider=provider,
            version="1",
            operations=(replace(usual, **spec),),
            prices=(row or price(sku=sku),),
        )
        Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
        begun: ClassVar[list[Context]] = []
        region = None

        def __init__(self, settings: AdapterSettings, /) -> None: ...

        def stream(self, request: StreamRequest, sound: Sound, context: Context, /) -> Iterator[StreamEvent]:
            self.begun.append(context)
            return act(request, sound, context)

    return Scripted


def sound_of(seconds: float, *, chunk: float = 0.1) -> Iterator[bytes]:
    """Silence, in chunks of so many seconds."""
    left = int(seconds * RATE) * 2
    size = int(chunk * RATE) * 2
    while left > 0:
        yield b"\x00" * min(size, left)
        left -= size


def endless() -> Iterator[bytes]:
    while True:
        yield b"\x00" * (SECOND // 10)


def threads_end(seconds: float = 30.0) -> None:
    """Whatever was started for streams is gone, on a machine that may stall."""
    until = time.monotonic() + seconds
    while names := [each.name for each in threading.enumerate() if each.name.startswith("mlbroker-stream")]:
        assert time.monotonic() < until, names
        time.sleep(0.005)
