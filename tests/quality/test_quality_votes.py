"""Probabilities out of votes, against an independent computation; and the rank that is no accuracy."""

from __future__ import annotations

import dataclasses
import random

import pytest

from broker.quality.calibration import calibration_error
from broker.quality.ranks import AgreementRanks, agreement_ranks, consensus_of_others
from broker.quality.votes import VoteModel, dawid_skene, learn, soft_labels

RATERS = {"p": 0.95, "q": 0.85, "r": 0.75, "s": 0.65}


def voted(
    n: int, seed: int, *, together: float = 0.0
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, str]]:
    """Items of three labels; raters err by themselves, or (a share of the items) all in the same way."""
    draw = random.Random(seed)
    votes, truth = {}, {}
    for index in range(n):
        item = str(index)
        truth[item] = draw.choice("aabc")
        hard = draw.random() < together
        decoy = draw.choice([x for x in "abc" if x != truth[item]])
        votes[item] = [
            (
                rater,
                truth[item]
                if draw.random() < (0.35 if hard else skill)
                else decoy
                if hard
                else draw.choice("abc"),
            )
            for rater, skill in RATERS.items()
            if draw.random() < 0.95
        ]
    return votes, truth


def accuracy_told(model: VoteModel, rater: str) -> float:
    return sum(model.prior[label] * model.confusions[rater][label][label] for label in model.classes)


