"""The text cells of the manifest."""

from __future__ import annotations

from broker.contract import OperationSpec, Support, TextLimits, TextUnit, characters, utf8_bytes
from broker.types import Scale
from broker_gcp import dlp, language

_NL_QUOTAS = "https://cloud.google.com/natural-language/quotas"

# Google's own limit is 1,000,000 bytes; but tokens behind the 100,000th are passed over without a word, so a document is
# kept so short that even short words, or Chinese characters, stay below it.
_WHOLE = TextLimits(max_size=200_000, unit=TextUnit.BYTE, source=_NL_QUOTAS)
# And mentions behind the 5,000th: dense text has one in ten bytes.
_DENSE = TextLimits(max_size=50_000, unit=TextUnit.BYTE, source=_NL_QUOTAS)
# 0.5 MB a request and 3,000 finds.
_INSPECTED = TextLimits(
    max_size=100_000, unit=TextUnit.BYTE, source="https://cloud.google.com/sensitive-data-protection/limits"
)
# v3 takes 30,000 code points, v2 100,000 bytes: this is below both.
_DETECTED = TextLimits(
    max_size=25_000, unit=TextUnit.CODE_POINT, source="https://docs.cloud.google.com/translate/quotas"
)

_DLP = "Cloud DLP content:inspect in the project of the settings or the credential"

TEXT: tuple[OperationSpec, ...] = (
    OperationSpec(
        operation="text.sentiment",
        service="language",
        sku="gcp.language.sentiment",
        meter=characters,
        limits=_WHOLE,
        scale=None,
        languages=language.SENTIMENT_LANGUAGES,
        notes=f"Natural Language v2 gives score and magnitude; the label is derived, rule {language.RULE}",
        unproven=True,
    ),
    OperationSpec(
        operation="text.entities",
        service="language",
        sku="gcp.language.entities",
        meter=characters,
        limits=_DENSE,
        languages=language.ENTITY_LANGUAGES,
        notes="Natural Language v2; confidence is the mention's probability, where Google gives one; mentions of one thing "
        "share a group",
        unproven=True,
    ),
    OperationSpec(
        operation="text.key_phrases",
        service="language",
        support=Support.NEVER,
        scale=None,
        reason="Google has no key phrases: Natural Language finds entities, and those are not what a text says; use aws, "
        "azure or local",
    ),
    OperationSpec(
        operation="text.detect_language",
        service="translate",
        sku="gcp.translate.detect",
        meter=characters,
        limits=_DETECTED,
        notes="Cloud Translation, v3 in the project of the settings or the credential, v2 with an api_key; one language, "
        "confidence 0-1",
        unproven=True,
    ),
    OperationSpec(
        operation="text.detect_pii",
        service="dlp",
        sku="gcp.dlp.inspect",
        meter=utf8_bytes,
        limits=_INSPECTED,
        scale=Scale.LIKELIHOOD,
        extensions=dlp.EXTENSIONS,
        notes=f"{_DLP}; confidence is a likelihood word, all from VERY_UNLIKELY on are asked for; "
        "gcp_info_types and gcp_min_likelihood narrow it",
        unproven=True,
    ),
    OperationSpec(
        operation="text.redact",
        service="dlp",
        sku="gcp.dlp.inspect",
        meter=utf8_bytes,
        limits=_INSPECTED,
        scale=Scale.LIKELIHOOD,
        extensions=dlp.EXTENSIONS,
        notes=f"{_DLP}; masked here by the places it finds, also unlikely ones unless "
        "gcp_min_likelihood says otherwise",
        unproven=True,
    ),
    OperationSpec(
        operation="text.moderate",
        service="language",
        sku="gcp.language.moderate",
        meter=characters,
        limits=_WHOLE,
        languages=language.MODERATION_LANGUAGES,
        extensions=language.MODERATION_EXTENSIONS,
        notes="Natural Language v2 moderateText, model version 2; always all 16 categories, with a confidence, and a "
        "severity where Google gives one; some languages in part only",
        unproven=True,
    ),
)
