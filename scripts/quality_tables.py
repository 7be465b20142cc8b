"""Proves the statistics of quality on answers of real vendors and on simulated streams, and prints the tables.

    python scripts/quality_tables.py --data ../datasets --keep tables.jsonl  # everything, in some minutes; again: what is left
    python scripts/quality_tables.py --data ../datasets --runs 200 coverage  # some of it, in less

The tests hold smaller forms of the same.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import chain
from pathlib import Path

import quality_alarm_tables as alarm_tables
import quality_proofs as proofs
import quality_vendor_tables as vendor_tables
import vendor_outputs as given
from quality_verdicts import FAILS, holds, least_held

from broker.quality.bootstrap import bootstrap
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


SIZES = (50, 100, 300)


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

    @property
    def share(self) -> float:
        """Of the intervals that held."""
        return self.held / self.runs

    def __str__(self) -> str:
        return f"{100 * self.held / self.runs:.1f} / {100 * self.width / self.runs:.1f}" if self.runs else "-"


def coverage(data: Path, runs: int) -> Iterator[str]:
    """Coverage and width (points) of each interval on real streams: items with truth drawn alike, or by strata."""
    yield "| stream | accuracy | n | Wilson | as chosen | PPI where allowed (share) | strata, Neyman | |"
    yield "|---|---|---|---|---|---|---|---|"
    wilsons: dict[int, list[float]] = {n: [] for n in SIZES}
    for name, provider, other in STREAMS:
        rows = given.table(data, name)
        right = given.rights(data, name, provider)
        truth = sum(right) / len(right)
        agrees = [float(row[f"{provider}.label"] == row[f"{other}.label"]) for row in rows]
        unlabelled = random.Random(1).sample(agrees, min(len(agrees), 10_000))
        members = strata(data, name, provider)
        weights = {stratum: len(each) / len(right) for stratum, each in members.items()}
        for n in SIZES:
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
            wilsons[n].append(plain.share)
            allowed = f"{helped} ({helped.runs / runs:.0%})"
            told = holds(all(each.share >= least_held(each.runs) for each in (helped, layered) if each.runs))
            yield f"| {name} {provider} | {100 * truth:.1f} | {n} | {plain} | {chosen} | {allowed} | {layered} | {told} |"
    for (
        n,
        shares,
    ) in (
        wilsons.items()
    ):  # one share and size alone may lie a little below, as the lattice of outcomes has it
        mean = sum(shares) / len(shares)
        yield f"| all | | {n} | {100 * mean:.1f} | | | | {holds(mean >= 0.94)} |"


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
    yield "| share | n | Wilson | as chosen | |"
    yield "|---|---|---|---|---|"
    for share in (0.5, 0.9, 0.99):
        for n in SIZES:
            told = []
            for interval in (wilson, share_interval):
                total = 0.0
                for hits in range(n + 1):
                    if held(interval(hits, n), share):
                        total += math.comb(n, hits) * share**hits * (1 - share) ** (n - hits)
                told.append(total)
            yield f"| {share} | {n} | {100 * told[0]:.1f} | {100 * told[1]:.1f} | {holds(told[1] >= 0.9345)} |"


def weights(data: Path, runs: int) -> Iterator[str]:
    """Disagreements drawn more often, at rates that change in mid-stream: Hájek, and what leaving the weights out says."""
    yield "| stream | truth | Hájek mean | error of that mean | coverage | naive mean | |"
    yield "|---|---|---|---|---|---|---|"
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
        without = sum(naive) / repeats
        told_so = holds(abs(mean - truth) < 2 * error and abs(without - truth) > 5 * error)
        yield (
            f"| {name} {provider} | {100 * truth:.2f} | {100 * mean:.2f} | {100 * error:.2f} | "
            f"{100 * covered / repeats:.0f} | {100 * without:.1f} | {told_so} |"
        )


def clusters(data: Path, runs: int) -> Iterator[str]:
    """Word error rates of simulated files that differ: drawing files again, files' variance by formula, words alone."""
    del data
    yield "| files | bootstrap of files | linearised variance of files | words for themselves | |"
    yield "|---|---|---|---|---|"
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
        alike = abs(told.width / formula.width - 1) < 0.2
        right = told.share >= least_held(told.runs) and alike and words.share < 0.6
        yield f"| {count} | {told} | {formula} | {words} | {holds(right)} |"


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "exact": exact,
    "coverage": coverage,
    "weights": weights,
    "clusters": clusters,
    **alarm_tables.TABLES,
    **vendor_tables.TABLES,
    **proofs.TABLES,
}
LONGEST = ("delay", "earnings", "peeking", "coverage", "oracles")
"""They begin first, so that none of them is left over at the end."""


