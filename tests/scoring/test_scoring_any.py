"""What holds for every operation, every answer and every truth, hostile ones too."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from answer_strategies import answers
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from broker.contract.operations import OPERATIONS
from broker.errors import BadInput, BadTruth
from broker.quality.drift.pinned import behaviour_token, replay
from broker.quality.metrics.metric import Drawn
from broker.scoring import (
    DEFAULTS,
    Agreement,
    answer_class,
    confidence_of,
    is_empty,
    metrics_of,
    no_metric,
    parse_truth,
    pinned_answer,
    right_answer,
    same_answer,
    score,
    unit_score,
)
from broker.scoring.operations import SCORERS
from json_support import nested

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Making a whole analysis smaller would take minutes and tell little more."""
WORDS = st.text(alphabet="abc xyz.Ü", min_size=1, max_size=8).filter(lambda text: bool(text.strip(" .")))
SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=4, unique=True).map(
    lambda pairs: [{"begin": begin, "end": begin + length, "kind": "person"} for begin, length in pairs]
)
SIDES = st.floats(0.01, 0.5)
BOXES = st.lists(st.tuples(SIDES, SIDES, SIDES, SIDES), max_size=4)
TRUTHS: dict[str, st.SearchStrategy[Any]] = {
    "vision.label": st.lists(st.sampled_from(["car", "dog", "Vehicle", "people"]), max_size=3),
    "vision.detect_objects": BOXES.map(lambda boxes: [{"box": list(each), "kind": "Dog"} for each in boxes]),
    "vision.detect_faces": BOXES.map(lambda boxes: [{"box": list(each)} for each in boxes]),
    "vision.detect_text": st.one_of(
        WORDS, BOXES.map(lambda boxes: [{"box": list(each), "text": "ab c"} for each in boxes])
    ),
    "vision.moderate": st.lists(st.sampled_from(["violence", "hate"]), max_size=2),
    "vision.analyze": st.fixed_dictionaries({"label": st.just("car"), "moderate": st.just([])}),
    "text.sentiment": st.sampled_from(["positive", "negative", "neutral"]),
    "text.entities": SPANS,
    "text.detect_pii": SPANS,
    "text.redact": SPANS,
    "text.key_phrases": st.lists(WORDS, max_size=3),
    "text.detect_language": st.sampled_from(["en", "zh-Hant", "fil"]),
    "text.moderate": st.sampled_from(["violence;hate", "none", '{"hate": 6}']),
    "transcription.transcribe": WORDS,
    "transcription.stream": WORDS,
    "search.query": st.dictionaries(WORDS, st.integers(0, 3), min_size=1, max_size=4),
}
JSON = nested(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["car", "[", "{}", "[1]"]),
    st.sampled_from(
        ["box", "boxes", "kind", "begin", "end", "text", "label", "unit", "width", "polygon", "judged", "x"]
    ),
)


def scored(operation: str, answer: Any, truth: Any) -> Any:
    return score(
        operation, answer, truth, item="a", provider="aws", drawn=Drawn(cluster="c", probability=0.5)
    )


def refusal(operation: str, raw: Any, **place: str) -> tuple[str, Any]:
    try:
        return "", parse_truth(operation, raw, **place)
    except BadTruth as error:
        return str(error), None


def test_every_operation_is_scored_or_says_why_not() -> None:
    assert SCORERS.keys() == OPERATIONS.keys()
    for operation in OPERATIONS:
        reason = no_metric(operation)
        metrics = metrics_of(operation)
        assert (reason is None) == bool(metrics) == (operation in TRUTHS)
        if reason is not None:
            assert len(reason.reason) > 40
            assert reason.operation == operation
            with pytest.raises(BadTruth, match="there is no metric"):
                parse_truth(operation, "x")
        ids = [metric.id for metric in metrics]
        assert len(set(ids)) == len(ids)
    with pytest.raises(BadInput, match=r"no operation 'vision\.smell'"):
        metrics_of("vision.smell")


