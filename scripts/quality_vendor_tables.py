"""Tables of :mod:`quality_tables` about the answers of real vendors themselves, beside published figures."""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import quality_sidecars as sidecars
import vendor_outputs as given
from quality_verdicts import holds

from broker.quality.always import EProcess
from broker.quality.bootstrap import bootstrap
from broker.quality.calibration import calibration_error, isotonic, ranks_right
from broker.quality.drift.pinned import PinnedAnswer, replay
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import ItemScore, value
from broker.quality.metrics.normalise import PLAIN, SPOKEN_EN, Normaliser
from broker.quality.metrics.wordings import Worded, worded_wer_metric, worded_wer_score
from broker.quality.metrics.words import wer_metric, wer_score
from broker.quality.paired import compare
from broker.quality.ranks import agreement_ranks
from broker.quality.recorded import answers_by_item, by_provider, truths
from broker.quality.routing import routing_gain
from broker.quality.votes import VoteModel, dawid_skene, learn

SAVED = {"audiomnist": 89, "ferplus": 45, "digit": 41, "shop": 34, "expw": 19, "fluent": 19, "imdb": 12}
"""Per cent, by another program of the same rule."""


def vendors(data: Path, runs: int) -> Iterator[str]:
    """Accuracies by the sets' own column, and by reading their labels, beside those measured when the method was made."""
    del runs
    yield "| set | provider | items | measured then | here | by labels | |"
    yield "|---|---|---|---|---|---|---|"
    for name, published in given.PUBLISHED.items():
        rows = given.table(data, name)
        for provider, wanted in zip(given.PROVIDERS[given.FAMILY[name]], published, strict=True):
            right = given.rights(data, name, provider)
            labels = sum(row[f"{provider}.label"] == row["truth"] for row in rows)
            accuracy = 100 * sum(right) / len(right)
            yield (
                f"| {name} | {provider} | {len(rows)} | {wanted} | {accuracy:.1f} | {100 * labels / len(rows):.1f} | "
                f"{holds(abs(accuracy - wanted) < 0.06)} |"
            )


def prime(data: Path, runs: int) -> Iterator[str]:
    """A real silent update (LLMDrift, PRIME): a pinned set of 1,000, March against June 2023; published 84.0 -> 51.1."""
    yield "| model | before -> after | lost, gained | p | flips | items until e >= 1000 against 79 %: median, 90 % |"
    yield "|---|---|---|---|---|---|"
    rows = given.prime(data)
    for family in ("gpt-4", "3.5"):
        versions = sorted({row["model"] for row in rows if family in row["model"]})
        told = replay(*(_run(rows, version) for version in versions))
        after, draw, delays = _run(rows, versions[-1]), random.Random(1), []
        for _ in range(min(runs, 300)):
            process = EProcess(bar=0.79)
            for answer in draw.sample(after, len(after)):
                process = process.after(float(bool(answer.right)))
                if process.rejected(0.001):
                    delays.append(process.seen)
                    break
        delays.sort()
        late = delays[int(0.9 * len(delays))] if delays else math.nan
        yield (
            f"| {family} | {100 * (told.accuracy_before or 0):.1f} -> {100 * (told.accuracy_after or 0):.1f} | "
            f"{told.lost}, {told.gained} | {told.p_value:.1g} | {100 * (told.flip_rate or 0):.1f} | "
            f"{median(delays) if delays else math.nan:.0f}, {late:.0f} (of {len(delays)} seen) |"
        )


def _run(rows: list[dict[str, str]], model: str) -> list[PinnedAnswer]:
    run = []
    for row in rows:
        if row["model"] == model:
            said = [word for word in PLAIN.words(row["answer"]) if word in ("yes", "no")]
            labels = ((said[-1], None),) if said else ()
            right = bool(said) and said[-1] == row["truth"].lower()
            run.append(PinnedAnswer(item=row["id"], labels=labels, right=right))
    return run


