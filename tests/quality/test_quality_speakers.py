"""Who spoke when and who said what: by hand, by trying every match, and as the reference libraries reckon."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.metrics.assignment import cheapest_assignment
from broker.quality.metrics.edits import distance
from broker.quality.metrics.metric import value
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.speakers import (
    Said,
    Turn,
    cpwer_metric,
    cpwer_score,
    der_metric,
    der_score,
)


def turn(speaker: str, begin: float, end: float) -> Turn:
    return Turn(speaker=speaker, begin=begin, end=end)


@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.integers(rows, 6).flatmap(
            lambda columns: st.lists(
                st.lists(st.integers(-9, 9), min_size=columns, max_size=columns), min_size=rows, max_size=rows
            )
        )
    )
)
def test_no_other_assignment_is_cheaper(costs: list[list[float]]) -> None:
    rows, columns = len(costs), len(costs[0])
    chosen = cheapest_assignment(costs)
    assert len(set(chosen)) == rows
    cheapest = min(
        sum(costs[row][column] for row, column in enumerate(each))
        for each in itertools.permutations(range(columns), rows)
    )
    assert sum(costs[row][column] for row, column in enumerate(chosen)) == cheapest


def test_nothing_to_assign_and_too_little_to_give() -> None:
    assert cheapest_assignment([]) == []
    with pytest.raises(ValueError, match="more rows than columns"):
        cheapest_assignment([[1], [2]])


def test_diarisation_by_hand() -> None:
    """20 s of speech: 2 s missed, 1 s invented, 3 s given to the other; names do not matter."""
    truth = [turn("ann", 0, 10), turn("bob", 10, 20)]
    found = [turn("2", 0, 8), turn("1", 10, 17), turn("2", 17, 21)]
    score = der_score("call", truth, found, collar=0)
    assert score.parts == pytest.approx((2, 1, 3, 20))
    assert value(der_metric(0), [score]) == pytest.approx(6 / 20)


def test_a_collar_leaves_boundaries_of_the_truth_out() -> None:
    truth, found = [turn("ann", 1, 3)], [turn("x", 0.8, 3.2)]
    assert der_score("call", truth, found).parts == pytest.approx((0, 0, 0, 1.5))
    assert der_score("call", truth, found, collar=0).parts == pytest.approx((0, 0.4, 0, 2))
    assert der_score("call", [turn("ann", 1, 1.4)], found).parts[3] == 0  # all collar
    assert der_metric().id == "der:collar=0.25s"


def test_two_at_once_count_twice_and_the_same_one_twice_once() -> None:
    truth = [turn("ann", 0, 4), turn("bob", 2, 4)]
    assert der_score("call", truth, [turn("x", 0, 4)], collar=0).parts == pytest.approx((2, 0, 0, 6))
    assert der_score("call", [turn("ann", 0, 4)], [turn("x", 0, 3), turn("x", 1, 4)], collar=0).parts == (
        0,
        0,
        0,
        4,
    )


def test_a_failed_call_misses_all_speech_and_silence_is_no_figure() -> None:
    failed = der_score("call", [turn("ann", 0, 4)], None, collar=0)
    assert (failed.failed, failed.parts) == (True, (4, 0, 0, 4))
    assert value(der_metric(), [der_score("call", [], [])]) is None
    invented = der_score("call", [], [turn("x", 0, 1)])
    assert invented.parts == (0, 1, 0, 0)


@pytest.mark.parametrize(("begin", "end"), [(1, 1), (2, 1), (-1, 1), (0, float("inf")), (float("nan"), 1)])
def test_a_turn_has_a_beginning_and_an_end(begin: float, end: float) -> None:
    with pytest.raises(ValueError, match="a turn begins"):
        turn("ann", begin, end)
    with pytest.raises(ValueError, match="collar"):
        der_metric(float("nan"))


def some_turns(draw: random.Random, names: str) -> list[Turn]:
    """In tenths of a second, each speaker's own ones apart."""
    found = []
    for name in names:
        at = 0
        for _ in range(draw.randrange(4)):
            begin = at + draw.randrange(1, 40)
            at = begin + draw.randrange(1, 40)
            found.append(turn(name, begin / 10, at / 10))
            at += 1
    return found