def test_the_model_equals_an_independent_computation() -> None:
    np = pytest.importorskip("numpy", reason="NumPy is not installed (extra: local)")
    votes, _ = voted(300, 1)
    model = dawid_skene(votes, rounds=40, smoothing=0.0, tolerance=0.0)
    items, raters = [item for item in votes if votes[item]], sorted(RATERS)
    one_hot = np.zeros((len(items), len(raters), 3))
    for i, item in enumerate(items):
        for rater, label in votes[item]:
            one_hot[i, raters.index(rater), "abc".index(label)] += 1
    belief = one_hot.sum(axis=1) / one_hot.sum(axis=(1, 2))[:, None]
    for step in range(41):
        prior = belief.mean(axis=0)
        confusion = np.einsum("ik,irl->rkl", belief, one_hot)
        confusion /= confusion.sum(axis=2, keepdims=True)
        if step == 40:
            break
        logs = np.log(prior) + np.einsum("irl,rkl->ik", one_hot, np.log(np.maximum(confusion, 1e-300)))
        belief = np.exp(logs - logs.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    logs = np.log(prior) + np.einsum("irl,rkl->ik", one_hot, np.log(np.maximum(confusion, 1e-300)))
    final = np.exp(logs - logs.max(axis=1, keepdims=True))
    final /= final.sum(axis=1, keepdims=True)
    for i, item in enumerate(items):
        ours = model.probabilities(votes[item])
        assert [ours[label] for label in "abc"] == pytest.approx(list(final[i]), abs=1e-6)


def test_raters_who_err_by_themselves_are_told_rightly() -> None:
    votes, truth = voted(6000, 2)
    model = dawid_skene(votes)
    for rater in RATERS:
        right = [dict(votes[i])[rater] == truth[i] for i in truth if rater in dict(votes[i])]
        assert accuracy_told(model, rater) == pytest.approx(sum(right) / len(right), abs=0.015)


def test_raters_who_err_together_are_overstated_which_is_why_no_accuracy_is_told() -> None:
    votes, truth = voted(4000, 3, together=0.25)
    model = dawid_skene(votes)
    overstated = [
        accuracy_told(model, rater)
        - sum(dict(votes[i]).get(rater) == truth[i] for i in truth)
        / sum(rater in dict(votes[i]) for i in truth)
        for rater in RATERS
    ]
    assert max(overstated) > 0.05
    assert {field.name for field in dataclasses.fields(AgreementRanks)} & {
        "accuracy",
        "score",
        "quality",
    } == set()
    ranks = agreement_ranks(votes)
    assert ranks.order == ("p", "q", "r", "s")
    assert ranks.rank("q") == 2


def test_gold_takes_back_what_was_too_sure() -> None:
    votes, truth = voted(3000, 4, together=0.25)
    gold = {item: truth[item] for item in list(truth)[:300]}
    rest = [item for item in truth if item not in gold and votes[item]]

    def error_of(model: VoteModel) -> float:
        rated = []
        for item in rest:
            found = model.probabilities(votes[item])
            label = max(found, key=lambda each: found[each])
            rated.append((found[label], label == truth[item]))
        error = calibration_error(rated)
        assert error is not None
        return error

    unguided, guided = dawid_skene(votes), learn(votes, gold)
    assert error_of(unguided) > 0.1
    assert error_of(guided) < 0.05
    assert guided.debiased
    assert guided.sharpness < 1.0
    with pytest.raises(ValueError, match="at least 50"):
        learn(votes, dict(list(gold.items())[:49]))


def test_soft_labels_are_told_with_what_they_rest_on() -> None:
    votes, truth = voted(400, 5)
    votes["silent"] = []
    gold = {item: truth[item] for item in list(truth)[:60]}
    told = {label.item: label for label in soft_labels(votes, learn(votes, gold), gold)}
    assert "silent" not in told
    known, guessed = told["0"], told["399"]
    assert (known.gold, known.probabilities) == (True, ((truth["0"], 1.0),))
    assert not guessed.gold
    assert guessed.debiased
    shares = [share for _, share in guessed.probabilities]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert guessed.label == guessed.probabilities[0][0]
    undebiased = next(iter(soft_labels({"x": votes["0"]}, dawid_skene(votes))))
    assert not undebiased.debiased


def test_an_unknown_provider_tells_nothing_and_a_new_word_is_not_impossible() -> None:
    votes, _ = voted(400, 6)
    model = dawid_skene(votes)
    assert model.probabilities([("stranger", "a")]) == pytest.approx(dict(model.prior))
    assert sum(model.probabilities([("p", "zebra"), ("q", "a")]).values()) == pytest.approx(1.0)


def test_a_label_that_only_gold_knows_can_come_out() -> None:
    votes, truth = voted(400, 7)
    gold = {**{item: truth[item] for item in list(truth)[:60]}, "5": "zebra"}
    assert "zebra" in learn(votes, gold).classes


def test_a_provider_has_no_vote_in_its_own_truth() -> None:
    votes, truth = voted(600, 8)
    liar = {item: [*answers, ("liar", "c")] for item, answers in votes.items()}
    told = consensus_of_others(liar, "liar")
    assert told == consensus_of_others(votes, "nobody")
    right = sum(truth[item] == label for item, label in told.items()) / len(told)
    assert right > 0.97
    assert consensus_of_others({"x": [("p", "a"), ("q", "a")]}, "p") == {}


def test_agreement_by_hand() -> None:
    votes = {str(i): [("p", "a"), ("q", "a" if i < 40 else "b"), ("r", "ab"[i % 2])] for i in range(60)}
    ranks = agreement_ranks(votes)
    assert ranks.agreement["p", "q"] == pytest.approx(40 / 60)
    assert ranks.beyond_chance["p", "q"] == pytest.approx(0.0)
    assert ranks.unanimous == pytest.approx(20 / 60)
    with pytest.raises(ValueError, match="3 providers and 50 items"):
        agreement_ranks({item: answers[:2] for item, answers in votes.items()})


def test_no_answer_at_all_is_no_model() -> None:
    with pytest.raises(ValueError, match="no item"):
        dawid_skene({"x": []})


ANAESTHETISTS = [
    "1111111",
    "3334334",
    "1122122",
    "2223121",
    "2223222",
    "2223322",
    "1222111",
    "3333433",
    "2222223",
    "2322223",
    "4444444",
    "2223343",
    "1111111",
    "2223212",
    "1211111",
    "1112111",
    "1111111",
    "1111111",
    "2222221",
    "2221322",
    "2222222",
    "2222221",
    "2223222",
    "2212222",
    "1111111",
    "1111111",
    "2322222",
    "1111111",
    "1111111",
    "1121121",
    "1111111",
    "3333233",
    "1111111",
    "2222222",
    "2223232",
    "4334343",
    "2212232",
    "2323233",
    "3333432",
    "1111111",
    "1111111",
    "1212111",
    "2322222",
    "1211111",
    "2222222",
]
"""Table 1 of Dawid and Skene (1979): for 45 patients, three ratings by the first anaesthetist and one by each of four."""


def test_the_table_of_the_models_own_paper() -> None:
    votes = {
        str(patient): [(str(max(1, place - 2)), rating) for place, rating in enumerate(ratings, 1)]
        for patient, ratings in enumerate(ANAESTHETISTS)
    }
    model = dawid_skene(votes, smoothing=0.0, tolerance=1e-12, rounds=500)
    assert [model.prior[each] for each in "1234"] == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    first = model.confusions["1"]
    assert [first["1"][each] for each in "12"] == pytest.approx([0.89, 0.11], abs=0.005)
    assert [first["2"][each] for each in "123"] == pytest.approx([0.07, 0.88, 0.05], abs=0.005)
    assert len(votes) == 45
    assert sum(map(len, votes.values())) == 315
