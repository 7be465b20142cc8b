"""``broker.estimate.text``: what operations on texts would cost. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from broker.contract.operations import (
    DETECT_LANGUAGE,
    DETECT_PII,
    ENTITIES,
    KEY_PHRASES,
    MODERATE_TEXT,
    REDACT,
    SENTIMENT,
    Operation,
)
from broker.facades.options import (
    EntityOptions,
    KeyPhraseOptions,
    LanguageOptions,
    ModerationOptions,
    PiiOptions,
    RedactOptions,
    SentimentOptions,
)
from broker.pipeline.ahead import Ahead
from broker.runtime.blocking import drive
from broker.types.estimate import Estimate

if TYPE_CHECKING:
    from broker.core import Core


class TextEstimates:
    """As :class:`~broker.facades.text.Text`. Bad input raises the errors of the real call."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    def sentiment(self, text: str, /, **options: Unpack[SentimentOptions]) -> Estimate:
        """What ``broker.text.sentiment`` would cost."""
        return self._estimate(SENTIMENT, text, dict(options))

    def entities(self, text: str, /, **options: Unpack[EntityOptions]) -> Estimate:
        """What ``broker.text.entities`` would cost."""
        return self._estimate(ENTITIES, text, dict(options))

    def key_phrases(self, text: str, /, **options: Unpack[KeyPhraseOptions]) -> Estimate:
        """What ``broker.text.key_phrases`` would cost."""
        return self._estimate(KEY_PHRASES, text, dict(options))

    def detect_language(self, text: str, /, **options: Unpack[LanguageOptions]) -> Estimate:
        """What ``broker.text.detect_language`` would cost."""
        return self._estimate(DETECT_LANGUAGE, text, dict(options))

    def detect_pii(self, text: str, /, **options: Unpack[PiiOptions]) -> Estimate:
        """What ``broker.text.detect_pii`` would cost."""
        return self._estimate(DETECT_PII, text, dict(options))

    def redact(self, text: str, /, **options: Unpack[RedactOptions]) -> Estimate:
        """What ``broker.text.redact`` would cost."""
        return self._estimate(REDACT, text, dict(options))

    def moderate(self, text: str, /, **options: Unpack[ModerationOptions]) -> Estimate:
        """What ``broker.text.moderate`` would cost."""
        return self._estimate(MODERATE_TEXT, text, dict(options))

    def _estimate(self, operation: Operation[Any, Any], text: str, options: dict[str, Any]) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return drive(self._core.estimate(operation, text, options, ahead))


class AsyncTextEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    async def sentiment(self, text: str, /, **options: Unpack[SentimentOptions]) -> Estimate:
        """What ``broker.text.sentiment`` would cost."""
        return await self._estimate(SENTIMENT, text, dict(options))

    async def entities(self, text: str, /, **options: Unpack[EntityOptions]) -> Estimate:
        """What ``broker.text.entities`` would cost."""
        return await self._estimate(ENTITIES, text, dict(options))

    async def key_phrases(self, text: str, /, **options: Unpack[KeyPhraseOptions]) -> Estimate:
        """What ``broker.text.key_phrases`` would cost."""
        return await self._estimate(KEY_PHRASES, text, dict(options))

    async def detect_language(self, text: str, /, **options: Unpack[LanguageOptions]) -> Estimate:
        """What ``broker.text.detect_language`` would cost."""
        return await self._estimate(DETECT_LANGUAGE, text, dict(options))

    async def detect_pii(self, text: str, /, **options: Unpack[PiiOptions]) -> Estimate:
        """What ``broker.text.detect_pii`` would cost."""
        return await self._estimate(DETECT_PII, text, dict(options))

    async def redact(self, text: str, /, **options: Unpack[RedactOptions]) -> Estimate:
        """What ``broker.text.redact`` would cost."""
        return await self._estimate(REDACT, text, dict(options))

    async def moderate(self, text: str, /, **options: Unpack[ModerationOptions]) -> Estimate:
        """What ``broker.text.moderate`` would cost."""
        return await self._estimate(MODERATE_TEXT, text, dict(options))

    async def _estimate(self, operation: Operation[Any, Any], text: str, options: dict[str, Any]) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(operation, text, options, ahead)
