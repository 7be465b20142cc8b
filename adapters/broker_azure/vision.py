"""Image Analysis 4.0, feature tags, by REST: the request from ours, our labels from the answer.

Source: Azure/azure-rest-api-specs, ImageAnalysis stable/2023-10-01, and the models of
azure-ai-vision-imageanalysis 1.0.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from broker.contract import HttpReply, check_answered, redact
from broker.errors import BadInput, MalformedReply
from broker.types import (
    Confidence,
    JsonValue,
    Label,
    LabelRequest,
    LabelSet,
    Unit,
    Usage,
    UsageSource,
)
from broker_azure.faults import request_id

PATH = "/computervision/imageanalysis:analyze"
API_VERSION = "2023-10-01"
EXTENSIONS = ("azure_model_version",)
SKU = "azure.vision.group1"
# https://aka.ms/cv-languages, column Tags.
LANGUAGES = (
    *("ar", "az", "bg", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fi", "fr", "ga"),
    *("gl", "he", "hi", "hr", "hu", "id", "it", "ja", "kk", "ko", "lt", "lv", "mk", "ms", "nb", "nl", "pl"),
    *("prs", "pt", "pt-BR", "pt-PT", "ro", "ru", "sk", "sl", "sr-Cyrl", "sr-Latn", "sv", "th", "tr", "uk"),
    *("vi", "zh", "zh-Hans", "zh-Hant"),
)
_VENDOR_TAG = {"sr-Cyrl": "sr-Cryl"}
"""The service's own spelling, in its table and its API."""
_MODEL_VERSION = re.compile(r"^(latest|\d{4}-\d{2}-\d{2})(-preview)?$")
_BILLED = "csp-billing-usage"
_TRANSACTIONS = re.compile(r"CognitiveServices\.ComputerVision\.Transaction=(\d{1,6})(?:\D|$)")


def parameters(request: LabelRequest) -> dict[str, str]:
    """The query. Raises :class:`BadInput` for an option of the wrong type."""
    wanted = {"api-version": API_VERSION, "features": "tags"}
    if request.language is not None:
        wanted["language"] = _VENDOR_TAG.get(request.language, request.language)
    model = request.extensions.get("azure_model_version")
    if model is not None:
        if not isinstance(model, str) or not _MODEL_VERSION.match(model):
            raise BadInput(
                f"azure_model_version must be 'latest' or a date such as '2023-10-01', not {model!r:.80}"
            )
        wanted["model-version"] = model
    return wanted


def labels_of(reply: HttpReply) -> tuple[LabelSet, str | None, dict[str, JsonValue]]:
    """Labels, model version and the whole answer. Raises :class:`MalformedReply` for an unusable answer."""
    check_answered(reply, request_id=request_id(reply))
    try:
        body = reply.json()
    except MalformedReply as error:
        error.request_id = request_id(reply)
        raise
    result = body.get("tagsResult") if isinstance(body, dict) else None
    items = result.get("values") if isinstance(result, dict) else None
    if not isinstance(body, dict) or not isinstance(items, list):
        raise _malformed("the answer has no list tagsResult.values", reply)
    try:
        labels = tuple([_label(item) for item in items])
    except (TypeError, ValueError) as error:
        raise _malformed(f"a tag is malformed: {redact(str(error))}", reply) from None
    version = body.get("modelVersion")
    return LabelSet(labels=labels), version if isinstance(version, str) else None, body


def usage_of(reply: HttpReply) -> tuple[Usage, ...]:
    """What the service says it billed, where it says so (header ``CSP-Billing-Usage``)."""
    found = _TRANSACTIONS.search(reply.headers.get(_BILLED, ""))
    if found is None or int(found.group(1)) == 0:
        return ()  # an answered call that claims to be free is not believed: the meter's own count stands
    return (Usage(sku=SKU, unit=Unit.IMAGE, quantity=Decimal(found.group(1)), source=UsageSource.REPORTED),)


def _label(item: Any) -> Label:
    if not isinstance(item, dict):
        raise TypeError(f"it is a {type(item).__name__}")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise TypeError("it has no name")
    return Label(name=name, confidence=Confidence.ratio(item.get("confidence")))


def _malformed(text: str, reply: HttpReply) -> MalformedReply:
    return MalformedReply(text, status=reply.status, request_id=request_id(reply))
