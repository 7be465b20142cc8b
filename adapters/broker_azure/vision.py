"""Image Analysis 4.0 by REST: the request from ours, and what the service says it billed.

Source: Azure/azure-rest-api-specs, ImageAnalysis stable/2023-10-01, and the models of
azure-ai-vision-imageanalysis 1.0. The answer is read in :mod:`broker_azure.vision_reply`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from broker.contract import HttpReply
from broker.errors import BadInput
from broker.types import CaptionRequest, ImageRequest, Unit, Usage, UsageSource
from broker_azure.languages import image_analysis_code

PATH = "/computervision/imageanalysis:analyze"
API_VERSION = "2023-10-01"
EXTENSIONS = ("azure_model_version",)
GROUP_1 = "azure.vision.group1"
"""Tags, objects: each is a transaction of the first group."""
GROUP_2 = "azure.vision.group2"
"""Read, caption, dense captions: each is a transaction of the second group."""
FEATURES = {"label": "tags", "detect_objects": "objects", "detect_text": "read", "caption": "caption"}
"""The feature that answers an operation."""
SKUS = {"tags": GROUP_1, "objects": GROUP_1, "read": GROUP_2, "caption": GROUP_2, "denseCaptions": GROUP_2}
_MODEL_VERSION = re.compile(r"^(latest|\d{4}-\d{2}-\d{2})(-preview)?$")
_BILLED = "csp-billing-usage"
_TRANSACTIONS = re.compile(r"CognitiveServices\.ComputerVision\.Transaction=(\d{1,6})(?:\D|$)")


def caption_feature(request: CaptionRequest) -> str:
    """Of dense captions the first is always that of the whole picture, so one feature is enough (and paid)."""
    return "denseCaptions" if request.dense else "caption"


def parameters(request: ImageRequest, *features: str) -> dict[str, str]:
    """The query. Raises :class:`BadInput` for an option of the wrong type.

    ``language`` is that of the names wanted. Reading finds the languages of a picture out by itself, and the
    vendor advises against naming one (learn.microsoft.com/azure/ai-services/computer-vision/language-support).
    """
    wanted = {"api-version": API_VERSION, "features": ",".join(features)}
    if request.language is not None and features != ("read",):
        wanted["language"] = image_analysis_code(request.language)
    if isinstance(request, CaptionRequest) and request.gender_neutral:
        wanted["gender-neutral-caption"] = "true"
    model = request.extensions.get("azure_model_version")
    if model is not None:
        if not isinstance(model, str) or not _MODEL_VERSION.match(model):
            raise BadInput(
                f"azure_model_version must be 'latest' or a date such as '2023-10-01', not {model!r:.80}"
            )
        wanted["model-version"] = model
    return wanted


def usage_of(reply: HttpReply, *features: str) -> tuple[Usage, ...]:
    """What the service says it billed (header ``CSP-Billing-Usage``), where that can be understood.

    Nothing for several features: a recorded answer for seven of them says one transaction, while the price list
    bills each feature, in groups that the header does not tell apart. The meter's own count stands then.
    """
    if len(features) != 1:
        return ()
    found = _TRANSACTIONS.search(reply.headers.get(_BILLED, ""))
    if found is None or int(found.group(1)) == 0:
        return ()  # an answered call that claims to be free is not believed: the meter's own count stands
    quantity = Decimal(found.group(1))
    return (Usage(sku=SKUS[features[0]], unit=Unit.IMAGE, quantity=quantity, source=UsageSource.REPORTED),)
