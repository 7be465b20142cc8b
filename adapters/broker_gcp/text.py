"""The adapter's operations on a text: one method for each."""

from __future__ import annotations

from broker.contract import Context, Reply, reading
from broker.types import (
    DocumentSentiment,
    EntityRequest,
    EntitySet,
    LanguageRequest,
    LanguageSet,
    ModerationSet,
    PiiRequest,
    PiiSet,
    RedactedText,
    RedactRequest,
    SentimentRequest,
    TextModerationRequest,
    redacted,
)
from broker_gcp import dlp, language, translate
from broker_gcp.rest import Rest
from broker_gcp.settings import DLP, LANGUAGE, TRANSLATE, GcpSettings


class TextOperations:
    """Natural Language, Cloud Translation and Sensitive Data Protection for one account, over REST.

    Every method raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_gcp.faults`,
    :class:`MalformedReply`, and what the transport raises.
    """

    def __init__(self, settings: GcpSettings) -> None:
        self._text_settings = settings
        self._language = Rest(settings, LANGUAGE)
        self._translate = Rest(settings, TRANSLATE)
        self._dlp = Rest(settings, DLP)

    async def sentiment(self, request: SentimentRequest, context: Context, /) -> Reply[DocumentSentiment]:
        """Sentiment by Natural Language analyzeSentiment; the label is derived by :func:`language.polarity`.

        Raises :class:`Unsupported` where Google does not support the text's language.
        """
        found, body = await language.sentiment(self._language, request, context)
        return Reply(payload=found, raw=body if request.raw else None)

    async def entities(self, request: EntityRequest, context: Context, /) -> Reply[EntitySet]:
        """Entities by Natural Language analyzeEntities. Raises what :meth:`sentiment` does."""
        found, body = await language.entities(self._language, request, context)
        return Reply(payload=found, raw=body if request.raw else None)

    async def moderate_text(
        self, request: TextModerationRequest, context: Context, /
    ) -> Reply[ModerationSet]:
        """Harms and sensitive topics by Natural Language moderateText. Raises what :meth:`sentiment` does."""
        found, body = await language.moderation(self._language, request, context)
        return Reply(payload=found, raw=body if request.raw else None)

    async def detect_language(self, request: LanguageRequest, context: Context, /) -> Reply[LanguageSet]:
        """The language by Cloud Translation detectLanguage."""
        found, body = await translate.languages(self._translate, self._text_settings, request, context)
        return Reply(payload=found, raw=body if request.raw else None)

    async def detect_pii(self, request: PiiRequest, context: Context, /) -> Reply[PiiSet]:
        """Personal data by Sensitive Data Protection content:inspect."""
        found, body = await dlp.findings(self._dlp, request, context)
        return Reply(payload=found, raw=body if request.raw else None)

    async def redact(self, request: RedactRequest, context: Context, /) -> Reply[RedactedText]:
        """The text with what content:inspect finds masked by us: see :mod:`broker_gcp.dlp`."""
        found, body = await dlp.findings(self._dlp, request, context)
        with reading("a find"):
            masked = redacted(request, found)
        return Reply(payload=masked, raw=body if request.raw else None)

    def _text_problems(self) -> dict[str, str]:
        """What stops each service, as far as it can be told without network; empty where nothing does."""
        basic = self._text_settings.api_key is not None
        return {
            LANGUAGE.name: self._language.problem(),
            TRANSLATE.name: self._translate.problem(in_project=not basic)
            or translate.problem(self._text_settings),
            DLP.name: self._dlp.problem(in_project=True),
        }

    def _renew_text(self, context: Context) -> bool | None:
        """Whether the service of a text operation has another credential now; None for other operations."""
        services = {
            "text.detect_language": self._translate,
            "text.detect_pii": self._dlp,
            "text.redact": self._dlp,
        }
        if not context.operation.startswith("text."):
            return None
        return services.get(context.operation, self._language).renew(context)