def by_frames(truth: list[Turn], found: list[Turn], collar: float) -> tuple[float, ...]:
    """Every match of speakers tried, on frames of 50 ms. Collars and turns end on frames."""
    frames = []
    edges = [edge for each in truth for edge in (each.begin, each.end)]
    for index in range(800):
        at = (index + 0.5) / 20
        if not any(abs(at - edge) < collar for edge in edges):
            frames.append(
                tuple(frozenset(t.speaker for t in side if t.begin < at < t.end) for side in (truth, found))
            )
    ours, theirs = (sorted({each.speaker for each in side}) for side in (truth, found))
    theirs += ["-"] * max(0, len(ours) - len(theirs))
    best: tuple[float, ...] | None = None
    for chosen in itertools.permutations(theirs, len(ours)):
        match = dict(zip(chosen, ours, strict=True))
        right = sum(match.get(speaker) in there for there, told in frames for speaker in told)
        both = sum(min(len(there), len(told)) for there, told in frames)
        if best is None or (both - right) / 20 < best[2]:
            best = (
                sum(max(0, len(there) - len(told)) for there, told in frames) / 20,
                sum(max(0, len(told) - len(there)) for there, told in frames) / 20,
                (both - right) / 20,
                sum(len(there) for there, _ in frames) / 20,
            )
    assert best is not None
    return best


@pytest.mark.parametrize("seed", range(40))
def test_diarisation_equals_every_match_tried(seed: int) -> None:
    draw = random.Random(seed)
    truth, found = some_turns(draw, "abc"), some_turns(draw, "wxyz"[: draw.randrange(1, 5)])
    for collar in (0.0, 0.25):
        assert der_score("call", truth, found, collar).parts == pytest.approx(by_frames(truth, found, collar))


def test_diarisation_equals_pyannote() -> None:
    metrics = pytest.importorskip("pyannote.metrics.diarization", reason="pyannote.metrics is not installed")
    core = pytest.importorskip("pyannote.core")
    whole = core.Timeline([core.Segment(0, 60)])
    for seed in range(30):
        draw = random.Random(seed)
        truth, found = some_turns(draw, "abc"), some_turns(draw, "xyz")
        annotations = []
        for turns in (truth, found):
            annotation = core.Annotation()
            for index, each in enumerate(turns):
                annotation[core.Segment(each.begin, each.end), index] = each.speaker
            annotations.append(annotation)
        for collar in (0.0, 0.25):
            told = metrics.DiarizationErrorRate(collar=2 * collar)(*annotations, uem=whole, detailed=True)
            wanted = [told[name] for name in ("missed detection", "false alarm", "confusion", "total")]
            assert der_score("call", truth, found, collar).parts == pytest.approx(wanted, abs=1e-6)


def test_who_said_what_by_hand() -> None:
    truth = [
        Said(speaker="ann", text="good morning"),
        Said(speaker="bob", text="hi"),
        Said(speaker="ann", text="how are you"),
    ]
    right = [Said(speaker="1", text="Good morning how are you"), Said(speaker="0", text="hi")]
    assert cpwer_score("call", truth, right, PLAIN).parts == (0, 6)
    swapped = [Said(speaker="0", text="good morning"), Said(speaker="1", text="hi how are you")]
    assert cpwer_score("call", truth, swapped, PLAIN).parts == (4, 6)  # two of ann's, "hi" and one invented
    unknown = [Said(speaker=None, text="good morning hi how are you")]
    assert cpwer_score("call", truth, unknown, PLAIN).parts == (2, 6)  # invented for ann, missed of bob
    failed = cpwer_score("call", truth, None, PLAIN)
    assert (failed.failed, failed.parts) == (True, (6, 6))
    assert value(cpwer_metric(PLAIN), [cpwer_score("call", [], [], PLAIN)]) is None
    assert cpwer_metric(PLAIN).id == "cpwer:plain/1"


def some_speech(draw: random.Random, names: str) -> list[Said]:
    return [
        Said(speaker=draw.choice(names), text=" ".join(draw.choices("abcd", k=draw.randrange(5))))
        for _ in range(draw.randrange(8))
    ]


def streams(said: list[Said]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in said:
        found.setdefault(str(each.speaker), []).extend(each.text.split())
    return found


@pytest.mark.parametrize("seed", range(60))
def test_who_said_what_equals_every_match_tried(seed: int) -> None:
    draw = random.Random(seed)
    truth, found = some_speech(draw, "abc"), some_speech(draw, "wxyz")
    there, told = list(streams(truth).values()), list(streams(found).values())
    size = max(len(there), len(told))
    there += [[]] * (size - len(there))
    told += [[]] * (size - len(told))
    fewest = min(
        sum(distance(one, other) for one, other in zip(there, each, strict=True))
        for each in itertools.permutations(told)
    )
    assert cpwer_score("call", truth, found, PLAIN).parts == (fewest, sum(map(len, there)))


def test_who_said_what_equals_meeteval() -> None:
    meeteval = pytest.importorskip("meeteval.wer", reason="meeteval is not installed")
    for seed in range(30):
        draw = random.Random(100 + seed)
        truth, found = some_speech(draw, "abc"), some_speech(draw, "wxyz")
        told = meeteval.cp_word_error_rate(
            {name: " ".join(words) for name, words in streams(truth).items()},
            {name: " ".join(words) for name, words in streams(found).items()},
        )
        assert cpwer_score("call", truth, found, PLAIN).parts == (told.errors, told.length)
