"""What must not hurt: crashes between two steps, a store that fails, broken rows, clocks that go back. Users' calls see nothing of it."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, a_sample, a_score, picture

from broker import Broker
from broker.errors import QualityUnavailable
from broker.quality.reference import Reference
from broker.runtime.virtual import VirtualRuntime
from broker.samples.mirror import Crew
from broker.samples.rows import Sample, SampleQuery, SampleState, Skipped, Stream
from broker.samples.store import SampleStore
from broker.testing.fake import fake_price, fake_provider, labels

Make = Callable[..., Broker]
TOLERANCE = {"target": 0.9, "tolerance": 0.1}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SampleStore]:
    made = SampleStore(str(tmp_path / "quality.db"))
    yield made
    made.close()


def calls_of(broker: Broker) -> int:
    return sum(each.calls for each in broker.quality.store.drawn("shop"))


class TestBetweenTwoSteps:
    """A process dies, or the store is lost, after one step and before the next."""

    def test_a_sample_and_its_score_by_gold_are_one(
        self, make_sampled: Make, gold: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, another program's evidence could pass the sample in between: its score then counted for nothing."""
        broker = make_sampled(gold=gold, tolerance=TOLERANCE)

        def never(*_: Any, **__: Any) -> None:
            raise QualityUnavailable("killed here")

        monkeypatch.setattr(broker.quality.store, "add_scores", never)
        for number in range(3):
            broker.vision.label(picture(number))
        assert broker.quality.flush(30)
        found = broker.quality.store.scored(SampleQuery(use_case="shop"))
        assert [each.sample.state for each in found] == [SampleState.SCORED] * 3

    def test_a_score_that_comes_with_its_sample_is_kept_whole_or_not_at_all(self, store: SampleStore) -> None:
        with closing(sqlite3.connect(store.path)) as file:
            store.write({}, {})
            file.execute("CREATE TRIGGER dies BEFORE INSERT ON score BEGIN SELECT RAISE(ABORT, 'now'); END")
            file.commit()
            with pytest.raises(QualityUnavailable):
                store.write({}, {}, [(a_sample(), ())], [[a_score(0)]])
        assert store.samples(SampleQuery()) == []

    def test_what_a_dead_program_had_asked_others_holds_up_no_evidence(self, store: SampleStore) -> None:
        """Before, all that came behind waited for days: whether people were to see it was never decided."""
        left = a_sample("left", at=AT, state=SampleState.WAITING, until=AT + timedelta(days=7), pending=True)
        after = a_sample("after", at=AT + timedelta(minutes=1))
        store.write({}, {}, [(left, ()), (after, ())], [[], [a_score(0)]])

        def seen(now: Any) -> list[str]:
            taken: list[int] = []

            def fold(row: Any, items: Any) -> Any:
                taken.extend(each.sample for each in items if each.unit is not None)
                return row, ()

            store.advance("shop", "aws", "probe", Stream.SCORES, now, fold)
            names = {each.id: each.item for each in store.samples(SampleQuery())}
            return [names[each] for each in taken]

        now = AT + timedelta(minutes=5)
        assert store.give_up(now) == 0  # they may answer yet
        assert seen(now) == []
        now = AT + timedelta(hours=1)
        assert store.give_up(now) == 1
        assert seen(now) == ["after"]

    def test_those_that_wait_for_people_go_on_waiting(self, store: SampleStore) -> None:
        waits: dict[str, Any] = {"state": SampleState.WAITING, "until": AT + timedelta(days=7)}
        store.write({}, {}, [(a_sample("people", **waits, refer_probability=1.0), ())])
        assert store.give_up(AT + timedelta(days=6)) == 0


