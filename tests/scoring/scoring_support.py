"""Answers and scores, short."""

from __future__ import annotations

from typing import Any

from broker.scoring import DEFAULTS, ScoringSettings, parse_truth, score
from broker.types.confidence import Confidence
from broker.types.face import Face, FaceSet
from broker.types.geometry import Frame, Region
from broker.types.hit import Hit, Score, ScoreKind, ScoreScale
from broker.types.label import DetectedObject, Label, LabelSet, ObjectSet
from broker.types.moderation import Harm, ModerationLabel, ModerationSet
from broker.types.search import SearchResults
from broker.types.sentiment import DocumentSentiment, Polarity, Sentiment
from broker.types.transcript import SpokenWord, Transcript, TranscriptSegment

UNKNOWN = Confidence.unknown()


def parts(
    operation: str,
    answer: Any,
    raw: Any,
    settings: ScoringSettings = DEFAULTS,
    provider: str = "aws",
) -> dict[str, tuple[float, ...]]:
    """Parts by metric."""
    truth = parse_truth(operation, raw, settings)
    scores = score(operation, answer, truth, item="a", provider=provider, settings=settings)
    return {metric.id: item.parts for metric, item in scores}


def labels(**sure: float) -> LabelSet:
    """By name, ``_`` for a space."""
    return LabelSet(
        labels=tuple(
            Label(name=name.replace("_", " "), confidence=Confidence.ratio(number))
            for name, number in sure.items()
        )
    )


def region(*sides: float) -> Region:
    """Left, top, width, height in ratios."""
    return Region.from_ratio_box(*sides)


def objects(*found: tuple[str, tuple[float, float, float, float]], frame: Frame | None = None) -> ObjectSet:
    """Names with boxes."""
    return ObjectSet(
        objects=tuple(
            DetectedObject(name=name, confidence=Confidence.ratio(0.9), region=region(*box))
            for name, box in found
        ),
        frame=frame,
    )


def faces(*boxes: tuple[float, float, float, float], frame: Frame | None = None) -> FaceSet:
    """Boxes."""
    return FaceSet(faces=tuple(Face(region=region(*box), confidence=UNKNOWN) for box in boxes), frame=frame)


def harms(*said: tuple[Harm, Confidence]) -> ModerationSet:
    """Harms with how sure, likely or severe."""
    return ModerationSet(
        labels=tuple(ModerationLabel(harm=harm, name=harm.value, confidence=sure) for harm, sure in said)
    )


def sentiment(label: Polarity, score: float | None = None, sure: float | None = None) -> DocumentSentiment:
    """One label."""
    return DocumentSentiment(document=Sentiment(label=label, confidence=Confidence.ratio(sure), score=score))


def hits(*ids: str) -> SearchResults:
    """Documents, the best first."""
    scale = ScoreScale(name="x", kind=ScoreKind.RATIO)
    return SearchResults(
        hits=tuple(
            Hit(id=id, rank=rank, score=Score(value=1 / rank, raw=1 / rank, scale=scale))
            for rank, id in enumerate(ids, 1)
        )
    )


def transcript(text: str, *segments: tuple[str, int | None, int | None, str | None]) -> Transcript:
    """Text, and segments of text, start, end, speaker."""
    return Transcript(
        text=text,
        segments=tuple(
            TranscriptSegment(text=said, start_ms=start, end_ms=end, confidence=UNKNOWN, speaker=speaker)
            for said, start, end, speaker in segments
        ),
    )


def word(
    text: str, start: int, end: int, speaker: str | None = None, sure: float | None = None
) -> SpokenWord:
    """One spoken word."""
    return SpokenWord(
        text=text, start_ms=start, end_ms=end, confidence=Confidence.ratio(sure), speaker=speaker
    )
