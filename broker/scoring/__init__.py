"""From an operation's answer and an item's truth to scores; agreement of answers; answers kept. See docs/datasets.md."""

from __future__ import annotations

from broker.scoring.score import (
    NoMetric,
    answer_class,
    class_of_truth,
    confidence_of,
    is_empty,
    metrics_of,
    no_metric,
    parse_truth,
    pinned_answer,
    right_answer,
    same_answer,
    score,
    unit_score,
)
from broker.scoring.scorer import Agreement, Scores
from broker.scoring.settings import (
    DEFAULTS,
    ConceptBars,
    ModerationPolicy,
    ScoringSettings,
    SentimentCuts,
    fit_cuts,
)
from broker.scoring.stored import read_answer, stored_answer
from broker.scoring.truth import (
    AnalysisTruth,
    BoxTruth,
    ClassTruth,
    HarmTruth,
    LabelTruth,
    PhraseTruth,
    RankTruth,
    SpanTruth,
    SpeechTruth,
    Truth,
    WrittenTruth,
)

__all__ = [
    "DEFAULTS",
    "Agreement",
    "AnalysisTruth",
    "BoxTruth",
    "ClassTruth",
    "ConceptBars",
    "HarmTruth",
    "LabelTruth",
    "ModerationPolicy",
    "NoMetric",
    "PhraseTruth",
    "RankTruth",
    "Scores",
    "ScoringSettings",
    "SentimentCuts",
    "SpanTruth",
    "SpeechTruth",
    "Truth",
    "WrittenTruth",
    "answer_class",
    "class_of_truth",
    "confidence_of",
    "fit_cuts",
    "is_empty",
    "metrics_of",
    "no_metric",
    "parse_truth",
    "pinned_answer",
    "read_answer",
    "right_answer",
    "same_answer",
    "score",
    "stored_answer",
    "unit_score",
]
