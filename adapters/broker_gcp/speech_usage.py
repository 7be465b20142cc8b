"""What Speech-to-Text v2 bills: seconds, of each channel that is transcribed by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from broker.contract import audio_seconds
from broker.types import TranscribeRequest
from broker.types.money import Unit, Usage, UsageSource
from broker.types.request import Request
from broker_gcp.speech_models import is_priced
from broker_gcp.speech_request import dynamic, model_name

STANDARD = "gcp.speech.v2.standard"
DYNAMIC = "gcp.speech.v2.dynamic_batch"
OTHER = "gcp.speech.v2.other_models"
"""Of models that no price was found for."""


def seconds(request: Request) -> tuple[Usage, ...]:
    """The meter: as :func:`audio_seconds`, under the sku of the model and of the strategy that are asked for."""
    sku = sku_of(model_name(request), dynamic=isinstance(request, TranscribeRequest) and dynamic(request))
    uses = audio_seconds(request)
    return uses if sku == STANDARD else tuple(replace(each, sku=sku) for each in uses)


def reported(billed: Decimal | None, *, model: str | None, dynamic: bool) -> tuple[Usage, ...]:
    """What Google says it billed: of all channels together, so they are not counted again."""
    if billed is None:
        return ()
    sku = sku_of(model, dynamic=dynamic)
    return (Usage(sku=sku, unit=Unit.SECOND, quantity=billed, source=UsageSource.REPORTED),)


def sku_of(model: str | None, *, dynamic: bool = False) -> str:
    """What the price book has it under.

    :param model: None: the place's own.
    """
    if not is_priced(model):
        return OTHER
    return DYNAMIC if dynamic else STANDARD
