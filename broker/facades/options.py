"""The keyword options of the facade's methods, typed once for the sync and the async face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal, Required, TypedDict

from broker.types.filters import Filter
from broker.types.json import JsonValue
from broker.types.pii import Mask
from broker.types.progress import Watcher
from broker.types.search import Page, SearchMode
from broker.types.speech import Profanity
from broker.types.written import TextMode


class CallOptions(TypedDict, total=False):
    """What every call takes.

    ``provider``: one name (``"aws"``), an account (``"aws:prod-eu"``), or an order of preference
    (``["aws", "gcp", "local"]``): the first that is configured and has the operation answers.
    ``deadline``: seconds for the whole call, retries and waiting included.
    ``max_cost``: refuse any attempt that could bring the call above this amount.
    ``tags``: text by key, for the spend report.
    ``raw``: keep the vendor's whole answer on the result.
    ``extensions``: options only one vendor has, prefixed with its name.
    ``language``: BCP-47 tag of the content, or of the names wanted, where the provider offers it.
    """

    provider: str | Sequence[str]
    deadline: float | timedelta
    max_cost: Decimal | str | int
    tags: Mapping[str, str]
    raw: bool
    extensions: Mapping[str, JsonValue]
    language: str | None


class LabelOptions(CallOptions, total=False):
    """``max_labels``: at most so many. ``min_confidence``: a ratio in 0..1."""

    max_labels: int | None
    min_confidence: float


class ObjectOptions(CallOptions, total=False):
    """``max_objects``: at most so many. ``min_confidence``: a ratio in 0..1."""

    max_objects: int | None
    min_confidence: float


class DetectTextOptions(CallOptions, total=False):
    """``mode``: ``"scene"`` (a photo with writing in it) or ``"document"`` (a page). ``min_confidence``: a ratio in 0..1
    that a line must have; where lines have none, a word.
    """

    mode: TextMode | Literal["scene", "document"]
    min_confidence: float


class FaceOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1, for providers that give one."""

    min_confidence: float


class CaptionOptions(CallOptions, total=False):
    """``dense``: captions of the picture's parts too. ``gender_neutral``: no words for men, women, boys and girls."""

    dense: bool
    gender_neutral: bool
    min_confidence: float


class ModerationOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1, for providers that give one; those with words or severities refuse it."""

    min_confidence: float


class AnalyzeOptions(CallOptions, total=False):
    """``operations``: names such as ``["label", "detect_text"]``. The others as in the operations themselves."""

    operations: Required[Sequence[str]]
    max_labels: int | None
    mode: TextMode | Literal["scene", "document"]
    min_confidence: float


class SentimentOptions(CallOptions, total=False):
    """Nothing of its own. ``language``: of the text; some providers must be told."""


class EntityOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1."""

    min_confidence: float


class KeyPhraseOptions(CallOptions, total=False):
    """``max_phrases``: at most so many. ``min_confidence``: a ratio in 0..1, for providers that give one."""

    max_phrases: int | None
    min_confidence: float


class LanguageOptions(CallOptions, total=False):
    """``country``: two letters, a hint to those who take one. ``min_confidence``: a ratio in 0..1."""

    country: str | None
    min_confidence: float


class PiiOptions(CallOptions, total=False):
    """``min_confidence``: a ratio in 0..1."""

    min_confidence: float


class RedactOptions(CallOptions, total=False):
    """``mask``: ``"character"`` (asterisks) or ``"kind"`` (``[EMAIL]``). ``min_confidence``: redact what is at least so sure."""

    mask: Mask | Literal["character", "kind"]
    min_confidence: float


class StreamOptions(TypedDict, total=False):
    """``provider``, ``max_cost``, ``tags``, ``extensions``, ``language`` as of every call; of several providers the next is
    asked only until the first sound was sent. ``deadline``: seconds that the stream may last; unset: as long as the provider
    lets it. ``candidates``, ``diarize``, ``hints``, ``profanity``, ``on_unsupported`` as of ``transcribe``. ``partials``: give
    what was understood so far before it is final.
    """

    provider: str | Sequence[str]
    deadline: float | timedelta
    max_cost: Decimal | str | int
    tags: Mapping[str, str]
    extensions: Mapping[str, JsonValue]
    language: str | None
    candidates: Sequence[str]
    diarize: bool
    hints: Sequence[str]
    profanity: Profanity | Literal["keep", "mask", "remove"] | None
    partials: bool
    on_unsupported: Literal["raise", "ignore"]


class TranscribeOptions(CallOptions, total=False):
    """``language``: of what is spoken, or ``candidates``: tags of which one is. ``diarize``: tell speakers apart, with
    ``min_speakers`` and ``max_speakers``; ``channels``: each channel by itself. ``hints``: words that are likely to be said.
    ``profanity``: ``"keep"``, ``"mask"`` or ``"remove"``. ``redact``: leave out personal data.
    ``on_unsupported``: ``"raise"`` (refuse what the provider lacks) or ``"ignore"`` (leave it out and say so).
    ``progress``: is told now and then how far it is, in whatever thread does the work.
    """

    candidates: Sequence[str]
    diarize: bool
    min_speakers: int | None
    max_speakers: int | None
    channels: bool
    hints: Sequence[str]
    profanity: Profanity | Literal["keep", "mask", "remove"] | None
    redact: bool
    on_unsupported: Literal["raise", "ignore"]
    progress: Watcher | None


class IndexOptions(CallOptions, total=False):
    """``index``: its name of the settings' ``indexes``, or the provider's own; without it the settings' ``index``."""

    index: str | None


class QueryOptions(IndexOptions, total=False):
    """``filter``: made with :class:`~broker.types.filters.where`, or a text such as ``"year >= 2000 and tags contains 'news'"``.
    ``top``: hits of one page. ``page``: the one to fetch, ``value.page`` of the result before. ``facets``: names whose values
    are counted. ``mode``: ``"keyword"``, ``"vector"``, ``"hybrid"`` or ``"reranked"``; without it the provider's usual one.
    """

    filter: Filter | str | None
    top: int
    page: Page | str | None
    facets: Sequence[str]
    mode: SearchMode | Literal["keyword", "vector", "hybrid", "reranked"] | None


class SuggestOptions(IndexOptions, total=False):
    """``top``: suggestions at most."""

    top: int


class WaitOptions(IndexOptions, total=False):
    """``deadline``: seconds for the whole wait, 300 without it. ``gone``: wait until the documents are not there any more,
    after a deletion.
    """

    gone: bool
