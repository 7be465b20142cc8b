"""What a request uses, known before it is sent: the meters that specs name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from broker.types.analysis import AnalyzeRequest
from broker.types.money import EXACT, Unit, Usage
from broker.types.request import Request, TextRequest
from broker.types.speech import TranscribeRequest
from broker.types.stream import StreamRequest
from broker.types.write import WriteRequest

Meter: TypeAlias = Callable[[Request], tuple[Usage, ...]]
"""From one request to its uses. The empty sku stands for the spec's own."""


def one_image(request: Request) -> tuple[Usage, ...]:  # noqa: ARG001 - a meter looks at the request; this one need not
    """The usual meter of an operation on one picture."""
    return _ONE_IMAGE


_ONE_IMAGE = (Usage(sku="", unit=Unit.IMAGE, quantity=Decimal(1)),)


def one_page(request: Request) -> tuple[Usage, ...]:  # noqa: ARG001 - as above
    """The meter of a service that counts pages; a picture is one (Textract)."""
    return _ONE_PAGE


_ONE_PAGE = (Usage(sku="", unit=Unit.PAGE, quantity=Decimal(1)),)


def characters(request: Request) -> tuple[Usage, ...]:
    """The usual meter of an operation on one text: its Unicode code points, spaces and all.

    Comprehend: "100 characters a unit"; Google: "1,000 Unicode characters"; Azure: a text record of 1,000 characters as
    StringInfo.LengthInTextElements counts them, which is never more than code points.
    """
    if not isinstance(request, TextRequest):
        raise TypeError("this meter counts the characters of a text")
    return (Usage(sku="", unit=Unit.CHARACTER, quantity=Decimal(len(request.text))),)


def utf8_bytes(request: Request) -> tuple[Usage, ...]:
    """The meter of a service that bills a text by its bytes (Google Sensitive Data Protection)."""
    if not isinstance(request, TextRequest):
        raise TypeError("this meter counts the bytes of a text")
    return (Usage(sku="", unit=Unit.BYTE, quantity=Decimal(len(request.text.encode()))),)


def audio_seconds(request: Request) -> tuple[Usage, ...]:
    """The meter of an operation on a recording: its seconds, to the millisecond, of one channel.

    The number of channels is told with it where they are transcribed by themselves; whether each is billed is a matter of
    the price. How seconds are rounded, and how many are the least, is too.
    """
    if not isinstance(request, TranscribeRequest):
        raise TypeError("this meter counts the seconds of a recording")
    audio = request.audio
    return (
        Usage(
            sku="",
            unit=Unit.SECOND,
            quantity=Decimal(audio.milliseconds).scaleb(-3, EXACT),
            channels=audio.channels if request.channels else 1,
        ),
    )


def streamed_seconds(request: Request) -> tuple[Usage, ...]:
    """The meter of a stream: the seconds of sound that were sent, to the millisecond, of its one channel."""
    if not isinstance(request, StreamRequest):
        raise TypeError("this meter counts the seconds of a stream")
    return (Usage(sku="", unit=Unit.SECOND, quantity=Decimal(request.milliseconds).scaleb(-3, EXACT)),)


def each_part(meters: Mapping[str, tuple[str, Meter]]) -> Meter:
    """The meter of ``vision.analyze`` where each operation is billed as if it were alone: name -> (sku, its meter)."""

    def meter(request: Request) -> tuple[Usage, ...]:
        if not isinstance(request, AnalyzeRequest):
            raise TypeError("this meter counts the parts of an analysis")
        found: list[Usage] = []
        for name in request.operations:
            sku, alone = meters[name]
            found.extend(replace(use, sku=sku) if not use.sku else use for use in alone(request.part(name)))
        return tuple(found)

    return meter


def one_query(request: Request) -> tuple[Usage, ...]:  # noqa: ARG001 - as above
    """The usual meter of a query; a further page is one more."""
    return _ONE_QUERY


_ONE_QUERY = (Usage(sku="", unit=Unit.QUERY, quantity=Decimal(1)),)


def one_request(request: Request) -> tuple[Usage, ...]:  # noqa: ARG001 - as above
    """The meter of a service that counts requests, whatever is in them."""
    return _ONE_REQUEST


_ONE_REQUEST = (Usage(sku="", unit=Unit.REQUEST, quantity=Decimal(1)),)


def documents(request: Request) -> tuple[Usage, ...]:
    """The meter of a service that counts what is put in or taken out."""
    if not isinstance(request, WriteRequest):
        raise TypeError("this meter counts documents")
    return (Usage(sku="", unit=Unit.DOCUMENT, quantity=Decimal(len(request.keys))),)


def document_bytes(request: Request) -> tuple[Usage, ...]:
    """The meter of a service that bills documents by their bytes, as they are before the request's own format."""
    if not isinstance(request, WriteRequest):
        raise TypeError("this meter counts the bytes of documents")
    return (Usage(sku="", unit=Unit.BYTE, quantity=Decimal(sum(request.sizes))),)
