"""Sentiment of English text, sentence by sentence: MiniLM's vectors and a small head trained on open ratings.

``scripts/sentiment/train_head.py`` made the head, ``data/sentiment.json``; the same script tells its inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from broker_local import minilm
from broker_local.models import Lazy
from broker_local.sentences import sentences

HEAD = Path(__file__).parent / "data" / "sentiment.json"
VERSION = f"{minilm.VERSION}+head-1"

SURE = 0.6
"""A sentence this probable counts when it is asked whether a text praises and blames."""
SHARE = 0.25
"""Of the text's characters that praise, and blame, must each have for the text to be mixed."""


class Tone(Enum):
    """What a text says of what it speaks of."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    MIXED = "mixed"
    """Praise and blame; said of a whole text only, by a rule and without a probability of its own."""


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of the three classes of the head; they sum to 1."""

    positive: float
    negative: float
    neutral: float

    @property
    def tone(self) -> Tone:
        """The most probable class."""
        top = max(self.positive, self.negative, self.neutral)
        if top == self.positive:
            return Tone.POSITIVE
        return Tone.NEGATIVE if top == self.negative else Tone.NEUTRAL


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, by half-open code points, without the white space around it."""

    start: int
    end: int
    tone: Tone
    probabilities: Probabilities


@dataclass(frozen=True, slots=True)
class Sentiment:
    """Of a whole text.

    :param tone: the most probable class of ``probabilities``, or mixed. None for a text without a word: of
        emoji alone nothing can be said, as MiniLM does not know them.
    :param probabilities: the mean over the sentences, each weighing as much as it has characters. None as above.
    """

    tone: Tone | None
    probabilities: Probabilities | None
    sentences: tuple[Sentence, ...]


def detect(text: str) -> Sentiment:
    """The tone of a text and of its sentences. English only: in other languages the answer means nothing."""
    spans = [span for span in sentences(text) if any(each.isalnum() for each in text[slice(*span)])]
    if not spans:
        return Sentiment(None, None, ())
    return _whole([_sentence(text, *span) for span in spans])


def _sentence(text: str, start: int, end: int) -> Sentence:
    found = _probabilities(text[start:end])
    return Sentence(start, end, found.tone, found)


def _probabilities(sentence: str) -> Probabilities:
    head = _head.get()
    scores = head.weights @ minilm.token_vectors(sentence).mean(axis=0, dtype=np.float64) + head.bias
    powers = np.exp(scores - scores.max())
    negative, neutral, positive = (round(float(each), 6) for each in powers / powers.sum())
    return Probabilities(positive=positive, negative=negative, neutral=neutral)


def _whole(parts: Sequence[Sentence]) -> Sentiment:
    total = sum(each.end - each.start for each in parts)

    def mean(pick: Callable[[Probabilities], float]) -> float:
        return round(sum(pick(each.probabilities) * (each.end - each.start) for each in parts) / total, 6)

    def share(tone: Tone) -> float:
        sure = (each for each in parts if each.tone is tone and _top(each.probabilities) >= SURE)
        return sum(each.end - each.start for each in sure) / total

    found = Probabilities(
        positive=mean(lambda each: each.positive),
        negative=mean(lambda each: each.negative),
        neutral=mean(lambda each: each.neutral),
    )
    mixed = min(share(Tone.POSITIVE), share(Tone.NEGATIVE)) >= SHARE
    return Sentiment(Tone.MIXED if mixed else found.tone, found, tuple(parts))


def _top(found: Probabilities) -> float:
    return max(found.positive, found.negative, found.neutral)


@dataclass(frozen=True, slots=True)
class _Head:
    """One row of weights for negative, neutral, positive."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]


def _load() -> _Head:
    stored = json.loads(HEAD.read_text(encoding="utf-8"))
    if stored["vectors_sha256"] != minilm.SHA256:
        raise ValueError(
            "data/sentiment.json was trained on other vectors; run scripts/sentiment/train_head.py"
        )
    return _Head(np.array(stored["weights"]), np.array(stored["bias"]))


_head = Lazy(_load)
