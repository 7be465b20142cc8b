"""A probability for each label of an item, out of the answers of several providers.

Dawid and Skene's model: each provider confuses true labels in its own way, and confuses them by itself, whatever the
others answer. That is not so: providers' errors go together (correlations of 0.2 to 0.6 were measured), so that the
model ranks providers rightly but is far too sure of itself. :func:`learn` therefore takes items with truth (gold) to
learn confusions from and to find out how sure to be; without gold, probabilities are told as ``debiased=False`` and must
not be taken for what they say.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from broker.types.markup import Shown

Votes = Mapping[str, Sequence[tuple[str, str]]]
"""By item: (provider, answer). A provider may answer more than once; one that failed is not there."""
Confusion = Mapping[str, Mapping[str, float]]
"""By true label and answer: how often, 0..1."""

LEAST_GOLD = 50
GOLD_AGAINST_PRIOR = 20.0
"""As many items of gold for a label weigh as much as what the unlabelled items say of it."""
FOLDS = 5
FEWEST = 1e-10
"""No count of confusions is taken for less, so that a row without any says nothing, rather than no."""
_TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteModel:
    """How providers confuse labels, and how often each label is true.

    :param sharpness: 1: as the model says; below: less sure, as gold showed.
    :param debiased: gold was used.
    """

    classes: tuple[str, ...]
    prior: Mapping[str, float]
    confusions: Mapping[str, Confusion] = field(repr=False)
    sharpness: float = 1.0
    debiased: bool = False

    def probabilities(self, answers: Iterable[tuple[str, str]]) -> dict[str, float]:
        """Of each label, given these answers; they add up to 1. A provider that is not known tells nothing."""
        logs = {label: math.log(max(self.prior[label], _TINY)) for label in self.classes}
        for provider, answer in answers:
            confusion = self.confusions.get(provider)
            if confusion is not None:
                for label in self.classes:
                    logs[label] += self.sharpness * math.log(max(confusion[label].get(answer, 0.0), _TINY))
        return _shares(logs)


def _shares(logs: Mapping[str, float]) -> dict[str, float]:
    top = max(logs.values())
    parts = {label: math.exp(value - top) for label, value in logs.items()}
    whole = sum(parts.values())
    return {label: part / whole for label, part in parts.items()}


def dawid_skene(
    votes: Votes,
    *,
    gold: Mapping[str, str] | None = None,
    labels: Iterable[str] = (),
    rounds: int = 100,
    smoothing: float = 0.01,
    tolerance: float = 1e-7,
) -> VoteModel:
    """The model of greatest likelihood, by expectation and maximisation from the majority's labels on.

    Wants three providers or more. Items with the same answers are counted together, so that their number hardly matters.
    Without smoothing it is Crowd-Kit's ``DawidSkene``, round by round; asked for probabilities afterwards, the model takes
    one step of expectation more than Crowd-Kit keeps.

    :param gold: truths that are held fixed.
    :param labels: that there are beside those answered and those of gold.
    :param rounds: at most; each is an expectation and a maximisation.
    :param smoothing: added to each count of confusions, of all answers that anybody gave, so that what was not seen is
        not impossible; 0: none, and each provider is known by its own answers only.
    :param tolerance: it stops when the log-likelihood of all items changes by less than this share of itself. Mostly stricter than
        Crowd-Kit (a bound that gains less than 1e-5 a vote), whose stop left shares of small sets far from their end.
    """
    known = gold or {}
    patterns = Counter(
        (tuple(sorted(answers)), known.get(item))
        for item, answers in votes.items()
        if answers or item in known
    )
    if not patterns:
        raise ValueError("no item has an answer")
    answers = sorted({answer for pattern, _ in patterns for _, answer in pattern})
    classes = tuple(sorted({*labels, *answers, *(label for _, label in patterns if label is not None)}))
    votes_cast = {vote for pattern, _ in patterns for vote in pattern}
    given: dict[str, list[str]] = {}
    for provider, answer in sorted(votes_cast):
        given.setdefault(provider, []).append(answer)
    beliefs = [_majority(pattern, label, classes) for pattern, label in patterns]
    model = _maximised(patterns, beliefs, classes, given, answers, smoothing)
    before = -math.inf
    for _ in range(rounds):
        beliefs, likelihood = _expected(patterns, model)
        model = _maximised(patterns, beliefs, classes, given, answers, smoothing)
        if abs(likelihood - before) <= tolerance * abs(likelihood):
            break
        before = likelihood
    return model


_Patterns = Mapping[tuple[tuple[tuple[str, str], ...], str | None], int]


def _majority(
    pattern: Sequence[tuple[str, str]], label: str | None, classes: Sequence[str]
) -> dict[str, float]:
    if label is not None:
        return {label: 1.0}
    counts = Counter(answer for _, answer in pattern)
    return {name: counts[name] / len(pattern) for name in classes if counts[name]}


def _maximised(
    patterns: _Patterns,
    beliefs: Sequence[Mapping[str, float]],
    classes: tuple[str, ...],
    given: Mapping[str, Sequence[str]],
    answers: Sequence[str],
    smoothing: float,
) -> VoteModel:
    prior = dict.fromkeys(classes, 0.0)
    counts = {
        provider: {label: dict.fromkeys(answers if smoothing else own, smoothing) for label in classes}
        for provider, own in given.items()
    }
    for ((pattern, _), times), belief in zip(patterns.items(), beliefs, strict=True):
        for label, share in belief.items():
            weight = share * times
            prior[label] += weight
            for provider, answer in pattern:
                counts[provider][label][answer] += weight
    total = sum(prior.values())
    return VoteModel(
        classes=classes,
        prior={label: weight / total for label, weight in prior.items()},
        confusions={
            provider: {label: _scaled(row) for label, row in by_label.items()}
            for provider, by_label in counts.items()
        },
    )


def _scaled(row: Mapping[str, float]) -> dict[str, float]:
    floored = {answer: max(count, FEWEST) for answer, count in row.items()}
    whole = sum(floored.values())
    return {answer: count / whole for answer, count in floored.items()}


def _expected(patterns: _Patterns, model: VoteModel) -> tuple[list[dict[str, float]], float]:
    beliefs, likelihood = [], 0.0
    logs = {
        provider: {
            label: {answer: math.log(max(share, _TINY)) for answer, share in row.items()}
            for label, row in confusion.items()
        }
        for provider, confusion in model.confusions.items()
    }
    prior = {label: math.log(max(share, _TINY)) for label, share in model.prior.items()}
    for (pattern, known), times in patterns.items():
        sums = {
            label: start + sum([logs[provider][label][answer] for provider, answer in pattern])
            for label, start in prior.items()
        }
        if known is not None:
            beliefs.append({known: 1.0})
            likelihood += times * sums[known]
            continue
        top = max(sums.values())
        parts = {label: math.exp(value - top) for label, value in sums.items() if value > top - 700}
        whole = sum(parts.values())
        likelihood += times * (top + math.log(whole))
        beliefs.append({label: part / whole for label, part in parts.items()})
    return beliefs, likelihood


def learn(votes: Votes, gold: Mapping[str, str]) -> VoteModel:
    """The model, debiased by gold: confusions and label shares counted on gold, and only as sure as gold bears out.

    1. Confusions are counted on gold; where a label has little, :func:`dawid_skene` of all items stands in with the
       weight of 20 items.
    2. ``sharpness`` is the one that predicts held-out gold best (five folds), which takes back what correlated errors
       would make too sure.

    Gold must have been chosen alike over all items (or by strata that are weighted before). Raises ValueError for fewer
    than 50 items of gold that anybody answered.
    """
    judged = {item: label for item, label in gold.items() if votes.get(item)}
    if len(judged) < LEAST_GOLD:
        raise ValueError(
            f"debiasing takes at least {LEAST_GOLD} items with truth and answers; there are {len(judged)}"
        )
    unguided = dawid_skene(votes, labels=judged.values())  # without gold, so that none leaks into the folds
    ordered = sorted(judged)
    folds = [
        (_guided(votes, {item: judged[item] for item in ordered if item not in held}, unguided), sorted(held))
        for held in (set(ordered[start::FOLDS]) for start in range(FOLDS))
    ]

    def surprise(sharpness: float) -> float:
        total = 0.0
        for model, held in folds:
            softened = _with_sharpness(model, sharpness)
            for item in held:
                total -= math.log(max(softened.probabilities(votes[item]).get(judged[item], 0.0), 1e-9))
        return total

    return _with_sharpness(_guided(votes, judged, unguided), _lowest(surprise, 0.05, 1.5))


def _guided(votes: Votes, gold: Mapping[str, str], unguided: VoteModel) -> VoteModel:
    classes = unguided.classes
    prior = dict.fromkeys(classes, 0.5)
    counts: dict[str, dict[str, dict[str, float]]] = {
        provider: {
            label: {a: GOLD_AGAINST_PRIOR * s for a, s in row.items()} for label, row in confusion.items()
        }
        for provider, confusion in unguided.confusions.items()
    }
    for item, label in gold.items():
        prior[label] += 1
        for provider, answer in votes[item]:
            counts[provider][label][answer] += 1
    total = sum(prior.values())
    return VoteModel(
        classes=classes,
        prior={label: count / total for label, count in prior.items()},
        confusions={
            provider: {label: _scaled(row) for label, row in by_label.items()}
            for provider, by_label in counts.items()
        },
        debiased=True,
    )


def _with_sharpness(model: VoteModel, sharpness: float) -> VoteModel:
    return VoteModel(
        classes=model.classes,
        prior=model.prior,
        confusions=model.confusions,
        sharpness=sharpness,
        debiased=model.debiased,
    )


def _lowest(of: Callable[[float], float], low: float, high: float) -> float:
    """Golden section, to a hundredth."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = of(left), of(right)
    while high - low > 0.01:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = of(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = of(right)
    return (low + high) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftLabel(Shown):
    """An item for those who train a model of their own.

    :param probabilities: of each label, falling; they add up to 1.
    :param answers: how many answers it rests on.
    :param gold: the truth is known; it has probability 1.
    :param debiased: gold was used to learn how sure to be. False: too sure.
    """

    item: str
    probabilities: tuple[tuple[str, float], ...]
    answers: int
    gold: bool
    debiased: bool

    @property
    def label(self) -> str:
        """The likeliest."""
        return self.probabilities[0][0]


def soft_labels(votes: Votes, model: VoteModel, gold: Mapping[str, str] | None = None) -> Iterable[SoftLabel]:
    """Every item that anybody answered, or whose truth is known."""
    known = gold or {}
    for item, answers in votes.items():
        if item in known:
            found: tuple[tuple[str, float], ...] = ((known[item], 1.0),)
        elif answers:
            shares = model.probabilities(answers)
            found = tuple(sorted(shares.items(), key=lambda each: (-each[1], each[0])))
        else:
            continue
        yield SoftLabel(
            item=item,
            probabilities=found,
            answers=len(answers),
            gold=item in known,
            debiased=model.debiased or item in known,
        )
