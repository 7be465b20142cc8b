"""Azure AI Content Safety by REST: what a picture or a text might do, by severity.

Source: Azure/azure-rest-api-specs, ContentSafety stable/2024-09-01 (text:analyze and image:analyze are as in
2023-10-01, which the models of azure-ai-contentsafety 1.0 speak), and
learn.microsoft.com/azure/ai-services/content-safety.

The header ``CSP-Billing-Usage`` is not read here: it counts "Text:Analyze=1", and no page says whether that is
calls or records of 1,000 characters. The meter's own count stands.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from broker.contract import given, needed
from broker.errors import BadInput
from broker.types import (
    Confidence,
    Harm,
    ImageModerationRequest,
    JsonValue,
    ModerationLabel,
    ModerationSet,
    Scale,
    TextModerationRequest,
)

IMAGE_PATH = "/contentsafety/image:analyze"
TEXT_PATH = "/contentsafety/text:analyze"
PARAMS = {"api-version": "2024-09-01"}
IMAGE_SKU = "azure.content_safety.image"
TEXT_SKU = "azure.content_safety.text"
TEXT_EXTENSIONS = ("azure_blocklists", "azure_output_type")
BLOCKLIST = "blocklistsMatch"
"""The parent of a label that stands for a blocklist which was hit."""
_HARMS = {
    "Hate": Harm.HATE,
    "SelfHarm": Harm.SELF_HARM,
    "Sexual": Harm.SEXUAL,
    "Violence": Harm.VIOLENCE,
}
_FOUR = "FourSeverityLevels"
_OUTPUT_TYPES = (_FOUR, "EightSeverityLevels")
_BLOCKLIST_NAME = re.compile(r"^[0-9A-Za-z._~-]{1,64}$")


def image_body(request: ImageModerationRequest) -> dict[str, JsonValue]:
    """The request; without a list of categories the service looks for all it has."""
    return {"image": {"content": b64encode(request.image.data).decode("ascii")}, "outputType": _FOUR}


def text_body(request: TextModerationRequest) -> dict[str, JsonValue]:
    """The request; the service finds the language out. Raises :class:`BadInput` for an unusable option."""
    kind = request.extensions.get("azure_output_type", _FOUR)
    if kind not in _OUTPUT_TYPES:
        raise BadInput(f"azure_output_type must be {' or '.join(_OUTPUT_TYPES)}, not {kind!r:.80}")
    body: dict[str, JsonValue] = {"text": request.text, "outputType": kind}
    lists = request.extensions.get("azure_blocklists")
    if lists is not None:
        if not isinstance(lists, list) or not lists or not all(_is_name(name) for name in lists):
            raise BadInput(
                "azure_blocklists must be a list of names of blocklists of this resource (letters, digits and -._~)"
            )
        # Without this the service might stop at the first hit and judge no category.
        body.update({"blocklistNames": lists, "haltOnBlocklistHit": False})
    return body


def moderation_of(body: Mapping[str, Any]) -> ModerationSet:
    """The categories by severity, then each blocklist that was hit, once; the terms hit are in the raw answer."""
    labels = [_category(item) for item in needed(body, "categoriesAnalysis", list)]
    hit = [needed(item, "blocklistName", str) for item in given(body, BLOCKLIST, list) or ()]
    labels += [
        ModerationLabel(
            harm=Harm.OTHER, name=name, confidence=Confidence.unknown(Scale.SEVERITY), parents=(BLOCKLIST,)
        )
        for name in dict.fromkeys(hit)
    ]
    return ModerationSet(labels=tuple(labels))


def _category(item: Any) -> ModerationLabel:
    name = needed(item, "category", str)
    return ModerationLabel(
        harm=_HARMS.get(name, Harm.OTHER),
        name=name,
        confidence=Confidence.severity(given(item, "severity", int)),
    )


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and _BLOCKLIST_NAME.match(name) is not None
