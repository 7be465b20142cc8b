"""Samples with all that was answered to them as a table: item, provider, answer, confidence, truth, price, as others read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from broker.errors import BadInput
from broker.quality.reference import Reference
from broker.samples.label import way_to
from broker.samples.plan import Plan
from broker.samples.rows import Sample, SampleQuery, Shadow
from broker.samples.store import SampleStore
from broker.samples.told import told_answer, told_truth
from broker.scoring.score import parse_truth

COLUMNS = (
    "item", "provider", "answer", "confidence", "truth", "price", "failed", "stratum", "probability", "model", "at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One answer of one provider.

    :param probability: with which its item is in the table; weigh by it.
    """

    item: str
    provider: str
    answer: str | None
    confidence: float | None
    truth: str | None
    price: str | None
    failed: bool
    stratum: str
    probability: float
    model: str
    at: str


def lines(store: SampleStore, plan: Plan, query: SampleQuery) -> Iterator[Line]:
    """Every sampled call of a use case, and what others answered to it.

    Raises :class:`~broker.errors.BadInput` where answers are not kept, or are neither classes nor texts.
    """
    if plan.settings.content == "off":
        raise BadInput(
            f'the answers of {plan.name} are not kept, so there are none to write; set content = "answers" and consent for it'
        )
    samples = store.samples(query)
    by_sample: dict[int, list[Shadow]] = {}
    for shadow in store.shadows(query):
        by_sample.setdefault(shadow.sample, []).append(shadow)
    kept = told = 0
    for sample in samples:
        parts = store.parts_kept(sample.id)
        truth = _truth(store, plan, sample) if "truth" in parts else None
        for provider, confidence, price, model, failed in _answers(sample, by_sample.get(sample.id, [])):
            part = "answer" if provider == sample.provider else f"shadow:{provider}"
            content = store.content(sample.id, part) if part in parts else None
            if content is None and not failed:
                continue  # its time is over, or it was erased
            answer = None
            if content is not None:
                kept += 1
                answer = told_answer(sample.operation, content.value.decode(), provider, plan.scoring)
                told += answer is not None
                if answer is None:
                    continue
            yield Line(
                item=sample.item,
                provider=provider,
                answer=answer,
                confidence=confidence,
                truth=truth,
                price=price,
                failed=failed,
                stratum=sample.stratum,
                probability=way_to(sample, Reference.REVIEWED)[0]
                if truth is not None
                else sample.probability,
                model=model,
                at=sample.at.isoformat(),
            )
    if kept and not told:
        raise BadInput(
            f"answers of {plan.settings.operation} are neither classes nor texts, so a table has no place for them"
        )


def _answers(
    sample: Sample, shadows: list[Shadow]
) -> Iterator[tuple[str, float | None, str | None, str, bool]]:
    price = None if sample.cost is None else str(sample.cost)
    yield sample.provider, sample.confidence, price, sample.model_version, sample.failed
    for each in shadows:
        cost = None if each.cost is None else str(each.cost)
        yield each.provider, each.confidence, cost, each.model_version, each.error is not None


def _truth(store: SampleStore, plan: Plan, sample: Sample) -> str | None:
    content = store.content(sample.id, "truth")
    if content is None:
        return None
    return told_truth(parse_truth(sample.operation, json.loads(content.value), plan.scoring))