def _points(found: Estimate) -> str:
    ends = (found.point, found.low, found.high)
    return "{:.1f} ({:.1f} to {:.1f})".format(*(100 * (each or 0.0) for each in ends))


def routing(data: Path, runs: int) -> Iterator[str]:
    """What two providers in a row save at the best one's accuracy, told by the half they were not learned on (5 splits)."""
    del runs
    yield "| set | saved: another program | here (95 %) | of the splits | accuracy less the best's | mostly |"
    yield "|---|---|---|---|---|---|"
    for name, saved in SAVED.items():
        told = routing_gain(*given.routed(data, name))
        if told is not None:
            way = told.cascades[0]
            yield (
                f"| {name} | {saved} | {_points(told.saved)} | {100 * told.lowest:.0f} to {100 * told.highest:.0f} | "
                f"{_points(told.gained)} | {way.first}, then {way.second} |"
            )


def votes(data: Path, runs: int) -> Iterator[str]:
    """Consensus: the order it gives, what it would have told as accuracy, and soft labels before and after gold."""
    del runs
    yield "| set | order right | largest overstatement | ECE without gold | ECE with 400 gold | label right: without, with |"
    yield "|---|---|---|---|---|---|"
    for name in given.PUBLISHED:
        rows = given.rows(data, name, sample=4000)
        answers = {item: list(each.items()) for item, each in answers_by_item(rows).items()}
        truth = truths(rows)
        accuracy = {
            provider: sum(bool(row.right) for row in each) / len(each)
            for provider, each in by_provider(rows).items()
        }
        order = list(agreement_ranks(answers).order)
        right = all(accuracy[a] > accuracy[b] - 0.01 for a, b in pairwise(order))
        model = dawid_skene(answers)
        over = max(
            sum(model.prior[label] * row[label].get(label, 0.0) for label in model.classes)
            - accuracy[provider]
            for provider, row in model.confusions.items()
        )
        gold = dict(list(truth.items())[:400])
        told = [judged(each, answers, truth, gold) for each in (model, learn(answers, gold))]
        yield (
            f"| {name} | {'yes' if right else 'no'} | {100 * over:.1f} | {100 * told[0][0]:.1f} | {100 * told[1][0]:.1f} | "
            f"{100 * told[0][1]:.1f}, {100 * told[1][1]:.1f} |"
        )


def judged(
    model: VoteModel, answers: dict[str, list[tuple[str, str]]], truth: dict[str, str], gold: dict[str, str]
) -> tuple[float, float]:
    """Calibration error and accuracy of the likeliest label, on items without gold."""
    rated = []
    for item, label in truth.items():
        if item not in gold:
            found = model.probabilities(answers[item])
            likeliest = max(found, key=lambda each: found[each])
            rated.append((found[likeliest], likeliest == label))
    return calibration_error(rated) or 0.0, sum(right for _, right in rated) / len(rated)


def confidence(data: Path, runs: int) -> Iterator[str]:
    """Vendors' confidences as probabilities: as they are, and through a map learned on 400 items."""
    del runs
    yield "| set | provider | ECE as it is | ECE mapped | AUROC |"
    yield "|---|---|---|---|---|"
    for name in given.PUBLISHED:
        if name == "affectnet":  # has no confidences
            continue
        for provider, rows in by_provider(given.rows(data, name, sample=4000)).items():
            rated = [(row.confidence, bool(row.right)) for row in rows if row.confidence is not None]
            learned = isotonic(rated[:400])
            after = calibration_error([(learned(sure), right) for sure, right in rated[400:]])
            before = calibration_error([(min(1.0, sure), right) for sure, right in rated[400:]])
            yield f"| {name} | {provider} | {100 * (before or 0):.1f} | {100 * (after or 0):.1f} | {ranks_right(rated) or 0:.2f} |"


EARNINGS = {
    "google": (17.8, 17.8),
    "amazon": (17.0, 17.3),
    "microsoft": (15.8, 18.9),
    "speechmatics": (16.0, 18.0),
}
"""Per cent, on all 44 calls: published by those who made the set; measured with small letters and marks removed."""
_MARKS = str.maketrans("", "", string.punctuation)
STRIPPED = Normaliser(name="stripped/1", words=lambda text: text.lower().translate(_MARKS).split())


