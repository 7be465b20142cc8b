"""Input that nobody meant: no numbers, endless repetitions, other ways of writing, clocks that go back, cut files."""

from __future__ import annotations

import gzip
import random
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality import sampling
from broker.quality.calibration import calibration_error, isotonic, ranks_right
from broker.quality.drift.detector import Detector
from broker.quality.drift.pinned import PinnedAnswer, behaviour_token
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.quality.metrics.boxes import Boxed, box_counts, read_score
from broker.quality.metrics.concepts import ConceptMap, mean_average_precision
from broker.quality.metrics.metric import ItemScore
from broker.quality.metrics.moderation import ErrorCosts, cheapest_threshold
from broker.quality.metrics.normalise import SPOKEN_EN
from broker.quality.ranks import agreement_ranks, consensus_of_others
from broker.quality.recorded import accuracy_scores, read_run
from broker.quality.stratified import Stratum
from broker.quality.switch import Refused, stepped
from broker.quality.switch_state import (
    BudgetRenewed,
    Cause,
    Elapsed,
    Evidence,
    HardBreach,
    Policy,
    ProbeGood,
    Release,
    State,
    Switch,
    SwitchOff,
)
from broker.types.geometry import Box

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAN, INF = float("nan"), float("inf")


def test_what_is_no_number_is_no_score() -> None:
    for bad in (NAN, INF):
        with pytest.raises(ValueError, match="is a number"):
            ItemScore(item="a", parts=(bad, 1.0))
        with pytest.raises(ValueError, match="0 or more"):
            ErrorCosts(let_through={"violence": bad}, stopped=1.0)
        with pytest.raises(ValueError, match="is none"):
            Stratum(name="a", weight=bad, hits=1, n=2)
        with pytest.raises(ValueError, match="confidence is a number"):
            isotonic([(bad, True)] * 300)
        with pytest.raises(ValueError, match="confidence is a number"):
            ranks_right([(bad, True), (0.5, False)])
        with pytest.raises(ValueError, match="confidence is a number"):
            cheapest_threshold([(bad, frozenset())], ErrorCosts(let_through={}, stopped=1.0))
        with pytest.raises(ValueError, match="confidence is a number"):
            mean_average_precision({"cat": [(bad, True)]})


def test_an_alarm_without_a_number_is_refused_and_never_goes_off_at_once_or_never() -> None:
    with pytest.raises(ValueError, match="threshold is 1 sample"):
        Detector(bar=0.9, threshold=NAN)
    with pytest.raises(ValueError, match="allow some"):
        AlarmPlan(false_alarms_a_year=NAN)
    with pytest.raises(ValueError, match="add up to at most 1"):
        AlarmPlan(weights={Watch.QUALITY: NAN})
    for samples in (NAN, -1.0):
        with pytest.raises(ValueError, match="counted from 0"):
            AlarmPlan().threshold(Watch.QUALITY, samples)


@pytest.mark.parametrize("sure", [NAN, 1.01, -0.1, 87.0])
def test_confidences_on_another_scale_have_no_calibration_error(sure: float) -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        calibration_error([(0.5, True), (sure, True)])


def test_an_unknowable_confidence_is_a_class_of_its_own_and_not_the_surest() -> None:
    strata = sampling.Strata(confidence_cuts=(0.3, 0.7), by_agreement=False)
    assert strata.name(sampling.Features(confidence=NAN)) == "sure=?"


