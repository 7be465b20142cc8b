"""Answers and truths as they are written by people and in tables: a class, or what was said."""

from __future__ import annotations

from typing import Any

from broker.scoring.score import answer_class, class_of_truth
from broker.scoring.settings import ScoringSettings
from broker.scoring.stored import read_answer
from broker.scoring.truth import SpeechTruth, Truth
from broker.types.transcript import Transcript


def told_answer(operation: str, stored: str, provider: str, scoring: ScoringSettings) -> str | None:
    """Of an answer as it is kept; None where an answer says more than a class, and is no text."""
    answer: Any = read_answer(operation, stored)
    if isinstance(answer, Transcript):
        return answer.text
    return answer_class(operation, answer, provider=provider, settings=scoring)


def told_truth(truth: Truth) -> str | None:
    """The same of a truth."""
    return truth.text if isinstance(truth, SpeechTruth) else class_of_truth(truth)
