"""Scores, agreement and features of answers, for every operation by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from broker.errors import BadTruth
from broker.quality.drift.pinned import PinnedAnswer
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric
from broker.scoring.operations import scorer_of
from broker.scoring.pictures import decision
from broker.scoring.scorer import Agreement, Asked, Pair, Scores
from broker.scoring.settings import DEFAULTS, ScoringSettings
from broker.scoring.truth import ClassTruth, HarmTruth, Truth
from broker.types.analysis import PARTS
from broker.types.json import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMetric:
    """An operation whose answers have no official figure.

    :param reason: why, for people.
    """

    operation: str
    reason: str


def no_metric(operation: str) -> NoMetric | None:
    """Why an operation has no metric; None: it has. Raises :class:`~broker.errors.BadInput` for an unknown one."""
    reason = scorer_of(operation).reason
    return NoMetric(operation=operation, reason=reason) if reason else None


def metrics_of(operation: str, settings: ScoringSettings = DEFAULTS) -> tuple[Metric, ...]:
    """All that items can have, the official one first; none exactly where :func:`no_metric` says why.

    Which of them an item has depends on its truth: of a text in a picture without places there is none by place.
    """
    return scorer_of(operation).metrics(settings)


def parse_truth(
    operation: str, raw: JsonValue, settings: ScoringSettings = DEFAULTS, *, where: str = ""
) -> Truth:
    """The truth of an item, typed. docs/datasets.md has the forms.

    :param raw: as a data set has it; of a table's cell also as JSON text.
    :param where: file and line, for the message.

    Raises :class:`~broker.errors.BadTruth` saying how it is written, without repeating it.
    """
    scorer = scorer_of(operation)
    place = f"{where}: " if where else ""
    if raw is None:
        raise BadTruth(f"{place}there is no truth for {operation}")
    try:
        truth: Truth = scorer.truth(raw, settings)
    except ValueError as error:
        raise BadTruth(f"{place}the truth for {operation} cannot be used: {error}") from None
    return truth


def score(
    operation: str,
    answer: Any,
    truth: Truth,
    *,
    item: str,
    provider: str,
    settings: ScoringSettings = DEFAULTS,
    drawn: Drawn = EVERY_ITEM,
) -> Scores:
    """What an answer scores against the truth, by each metric that fits, the official one first.

    :param answer: the result's value; None: the call failed, which counts as the worst answer and is told apart.
    :param item: its name; ``drawn``: how it came to be looked at.
    :param provider: who answered (``aws``, ``aws:prod``): words of labels are the provider's own.
    """
    return scorer_of(operation).scores(
        answer, truth, Asked(item=item, provider=provider, settings=settings, drawn=drawn)
    )


def unit_score(metric: Metric, score: ItemScore) -> float | None:
    """One item's score as a number 0..1, 1 best, as e-processes and detectors take it.

    Error rates are 1 less the rate, 0 at the least. None: the item has none (nothing there, nothing found), or the metric
    is a cost, which has no worst.
    """
    value = metric.of(score.parts)
    if value is None or metric.parts[0] == "cost":
        return None
    return min(1.0, max(0.0, value if metric.higher_is_better else 1.0 - value))


def right_answer(scores: Scores, settings: ScoringSettings = DEFAULTS) -> bool | None:
    """Whether an answer is right as a whole, for what counts right ones (cost of a right one, pinned sets, flips).

    By the first metric that knows right and wrong; else by the official score, from ``settings.right_from`` on. An analysis
    is right if all its parts are. None: the call failed, or the item has no score.
    """
    if not scores or any(item.failed for _, item in scores):
        return None
    parts: dict[str, list[tuple[Metric, ItemScore]]] = {}
    for metric, item in scores:
        part = metric.id.partition("/")[0]
        parts.setdefault(part if part in PARTS else "", []).append((metric, item))
    known = [right for each in parts.values() if (right := _right(each, settings)) is not None]
    return all(known) if known else None


def _right(scores: Sequence[tuple[Metric, ItemScore]], settings: ScoringSettings) -> bool | None:
    decided = next((item for metric, item in scores if metric.binary), None)
    if decided is not None:
        return decided.parts[0] > 0
    unit = unit_score(*scores[0])
    return None if unit is None else unit >= settings.right_from


def same_answer(
    operation: str,
    a: Any,
    b: Any,
    *,
    providers: tuple[str, str] = ("any", "any"),
    settings: ScoringSettings = DEFAULTS,
) -> Agreement:
    """How far two providers' answers to one item agree; neither is taken for right."""
    return scorer_of(operation).same(a, b, Pair(providers=providers, settings=settings))


def confidence_of(operation: str, answer: Any) -> float | None:
    """The answer's confidence on its provider's own scale (0..1), never to be compared between providers.

    Of the best label, object, face, phrase, language; the mean of mentions, lines and segments. None: it gives none.
    """
    return scorer_of(operation).confidence(answer)


def is_empty(operation: str, answer: Any) -> bool:
    """Nothing is in the answer, which is not good by itself: nobody knows whether there was nothing."""
    return scorer_of(operation).empty(answer)


def answer_class(
    operation: str, answer: Any, *, provider: str, settings: ScoringSettings = DEFAULTS
) -> str | None:
    """The answer as one class, for votes, confusions and mixes; None: answers of this operation are no classes."""
    return scorer_of(operation).named(answer, provider, settings)


def class_of_truth(truth: Truth) -> str | None:
    """The truth as one class of :func:`answer_class`; None: it is none, or there are several."""
    if isinstance(truth, ClassTruth):
        return truth.name
    return decision(truth.harms) if isinstance(truth, HarmTruth) else None


def true_class(operation: str, truth: Truth, settings: ScoringSettings = DEFAULTS) -> str | None:
    """The truth as the class that an error is told by, beside :func:`answer_class`; None: it is none, or several.

    Of a language without script and region; of labels where one concept alone is there.
    """
    return scorer_of(operation).true_class(truth, settings)


def class_called(operation: str, name: str, settings: ScoringSettings = DEFAULTS) -> str | None:
    """The class of :func:`answer_class` that people mean by a name; None: answers are never of that name."""
    return scorer_of(operation).class_called(name, settings)


def rates(operation: str, settings: ScoringSettings = DEFAULTS) -> bool:
    """Whether the confidence is about the one class that is answered, so that it can be right as often as it says.

    Not so of a label among several, and of harms: there it says how sure one finding is, not the answer.
    """
    return scorer_of(operation).rates(settings)


def pinned_answer(operation: str, item: str, answer: Any, *, right: bool | None = None) -> PinnedAnswer:
    """An answer as the pinned set keeps it: labels and confidences; None: the call failed.

    Lists of them go to ``behaviour_token`` and ``replay``. Transcripts and texts in pictures are digests there.
    """
    labels = () if answer is None else scorer_of(operation).told(answer)
    return PinnedAnswer(item=item, labels=labels, right=right, failed=answer is None)
