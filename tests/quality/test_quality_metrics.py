"""What answers score: each definition by hand, and against other people's implementations where they are installed."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.quality.metrics.boxes import Boxed, box_counts, overlap, paired, read_metric, read_score
from broker.quality.metrics.concepts import (
    ConceptMap,
    Told,
    concept_metric,
    concept_score,
    mapped,
    mapping_coverage,
    mean_average_precision,
)
from broker.quality.metrics.counts import Counts, class_score, f1_of, macro_f1_metric
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, delivery, right_or_wrong, value
from broker.quality.metrics.moderation import COST, ErrorCosts, cheapest_threshold, cost_score
from broker.quality.metrics.ranking import bpref, judged_share, mrr, ndcg, recall
from broker.quality.metrics.spans import (
    PARTIAL,
    STRICT,
    Mention,
    partial_counts,
    partial_score,
    strict_counts,
    strict_counts_by_kind,
    strict_score,
)
from broker.types.geometry import Box


def mention(begin: int, end: int, kind: str = "PER") -> Mention:
    return Mention(begin=begin, end=end, kind=kind)


def test_a_failed_call_is_told_apart_from_a_bad_answer_and_lowers_what_was_delivered() -> None:
    told = delivery(
        ACCURACY, [right_or_wrong(str(i), right) for i, right in enumerate([True, True, False, None])]
    )
    assert (told.delivered, told.success) == (0.5, 0.75)
    assert told.conditional == pytest.approx(2 / 3)
    assert told.delivered == pytest.approx(told.conditional * told.success)  # of a mean this always holds
    assert (told.asked, told.failed) == (4, 1)


def test_nothing_asked_has_no_quality_and_no_success() -> None:
    told = delivery(ACCURACY, [])
    assert (told.delivered, told.conditional, told.success) == (None, None, None)


def test_items_weigh_one_over_their_probability() -> None:
    scores = [
        right_or_wrong("a", True, Drawn(probability=0.1)),
        right_or_wrong("b", False, Drawn(probability=1.0)),
    ]
    assert value(ACCURACY, scores) == pytest.approx(10 / 11)


def test_scores_of_two_metrics_cannot_be_mixed() -> None:
    with pytest.raises(ValueError, match="two metrics were mixed"):
        value(ACCURACY, [ItemScore(item="x", parts=(1.0, 2.0, 3.0))])


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.1, math.nan])
def test_what_could_not_be_chosen_is_no_sample(probability: float) -> None:
    with pytest.raises(ValueError, match="probability of being chosen"):
        Drawn(probability=probability)


# F1


def test_f1_is_the_harmonic_mean_and_nothing_at_all_has_none() -> None:
    counts = Counts(hits=2, false=1, missed=3)
    assert (counts.precision, counts.recall, counts.f1) == (2 / 3, 2 / 5, pytest.approx(0.5))
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert Counts(missed=2).f1 == 0.0


CLASSES = ("neg", "neu", "pos")


def test_macro_f1_weighs_classes_alike_and_leaves_out_those_that_never_occur() -> None:
    scores = [
        class_score(str(i), t, a, CLASSES)
        for i, (t, a) in enumerate([("pos", "pos"), ("pos", "neg"), ("neg", "neg")])
    ]
    assert value(macro_f1_metric(CLASSES), scores) == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_an_answer_outside_the_classes_misses_and_a_strange_truth_is_refused() -> None:
    assert value(macro_f1_metric(CLASSES), [class_score("x", "pos", "mixed", CLASSES)]) == 0.0
    with pytest.raises(ValueError, match="none of the classes"):
        class_score("x", "mixed", "pos", CLASSES)
    failed = class_score("x", "pos", None, CLASSES)
    assert failed.failed
    assert failed.parts == class_score("x", "pos", "mixed", CLASSES).parts


@settings(deadline=None)  # the first call imports the other library
@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=40))
def test_macro_f1_equals_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed (extra: demo)")
    truth, answers = zip(*pairs, strict=True)
    expected = sklearn.f1_score(
        truth, answers, average="macro", labels=sorted({*truth, *answers}), zero_division=0
    )
    ours = value(
        macro_f1_metric(CLASSES), [class_score(str(i), t, a, CLASSES) for i, (t, a) in enumerate(pairs)]
    )
    assert ours == pytest.approx(expected, abs=1e-12)


# Search


JUDGED = {"a": 3, "b": 2, "c": 0, "d": 1, "e": 0}


def test_ndcg_by_hand() -> None:
    dcg = (2**2 - 1) / math.log2(2) + 0 + (2**3 - 1) / math.log2(4)
    best = 7 / 1 + 3 / math.log2(3) + 1 / 2
    assert ndcg(3).of_query(["b", "c", "a", "d"], JUDGED) == pytest.approx(dcg / best)


def test_rank_recall_and_judged_share_by_hand() -> None:
    results = ["x", "c", "b", "y", "a"]
    assert mrr(10).of_query(results, JUDGED) == pytest.approx(1 / 3)
    assert mrr(2).of_query(results, JUDGED) == 0.0
    assert recall(5).of_query(results, JUDGED) == pytest.approx(2 / 3)
    assert judged_share(5).of_query(results, JUDGED) == pytest.approx(3 / 5)


def test_a_query_without_relevant_documents_is_left_out_of_means() -> None:
    metric = mrr(10)
    scores = [metric.score("q1", ["a"], JUDGED), metric.score("q2", ["z"], {"c": 0})]
    assert value(metric.metric, scores) == 1.0
    assert ndcg(10).of_query(["a"], {}) is None


def test_a_failed_query_scores_nothing_and_a_repeated_document_counts_once() -> None:
    metric = recall(2)
    told = delivery(
        metric.metric, [metric.score("q1", None, JUDGED), metric.score("q2", ["a", "a", "b"], JUDGED)]
    )
    assert told.conditional == pytest.approx(2 / 3)
    assert told.delivered == pytest.approx(1 / 3)


def test_bpref_by_hand() -> None:
    # relevant a, b, d; judged irrelevant c, e: above b stands one of two, d is not found
    assert bpref().of_query(["a", "x", "c", "b"], JUDGED) == pytest.approx((1 + (1 - 1 / 2)) / 3)


@pytest.mark.parametrize("seed", range(40))
def test_search_figures_equal_ir_measures(seed: int) -> None:
    ir = pytest.importorskip("ir_measures", reason="ir-measures is not installed")
    draw = random.Random(seed)
    documents = [f"d{i}" for i in range(30)]
    judged = {each: draw.choice([0, 0, 1, 2, 3]) for each in draw.sample(documents, 15)}
    judged["sure"] = 1
    results = draw.sample([*documents, "sure"], draw.randint(1, 25))
    qrels = {"q": judged}
    run = {"q": {each: float(len(results) - rank) for rank, each in enumerate(results)}}
    gains = {0: 0, 1: 1, 2: 3, 3: 7}
    told = ir.calc_aggregate([ir.RR @ 10, ir.R @ 10, ir.Judged @ 10, ir.Bpref], qrels, run)
    assert mrr(10).of_query(results, judged) == pytest.approx(told[ir.RR @ 10], abs=1e-9)
    assert recall(10).of_query(results, judged) == pytest.approx(told[ir.R @ 10], abs=1e-9)
    assert bpref().of_query(results, judged) == pytest.approx(told[ir.Bpref], abs=1e-9)
    share = judged_share(10).of_query(results, judged)
    assert share is not None
    assert share * min(10, len(results)) == pytest.approx(
        told[ir.Judged @ 10] * min(10, len(results)), abs=1e-9
    )
    exponential = {"q": {each: gains[grade] for each, grade in judged.items()}}
    assert ndcg(10).of_query(results, judged) == pytest.approx(
        ir.calc_aggregate([ir.nDCG @ 10], exponential, run)[ir.nDCG @ 10], abs=1e-9
    )


# Mentions


def test_strict_wants_place_and_kind_partial_half_a_place() -> None:
    truth = [mention(0, 5), mention(10, 20, "ORG"), mention(30, 35, "LOC")]
    found = [mention(0, 5), mention(12, 20, "ORG"), mention(30, 35, "PER")]
    assert strict_counts(truth, found) == Counts(hits=1, false=2, missed=2)
    assert partial_counts(truth, found) == Counts(hits=2.5, false=0.5, missed=0.5)
    assert strict_counts_by_kind(truth, found)["LOC"] == Counts(hits=0, false=0, missed=1)


def test_a_failed_text_misses_every_mention() -> None:
    for metric, score in ((STRICT, strict_score), (PARTIAL, partial_score)):
        failed = score("t", [mention(0, 5)], None)
        assert (failed.failed, failed.parts) == (True, (0.0, 0.0, 1.0))
        assert value(metric, [failed]) == 0.0


spans = st.lists(
    st.tuples(st.integers(0, 8), st.integers(1, 3), st.sampled_from(["PER", "ORG"])), max_size=6
).map(lambda each: [mention(begin * 4, begin * 4 + length, kind) for begin, length, kind in each])


@given(spans, spans)
def test_partial_is_never_below_strict_and_both_count_everything_once(
    truth: list[Mention], found: list[Mention]
) -> None:
    strict, partial = strict_counts(truth, found), partial_counts(truth, found)
    assert partial.hits >= strict.hits
    for counts in (strict, partial):
        assert counts.hits + counts.missed == len(set(truth))
        assert counts.hits + counts.false == len(set(found))


def test_a_mention_has_a_beginning_and_an_end() -> None:
    with pytest.raises(ValueError, match="begins at 0"):
        mention(5, 5)


@settings(deadline=None)  # the first call imports the other library
@given(spans, spans)
def test_span_figures_equal_nervaluate(truth: list[Mention], found: list[Mention]) -> None:
    nervaluate = pytest.importorskip("nervaluate", reason="nervaluate is not installed")

    # One mention a place: nervaluate has no rule for two mentions of the same piece of text.
    def single(each: list[Mention]) -> list[Mention]:
        return list({(one.begin, one.end // 4): one for one in each}.values())

    there, told = single(truth), single(found)

    def listed(each: list[Mention]) -> list[list[dict[str, object]]]:
        return [[{"label": one.kind, "start": one.begin, "end": one.end - 1} for one in sorted(each)]]

    overall = nervaluate.Evaluator(
        listed(there), listed(told), tags=["PER", "ORG"], loader="dict"
    ).evaluate()["overall"]
    for name, counts in (("strict", strict_counts(there, told)), ("partial", partial_counts(there, told))):
        assert (counts.f1 or 0.0) == pytest.approx(overall[name].f1, abs=1e-9)


# Boxes


def box(left: float, top: float, width: float, height: float) -> Box:
    return Box(left=left, top=top, width=width, height=height)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(box(0, 0, 0.2, 0.2), box(0.1, 0, 0.2, 0.2)) == pytest.approx(0.02 / 0.06)
    assert overlap(box(0, 0, 0.2, 0.2), box(0.5, 0, 0.2, 0.2)) == 0.0
    assert overlap(box(0, 0, 0, 0), box(0, 0, 0, 0)) == 0.0


def test_each_box_is_paired_once_and_best_first_and_within_its_kind() -> None:
    truth = [Boxed(box=box(0, 0, 0.4, 0.4), kind="cat")]
    found = [
        Boxed(box=box(0.05, 0, 0.4, 0.4), kind="cat"),
        Boxed(box=box(0, 0, 0.4, 0.4), kind="cat"),
        Boxed(box=box(0, 0, 0.4, 0.4), kind="dog"),
    ]
    assert paired(truth, found, 0.5) == [(0, 1)]
    assert box_counts(truth, found) == Counts(hits=1, false=2, missed=0)


@pytest.mark.parametrize("bar", [0.0, 1.1])
def test_a_bar_must_be_one(bar: float) -> None:
    with pytest.raises(ValueError, match="bar"):
        paired([], [], bar)


def test_read_text_counts_wrong_missed_and_invented_characters() -> None:
    there = [Boxed(box=box(0, 0, 0.4, 0.1), text="Total 12"), Boxed(box=box(0, 0.5, 0.4, 0.1), text="Cash")]
    found = [Boxed(box=box(0, 0, 0.4, 0.1), text="Total 17"), Boxed(box=box(0.6, 0.8, 0.2, 0.1), text="ok")]
    score = read_score("page", there, found)
    assert score.parts == (1 + 4 + 2, 7 + 4)
    assert value(read_metric(), [read_score("page", there, None)]) == 1.0


# Moderation


COSTS = ErrorCosts(let_through={"violence": 10.0}, stopped=1.0, default=5.0)


@pytest.mark.parametrize(
    ("truth", "flagged", "cost"),
    [
        (set(), set(), 0.0),
        (set(), {"violence"}, 1.0),
        ({"violence"}, set(), 10.0),
        ({"hate", "violence"}, set(), 10.0),
        ({"hate"}, set(), 5.0),
        ({"hate"}, {"violence"}, 0.0),
        (set(), None, 1.0),
        ({"violence"}, None, 10.0),
    ],
)
def test_what_an_error_of_moderation_costs(truth: set[str], flagged: set[str] | None, cost: float) -> None:
    score = cost_score("x", frozenset(truth), None if flagged is None else frozenset(flagged), COSTS)
    assert value(COST, [score]) == cost


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.4, 0.6, 0.9]), st.booleans()), min_size=1, max_size=12))
def test_the_cheapest_threshold_is_the_cheapest_of_all(rated: list[tuple[float, bool]]) -> None:
    given_ = [(confidence, frozenset({"hate"} if bad else set())) for confidence, bad in rated]
    chosen = cheapest_threshold(given_, COSTS)
    assert chosen is not None

    def cost_at(bar: float) -> float:
        return sum(
            (0.0 if bad else 1.0) if sure >= bar else (5.0 if bad else 0.0) for sure, bad in rated
        ) / len(rated)

    assert chosen.cost == pytest.approx(min(cost_at(bar) for bar in (0.1, 0.4, 0.6, 0.9, math.inf)))
    assert cost_at(chosen.at) == pytest.approx(chosen.cost)


# Concepts


MAP = ConceptMap.parse(
    'version = "t/1"\n[concepts.cat]\nany=["Cat", "kitten"]\naws=["Manx"]\n[concepts.car]\nany=["car"]\n'
)


def test_words_are_judged_through_the_map_of_their_provider() -> None:
    labels = [
        Told(name="MANX", confidence=0.9),
        Told(name="car", confidence=0.3),
        Told(name="Whisker", confidence=0.9),
    ]
    ours = mapped(labels, "aws:prod", MAP, {"car": 0.5})
    assert (ours.concepts, ours.mapped, ours.total) == ({"cat"}, 2, 3)
    assert mapped(labels, "gcp", MAP).concepts == {"car"}
    assert mapping_coverage([ours]) == pytest.approx(2 / 3)


def test_an_unknown_confidence_reaches_no_positive_threshold() -> None:
    assert mapped([Told(name="cat")], "aws", MAP, {"cat": 0.1}).concepts == frozenset()
    assert mapped([Told(name="cat")], "aws", MAP).concepts == {"cat"}


def test_concept_f1_counts_over_pictures_and_leaves_out_what_was_not_looked_for() -> None:
    metric = concept_metric(MAP)
    scores = [
        concept_score("1", frozenset({"cat"}), frozenset({"cat", "car"}), MAP),
        concept_score("2", frozenset({"car"}), frozenset(), MAP),
        concept_score("3", frozenset(), frozenset({"car"}), MAP, judged=frozenset({"cat"})),
    ]
    assert value(metric, scores) == pytest.approx(f1_of((1, 1, 1)))
    assert "t/1" in metric.id
    with pytest.raises(ValueError, match="does not have: dog"):
        concept_score("4", frozenset({"dog"}), frozenset(), MAP)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[concepts.cat]\nany=['cat']", "version"),
        ('version = "t/1"', "tables"),
        ('version = "t/1"\n[concepts.cat]\n', "no words"),
        ('version = "t/1"\n[concepts.cat]\nany="cat"\n', "list of texts"),
    ],
)
def test_a_bad_map_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConceptMap.parse(text)


def test_the_packages_own_map_knows_common_words_of_each_provider() -> None:
    everyday = ConceptMap.everyday()
    assert everyday.version == "everyday/1"
    assert "dog" in everyday.meant("aws", "Golden Retriever")
    assert "cat" in everyday.meant("gcp", "Small to medium-sized cats")
    assert "cat" not in everyday.meant("aws", "Small to medium-sized cats")
    assert everyday.meant("azure", "xylograph") == frozenset()


@settings(deadline=None)  # the first call imports the other library
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.booleans()), min_size=1, max_size=20))
def test_average_precision_equals_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed (extra: demo)")
    ours = mean_average_precision({"cat": pairs})
    if not any(there for _, there in pairs):
        assert ours is None
        return
    expected = sklearn.average_precision_score([there for _, there in pairs], [sure for sure, _ in pairs])
    assert ours == pytest.approx(expected, abs=1e-12)
