"""Evidence: once, in order, told to the off switch; alarms with their delay; nothing closes on old data."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, SEED, a_drawing, a_sample, a_score, picture, use_case

from broker import Broker
from broker.errors import QualityUnavailable
from broker.ledger.sqlite import SqliteLedger
from broker.notify.notice import Notice
from broker.quality.drift.plan import Watch
from broker.quality.scope import Scope
from broker.quality.switch_state import Release, State
from broker.samples.drift import BASELINE_ITEMS, delay_of, detector_of
from broker.samples.evidence import Watchman
from broker.samples.plan import Plan
from broker.samples.rows import Alarm, EvidenceRow, SampleState
from broker.samples.store import SampleStore
from broker.samples.tolerance import TOLERANCE, process_of
from broker.sections_quality import SamplingSettings, UseCaseSettings
from broker.switches.board import Board
from broker.switches.use_cases import UseCases
from broker.testing.fake import fake_provider, labels

SCOPE = Scope(use_case="shop", operation="vision.label", provider="aws")


class World:
    """A store, a ledger with its switches, a clock that is set by hand."""

    def __init__(self, folder: Path, **facts: Any) -> None:
        self.now = AT
        self.notices: list[Notice] = []
        self.store = SampleStore(str(folder / "quality.db"))
        self.ledger = SqliteLedger(str(folder / "ledger.db"))
        sampling = SamplingSettings(design="rate", rate=0.1, **facts.pop("sampling", {}))
        tolerance = {"target": 0.9, "tolerance": 0.1}
        facts = {"tolerance": tolerance, **facts}
        self.settings = UseCaseSettings(operation="vision.label", sampling=sampling, **facts)
        self.board = Board(
            self.ledger,
            UseCases({"shop": self.settings}),
            monotonic=self.seconds,
            now=lambda: self.now,
            notify=self.notices.append,
        )
        self.watchman = Watchman(
            self.store,
            {"shop": Plan("shop", self.settings, sampling, SEED)},
            board=self.board,
            notify=self.notices.append,
            now=lambda: self.now,
            false_alarms_a_year=2.0,
        )
        self.number = 0

    def scored(self, count: int, accuracy: float, seed: int = 1, **facts: Any) -> list[int]:
        """So many samples, a minute apart, right at this rate."""
        draw = random.Random(seed)
        rows = []
        for _ in range(count):
            self.number += 1
            self.now += timedelta(minutes=1)
            rows.append(a_sample(str(self.number), at=self.now, **facts))
        ids = self.store.write({a_drawing(): (count * 10, count)}, {}, [(each, ()) for each in rows])
        self.store.add_scores([a_score(each, draw.random() < accuracy) for each in ids])
        return ids

    def seconds(self) -> float:
        return (self.now - AT).total_seconds()

    def advance(self) -> None:
        self.watchman.advance("shop", "aws")

    @property
    def state(self) -> State:
        row = next((row for row in self.board.rows() if row.scope == SCOPE), None)
        assert row is None or row.switch is not None
        return State.CLOSED if row is None or row.switch is None else row.switch.state

    def row(self, watch: str) -> EvidenceRow:
        return next(row for row in self.store.evidence("shop") if row.watch == watch)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()
    made.ledger.close()


class TestTolerance:
    """Target 0.9, tolerance 0.1: it opens below 0.8, and only when that is sure."""

    def test_good_quality_leaves_it_closed(self, world: World) -> None:
        world.scored(400, 0.95)
        world.advance()
        assert world.state is State.CLOSED
        process = process_of(world.row(TOLERANCE))
        assert process is not None
        assert process.seen == 400

    def test_bad_quality_opens_it(self, world: World) -> None:
        first = world.now
        world.scored(300, 0.5)
        world.advance()
        assert world.state is State.OPEN
        event = world.board.events()[0]
        assert event.transition.rule.endswith("e-process") or "e-process" in event.transition.rule
        since = world.row(TOLERANCE).since
        assert since is not None
        assert since > first
        assert any(each.kind == "switch.open" for each in world.notices)

    def test_a_point_below_the_target_only_warns(self, world: World) -> None:
        world.scored(60, 0.86, seed=4)
        world.advance()
        assert world.state is State.WARN

    def test_items_enter_once(self, world: World) -> None:
        world.scored(50, 0.95)
        world.advance()
        before = process_of(world.row(TOLERANCE))
        world.advance()
        assert process_of(world.row(TOLERANCE)) == before

    def test_it_waits_for_the_truths_that_are_due(self, world: World) -> None:
        """Else whoever labels the doubtful ones first would make all look bad."""
        world.scored(1, 1.0)
        world.number += 1
        waiting = a_sample(
            "waits", at=world.now, state=SampleState.WAITING, until=world.now + timedelta(days=7)
        )
        (number,) = world.store.write({}, {}, [(waiting, ())])
        world.scored(300, 0.3)
        world.advance()
        assert world.state is State.CLOSED
        world.store.set_state([number], SampleState.GIVEN_UP)
        world.advance()
        assert world.state is State.OPEN

    def test_it_is_tried_again_and_closes_on_fresh_data_alone(self, world: World) -> None:
        world.scored(300, 0.5)
        world.advance()
        assert world.state is State.OPEN
        world.scored(200, 0.99)
        world.advance()
        assert world.state is State.OPEN  # the cooldown is not over
        world.now += timedelta(hours=2)
        world.board.look()
        assert world.state is State.HALF_OPEN
        assert world.watchman.probed("shop") == ["aws"]
        world.scored(300, 0.99, seed=2)
        world.advance()
        assert world.state is State.CLOSED
        world.scored(5, 1.0)
        world.advance()
        assert world.state is State.CLOSED  # what opened it does not do so again
        world.scored(300, 0.4, seed=3)
        world.advance()
        assert world.state is State.OPEN

    def test_old_data_never_close_it(self, world: World) -> None:
        world.scored(400, 0.99)
        world.scored(400, 0.3, seed=2)
        world.advance()
        world.now += timedelta(hours=2)
        world.board.look()
        assert world.state is State.HALF_OPEN
        world.advance()
        assert world.state is State.HALF_OPEN

    def test_bad_probes_open_it_again(self, world: World) -> None:
        world.scored(300, 0.5)
        world.advance()
        world.now += timedelta(hours=2)
        world.board.look()
        world.scored(300, 0.5, seed=6)
        world.advance()
        assert world.state is State.OPEN

    def test_after_a_release_it_begins_anew(self, world: World) -> None:
        world.scored(300, 0.5)
        world.advance()
        world.board.report(SCOPE, Release(actor="ann", reason="fixed", close=True))
        assert world.state is State.CLOSED
        world.advance()
        assert world.state is State.CLOSED
        assert process_of(world.row(TOLERANCE)) is None

    def test_a_program_that_dies_before_it_noted_that_it_told_opens_nothing_twice(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.scored(300, 0.5)
        with monkeypatch.context() as dying:

            def dies(*_: Any) -> bool:
                raise KeyboardInterrupt

            dying.setattr(world.store, "change_evidence", dies)
            with pytest.raises(KeyboardInterrupt):
                world.advance()
        assert world.state is State.OPEN
        assert "told" not in world.row(TOLERANCE).state
        world.now += timedelta(hours=2)
        world.board.look()
        world.scored(300, 0.99, seed=2)
        world.advance()
        assert world.state is State.CLOSED
        for _ in range(3):
            world.scored(5, 1.0)
            world.advance()
            assert world.state is State.CLOSED
        world.scored(300, 0.4, seed=3)
        world.advance()
        assert world.state is State.OPEN

    def test_what_another_program_took_in_meanwhile_is_not_lost_when_it_is_told(
        self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.scored(300, 0.5)
        other = World(tmp_path)
        report = world.board.report

        def slowly(*given: Any, **facts: Any) -> Any:
            found = report(*given, **facts)
            other.now, other.number = world.now, 10_000
            other.scored(50, 0.5)
            other.advance()
            return found

        monkeypatch.setattr(world.board, "report", slowly)
        world.advance()
        row = world.row(TOLERANCE)
        process = process_of(row)
        assert process is not None
        assert (process.seen, row.state["told"]) == (350, True)
        other.store.close()
        other.ledger.close()

    def test_two_programs_feed_each_item_once(self, world: World, tmp_path: Path) -> None:
        world.scored(200, 0.95)
        world.advance()
        alone = process_of(world.row(TOLERANCE))
        other = World(tmp_path)
        other.now = world.now
        other.advance()
        assert process_of(other.row(TOLERANCE)) == alone
        other.store.close()
        other.ledger.close()


class TestAlarms:
    """A baseline of the first hundred, then a bar below it."""

    def test_a_fall_is_told_once_with_its_delay(self, tmp_path: Path) -> None:
        world = World(tmp_path, tolerance=None)
        world.scored(BASELINE_ITEMS, 0.95)
        world.advance()
        row = world.row("quality")
        detector = detector_of(row.state)
        assert detector is not None
        assert 0.7 < detector.bar < 0.9
        delay = delay_of(row)
        assert delay is not None
        assert "samples" in str(delay)
        world.scored(1500, 0.4)
        world.advance()
        world.advance()
        alarms = world.store.alarms("shop")
        assert [each.watch for each in alarms] == [Watch.QUALITY]
        (notice,) = [each for each in world.notices if each.kind == "quality.alarm"]
        assert "is seen after" in notice.text
        with closing(sqlite3.connect(world.store.path)) as file:  # dies between the two
            file.execute(
                "CREATE TRIGGER dies BEFORE INSERT ON evidence BEGIN SELECT RAISE(ABORT, 'now'); END"
            )
            file.commit()
            with pytest.raises(QualityUnavailable):
                world.store.judge_alarm(alarms[0].id, True, "ann", "", world.now)
            file.execute("DROP TRIGGER dies")
            file.commit()
        assert world.store.alarms("shop")[0].verdict is None
        world.store.judge_alarm(alarms[0].id, True, "ann", "", world.now)
        assert detector_of(world.row("quality").state) is None
        world.scored(BASELINE_ITEMS, 0.9)
        world.advance()
        world.store.judge_alarm(alarms[0].id, False, "ann", "I was wrong", world.now)
        assert detector_of(world.row("quality").state) is not None  # a second word begins nothing anew
        world.store.close()
        world.ledger.close()

    def test_an_alarm_says_since_when(self, tmp_path: Path) -> None:
        world = World(tmp_path, tolerance=None)
        world.scored(BASELINE_ITEMS + 200, 0.95)
        world.advance()
        changed = world.now
        for seed in range(30):  # as rounds do it, a few at a time
            world.scored(20, 0.5, seed=seed)
            world.advance()
        (alarm,) = world.store.alarms("shop")
        assert alarm.onset is not None
        assert abs(alarm.onset - changed) < timedelta(minutes=15)  # of a sample a minute
        assert alarm.at > alarm.onset
        assert f"begun with calls of {alarm.onset:%Y-%m-%d %H:%M}" in alarm.text
        world.store.close()
        world.ledger.close()

    def test_a_watch_of_before_has_no_onset_until_it_begins_anew(self, tmp_path: Path) -> None:
        world = World(tmp_path, tolerance=None)
        world.scored(BASELINE_ITEMS + 50, 0.95)
        world.advance()

        def before_onsets(row: EvidenceRow) -> EvidenceRow:
            return replace(row, state={key: value for key, value in row.state.items() if key != "run"})

        world.store.change_evidence("shop", "aws", "quality", world.now, before_onsets)
        world.scored(600, 0.4)
        world.advance()
        (alarm,) = world.store.alarms("shop")
        assert alarm.onset is None
        world.store.close()
        world.ledger.close()

    @pytest.mark.parametrize("watch", [Watch.LABEL_MIX, Watch.PINNED])
    def test_judging_what_looks_by_itself_changes_no_evidence(self, world: World, watch: Watch) -> None:
        """Else last week's mix would be looked at once more, and alarm again."""
        alarm = world.store.add_alarm(
            Alarm(use_case="shop", provider="aws", watch=watch, at=world.now, text="moved")
        )
        world.store.judge_alarm(alarm.id, False, "ann", "a sale", world.now)
        assert world.store.evidence("shop") == []

    def test_steady_streams_do_not_alarm(self, tmp_path: Path) -> None:
        world = World(tmp_path, tolerance=None)
        for seed in range(4):
            world.scored(500, 0.9, seed=seed)
        world.advance()
        assert world.store.alarms() == []
        world.store.close()
        world.ledger.close()

    def test_errors_are_watched_without_any_truth(self, tmp_path: Path) -> None:
        world = World(tmp_path, tolerance=None)
        good = [a_sample(f"g{n}", at=AT + timedelta(minutes=n)) for n in range(200)]
        bad = [a_sample(f"b{n}", at=AT + timedelta(minutes=200 + n), failed=n % 2 == 0) for n in range(600)]
        world.store.write({}, {}, [(each, ()) for each in (*good, *bad)])
        world.advance()
        assert [each.watch for each in world.store.alarms()] == [Watch.ERRORS]
        world.store.close()
        world.ledger.close()


def test_a_provider_that_gets_bad_is_left_and_the_other_takes_over(tmp_path: Path) -> None:
    """Through the client: sampled, scored by gold, evidence, switch, fallback."""
    gold = tmp_path / "gold"
    gold.mkdir()
    (gold / "cat.png").write_bytes(picture(1))
    (gold / "labels.csv").write_text("path,truth\ncat.png,cat\n")
    facts = {
        "gold": str(gold),
        "tolerance": {"target": 0.9, "tolerance": 0.2},
        "switch": {"mode": "enforce", "on_unknown": "closed"},
    }
    with Broker(
        adapters=[
            fake_provider([labels("Teapot")], provider="bad"),
            fake_provider([labels("Cat")], provider="good"),
        ],
        provider=["bad", "good"],
        quality=use_case(**facts),
    ) as broker:
        photo = picture(1)
        for _ in range(60):
            broker.vision.label(photo)
        assert broker.quality.flush(30)
        broker._board.look()
        assert broker.vision.label(photo).provenance.provider == "good"
        assert "bad" in broker.vision.label(photo).provenance.passed_over[0]
