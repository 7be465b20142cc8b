"""Crowd-Kit's Dawid-Skene beside ours: votes drawn by seed, and what it makes of them.

    python scripts/quality_dawid_skene.py > tests/quality/crowdkit_votes.json    # wants crowd-kit; its answers for the tests

It starts from the majority's shares, and each of its rounds is an expectation and a maximisation, as ours. It keeps the
expectation that came before the last maximisation, whereas our model is asked afterwards: its posteriors after n rounds
are those of our model after n - 1, its priors and confusions those of ours after n.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import random
import sys
import types
import warnings
from pathlib import Path
from typing import Any

from broker.quality.votes import VoteModel, dawid_skene

Drawn = dict[str, list[tuple[str, str]]]
RECORDED_SEEDS = range(12)
RECORDED_ROUNDS = 7
EVERY = 4
"""Of the items, so many are recorded: one in four."""


def drawn(seed: int) -> Drawn:
    """Votes of three to seven raters of any skill on two to five labels; up to half of them missing."""
    draw = random.Random(seed)
    labels = "abcde"[: draw.randrange(2, 6)]
    items = draw.choice([10, 25, 60, 200])
    skills = {f"rater{index}": draw.uniform(0.3, 0.98) for index in range(draw.randrange(3, 8))}
    there, shares = draw.uniform(0.5, 1), [draw.random() + 0.05 for _ in labels]
    votes: Drawn = {}
    for index in range(items):
        truth = draw.choices(labels, shares)[0]
        answers = [
            (rater, truth if draw.random() < skill else draw.choice(labels))
            for rater, skill in skills.items()
            if draw.random() < there
        ]
        if answers:
            votes[str(index)] = answers
    return votes


def crowdkit() -> Any:
    """Its class. The package as a whole imports torch and transformers, so that only this module of it is loaded."""
    found = importlib.util.find_spec("crowdkit")
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError("crowd-kit is not installed", name="crowdkit")
    importlib.import_module("pandas")
    for name in ("aggregation", "aggregation.classification"):
        package = types.ModuleType(f"crowdkit.{name}")
        package.__path__ = [str(Path(found.submodule_search_locations[0], *name.split(".")))]
        sys.modules.setdefault(package.__name__, package)
    return importlib.import_module("crowdkit.aggregation.classification.dawid_skene").DawidSkene


def theirs(votes: Drawn, rounds: int) -> dict[str, Any]:
    """What Crowd-Kit tells after so many rounds: ``prior``, ``confusions``, and ``posteriors`` by item."""
    pandas: Any = importlib.import_module("pandas")
    rows = [(item, rater, label) for item, answers in votes.items() for rater, label in answers]
    model = crowdkit()(n_iter=rounds, tol=float("-inf"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what later versions of pandas will not have
        model.fit(pandas.DataFrame(rows, columns=["task", "worker", "label"]))
    confusions: dict[str, dict[str, dict[str, float]]] = {}
    for (rater, answer), by_truth in model.errors_.to_dict("index").items():
        for truth, share in by_truth.items():
            confusions.setdefault(rater, {}).setdefault(truth, {})[answer] = float(share)
    return {
        "prior": {label: float(share) for label, share in model.priors_.items()},
        "confusions": confusions,
        "posteriors": {
            item: {label: float(share) for label, share in shares.items()}
            for item, shares in model.probas_.to_dict("index").items()
        },
    }


def difference(votes: Drawn, rounds: int, told: dict[str, Any]) -> float:
    """The largest between that and our model, of anything."""
    before, after = (_ours(votes, each) for each in (rounds - 1, rounds))
    parts: list[float] = [abs(after.prior[label] - share) for label, share in told["prior"].items()]
    for rater, by_truth in told["confusions"].items():
        for truth, row in by_truth.items():
            parts += [abs(after.confusions[rater][truth][answer] - share) for answer, share in row.items()]
    for item, shares in told["posteriors"].items():
        ours = before.probabilities(votes[item])
        parts += [abs(ours[label] - share) for label, share in shares.items()]
    return max(parts)


def _ours(votes: Drawn, rounds: int) -> VoteModel:
    return dawid_skene(votes, rounds=rounds, smoothing=0.0, tolerance=-1.0)


def main() -> None:
    """Prints what is kept for the tests."""
    kept = {}
    for seed in RECORDED_SEEDS:
        told = theirs(drawn(seed), RECORDED_ROUNDS)
        posteriors = dict(list(told["posteriors"].items())[::EVERY])
        kept[str(seed)] = {**told, "posteriors": posteriors}
    rounded = json.loads(json.dumps(kept), parse_float=lambda number: round(float(number), 9))
    print(json.dumps(rounded, separators=(",", ":")).replace('},"', '},\n"'))


if __name__ == "__main__":
    main()
