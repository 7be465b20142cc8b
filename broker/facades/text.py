"""``broker.text``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import (
    DETECT_LANGUAGE,
    DETECT_PII,
    ENTITIES,
    KEY_PHRASES,
    MODERATE_TEXT,
    REDACT,
    SENTIMENT,
)
from broker.facades.bulk import CONCURRENCY, many, many_async
from broker.facades.options import (
    EntityOptions,
    KeyPhraseOptions,
    LanguageOptions,
    ModerationOptions,
    PiiOptions,
    RedactOptions,
    SentimentOptions,
)
from broker.runtime.blocking import drive
from broker.types.batch import Item
from broker.types.call import Result
from broker.types.entity import EntitySet
from broker.types.moderation import ModerationSet
from broker.types.phrase import KeyPhraseSet, LanguageSet
from broker.types.pii import PiiSet, RedactedText
from broker.types.sentiment import DocumentSentiment

if TYPE_CHECKING:
    from broker.core import Core


class Text:
    """Texts in, typed results out.

    Every method raises the errors of :mod:`broker.errors`. The ``*_many`` methods take any iterable and give an
    :class:`~broker.types.batch.Item` for each input, in its order, with the input's own error in its place; they take
    few inputs ahead, so that neither inputs nor results need to fit into memory. ``concurrency``: requests on their way
    at once.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def sentiment(self, text: str, /, **options: Unpack[SentimentOptions]) -> Result[DocumentSentiment]:
        """Is the text positive, negative, neutral or mixed? See :class:`~broker.facades.options.SentimentOptions`."""
        return drive(self._core.run(SENTIMENT, text, dict(options)))

    def sentiment_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[SentimentOptions]
    ) -> Generator[Item[DocumentSentiment], None, None]:
        """:meth:`sentiment` for many."""
        return many(self._core, SENTIMENT, texts, concurrency, dict(options))

    def entities(self, text: str, /, **options: Unpack[EntityOptions]) -> Result[EntitySet]:
        """Whom and what does the text speak of? See :class:`~broker.facades.options.EntityOptions`."""
        return drive(self._core.run(ENTITIES, text, dict(options)))

    def entities_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[EntityOptions]
    ) -> Generator[Item[EntitySet], None, None]:
        """:meth:`entities` for many."""
        return many(self._core, ENTITIES, texts, concurrency, dict(options))

    def key_phrases(self, text: str, /, **options: Unpack[KeyPhraseOptions]) -> Result[KeyPhraseSet]:
        """What is the text about, in its own words? See :class:`~broker.facades.options.KeyPhraseOptions`."""
        return drive(self._core.run(KEY_PHRASES, text, dict(options)))

    def key_phrases_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[KeyPhraseOptions]
    ) -> Generator[Item[KeyPhraseSet], None, None]:
        """:meth:`key_phrases` for many."""
        return many(self._core, KEY_PHRASES, texts, concurrency, dict(options))

    def detect_language(self, text: str, /, **options: Unpack[LanguageOptions]) -> Result[LanguageSet]:
        """In which language is the text? See :class:`~broker.facades.options.LanguageOptions`."""
        return drive(self._core.run(DETECT_LANGUAGE, text, dict(options)))

    def detect_language_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[LanguageOptions]
    ) -> Generator[Item[LanguageSet], None, None]:
        """:meth:`detect_language` for many."""
        return many(self._core, DETECT_LANGUAGE, texts, concurrency, dict(options))

    def detect_pii(self, text: str, /, **options: Unpack[PiiOptions]) -> Result[PiiSet]:
        """What in the text tells who somebody is? See :class:`~broker.facades.options.PiiOptions`."""
        return drive(self._core.run(DETECT_PII, text, dict(options)))

    def detect_pii_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[PiiOptions]
    ) -> Generator[Item[PiiSet], None, None]:
        """:meth:`detect_pii` for many."""
        return many(self._core, DETECT_PII, texts, concurrency, dict(options))

    def redact(self, text: str, /, **options: Unpack[RedactOptions]) -> Result[RedactedText]:
        """The text without what tells who somebody is. See :class:`~broker.facades.options.RedactOptions`."""
        return drive(self._core.run(REDACT, text, dict(options)))

    def redact_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[RedactOptions]
    ) -> Generator[Item[RedactedText], None, None]:
        """:meth:`redact` for many."""
        return many(self._core, REDACT, texts, concurrency, dict(options))

    def moderate(self, text: str, /, **options: Unpack[ModerationOptions]) -> Result[ModerationSet]:
        """What in the text might do harm? See :class:`~broker.facades.options.ModerationOptions`."""
        return drive(self._core.run(MODERATE_TEXT, text, dict(options)))

    def moderate_many(
        self, texts: Iterable[str], /, *, concurrency: int = CONCURRENCY, **options: Unpack[ModerationOptions]
    ) -> Generator[Item[ModerationSet], None, None]:
        """:meth:`moderate` for many."""
        return many(self._core, MODERATE_TEXT, texts, concurrency, dict(options))


