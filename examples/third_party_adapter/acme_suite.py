"""More of Acme: a text operation, several texts in one request, several questions about one picture.

What is the broker's work is not here: cutting long texts, packing inputs into batches, matching the caller's order,
sharing the cost of a request among its inputs, filtering by ``min_confidence``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from acme_broker import PRICE, AcmeAdapter
from broker.contract import (
    Batch,
    BatchLimits,
    Context,
    Fault,
    FaultTable,
    HttpReply,
    Manifest,
    OperationSpec,
    Reply,
    TextLimits,
    TextUnit,
    characters,
    each_part,
    fault_error,
    json_object,
    needed,
    one_image,
    raise_for_status,
    reading,
)
from broker.errors import BadInput, MalformedReply, ProviderError
from broker.types import (
    AnalyzeRequest,
    BatchRequest,
    Confidence,
    DocumentSentiment,
    Harm,
    ImageAnalysis,
    ImageModerationRequest,
    Label,
    LabelSet,
    ModerationLabel,
    ModerationSet,
    Polarity,
    Sentiment,
    SentimentRequest,
    Tier,
    Unit,
)

FAULTS: FaultTable = {"text_refused": Fault(error=BadInput)}
"""Acme's error codes; what is in no table goes by its status."""
MOODS = {"good": Polarity.POSITIVE, "bad": Polarity.NEGATIVE, "neither": Polarity.NEUTRAL}
"""Acme's words; a new one is ``other`` and keeps its name."""
HARMS = {"gore": Harm.VIOLENCE, "nudity": Harm.SEXUAL}


class AcmeSuiteAdapter(AcmeAdapter):
    """Everything Acme sells."""

    manifest: ClassVar[Manifest] = Manifest(
        provider="acme",
        version="0.2.0",
        operations=(
            *AcmeAdapter.manifest.operations,
            OperationSpec(operation="vision.moderate", service="Acme Vision"),
            OperationSpec(
                operation="vision.analyze",
                service="Acme Vision",
                sku="acme.vision.label",  # of a use that names none; each part below names its own
                together=(frozenset({"label", "moderate"}),),
                meter=each_part(
                    {
                        "label": ("acme.vision.label", one_image),
                        "moderate": ("acme.vision.moderate", one_image),
                    }
                ),
            ),
            OperationSpec(
                operation="text.sentiment",
                service="Acme Words",
                meter=characters,
                limits=TextLimits(max_size=5000, unit=TextUnit.BYTE),  # a longer text is cut into parts
                batch=BatchLimits(max_items=10),
                languages=("en", "de"),
                needs_language=True,
            ),
        ),
        prices=(
            PRICE,
            replace(PRICE, id="acme-moderate-2026", sku="acme.vision.moderate"),
            replace(
                PRICE,
                id="acme-sentiment-2026",
                sku="acme.text.sentiment",
                unit=Unit.CHARACTER,
                tiers=(Tier(up_to=None, price=Decimal("0.000001")),),
            ),
        ),
    )

    async def sentiment(self, request: SentimentRequest, context: Context, /) -> Reply[DocumentSentiment]:
        """One text: ``{"mood": "good", "score": 0.9}`` comes back."""
        reply = await self._ask("mood", {"text": request.text, "language": request.language}, context)
        body = json_object(reply, request_id=_id(reply))
        with reading("a mood", request_id=_id(reply)):
            return Reply(payload=_mood(body), request_id=_id(reply), raw=body if request.raw else None)

    async def sentiment_batch(
        self, request: BatchRequest, context: Context, /
    ) -> Reply[Batch[DocumentSentiment]]:
        """Several texts in one request: ``{"results": [{"id", "mood", "score"} or {"id", "error": {…}}]}``, in any order."""
        texts = [{"id": str(number), "text": each.text} for number, each in enumerate(request.items)]
        reply = await self._ask("moods", {"texts": texts, "language": request.language}, context)
        body = json_object(reply, request_id=_id(reply))
        with reading("a list of moods", request_id=_id(reply)):
            found = {needed(each, "id", str): each for each in needed(body, "results", list)}
        items = tuple(_item(found.get(each["id"])) for each in texts)
        return Reply(payload=Batch(items=items), request_id=_id(reply), raw=body if request.raw else None)

    async def moderate_image(
        self, request: ImageModerationRequest, context: Context, /
    ) -> Reply[ModerationSet]:
        """Harm alone; the parts of an analysis are operations of their own too, with their limits."""
        reply = await self._ask("harms", request.image.data, context)
        body = json_object(reply, request_id=_id(reply))
        with reading("a harm", request_id=_id(reply)):
            return Reply(payload=_harms(body), request_id=_id(reply), raw=body if request.raw else None)

    async def analyze(self, request: AnalyzeRequest, context: Context, /) -> Reply[ImageAnalysis]:
        """Labels and harm by one request; what was not asked for stays None."""
        reply = await self._ask("analyze?ask=" + ",".join(request.operations), request.image.data, context)
        body = json_object(reply, request_id=_id(reply))
        with reading("an analysis", request_id=_id(reply)):
            found = ImageAnalysis(
                labels=_labels(body) if "label" in request.operations else None,
                moderation=_harms(body) if "moderate" in request.operations else None,
            )
        return Reply(payload=found, request_id=_id(reply), raw=body if request.raw else None)

    async def _ask(self, path: str, content: Any, context: Context) -> HttpReply:
        key = self._settings.key.get_secret_value()
        reply = await context.http.send(
            "POST",
            f"{self._settings.endpoint}/v1/{path}",
            headers={"authorization": f"Bearer {key}"},
            content=content if isinstance(content, bytes) else json.dumps(content).encode(),
        )
        raise_for_status(reply, FAULTS, request_id=_id(reply))
        return reply


def _id(reply: HttpReply) -> str | None:
    return reply.headers.get("x-request-id")


def _item(answer: Any) -> Reply[DocumentSentiment] | ProviderError:
    """One text's own answer or error; others in the request are not touched by it."""
    if answer is None:
        return MalformedReply("the answer leaves this text out")
    try:
        with reading("a mood"):
            if "error" not in answer:
                return Reply(payload=_mood(answer))
            error = needed(answer, "error", dict)
            code, words = needed(error, "code", str), needed(error, "message", str)
    except MalformedReply as problem:
        return problem
    return fault_error(FAULTS, status=None, code=code, message=words)


def _mood(answer: Any) -> DocumentSentiment:
    name = needed(answer, "mood", str)
    confidence = Confidence.ratio(needed(answer, "score", float))
    return DocumentSentiment(
        document=Sentiment(label=MOODS.get(name, Polarity.OTHER), name=name, confidence=confidence)
    )


def _labels(answer: Any) -> LabelSet:
    return LabelSet(labels=tuple(Label(**_sure(each)) for each in needed(answer, "labels", list)))


def _harms(answer: Any) -> ModerationSet:
    found = [_sure(each) for each in needed(answer, "harms", list)]
    return ModerationSet(
        labels=tuple(ModerationLabel(harm=HARMS.get(each["name"], Harm.OTHER), **each) for each in found)
    )


def _sure(item: Any) -> dict[str, Any]:
    return {
        "name": needed(item, "name", str),
        "confidence": Confidence.ratio(needed(item, "score", float)),
    }