def reckoned(name: str, data: Path, runs: int) -> tuple[str, float]:
    """One table as text, and how many seconds it took."""
    started = time.perf_counter()
    lines = "\n".join(TABLES[name](data, runs))
    return f"\n## {name}\n\n{inspect.getdoc(TABLES[name])}\n\n{lines}", time.perf_counter() - started


def state_of_the_code() -> str:
    """A digest of what the tables are reckoned with: a kept table of another state is none."""
    here = Path(__file__).parent
    sources = [
        *here.glob("quality_*.py"),
        here / "vendor_outputs.py",
        *(here.parent / "broker" / "quality").rglob("*.py"),
    ]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sorted(sources))).hexdigest()[:16]


def kept_tables(file: Path | None, state: str, runs: int) -> dict[str, tuple[str, float]]:
    """Tables that an interrupted run had finished."""
    if file is None or not file.exists():
        return {}
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # empty, or left unfinished
            continue
        if (row["state"], row["runs"]) == (state, runs):
            found[row["name"]] = (row["text"], row["seconds"])
    return found


def main() -> int:
    """Prints the tables asked for, in their order, each with its own description; 1 if one of them fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all, if none is named"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds vendor-outputs/")
    parser.add_argument("--runs", type=int, default=1000, help="of each simulation (1000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (as many as cores)")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="finished tables are kept in it, and not reckoned again"
    )
    asked = parser.parse_args()
    unknown = [name for name in asked.tables if name not in TABLES]
    if unknown:
        parser.error(f"there is no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    names, state = list(asked.tables or TABLES), state_of_the_code()
    known = kept_tables(asked.keep, state, asked.runs)
    with ProcessPoolExecutor(max(1, asked.jobs)) as pool:
        longest_first = sorted(set(names) - known.keys(), key=lambda name: name not in LONGEST)
        begun = {pool.submit(reckoned, name, asked.data, asked.runs): name for name in longest_first}
        print(f"{len(begun)} tables to reckon, {len(names) - len(begun)} kept", file=sys.stderr)
        shown = 0
        try:
            for done in chain([None], as_completed(begun)):  # what was kept is shown at once
                if done is not None:
                    name = begun[done]
                    known[name] = done.result()
                    print(f"{name}: {known[name][1]:.0f} s", file=sys.stderr)
                    if asked.keep is not None:
                        row = {
                            "name": name,
                            "runs": asked.runs,
                            "state": state,
                            "text": known[name][0],
                            "seconds": known[name][1],
                        }
                        with open(asked.keep, "a", encoding="utf-8") as file:
                            file.write(
                                f"\n{json.dumps(row)}\n"
                            )  # behind a line that a killed run left unfinished
                while shown < len(names) and names[shown] in known:
                    text, seconds = known[names[shown]]
                    print(f"{text}\n\n({seconds:.0f} s)", flush=True)
                    shown += 1
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    failing = [name for name in names if f"| {FAILS} |" in known[name][0]]
    if failing:
        print(f"fails: {', '.join(failing)}", file=sys.stderr)
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
