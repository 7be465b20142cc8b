"""Requests, results, media, usage and money: frozen data that imports nothing of ours but the errors."""

from __future__ import annotations

from broker.types.analysis import AnalyzeRequest, ImageAnalysis
from broker.types.audio import Audio, AudioInput
from broker.types.batch import BatchRequest, Item
from broker.types.call import Attempt, Provenance, Result
from broker.types.caption import Caption, CaptionRequest, CaptionSet
from broker.types.confidence import Confidence, Scale
from broker.types.entity import Entity, EntityKind, EntityRequest, EntitySet
from broker.types.estimate import CandidateEstimate, Estimate, EstimateLine
from broker.types.face import Face, FaceAttribute, FaceRequest, FaceSet, Landmark, Pose
from broker.types.geometry import Box, Frame, Point, Region
from broker.types.job import JobState, JobStatus
from broker.types.json import JsonObject, JsonValue
from broker.types.label import DetectedObject, Label, LabelRequest, LabelSet, ObjectRequest, ObjectSet
from broker.types.media import Image, ImageInput
from broker.types.moderation import (
    Harm,
    ImageModerationRequest,
    ModerationLabel,
    ModerationSet,
    TextModerationRequest,
)
from broker.types.money import (
    Billed,
    Cost,
    Price,
    Rounding,
    Tier,
    Unit,
    Usage,
    UsageSource,
)
from broker.types.phrase import (
    UNDETERMINED,
    DetectedLanguage,
    KeyPhrase,
    KeyPhraseRequest,
    KeyPhraseSet,
    LanguageRequest,
    LanguageSet,
)
from broker.types.pii import (
    Mask,
    PiiEntity,
    PiiKind,
    PiiRequest,
    PiiSet,
    RedactedText,
    RedactRequest,
    redacted,
)
from broker.types.progress import TranscriptionProgress
from broker.types.request import ImageRequest, Request, TextRequest
from broker.types.sentiment import (
    DocumentSentiment,
    Polarity,
    Probabilities,
    SentenceSentiment,
    Sentiment,
    SentimentRequest,
)
from broker.types.span import Span, located
from broker.types.speech import Profanity, SpeechOption, TranscribeRequest
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker.types.transcript import (
    ConfidenceLevel,
    SpokenLanguage,
    SpokenWord,
    Transcript,
    TranscriptSegment,
)
from broker.types.written import DetectedText, DetectTextRequest, TextBlock, TextLine, TextMode, Word

__all__ = [
    "UNDETERMINED",
    "AnalyzeRequest",
    "Attempt",
    "Audio",
    "AudioInput",
    "BatchRequest",
    "Billed",
    "Box",
    "CandidateEstimate",
    "Caption",
    "CaptionRequest",
    "CaptionSet",
    "Confidence",
    "ConfidenceLevel",
    "Cost",
    "DetectTextRequest",
    "DetectedLanguage",
    "DetectedObject",
    "DetectedText",
    "DocumentSentiment",
    "Entity",
    "EntityKind",
    "EntityRequest",
    "EntitySet",
    "Estimate",
    "EstimateLine",
    "Face",
    "FaceAttribute",
    "FaceRequest",
    "FaceSet",
    "Frame",
    "Harm",
    "Image",
    "ImageAnalysis",
    "ImageInput",
    "ImageModerationRequest",
    "ImageRequest",
    "Item",
    "JobState",
    "JobStatus",
    "JsonObject",
    "JsonValue",
    "KeyPhrase",
    "KeyPhraseRequest",
    "KeyPhraseSet",
    "Label",
    "LabelRequest",
    "LabelSet",
    "Landmark",
    "LanguageRequest",
    "LanguageSet",
    "Mask",
    "ModerationLabel",
    "ModerationSet",
    "ObjectRequest",
    "ObjectSet",
    "PiiEntity",
    "PiiKind",
    "PiiRequest",
    "PiiSet",
    "Point",
    "Polarity",
    "Pose",
    "Price",
    "Probabilities",
    "Profanity",
    "Provenance",
    "RedactRequest",
    "RedactedText",
    "Region",
    "Request",
    "Result",
    "Rounding",
    "Scale",
    "SentenceSentiment",
    "Sentiment",
    "SentimentRequest",
    "SoundFormat",
    "Span",
    "SpeechOption",
    "SpokenLanguage",
    "SpokenWord",
    "StreamEvent",
    "StreamRequest",
    "TextBlock",
    "TextLine",
    "TextMode",
    "TextModerationRequest",
    "TextRequest",
    "Tier",
    "TranscribeRequest",
    "Transcript",
    "TranscriptSegment",
    "TranscriptionProgress",
    "Unit",
    "Usage",
    "UsageSource",
    "Word",
    "located",
    "redacted",
]
