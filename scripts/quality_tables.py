"""Proves the statistics of quality on answers of real vendors and on simulated streams, and prints the tables.

    python scripts/quality_tables.py --data ../shared/datasets            # everything, in some minutes
    python scripts/quality_tables.py --data … --runs 200 coverage delay   # some of it, in less

The tests hold smaller forms of the same.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import vendor_outputs as given

from broker.quality.always import bets
from broker.quality.bootstrap import bootstrap
from broker.quality.calibration import calibration_error, isotonic, ranks_right
from broker.quality.drift.detector import Detector, expected_delay, first_alarm
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval, wilson
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, right_or_wrong, value
from broker.quality.metrics.normalise import PLAIN, SPOKEN_EN
from broker.quality.metrics.wordings import worded_wer_metric, worded_wer_score
from broker.quality.metrics.words import wer_metric, wer_score
from broker.quality.paired import compare
from broker.quality.ppi import ppi, ppi_allowed
from broker.quality.ranks import agreement_ranks
from broker.quality.recorded import answers_by_item, by_provider, truths
from broker.quality.stratified import Stratum, neyman, stratified
from broker.quality.votes import VoteModel, dawid_skene, learn
from broker.quality.weighted import hajek

STREAMS = [
    ("fluent", "ibm", "google"),
    ("imdb", "amazon", "google"),
    ("ferplus", "microsoft", "google"),
    ("shop", "baidu", "google"),
    ("expw", "microsoft", "google"),
    ("audiomnist", "google", "microsoft"),
    ("digit", "ibm", "microsoft"),
]


def held(told: Estimate, truth: float) -> bool:
    """The interval holds the truth."""
    return told.low is not None and told.high is not None and told.low <= truth <= told.high


class Tally:
    """How often intervals held, and how wide they were."""

    def __init__(self) -> None:
        self.runs = self.held = 0
        self.width = 0.0

    def add(self, told: Estimate, truth: float) -> None:
        """One interval more."""
        self.runs += 1
        self.held += held(told, truth)
        self.width += 2 * (told.half_width or 0.0)

    def __str__(self) -> str:
        return f"{100 * self.held / self.runs:.1f} / {100 * self.width / self.runs:.1f}" if self.runs else "-"


def coverage(data: Path, runs: int) -> Iterator[str]:
    """Coverage and width (points) of each interval on real streams: items with truth drawn alike, or by strata."""
    yield "| stream | accuracy | n | Wilson | as chosen | PPI where allowed (share) | strata, Neyman |"
    yield "|---|---|---|---|---|---|---|"
    for name, provider, other in STREAMS:
        rows = given.table(data, name)
        right = given.rights(data, name, provider)
        truth = sum(right) / len(right)
        agrees = [float(row[f"{provider}.label"] == row[f"{other}.label"]) for row in rows]
        unlabelled = random.Random(1).sample(agrees, min(len(agrees), 10_000))
        members = strata(data, name, provider)
        weights = {stratum: len(each) / len(right) for stratum, each in members.items()}
        for n in (50, 100, 300):
            draw = random.Random(n)
            plain, chosen, helped, layered = Tally(), Tally(), Tally(), Tally()
            for _ in range(runs):
                sample = draw.sample(range(len(right)), n)
                hits = sum(right[i] for i in sample)
                plain.add(wilson(hits, n), truth)
                chosen.add(share_interval(hits, n), truth)
                gold, guesses = [float(right[i]) for i in sample], [agrees[i] for i in sample]
                if ppi_allowed(gold, guesses):
                    helped.add(ppi(gold, guesses, unlabelled), truth)
                layered.add(two_phase(draw, members, weights, right, n), truth)
            allowed = f"{helped} ({helped.runs / runs:.0%})"
            yield f"| {name} {provider} | {100 * truth:.1f} | {n} | {plain} | {chosen} | {allowed} | {layered} |"


def strata(data: Path, name: str, provider: str) -> dict[str, list[int]]:
    """Items by how many others agree and by thirds of confidence."""
    rows = given.table(data, name)
    others = [each for each in given.PROVIDERS[given.FAMILY[name]] if each != provider]
    sure = sorted(float(row[f"{provider}.confidence"]) for row in rows)
    cuts = (sure[len(sure) // 3], sure[2 * len(sure) // 3])
    found: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        agreeing = sum(row[f"{other}.label"] == row[f"{provider}.label"] for other in others)
        level = sum(float(row[f"{provider}.confidence"]) >= cut for cut in cuts)
        found.setdefault(f"{agreeing}-{level}", []).append(index)
    return found


def two_phase(
    draw: random.Random,
    members: dict[str, list[int]],
    weights: dict[str, float],
    right: Sequence[int],
    n: int,
) -> Estimate:
    """A third of the items in proportion, the rest where answers vary (Neyman)."""
    order = {name: draw.sample(each, min(len(each), n)) for name, each in members.items()}
    first = {name: max(1, round(n / 3 * weight)) for name, weight in weights.items()}
    spreads = {
        name: Stratum(
            name=name, weight=1, hits=sum(right[i] for i in order[name][:k]), n=len(order[name][:k])
        ).spread
        for name, k in first.items()
    }
    plan = neyman(weights, spreads, n)
    counts = {name: min(len(order[name]), max(first[name], plan[name])) for name in weights}
    while sum(counts.values()) > n:  # small strata had more in the first phase than they were to have
        largest = max(
            (name for name, count in counts.items() if count > first[name]),
            key=counts.__getitem__,
            default=None,
        )
        if largest is None:
            break
        counts[largest] -= 1
    return stratified(
        [
            Stratum(name=name, weight=weights[name], hits=sum(right[i] for i in order[name][:k]), n=k)
            for name, k in counts.items()
        ]
    )


def exact(data: Path, runs: int) -> Iterator[str]:
    """Coverage of intervals of shares, summed over all outcomes: exact."""
    del data, runs
    yield "| share | n | Wilson | as chosen |"
    yield "|---|---|---|---|"
    for share in (0.5, 0.9, 0.99):
        for n in (50, 100, 300):
            told = []
            for interval in (wilson, share_interval):
                total = 0.0
                for hits in range(n + 1):
                    if held(interval(hits, n), share):
                        total += math.comb(n, hits) * share**hits * (1 - share) ** (n - hits)
                told.append(f"{100 * total:.1f}")
            yield f"| {share} | {n} | {told[0]} | {told[1]} |"


def weights(data: Path, runs: int) -> Iterator[str]:
    """Disagreements drawn more often, at rates that change in mid-stream: Hájek, and what leaving the weights out says."""
    yield "| stream | truth | Hájek mean | error of that mean | coverage | naive mean |"
    yield "|---|---|---|---|---|---|"
    for name, provider, other in STREAMS[:5]:
        rows = given.table(data, name)[::4]
        right = given.rights(data, name, provider)[::4]
        truth, draw = sum(right) / len(right), random.Random(4)
        agrees = [row[f"{provider}.label"] == row[f"{other}.label"] for row in rows]
        points, naive, covered = [], [], 0
        repeats = max(20, runs // 3)
        for _ in range(repeats):
            scores: list[ItemScore] = []
            for index, hit in enumerate(right):
                p = (0.03 if agrees[index] else 0.12) * (2 if 2 * index > len(right) else 1)
                if draw.random() < p:
                    scores.append(right_or_wrong(str(index), bool(hit), Drawn(probability=p)))
            told = hajek(ACCURACY, scores)
            points.append(told.point or 0.0)
            covered += held(told, truth)
            naive.append(sum(score.parts[0] for score in scores) / len(scores))
        mean = sum(points) / repeats
        error = math.sqrt(sum((each - mean) ** 2 for each in points) / (repeats - 1) / repeats)
        yield (
            f"| {name} {provider} | {100 * truth:.2f} | {100 * mean:.2f} | {100 * error:.2f} | "
            f"{100 * covered / repeats:.0f} | {100 * sum(naive) / repeats:.1f} |"
        )


def peeking(data: Path, runs: int) -> Iterator[str]:
    """False alarms when a bound is looked at after each of 5,000 items."""
    del data
    yield "| truth = bar | streams | e-process, 5 % | one-sided Wald bound |"
    yield "|---|---|---|---|"
    for bar in (0.8, 0.9, 0.95):
        draw, alarms, waldish = random.Random(7), 0, 0
        streams = max(50, runs)
        for _ in range(streams):
            right, seen, crossed, purses = 0, False, False, [1.0] * len(bets(bar))
            for n in range(1, 5001):
                hit = draw.random() < bar
                right += hit
                gain = bar - hit
                purses = [purse * (1 + bet * gain) for purse, bet in zip(purses, bets(bar), strict=True)]
                seen = seen or sum(purses) / len(purses) >= 20
                share = right / n
                crossed = crossed or (n >= 20 and share + 1.645 * math.sqrt(share * (1 - share) / n) < bar)
            alarms += seen
            waldish += crossed
        yield f"| {bar} | {streams} | {100 * alarms / streams:.1f} | {100 * waldish / streams:.1f} |"


def delay(data: Path, runs: int) -> Iterator[str]:
    """e-detectors: false alarms within 6,000 samples at 0.9, and how soon a drop after 3,000 is seen."""
    del data
    yield "| detector | false alarm in 6,000 | to 0.80: seen / median | to 0.85: seen / median |"
    yield "|---|---|---|---|"
    for threshold, bar in ((50_000.0, 0.90), (50_000.0, 0.88), (10_000.0, 0.88)):
        detector, draw = Detector(bar=bar, threshold=threshold), random.Random(8)
        false = sum(
            first_alarm(detector, (float(draw.random() < 0.9) for _ in range(6000))) is not None
            for _ in range(runs)
        )
        told = []
        for after in (0.80, 0.85):
            each = expected_delay(
                detector, before=0.9, after=after, warm=3000, horizon=3000, runs=runs, seed=9
            )
            kept = each.seen * (1 - each.early)  # of all runs, as the others were counted
            told.append(f"{100 * kept:.1f} / {'-' if each.median is None else each.median}")
        yield f"| A = {threshold:.0f}, bar {bar} | {100 * false / runs:.1f} | {told[0]} | {told[1]} |"


def arl(data: Path, runs: int) -> Iterator[str]:
    """Mean run length to a false alarm, the mean of the scores being at the bar: at least A."""
    del data
    yield "| A | bar | mean run length | its error |"
    yield "|---|---|---|---|"
    for threshold in (100.0, 1000.0):
        for bar in (0.7, 0.9):
            draw, repeats = random.Random(3), max(50, runs // 4)
            lengths = []
            for _ in range(repeats):
                stream = (float(draw.random() < bar) for _ in range(int(100 * threshold)))
                lengths.append(
                    first_alarm(Detector(bar=bar, threshold=threshold), stream) or int(100 * threshold)
                )
            mean = sum(lengths) / repeats
            error = math.sqrt(sum((each - mean) ** 2 for each in lengths)) / repeats
            yield f"| {threshold:.0f} | {bar} | {mean:.0f} | {error:.0f} |"


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


def earnings(data: Path, runs: int) -> Iterator[str]:
    """Word error rates of the earnings calls given, beside those published for all 44."""
    del runs
    vendors = ("google", "amazon", "microsoft", "speechmatics")
    published = (17.8, 17.0, 15.8, 16.0)
    calls = given.calls(data)
    yield f"| {len(calls)} calls | " + " | ".join(vendors) + " |"
    yield "|---|---|---|---|---|"
    yield "| published (44 calls, number wordings) | " + " | ".join(map(str, published)) + " |"
    plain: dict[str, list[ItemScore]] = {}
    for normaliser in (PLAIN, SPOKEN_EN):
        told = []
        for vendor in vendors:
            scores = [
                wer_score(str(call["file"]), call["reference"], call[vendor], normaliser) for call in calls
            ]
            plain[f"{normaliser.name} {vendor}"] = scores
            each = bootstrap(wer_metric(normaliser), scores)
            told.append(
                f"{100 * (each.point or 0):.2f} [{100 * (each.low or 0):.1f}, {100 * (each.high or 0):.1f}]"
            )
        yield f"| {normaliser.name} | " + " | ".join(told) + " |"
    for contractions in (False, True):
        told = []
        pieces = [given.worded(call, contractions=contractions) for call in calls]
        for vendor in vendors:
            scores = [
                worded_wer_score(str(call["file"]), piece, call[vendor], given.WRITTEN)
                for call, piece in zip(calls, pieces, strict=True)
            ]
            told.append(f"{100 * (value(worded_wer_metric(given.WRITTEN), scores) or 0):.2f}")
        what = "numbers' and contractions' wordings" if contractions else "numbers' wordings"
        yield f"| {what} | " + " | ".join(told) + " |"
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
    "exact": exact,
    "coverage": coverage,
    "weights": weights,
    "peeking": peeking,
    "arl": arl,
    "delay": delay,
    "votes": votes,
    "confidence": confidence,
    "earnings": earnings,
}


def main() -> None:
    """Prints the tables asked for, each with its own description."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all, if none is named"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds vendor-outputs/")
    parser.add_argument("--runs", type=int, default=1000, help="of each simulation (1000)")
    asked = parser.parse_args()
    unknown = [name for name in asked.tables if name not in TABLES]
    if unknown:
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    for name in asked.tables or TABLES:
        started = time.perf_counter()
        print(f"\n## {name}\n\n{TABLES[name].__doc__}\n")
        for line in TABLES[name](asked.data, asked.runs):
            print(line, flush=True)
        print(f"\n({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