def plainly(calls: list[dict[str, Any]], vendor: str, normaliser: Normaliser) -> list[ItemScore]:
    """Errors and words of each call, whatever else might have been right."""
    return [wer_score(str(call["file"]), call["reference"], call[vendor], normaliser) for call in calls]


def as_published(
    calls: list[dict[str, Any]], vendor: str, references: Sequence[Sequence[Worded]]
) -> list[ItemScore]:
    """Errors and words of each call, as those who made the set score it."""
    return [
        worded_wer_score(str(call["file"]), reference, call[vendor], sidecars.WRITTEN)
        for call, reference in zip(calls, references, strict=True)
    ]


def earnings(data: Path, runs: int) -> Iterator[str]:
    """Word error rates of the earnings calls given, half of them, beside those published for all 44.

    How far a half may be from the whole by chance: 95 % of the halves that could have been given. Two things of the
    publishers' cannot be done here: their tool searches within a beam, so that it counts a few errors more than the fewest;
    and it takes some of Google's per cent signs for punctuation, which the transcripts given do not tell.
    """
    del runs
    calls = given.calls(data)
    metric = worded_wer_metric(sidecars.WRITTEN)
    references = {also: [sidecars.worded(call, synonyms=also) for call in calls] for also in (False, True)}
    rows: dict[str, list[str]] = {}
    plain: dict[str, list[ItemScore]] = {}
    for vendor, (published, whole) in EARNINGS.items():
        for normaliser in (PLAIN, SPOKEN_EN, STRIPPED):
            scores = plain[f"{normaliser.name} {vendor}"] = plainly(calls, vendor, normaliser)
            each = bootstrap(wer_metric(normaliser), scores)
            told = (
                f"{100 * (each.point or 0):.2f} [{100 * (each.low or 0):.1f}, {100 * (each.high or 0):.1f}]"
            )
            rows.setdefault(normaliser.name, []).append(told)
        rows.setdefault("stripped, on all 44", []).append(f"{whole}")
        without = value(metric, as_published(calls, vendor, references[False])) or 0
        rows.setdefault("the set's wordings", []).append(f"{100 * without:.2f}")
        each = bootstrap(metric, as_published(calls, vendor, references[True]))
        rows.setdefault("and synonyms: as published", []).append(f"{100 * (each.point or 0):.2f}")
        rows.setdefault("published, on all 44", []).append(f"{published}")
        apart, chance = 100 * (each.point or 0) - published, 100 * (each.half_width or 0) / math.sqrt(2)
        rows.setdefault("apart", []).append(f"{apart:+.2f}")
        rows.setdefault("within half a point", []).append("yes" if abs(apart) <= 0.5 else "no")
        rows.setdefault("a half, by chance", []).append(f"±{chance:.2f}")
        rows.setdefault("within that", []).append(holds(abs(apart) <= chance))
    yield f"| {len(calls)} calls | " + " | ".join(EARNINGS) + " |"
    yield "|---|---|---|---|---|"
    for what, cells in rows.items():
        yield f"| {what} | " + " | ".join(cells) + " |"
    for normaliser in (PLAIN, SPOKEN_EN):
        told_pair = compare(
            wer_metric(normaliser),
            plain[f"{normaliser.name} amazon"],
            plain[f"{normaliser.name} microsoft"],
            0.005,
        )
        yield ""
        yield (
            f"Amazon against Microsoft, {normaliser.name}: {told_pair.verdict.value}, gain {100 * (told_pair.gain or 0):+.1f} "
            f"[{100 * (told_pair.low or 0):+.1f}, {100 * (told_pair.high or 0):+.1f}]"
        )


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "vendors": vendors,
    "votes": votes,
    "confidence": confidence,
    "routing": routing,
    "prime": prime,
    "earnings": earnings,
}