def test_a_calls_number_is_below_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Highest:
        """A digest of nothing but ones."""

        def digest(self) -> bytes:
            return b"\xff" * 8

    monkeypatch.setattr(sampling, "blake2b", lambda *_, **__: Highest())
    monkeypatch.setattr(sampling, "_key", lambda seed: seed)
    assert 0.999 < sampling.number_of(b"0" * 16, "call") < 1.0


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "(" * 50_000, "<a" * 25_000, "one thousand " * 3000, "one " * 6000 + "thousand two",
     "1" * 6000 + " million and two", "1" * 6000 + "k", "five point " + "one " * 5000],
    ids=["squares", "rounds", "angles", "loop", "ones", "digits", "short", "decimals"],
)  # fmt: skip
def test_a_stuck_recogniser_is_read_in_time_and_its_words_are_not_swallowed(text: str) -> None:
    started = time.process_time()
    words = SPOKEN_EN.words(text)
    assert time.process_time() - started < 2
    if "one" in text:
        assert len(words) > 200  # a loop is many wrong words, not one


def test_equal_texts_are_equal_however_their_accents_are_written(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    one, other = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
    path.write_text(
        f"item,provider,answer,truth\n{one},aws,{other},{one}\n{other},gcp,{one},{other}\n", "utf-8"
    )
    rows = read_run(str(path))
    assert len({row.item for row in rows}) == 1
    assert all(score.parts == (1.0, 1.0) for score in accuracy_scores(rows))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.csv", b"item,provider,answer,truth\na,aws,cat,cat\nb,aw", "row 2: it has other columns"),
        ("run.csv", b"item,provider,answer\na,aws,cat,dog\n", "row 1: it has other columns"),
        ("run.csv", b'item,provider,answer\na,aws,"cat\n', "no CSV"),
        ("run.csv.gz", gzip.compress(b"item,provider,answer\n" + b"".join(b"%d,aws,cat\n" % i for i in range(999)))[:-9], "cut off"),
        ("run.jsonl", b"\xff\xfe{}", "UTF-8"),
    ],
    ids=["row", "surplus", "quote", "gzip", "bytes"],
)  # fmt: skip
def test_a_file_that_is_cut_off_is_no_failed_call(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_run(str(path))


def test_a_long_transcript_is_an_answer_like_others(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("item,provider,answer\na,aws," + "word " * 100_000 + "\n")
    (row,) = read_run(str(path))
    assert row.answer is not None
    assert len(row.answer) == 500_000


def test_a_provider_that_answers_three_times_is_no_consensus() -> None:
    votes = {
        str(i): [("a", "x"), ("b", "yx"[i % 2]), ("b", "yx"[i % 2]), ("b", "yx"[i % 2])] for i in range(60)
    }
    assert consensus_of_others(votes, "a") == {}
    with pytest.raises(ValueError, match="ranks by agreement need"):
        agreement_ranks({item: answers[1:] for item, answers in votes.items()})


boxes = st.lists(
    st.builds(
        lambda left, top: Boxed(box=Box(left=left / 8, top=top / 8, width=0.25, height=0.25), text=f"{left}"),
        st.integers(0, 6),
        st.integers(0, 6),
    ),
    max_size=6,
)


@given(boxes, boxes, st.randoms(use_true_random=False))
def test_the_order_in_which_boxes_are_told_never_matters(
    truth: list[Boxed], found: list[Boxed], draw: random.Random
) -> None:
    """Many overlaps are equal here."""
    shuffled = draw.sample(truth, len(truth)), draw.sample(found, len(found))
    assert box_counts(*shuffled, 0.1) == box_counts(truth, found, 0.1)
    assert read_score("a", *shuffled, 0.1).parts == read_score("a", truth, found, 0.1).parts


def test_of_equal_overlaps_the_same_ones_are_taken_whoever_is_told_first() -> None:
    """b - x - a - y stand side by side, each half a box further: x and y overlap a alike, b overlaps x alone."""
    x, y, a, b = (
        Boxed(box=Box(left=left, top=0.0, width=0.25, height=0.25)) for left in (0.125, 0.375, 0.25, 0.0)
    )
    told = {
        box_counts([*truth], [*found], 0.1).hits for truth in ((a, b), (b, a)) for found in ((x, y), (y, x))
    }
    assert len(told) == 1


def test_a_token_takes_a_label_twice_and_half_a_character() -> None:
    one = PinnedAnswer(item="a", labels=(("cat", None), ("cat", 0.5), ("\ud83d", 0.9)))
    other = PinnedAnswer(item="a", labels=(("\ud83d", 0.9), ("cat", 0.5), ("cat", None)))
    assert behaviour_token([one]) == behaviour_token([other])


def test_a_concepts_word_has_a_letter() -> None:
    with pytest.raises(ValueError, match="no letter or digit"):
        ConceptMap.parse('version = "shop/1"\n[concepts.shoe]\nany = ["shoe", "!?"]')


# the off switch


def held(since: datetime) -> Evidence:
    return Evidence(rule="confidence sequence", since=since)


def breach(at: datetime) -> HardBreach:
    return HardBreach(cause=Cause.QUALITY, evidence=held(at))


@pytest.mark.parametrize("again", [breach(NOW), SwitchOff(actor="ann", reason="look at it")])
def test_a_clock_set_back_makes_no_old_evidence_young(again: HardBreach | SwitchOff) -> None:
    state, _ = stepped(Switch(), breach(NOW), NOW, Policy())
    state, _ = stepped(state, again, NOW - 10 * HOUR, Policy())
    if isinstance(again, SwitchOff):
        state, _ = stepped(state, Release(actor="ann", reason="seen"), NOW + HOUR, Policy())
    state, _ = stepped(state, Elapsed(), NOW + 2 * HOUR, Policy())
    assert state.state is State.HALF_OPEN
    state, line = stepped(state, ProbeGood(evidence=held(NOW - 5 * HOUR)), NOW + 2 * HOUR, Policy())
    assert (state.state, line) == (State.HALF_OPEN, None)
    state, _ = stepped(state, ProbeGood(evidence=held(NOW + HOUR)), NOW + 2 * HOUR, Policy())
    assert state.state is State.CLOSED


@pytest.mark.parametrize("second", ["Ann", " ann ", "\uff41nn", "ann\u200b", "", "  ", "\u200b", None])
def test_the_same_person_in_other_letters_is_no_second_one(second: str | None) -> None:
    policy = Policy(require_two=True)
    forced, _ = stepped(Switch(), SwitchOff(actor="bob", reason="bad"), NOW, policy)
    with pytest.raises(Refused, match="second person"):
        stepped(forced, Release(actor="ann", reason="good", second=second), NOW + HOUR, policy)
    _, line = stepped(forced, Release(actor="ann", reason="good", second="bob"), NOW + HOUR, policy)
    assert line is not None
    assert "confirmed by bob" in line.text


@pytest.mark.parametrize("first", [timedelta(seconds=1), timedelta(days=7)])
def test_a_provider_that_never_recovers_stays_at_the_longest_cooldown(first: timedelta) -> None:
    policy, at, state = Policy(first_cooldown=first), NOW, Switch()
    for _ in range(200):
        state, _ = stepped(state, breach(at), at, policy)
        assert state.reopen_at is not None
        waited = state.reopen_at - at
        at = state.reopen_at
        state, _ = stepped(state, Elapsed(), at, policy)
        assert state.state is State.HALF_OPEN
    assert waited == timedelta(days=7)


def test_a_budgets_last_period_frees_no_forced_switch() -> None:
    state, _ = stepped(Switch(), HardBreach(cause=Cause.BUDGET, evidence=held(NOW)), NOW, Policy())
    state, _ = stepped(state, SwitchOff(actor="ann", reason="stop"), NOW + HOUR, Policy())
    for since, free in ((NOW - HOUR, False), (NOW + 2 * HOUR, True)):
        told, line = stepped(state, BudgetRenewed(evidence=held(since)), NOW + 3 * HOUR, Policy())
        assert (told.state, line) == (State.FORCED_OPEN, None)
        assert (Cause.BUDGET not in told.causes) is free


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        stepped(Switch(), Elapsed(), NOW.replace(tzinfo=None), Policy())
