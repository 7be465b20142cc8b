"""Tables of :mod:`quality_tables` that compare with other programs and try the off switch: counts of differences."""

from __future__ import annotations

import importlib
import logging
import random
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import quality_dawid_skene as oracle
from quality_verdicts import holds

from broker.quality.intervals import clopper_pearson, wilson
from broker.quality.metrics.edits import distance
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.ranking import bpref, mrr, ndcg, recall
from broker.quality.metrics.spans import Mention, partial_counts, strict_counts
from broker.quality.metrics.speakers import Said, Turn, cpwer_score, der_score
from broker.quality.ppi import ppi
from broker.quality.switch import Refused, stepped
from broker.quality.switch_state import (
    BudgetRenewed,
    Cause,
    Elapsed,
    Event,
    Evidence,
    HardBreach,
    Policy,
    ProbeBad,
    ProbeGood,
    Release,
    SoftBreach,
    State,
    Switch,
    SwitchOff,
    Window,
)
from broker.quality.votes import dawid_skene

EXACT = {"crowdkit": 1e-6, "ppi_py": 2e-4}
"""How near, where not to 1e-9. ppi_py estimates the variances behind the weight of a guess a little otherwise."""


def oracles(data: Path, runs: int) -> Iterator[str]:
    """The largest difference from each reference library that is installed, over random input."""
    del data
    yield "| figure | library | cases | largest difference | |"
    yield "|---|---|---|---|---|"
    for figure, library, case in (
        ("word errors", "jiwer", _words),
        ("nDCG@10, MRR@10, recall@5, bpref", "ir_measures", _ranks),
        ("strict and partial span F1", "nervaluate", _spans),
        ("Wilson, Clopper-Pearson", "scipy.stats", _shares),
        ("diarisation error rate (s)", "pyannote.metrics", _turns),
        ("cpWER (errors)", "meeteval", _speech),
        ("prediction-powered mean: the point", "ppi_py", _guesses),
        ("Dawid and Skene: priors, confusions, posteriors", "crowdkit", _votes),
    ):
        draw, worst = random.Random(1), 0.0
        logging.disable(logging.WARNING)  # meeteval tells each time that words have no times
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                cases = runs if case is not _votes else max(1, runs // 40)  # it is slow
                for _ in range(cases):
                    worst = max(worst, case(draw))
        except ModuleNotFoundError:
            yield f"| {figure} | {library} | not installed | - | - |"
        else:
            told = holds(worst < EXACT.get(library, 1e-9))
            yield f"| {figure} | {library} | {cases} | {worst:.2g} | {told} |"


def _words(draw: random.Random) -> float:
    jiwer: Any = importlib.import_module("jiwer")

    one, other = ([draw.choice("abcde") for _ in range(draw.randrange(1, 12))] for _ in range(2))
    told = jiwer.process_words(" ".join(one), " ".join(other))
    return abs(distance(one, other) - float(told.substitutions + told.deletions + told.insertions))


def _ranks(draw: random.Random) -> float:
    ir: Any = importlib.import_module("ir_measures")

    judged = {f"d{i}": draw.randrange(4) for i in draw.sample(range(20), 12)}
    if not any(judged.values()):
        return 0.0
    results = [f"d{i}" for i in draw.sample(range(20), 15)]
    run = {"1": {document: 100.0 - rank for rank, document in enumerate(results)}}
    theirs = (ir.RR @ 10, ir.R @ 5, ir.Bpref)
    told = ir.calc_aggregate(theirs, {"1": judged}, run)
    gains = {"1": {document: 2**relevance - 1 for document, relevance in judged.items()}}
    told.update(ir.calc_aggregate([ir.nDCG @ 10], gains, run))  # it takes gains as they are
    return max(
        abs(float(told[each]) - (ours.of_query(results, judged) or 0.0))
        for each, ours in zip((*theirs, ir.nDCG @ 10), (mrr(10), recall(5), bpref(), ndcg(10)), strict=True)
    )


def _spans(draw: random.Random) -> float:
    evaluator: Any = importlib.import_module("nervaluate").Evaluator

    def mentions() -> list[Mention]:
        found, at = [], 0
        for _ in range(draw.randrange(6)):
            begin = at + draw.randrange(4)
            at = begin + draw.randrange(1, 5)
            found.append(Mention(begin=begin, end=at, kind=draw.choice(["PER", "LOC"])))
        return found

    truth, found = mentions(), mentions()
    if not truth and not found:
        return 0.0
    written = [
        [{"label": each.kind, "start": each.begin, "end": each.end - 1} for each in side]
        for side in (truth, found)
    ]
    told = evaluator([written[0]], [written[1]], tags=["PER", "LOC"], loader="dict").evaluate()["overall"]
    return max(
        abs(float(told["strict"].f1) - (strict_counts(truth, found).f1 or 0.0)),
        abs(float(told["partial"].f1) - (partial_counts(truth, found).f1 or 0.0)),
    )


def _shares(draw: random.Random) -> float:
    binomtest: Any = importlib.import_module("scipy.stats").binomtest

    n = draw.randrange(1, 500)
    hits, level, worst = draw.randrange(n + 1), draw.choice([0.8, 0.95, 0.99]), 0.0
    for ours, theirs in ((wilson, "wilson"), (clopper_pearson, "exact")):
        told, wanted = ours(hits, n, level), binomtest(hits, n).proportion_ci(level, theirs)
        worst = max(worst, abs((told.low or 0.0) - wanted.low), abs((told.high or 0.0) - wanted.high))
    return worst


def _turns(draw: random.Random) -> float:
    core: Any = importlib.import_module("pyannote.core")
    theirs: Any = importlib.import_module("pyannote.metrics.diarization").DiarizationErrorRate

    sides, annotations = [], []
    for names in ("abc", "wxyz"):
        turns, annotation = list[Turn](), core.Annotation()
        for name in names:
            at = 0
            for track in range(draw.randrange(4)):
                begin = at + draw.randrange(1, 40)
                at = begin + draw.randrange(1, 40)
                turns.append(Turn(speaker=name, begin=begin / 10, end=at / 10))
                annotation[core.Segment(begin / 10, at / 10), f"{name}{track}"] = name
                at += 1
        sides.append(turns)
        annotations.append(annotation)
    whole = core.Timeline([core.Segment(0, 60)])
    told = theirs(collar=0.5)(*annotations, uem=whole, detailed=True)
    wanted = [told[name] for name in ("missed detection", "false alarm", "confusion", "total")]
    parts = der_score("call", sides[0], sides[1]).parts
    return max(abs(a - float(b)) for a, b in zip(parts, wanted, strict=True))


def _speech(draw: random.Random) -> float:
    theirs: Any = importlib.import_module("meeteval.wer").cp_word_error_rate

    sides = [
        [
            Said(speaker=draw.choice(names), text=" ".join(draw.choices("abcd", k=draw.randrange(5))))
            for _ in range(draw.randrange(8))
        ]
        for names in ("abc", "wxyz")
    ]
    written: list[dict[str, str]] = [{}, {}]
    for side, texts in zip(sides, written, strict=True):
        for each in side:
            texts[str(each.speaker)] = f"{texts.get(str(each.speaker), '')} {each.text}"
    return abs(cpwer_score("call", sides[0], sides[1], PLAIN).parts[0] - float(theirs(*written).errors))


def _guesses(draw: random.Random) -> float:
    numpy: Any = importlib.import_module("numpy")
    theirs: Any = importlib.import_module("ppi_py").ppi_mean_pointestimate

    many, skill, helps = draw.choice([1000, 3000]), draw.uniform(0.6, 0.95), draw.uniform(0.6, 0.95)
    truth = [float(draw.random() < skill) for _ in range(300 + many)]
    guess = [right if draw.random() < helps else 1 - right for right in truth]
    told = ppi(truth[:300], guess[:300], guess[300:])
    wanted = theirs(*(numpy.array(each) for each in (truth[:300], guess[:300], guess[300:])))
    return abs((told.point or 0.0) - float(numpy.ravel(wanted)[0]))


def _votes(draw: random.Random) -> float:
    votes, rounds = oracle.drawn(draw.randrange(10**6)), draw.choice([1, 3, 10, 30])
    return oracle.difference(votes, rounds, oracle.theirs(votes, rounds))


RATERS = {"p": 0.95, "q": 0.85, "r": 0.75, "s": 0.65}


def raters(data: Path, runs: int) -> Iterator[str]:
    """Simulated raters: who err by themselves are told within a point; who err together are overstated."""
    del data
    items = max(2000, 10 * runs)
    yield "| errors together in | rater | accuracy | told | |"
    yield "|---|---|---|---|---|"
    for together in (0.0, 0.3):
        draw, right = random.Random(2), dict.fromkeys(RATERS, 0)
        votes: dict[str, list[tuple[str, str]]] = {}
        for index in range(items):
            truth, hard = draw.choice("aabc"), draw.random() < together
            decoy = draw.choice([each for each in "abc" if each != truth])
            votes[str(index)] = given = []
            for rater, skill in RATERS.items():
                hit = draw.random() < (0.35 if hard else skill)
                answer = truth if hit else decoy if hard else draw.choice([x for x in "abc" if x != truth])
                given.append((rater, answer))
                right[rater] += answer == truth
        model = dawid_skene(votes)
        for rater, hits in right.items():
            told = sum(model.prior[label] * model.confusions[rater][label][label] for label in model.classes)
            over = told - hits / items
            right_so = holds(over > 0.03 if together else abs(over) < 0.01)
            yield f"| {together:.0%} | {rater} | {100 * hits / items:.1f} | {100 * told:.1f} | {right_so} |"


NOW = datetime(2026, 3, 1, tzinfo=UTC)


def switch(data: Path, runs: int) -> Iterator[str]:
    """Random events, ages of evidence and clocks that go back: how often the off switch broke one of its rules."""
    del data
    draw, policy = random.Random(5), Policy(require_two=True)
    steps = opened = closed = old = owner = alone = long = 0
    for _ in range(runs):
        state, now, youngest = Switch(), NOW, NOW
        for _ in range(60):
            now += timedelta(hours=draw.randrange(-20, 200))
            event = _event(draw, now)
            try:
                after, _ = stepped(state, event, now, policy)
            except Refused:
                continue
            steps += 1
            if state.state is State.FORCED_OPEN and after.state is not state.state:
                alone += not isinstance(event, Release) or not event.second
            if after.state is State.OPEN and state.state is not State.OPEN:
                opened += 1
                long += (after.reopen_at or now) - now > policy.longest_cooldown
            if after.state is State.CLOSED and state.state in (State.OPEN, State.HALF_OPEN):
                closed += 1
                if isinstance(event, ProbeGood | BudgetRenewed):
                    old += event.evidence.since <= youngest
                    owner += Cause.ROI in state.causes
                elif not isinstance(event, Release):
                    old += 1
            counted = isinstance(event, HardBreach | SwitchOff) or (
                isinstance(event, ProbeBad) and state.state is State.HALF_OPEN
            )
            if (
                counted and after != state
            ):  # evidence of old, or of times to come, is none and changes nothing
                youngest = max(youngest, now)
            state = after
    yield "| steps | opened | closed again | on old data | for its owner, by itself | forced, without two | waits over 7 days | |"
    yield "|---|---|---|---|---|---|---|---|"
    told = holds(not any((old, owner, alone, long)) and opened > 0 < closed)
    yield f"| {steps} | {opened} | {closed} | {old} | {owner} | {alone} | {long} | {told} |"


def _event(draw: random.Random, now: datetime) -> Event:
    cause = draw.choice(list(Cause))
    evidence = Evidence(rule="drawn", since=now - timedelta(hours=draw.randrange(-5, 400)))
    second = draw.choice([None, "ada", "Ada ", "bob"])
    events: list[Event] = [
        SoftBreach(cause=cause, evidence=evidence),
        HardBreach(cause=cause, evidence=evidence),
        Window(known=draw.random() < 0.7, clear=draw.random() < 0.5),
        Elapsed(),
        Elapsed(),
        ProbeBad(cause=cause, evidence=evidence),
        ProbeGood(evidence=evidence),
        ProbeGood(evidence=evidence),
        BudgetRenewed(evidence=evidence),
        SwitchOff(actor="ada", reason="drawn") if draw.random() < 0.1 else Elapsed(),
        Release(actor="ada", reason="drawn", close=draw.random() < 0.5, second=second),
    ]
    return draw.choice(events)


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {
    "oracles": oracles,
    "raters": raters,
    "switch": switch,
}