@pytest.mark.parametrize("operation", TRUTHS)
@settings(max_examples=20, phases=QUICK)
@given(data=st.data())
def test_any_answer_is_scored(operation: str, data: st.DataObject) -> None:
    answer = data.draw(answers(OPERATIONS[operation].payload))
    raw = data.draw(TRUTHS[operation])
    truth = parse_truth(operation, raw)
    assert parse_truth(operation, json.dumps(raw) if isinstance(raw, (list, dict)) else raw) == truth
    scores = scored(operation, answer, truth)
    assert scores
    order = [metric.id for metric in metrics_of(operation)]
    places = [order.index(metric.id) for metric, _ in scores]
    assert places == sorted(places)
    assert right_answer(scores) in (True, False, None)
    for metric, item in scores:
        assert not item.failed or operation == "vision.analyze"  # one of its parts may be missing
        assert (item.item, item.cluster, item.weight) == ("a", "c", 2.0)
        assert len(item.parts) == len(metric.parts)
        assert all(math.isfinite(part) and part >= 0 for part in item.parts)
        unit = unit_score(metric, item)
        assert unit is None or 0.0 <= unit <= 1.0


@pytest.mark.parametrize("operation", TRUTHS)
@settings(max_examples=10, phases=QUICK)
@given(data=st.data())
def test_a_failed_call_is_told_apart_and_never_better_than_an_answer(
    operation: str, data: st.DataObject
) -> None:
    truth = parse_truth(operation, data.draw(TRUTHS[operation]))
    answer = data.draw(answers(OPERATIONS[operation].payload))
    failed = scored(operation, None, truth)
    assert all(item.failed for _, item in failed)
    assert right_answer(failed) is None
    for (metric, worst), (other, item) in zip(failed, scored(operation, answer, truth), strict=True):
        assert metric == other
        worst_value, found = metric.of(worst.parts), metric.of(item.parts)
        if metric.higher_is_better and worst_value is not None and not metric.id.startswith("judged"):
            assert worst_value <= (found or 0.0)
        assert not metric.higher_is_better or not worst_value


@pytest.mark.parametrize("operation", TRUTHS)
@settings(max_examples=60)
@given(raw=JSON)
def test_any_json_is_a_truth_or_refused_by_name(operation: str, raw: Any) -> None:
    said, truth = refusal(operation, raw, where="labels.csv, line 7")
    if truth is None:
        assert said.startswith("labels.csv, line 7: ")
        assert operation in said
    else:
        assert scored(operation, None, truth)


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=20, phases=QUICK)
@given(data=st.data())
def test_features_and_agreement_of_any_answers(operation: str, data: st.DataObject) -> None:
    kind = OPERATIONS[operation].payload
    one, other = data.draw(answers(kind)), data.draw(answers(kind))
    sure = confidence_of(operation, one)
    assert sure is None or isinstance(sure, (int, float))
    assert is_empty(operation, one) in (True, False)
    named = answer_class(operation, one, provider="aws")
    assert named is None or isinstance(named, str)
    own = same_answer(operation, one, one)
    assert own.share is None or own.share == pytest.approx(1.0) or operation.startswith("vision.")
    assert own == Agreement(same=None, share=None) or own.same in (True, False)
    there, back = same_answer(operation, one, other), same_answer(operation, other, one)
    if not operation.startswith("vision."):  # boxes of equal overlap may pair otherwise
        assert there == back
    runs = [[pinned_answer(operation, "a", each)] for each in (one, one, None)]
    assert replay(runs[0], runs[1]).flipped == 0
    assert behaviour_token(runs[0]) == behaviour_token(runs[1]) != behaviour_token(runs[2])


def test_what_figures_rest_on_is_never_official() -> None:
    grounds = {metric.id for name in OPERATIONS for metric in metrics_of(name) if metric.ground}
    assert grounds == {"mapped-labels:everyday/1", "label/mapped-labels:everyday/1", "judged@10"}
    assert not any(metrics_of(name)[0].ground for name in TRUTHS)


def test_errors_do_not_repeat_what_a_truth_says() -> None:
    for operation in TRUTHS:
        for raw in ("SECRET WORDS", ["SECRET WORDS"], {"SECRET": "WORDS"}, [{"SECRET": "WORDS"}], "{SECRET"):
            assert "SECRET" not in refusal(operation, raw)[0], operation


def test_a_truth_that_is_not_there_is_no_truth() -> None:
    with pytest.raises(BadTruth, match=r"there is no truth for text\.sentiment"):
        parse_truth("text.sentiment", None)


def test_the_defaults_are_what_the_pages_say() -> None:
    assert DEFAULTS.concepts.version == "everyday/1"
    assert (DEFAULTS.k, DEFAULTS.object_iou, DEFAULTS.face_iou, DEFAULTS.same_from) == (10, 0.5, 0.3, 0.5)
