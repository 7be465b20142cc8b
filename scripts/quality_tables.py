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
from pathlib import Path
from statistics import median

import quality_proofs as proofs
import quality_vendor_tables as vendor_tables
import vendor_outputs as given

from broker.quality.always import bets
from broker.quality.bootstrap import bootstrap
from broker.quality.drift.detector import Detector, expected_delay, first_alarm
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval, wilson
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, right_or_wrong
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.words import wer_metric
from broker.quality.ppi import ppi, ppi_allowed
from broker.quality.stratified import Stratum, neyman, stratified
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
    yield "| detector | false alarm in 6,000 | to 0.80: seen / median / of those seen | to 0.85: the same |"
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
            seen = median(each.delays) if each.delays else math.nan
            told.append(f"{100 * kept:.1f} / {'-' if each.median is None else each.median} / {seen:.0f}")
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


def clusters(data: Path, runs: int) -> Iterator[str]:
    """Word error rates of simulated files that differ: drawing files again, files' variance by formula, words alone."""
    del data
    yield "| files | bootstrap of files | linearised variance of files | words for themselves |"
    yield "|---|---|---|---|"
    metric, rate = wer_metric(PLAIN), 0.1
    for count in (20, 50):
        draw = random.Random(count)
        told, formula, words = Tally(), Tally(), Tally()
        for _ in range(max(100, runs // 4)):
            files = []
            for index in range(count):
                size = draw.randrange(200, 2000)
                hard = draw.betavariate(4, 36)  # mean 0.1
                files.append(ItemScore(item=str(index), parts=(float(round(size * hard)), float(size))))
            told.add(bootstrap(metric, files, draws=600), rate)
            formula.add(hajek(metric, files), rate)
            wrong, whole = (sum(file.parts[part] for file in files) for part in (0, 1))
            words.add(wilson(wrong, whole), rate)
        yield f"| {count} | {told} | {formula} | {words} |"


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "exact": exact,
    "coverage": coverage,
    "weights": weights,
    "peeking": peeking,
    "arl": arl,
    "delay": delay,
    "clusters": clusters,
    **vendor_tables.TABLES,
    **proofs.TABLES,
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
