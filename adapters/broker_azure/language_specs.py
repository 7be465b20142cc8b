"""The cells of Azure Language."""

from __future__ import annotations

from datetime import date

from broker.contract import BatchLimits, Lifecycle, OperationSpec, TextLimits, TextUnit, characters
from broker_azure import language_tags
from broker_azure.language_answers import SKU
from broker_azure.language_methods import (
    DETECT_LANGUAGE,
    DETECT_PII,
    ENTITIES,
    KEY_PHRASES,
    REDACT,
    SENTIMENT,
    SERVICE,
)

_DOCS = "https://github.com/MicrosoftDocs/azure-ai-docs/blob/main/articles/ai-services/language-service/"
_SOURCE = f"{_DOCS}concepts/data-limits.md"
_LIMITS = TextLimits(max_size=5120, unit=TextUnit.GRAPHEME, source=_SOURCE)
_SDK = "the SDK azure-ai-textanalytics, which stops at API 2023-04-01; later API versions are not reached"
_CHOSEN = date(2029, 3, 31)
_SENTIMENT_RETIRES = Lifecycle(
    status="retiring",
    on=_CHOSEN,
    note="sentiment analysis and opinion mining retire; read in quotations of Microsoft Learn, not on its own page",
    source=f"{_DOCS}sentiment-opinion-mining/overview.md",
)
_KEY_PHRASES_RETIRE = Lifecycle(
    status="retiring",
    on=_CHOSEN,
    note="key phrase extraction retires and is not supported from then on",
    source=f"{_DOCS}key-phrase-extraction/overview.md",
)


def _batch(most: int) -> BatchLimits:
    # 1 MB a request. The SDK writes JSON in ASCII: two bytes of UTF-8 become six.
    return BatchLimits(max_items=most, max_bytes=300_000, source=_SOURCE)


OPERATIONS: tuple[OperationSpec, ...] = (
    OperationSpec(
        operation="text.sentiment",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(10),
        languages=language_tags.SENTIMENT,
        needs_language=True,
        extensions=tuple(SENTIMENT.options),
        lifecycle=_SENTIMENT_RETIRES,
        notes=f"three scores, none for mixed; sentences; opinions in the raw answer; {_SDK}",
    ),
    OperationSpec(
        operation="text.entities",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(5),
        languages=language_tags.ENTITIES,
        needs_language=True,
        extensions=tuple(ENTITIES.options),
        notes=f"categories and subcategories; {_SDK}",
    ),
    OperationSpec(
        operation="text.key_phrases",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(10),
        scale=None,
        languages=language_tags.KEY_PHRASES,
        needs_language=True,
        extensions=tuple(KEY_PHRASES.options),
        lifecycle=_KEY_PHRASES_RETIRE,
        notes=f"phrases without places and without confidences; {_SDK}",
    ),
    OperationSpec(
        operation="text.detect_language",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(1000),
        extensions=tuple(DETECT_LANGUAGE.options),
        notes=f"one language a text; no country hint unless country= gives one; {_SDK}",
    ),
    OperationSpec(
        operation="text.detect_pii",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(5),
        languages=language_tags.PII,
        needs_language=True,
        extensions=tuple(DETECT_PII.options),
        notes=f"about 170 categories, national ones by the language's countries; {_SDK}",
    ),
    OperationSpec(
        operation="text.redact",
        service=SERVICE,
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        batch=_batch(5),
        languages=language_tags.PII,
        needs_language=True,
        extensions=tuple(REDACT.options),
        notes=f"masked by us and, as vendor_text, by the service; {_SDK}",
    ),
)