class AsyncText:
    """The same for ``async`` code. The ``*_many`` methods take ordinary and asynchronous iterables."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def sentiment(self, text: str, /, **options: Unpack[SentimentOptions]) -> Result[DocumentSentiment]:
        """Is the text positive, negative, neutral or mixed? See :class:`~broker.facades.options.SentimentOptions`."""
        return await self._core.run(SENTIMENT, text, dict(options))

    def sentiment_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[SentimentOptions],
    ) -> AsyncGenerator[Item[DocumentSentiment], None]:
        """:meth:`sentiment` for many."""
        return many_async(self._core, SENTIMENT, texts, concurrency, dict(options))

    async def entities(self, text: str, /, **options: Unpack[EntityOptions]) -> Result[EntitySet]:
        """Whom and what does the text speak of? See :class:`~broker.facades.options.EntityOptions`."""
        return await self._core.run(ENTITIES, text, dict(options))

    def entities_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[EntityOptions],
    ) -> AsyncGenerator[Item[EntitySet], None]:
        """:meth:`entities` for many."""
        return many_async(self._core, ENTITIES, texts, concurrency, dict(options))

    async def key_phrases(self, text: str, /, **options: Unpack[KeyPhraseOptions]) -> Result[KeyPhraseSet]:
        """What is the text about, in its own words? See :class:`~broker.facades.options.KeyPhraseOptions`."""
        return await self._core.run(KEY_PHRASES, text, dict(options))

    def key_phrases_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[KeyPhraseOptions],
    ) -> AsyncGenerator[Item[KeyPhraseSet], None]:
        """:meth:`key_phrases` for many."""
        return many_async(self._core, KEY_PHRASES, texts, concurrency, dict(options))

    async def detect_language(self, text: str, /, **options: Unpack[LanguageOptions]) -> Result[LanguageSet]:
        """In which language is the text? See :class:`~broker.facades.options.LanguageOptions`."""
        return await self._core.run(DETECT_LANGUAGE, text, dict(options))

    def detect_language_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[LanguageOptions],
    ) -> AsyncGenerator[Item[LanguageSet], None]:
        """:meth:`detect_language` for many."""
        return many_async(self._core, DETECT_LANGUAGE, texts, concurrency, dict(options))

    async def detect_pii(self, text: str, /, **options: Unpack[PiiOptions]) -> Result[PiiSet]:
        """What in the text tells who somebody is? See :class:`~broker.facades.options.PiiOptions`."""
        return await self._core.run(DETECT_PII, text, dict(options))

    def detect_pii_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[PiiOptions],
    ) -> AsyncGenerator[Item[PiiSet], None]:
        """:meth:`detect_pii` for many."""
        return many_async(self._core, DETECT_PII, texts, concurrency, dict(options))

    async def redact(self, text: str, /, **options: Unpack[RedactOptions]) -> Result[RedactedText]:
        """The text without what tells who somebody is. See :class:`~broker.facades.options.RedactOptions`."""
        return await self._core.run(REDACT, text, dict(options))

    def redact_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[RedactOptions],
    ) -> AsyncGenerator[Item[RedactedText], None]:
        """:meth:`redact` for many."""
        return many_async(self._core, REDACT, texts, concurrency, dict(options))

    async def moderate(self, text: str, /, **options: Unpack[ModerationOptions]) -> Result[ModerationSet]:
        """What in the text might do harm? See :class:`~broker.facades.options.ModerationOptions`."""
        return await self._core.run(MODERATE_TEXT, text, dict(options))

    def moderate_many(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[ModerationOptions],
    ) -> AsyncGenerator[Item[ModerationSet], None]:
        """:meth:`moderate` for many."""
        return many_async(self._core, MODERATE_TEXT, texts, concurrency, dict(options))