class TestWhatFollows:
    """Once the rows are written, no failure has them written again."""

    def broken(self, broker: Broker, watch: str, state: str) -> None:
        with closing(sqlite3.connect(broker.quality.store.path)) as file:
            file.execute("UPDATE evidence SET state = ? WHERE watch = ?", (state, watch))
            file.commit()

    @pytest.mark.parametrize(
        "state", ["not json", '{"sums": 3}', "[]", '{"bar": 2, "purses": [], "seen": 0}']
    )
    def test_a_broken_row_of_evidence_counts_no_call_twice(
        self, make_sampled: Make, gold: str, state: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        broker = make_sampled(gold=gold, tolerance=TOLERANCE)
        broker.vision.label(picture(0))
        assert broker.quality.flush(30)
        for watch in ("errors", "tolerance"):
            self.broken(broker, watch, state)
        for number in range(1, 5):
            broker.vision.label(picture(number))
            assert broker.quality.flush(30)
        assert calls_of(broker) == 5
        assert len(broker.quality.store.scored(SampleQuery(use_case="shop"))) == 5
        assert (
            sum("report it" in each.getMessage() for each in caplog.records) <= 2
        )  # said once, not each second

    def test_a_notice_that_cannot_be_sent_counts_no_call_twice(
        self, make_sampled: Make, gold: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broker = make_sampled(gold=gold, tolerance=TOLERANCE)

        def explodes(*_: Any) -> None:
            raise RuntimeError("no network")

        monkeypatch.setattr(broker._board, "notify", explodes)
        for number in range(46, 60):  # dogs, called cats
            for _ in range(4):
                broker.vision.label(picture(number))
        assert broker.quality.flush(60)
        assert calls_of(broker) == 56
        assert broker.quality.flush(30)
        assert calls_of(broker) == 56


class TestAStoreThatFails:
    """Full, read-only, locked: calls go on, counts are kept for later."""

    def test_full(self, make_sampled: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        broker = make_sampled()
        with closing(sqlite3.connect(broker.quality.store.path)) as file:
            file.execute("CREATE TRIGGER full BEFORE INSERT ON drawn BEGIN SELECT RAISE(ABORT, 'full'); END")
            file.commit()
            for number in range(3):
                assert broker.vision.label(picture(number)).value
            assert not broker.quality.flush(1.5)
            file.execute("DROP TRIGGER full")
            file.commit()
        assert broker.quality.flush(60)
        assert calls_of(broker) == 3
        assert broker.quality.store.skipped("shop")[Skipped.STORE] == 3

    def test_locked_while_the_program_forks(self, make_sampled: Make) -> None:
        """A fork waits for no other program: what waits for the store does so beside its connection."""
        broker = make_sampled()
        with closing(sqlite3.connect(broker.quality.store.path, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            broker.vision.label(picture(1))
            time.sleep(1.5)  # its thread tries to write by now
            began = time.monotonic()
            child = os.fork()
            if child == 0:
                os._exit(0)
            assert time.monotonic() - began < 2.0
            os.waitpid(child, 0)
        assert broker.quality.flush(60)
        assert calls_of(broker) == 1

    def test_read_only_when_the_program_starts(self, tmp_path: Path, make_sampled: Make) -> None:
        blocked = tmp_path / "folder"
        blocked.write_text("no folder")
        broker = make_sampled(settings={"store": str(blocked / "quality.db")})
        assert broker.vision.label(picture(1)).value
        with pytest.raises(QualityUnavailable, match="could not be opened"):
            _ = broker.quality.store


def test_a_clock_that_was_set_back_puts_nothing_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, kept content was erased, and the budget looked at, only when the clock had come to where it was."""
    clock = VirtualRuntime()
    case = {"operation": "vision.label", "sampling": {"design": "rate", "rate": 1.0}}
    with Broker(
        adapters=[fake_provider([labels("Cat")])],
        provider="fake",
        runtime=clock,
        ledger={"path": str(tmp_path / "ledger.db")},
        quality={"use_cases": {"shop": case}},
    ) as broker:
        erased: list[Any] = []
        monkeypatch.setattr(broker.quality.store, "expire", erased.append)
        for hours, count in ((0, 1), (0.5, 1), (-24 * 365, 2), (0.5, 2), (0.6, 3)):
            clock.advance(hours * 3600)
            broker.vision.label(picture(1))
            assert broker.quality.flush(30)
            assert len(erased) == count


def test_what_is_given_up_at_the_end_is_counted() -> None:
    """Shadow calls that had not begun."""
    crew, given_up, going = Crew(100), [], threading.Event()
    for number in range(10):
        assert crew.give(lambda: bool(going.wait(30)) and None, lambda number=number: given_up.append(number))  # type: ignore[misc]
    while len(crew._threads) < 4 or len(crew._waiting) > 6:
        time.sleep(0.01)
    assert crew.stop() == 6
    assert given_up == list(range(4, 10))
    going.set()
    assert crew.ended(30)


def test_a_second_that_hangs_holds_up_no_call_and_no_end(tmp_path: Path) -> None:
    hanging = threading.Event()

    def hangs(*_: Any) -> Any:
        hanging.wait(60)
        return labels("Cat")

    case = {
        "operation": "vision.label",
        "sampling": {"design": "rate", "rate": 1.0, "second": ["second"], "budget": "1.00"},
    }
    with Broker(
        adapters=[
            fake_provider([labels("Cat")], provider="first"),
            fake_provider(hangs, provider="second", price=fake_price("0.001", sku="second.vision.label")),
        ],
        provider="first",
        ledger={"path": str(tmp_path / "ledger.db")},
        quality={"use_cases": {"shop": case}},
    ) as broker:
        for number in range(12):
            assert broker.vision.label(picture(number)).value
        assert not broker.quality.flush(1.5)
        began = time.monotonic()
        store = broker.quality.store
        broker.close(timeout=0.5)
        assert time.monotonic() - began < 20
    hanging.set()
    assert store.skipped("shop")[Skipped.CLOSED] >= 1
    samples: list[Sample] = store.samples(SampleQuery(use_case="shop"))
    assert len(samples) == 12
    assert store.scored(SampleQuery(use_case="shop"), references=(Reference.SECOND,)) == []
    store.close()
