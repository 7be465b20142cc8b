"""From a truth to the scores of a sample: by gold, or by a person, then or later."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from broker.errors import BadInput
from broker.quality.metrics.metric import ACCURACY, Drawn, right_or_wrong
from broker.quality.reference import Reference
from broker.samples.rows import Content, Sample, Score
from broker.samples.seen import class_token
from broker.scoring.score import class_of_truth, parse_truth, score, true_class, unit_score
from broker.scoring.settings import ScoringSettings
from broker.scoring.stored import read_answer
from broker.scoring.truth import Truth
from broker.types.json import JsonValue

if TYPE_CHECKING:
    from broker.samples.plan import Plan
    from broker.samples.store import SampleStore


def way_to(sample: Sample, reference: Reference) -> tuple[float, float, str]:
    """Probability, least probability and stratum with which a sample came to such a reference.

    Gold is there whoever is drawn; people see what step two has sent them.
    """
    stratum = f"{sample.design}|{sample.stratum}"
    if reference is Reference.GOLD or sample.refer_probability is None:
        return sample.probability, sample.least, stratum
    least = sample.least * (sample.refer_least or sample.refer_probability)
    return sample.probability * sample.refer_probability, least, f"{stratum}|{sample.refer_stratum or ''}"


def scores_of(
    sample: Sample,
    answer: Any,
    truth: Truth,
    *,
    reference: Reference,
    scoring: ScoringSettings,
    seed: bytes,
    metric: str | None,
    at: datetime,
    source: str,
    cluster: str | None = None,
) -> list[Score]:
    """What a sample's answer scores, by each metric that fits.

    :param answer: None: the call failed.
    :param metric: the use case's own; None: the operation's official one.
    :param source: which data set, or who.
    """
    probability, least, stratum = way_to(sample, reference)
    drawn = Drawn(cluster=cluster, stratum=stratum, probability=probability)
    found = score(
        sample.operation,
        answer,
        truth,
        item=sample.item,
        provider=sample.provider,
        settings=scoring,
        drawn=drawn,
    )
    return [
        Score(
            sample=sample.id,
            reference=reference,
            metric=each.id,
            version=each.version,
            official=place == 0 if metric is None else each.id == metric,
            parts=told.parts,
            unit=unit_score(each, told),
            drawn=told.drawn,
            least=least,
            at=at,
            source=source,
            truth_token=truth_token(sample, truth, seed, scoring),
        )
        for place, (each, told) in enumerate(found)
    ]


def truth_token(sample: Sample, truth: Truth, seed: bytes, scoring: ScoringSettings) -> str | None:
    """The truth's class as :attr:`.Sample.answer_token` is the answer's; None: it is no one class."""
    named = true_class(sample.operation, truth, scoring)
    return None if named is None else class_token(seed, sample.use_case, named)


def scores_by_token(
    sample: Sample,
    truth: Truth,
    *,
    scoring: ScoringSettings,
    seed: bytes,
    at: datetime,
    source: str,
    metric: str | None,
) -> list[Score]:
    """Right or wrong, by the token of the answer's class alone: the answer itself was not kept.

    Raises :class:`~broker.errors.BadInput` where answers of the operation are no classes, and where the class is too coarse.
    """
    named = None if class_of_truth(truth) is None else true_class(sample.operation, truth, scoring)
    if sample.answer_token is None or named is None:
        raise BadInput(
            f'the answer of this call was not kept, so nobody can tell whether it was right; set content = "answers" and '
            f"consent for the use case {sample.use_case!r}, for the calls to come"
        )
    right = class_token(seed, sample.use_case, named) == sample.answer_token
    if right and sample.operation == "text.detect_language" and "-" in (class_of_truth(truth) or ""):
        raise BadInput(
            "the answer was not kept, only that its language is this one: nobody can tell whether its script or region is; "
            f'give the language alone, or set content = "answers" and consent for the use case {sample.use_case!r}'
        )
    probability, least, stratum = way_to(sample, Reference.REVIEWED)
    told = right_or_wrong(sample.item, right, Drawn(stratum=stratum, probability=probability))
    return [
        Score(
            sample=sample.id,
            reference=Reference.REVIEWED,
            metric=ACCURACY.id,
            version=ACCURACY.version,
            official=metric in (None, ACCURACY.id),
            parts=told.parts,
            unit=told.parts[0],
            drawn=told.drawn,
            least=least,
            at=at,
            source=source,
            truth_token=truth_token(sample, truth, seed, scoring),
        )
    ]


def decide(
    store: SampleStore,
    plan: Plan,
    sample: Sample,
    raw: JsonValue,
    *,
    reference: Reference,
    at: datetime,
    source: str,
    waiting: bool = False,
) -> bool:
    """Score a sample that is in the store against a truth that came later, and keep the truth where content is kept.

    :param waiting: only while it waits for one. False: it does not, and nothing was kept.

    Raises :class:`~broker.errors.BadTruth`, :class:`~broker.errors.BadInput`, :class:`~broker.errors.QualityUnavailable`.
    """
    typed = parse_truth(sample.operation, raw, plan.scoring)
    kept = store.content(sample.id, "answer")
    if kept is None:
        scores = scores_by_token(
            sample,
            typed,
            scoring=plan.scoring,
            seed=plan.seed,
            at=at,
            source=source,
            metric=plan.settings.metric,
        )
    else:
        scores = scores_of(
            sample,
            read_answer(sample.operation, kept.value.decode()),
            typed,
            reference=reference,
            scoring=plan.scoring,
            seed=plan.seed,
            metric=plan.settings.metric,
            at=at,
            source=source,
        )
    if not store.add_scores(scores, waiting=waiting):
        return False
    if kept is not None:
        truth = json.dumps(raw).encode()
        store.keep(
            [Content(sample=sample.id, part="truth", kind="application/json", value=truth, until=kept.until)]
        )
    return True
