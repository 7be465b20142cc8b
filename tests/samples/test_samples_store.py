"""The store of samples: what is written is read again, once, privately, and erased when it is to be."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples_support import AT, a_drawing, a_sample, a_score

from broker.errors import QualityUnavailable
from broker.ledger.sqlite import SqliteLedger
from broker.quality.drift.plan import Watch
from broker.quality.estimate import Estimate
from broker.quality.reference import Reference
from broker.samples.file import path_beside
from broker.samples.rows import (
    Alarm,
    Content,
    DrawnCalls,
    EstimateRecord,
    EvidenceRow,
    SampleQuery,
    SampleState,
    Shadow,
    Skipped,
    Stream,
    StreamItem,
)
from broker.samples.store import SampleStore

SHOP = SampleQuery(use_case="shop")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SampleStore]:
    made = SampleStore(str(tmp_path / "quality.db"))
    yield made
    made.close()


def test_it_is_private_and_recognised(store: SampleStore, tmp_path: Path) -> None:
    store.seed()
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    ledger.recover()
    ledger.close()
    with pytest.raises(QualityUnavailable, match="another program's database"):
        SampleStore(str(tmp_path / "ledger.db")).seed()


def test_it_lies_beside_the_ledger() -> None:
    assert path_beside("/x/spend.db") == "/x/spend.quality.db"


def test_a_folder_that_cannot_be_written_is_told_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QualityUnavailable, match=r"Set quality\.store"):
        SampleStore(str(tmp_path / "file" / "quality.db")).seed()


def test_a_seed_is_made_once(store: SampleStore) -> None:
    made = store.seed()
    assert len(made) == 32
    other = SampleStore(store.path)
    assert other.seed() == made
    assert other.seed(b"given") == b"given"
    other.close()


def test_draws_add_up(store: SampleStore) -> None:
    store.write({a_drawing(): (10, 1)}, {})
    store.write({a_drawing(): (5, 0), a_drawing(failed=True): (1, 0)}, {})
    assert store.drawn("shop") == [
        DrawnCalls(drawing=a_drawing(), calls=15, taken=1),
        DrawnCalls(drawing=a_drawing(failed=True), calls=1, taken=0),
    ]
    assert store.drawn("shop", since=date(2026, 11, 22)) == []
    assert store.providers("shop") == ["aws"]


def test_what_was_skipped_is_counted_by_reason(store: SampleStore) -> None:
    store.write({}, {("shop", "2026-11-21", Skipped.QUEUE_FULL): 2})
    store.write(
        {}, {("shop", "2026-11-22", Skipped.QUEUE_FULL): 3, ("shop", "2026-11-22", Skipped.BUDGET): 1}
    )
    assert store.skipped("shop") == {Skipped.QUEUE_FULL: 5, Skipped.BUDGET: 1}
    assert store.skipped("shop", until=date(2026, 11, 21)) == {Skipped.QUEUE_FULL: 2}


def test_a_sample_is_read_as_it_was_written(store: SampleStore) -> None:
    full = a_sample(
        "call-1#3", region="eu-west-1", tags={"team": "shop"}, failed=True, error="Throttled", cost=Decimal("0.001"),
        currency="USD", confidence=0.7, empty=True, pending=True, input_digest="ab", answer_digest="cd",
        answer_token="ef", state=SampleState.WAITING, until=AT + timedelta(days=1),
    )  # fmt: skip
    (number,) = store.write({}, {}, [(full, [])])
    (found,) = store.samples(SHOP)
    assert found == a_sample_with_id(full, number)
    assert found.call_id == "call-1"


def a_sample_with_id(sample: object, number: int) -> object:
    from dataclasses import replace

    return replace(sample, id=number)  # type: ignore[type-var] # it is a dataclass


def test_the_same_item_is_kept_once(store: SampleStore) -> None:
    first = store.write({}, {}, [(a_sample(), [])])
    again = store.write({}, {}, [(a_sample(), []), (a_sample(provider="gcp"), [])])
    assert again[0] == first[0]
    assert len(store.samples(SHOP)) == 2


def test_the_highest_reference_counts(store: SampleStore) -> None:
    (number,) = store.write({}, {}, [(a_sample(), [])])
    store.add_scores([a_score(number, right=False, reference=Reference.REVIEWED)])
    store.add_scores([a_score(number, right=True)])
    store.add_scores([a_score(number, right=False, reference=Reference.SECOND)])
    (found,) = store.scored(SHOP)
    assert found.score.reference is Reference.GOLD
    assert found.score.parts == (1.0, 1.0)
    assert found.sample.state is SampleState.SCORED
    assert store.scored(SHOP, references=(Reference.REVIEWED,))[0].score.unit == 0.0
    assert store.scored(SHOP, metric=("accuracy", 2)) == []


def test_a_truth_that_is_corrected_replaces_the_score(store: SampleStore) -> None:
    (number,) = store.write({}, {}, [(a_sample(), [])])
    store.add_scores([a_score(number, right=False)])
    store.add_scores([a_score(number, right=True)])
    assert [each.score.unit for each in store.scored(SHOP)] == [1.0]


def test_shadow_calls_stand_with_their_sample(store: SampleStore) -> None:
    (number,) = store.write({}, {}, [(a_sample(pending=True), [])])
    told = [
        Shadow(sample=number, provider="azure", at=AT, error="Throttled"),
        Shadow(
            sample=number, provider="gcp", at=AT, same=True, share=0.8, cost=Decimal("0.002"), currency="USD"
        ),
    ]
    store.add_shadows(
        number, told, asked=1, agreeing=1, referred=(0.5, 0.25, "agree"), state=SampleState.WAITING, until=AT
    )
    (found,) = store.samples(SHOP)
    assert store.shadows(SHOP) == told
    assert (found.pending, found.asked, found.agreeing) == (False, 1, 1)
    assert (found.refer_probability, found.refer_stratum, found.state) == (0.5, "agree", SampleState.WAITING)


def test_waiting_ends(store: SampleStore) -> None:
    soon, later = AT + timedelta(days=1), AT + timedelta(days=9)
    store.write(
        {},
        {},
        [
            (a_sample("a", state=SampleState.WAITING, until=soon), []),
            (a_sample("b", state=SampleState.WAITING, until=later), []),
        ],
    )
    assert store.give_up(AT + timedelta(days=2)) == 1
    assert [each.item for each in store.samples(SampleQuery(state=SampleState.WAITING))] == ["b"]


class TestContent:
    """Kept with a sample, until its time or until it is erased."""

    CANARY = b"canary-7f3a-the-text-of-a-person"

    def kept(self, store: SampleStore, item: str, days: int = 30, **facts: object) -> int:
        content = Content(
            sample=0,
            part="input",
            kind="text/plain",
            value=self.CANARY * 400,
            until=AT + timedelta(days=days),
        )
        (number,) = store.write({}, {}, [(a_sample(item, **facts), [content])])
        return number

    def bytes_of(self, store: SampleStore) -> bytes:
        return b"".join(each.read_bytes() for each in Path(store.path).parent.glob("quality.db*"))

    def test_it_is_read_again(self, store: SampleStore) -> None:
        number = self.kept(store, "call-1")
        found = store.content(number, "input")
        assert found is not None
        assert found.value == self.CANARY * 400
        assert store.parts_kept(number) == ("input",)
        assert self.CANARY in self.bytes_of(store)  # else the tests below prove nothing

    def test_what_is_erased_is_in_no_byte_of_the_files(self, store: SampleStore) -> None:
        number = self.kept(store, "call-1")
        self.kept(store, "call-1#2")
        assert store.erase(call_id="call-1").contents == 2
        assert self.CANARY not in self.bytes_of(store)
        assert store.content(number, "input") is None
        assert len(store.samples(SHOP)) == 2  # features and scores stay

    def test_retention_ends_it(self, store: SampleStore) -> None:
        self.kept(store, "call-1", days=1)
        later = self.kept(store, "call-2", days=60)
        assert store.expire(AT + timedelta(days=2)).samples == 1
        assert store.parts_kept(later) == ("input",)
        store.erase(call_id="call-2")
        assert self.CANARY not in self.bytes_of(store)

    def test_it_is_erased_by_tag_and_day(self, store: SampleStore) -> None:
        kept = self.kept(store, "call-1", tags={"person": "17"})
        other = self.kept(store, "call-2", tags={"person": "18"})
        assert store.erase(tags={"person": "17"}).samples == 1
        assert store.parts_kept(kept) == ()
        assert store.erase(before=date(2026, 11, 21)).contents == 0
        assert store.erase(before=date(2026, 11, 22), use_case="shop").contents == 1
        assert store.parts_kept(other) == ()

    def test_without_a_condition_nothing_is_erased(self, store: SampleStore) -> None:
        number = self.kept(store, "call-1")
        assert store.erase().contents == 0
        assert store.parts_kept(number) == ("input",)

    def test_a_reader_that_holds_the_log_is_told(
        self, store: SampleStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("broker.samples.content._LOG_PATIENCE", 0.05)
        self.kept(store, "call-1")
        reader = sqlite3.connect(store.path, isolation_level=None)
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM content").fetchall()
            with pytest.raises(QualityUnavailable, match="log is in use"):
                store.erase(call_id="call-1")
        finally:
            reader.close()
        store.erase(call_id="call-1")
        assert self.CANARY not in self.bytes_of(store)


class TestMoney:
    """Held before a shadow call, booked after it; a day's sum is never passed."""

    DAY = Decimal("1.00")

    def test_a_day_never_passes_its_sum(self, store: SampleStore) -> None:
        held = [
            store.hold("shop", self.DAY, Decimal("0.30"), AT + timedelta(hours=hour)) for hour in range(4)
        ]
        assert held == [True, True, True, False]
        assert store.purse("shop", self.DAY, AT).spent == Decimal("0.90")
        assert store.hold("shop", self.DAY, Decimal("0.30"), AT + timedelta(days=1))

    def test_what_it_came_to_counts(self, store: SampleStore) -> None:
        store.hold("shop", self.DAY, Decimal("0.80"), AT)
        store.settle("shop", self.DAY, Decimal("0.80"), Decimal("0.10"), AT, AT)
        purse = store.purse("shop", self.DAY, AT)
        assert (purse.spent, purse.dearest) == (Decimal("0.10"), Decimal("0.80"))
        assert purse.share == 1.0

    def test_what_was_held_yesterday_is_no_part_of_today(self, store: SampleStore) -> None:
        late = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
        store.hold("shop", self.DAY, Decimal("0.50"), late)
        store.settle("shop", self.DAY, Decimal("0.50"), Decimal("0.40"), late, late + timedelta(minutes=1))
        assert store.purse("shop", self.DAY, late + timedelta(minutes=1)).spent == 0

    def test_near_its_end_the_rate_falls(self, store: SampleStore) -> None:
        assert store.purse("shop", self.DAY, AT).share == 1.0
        store.hold("shop", self.DAY, Decimal("0.70"), AT)
        store.settle("shop", self.DAY, Decimal("0.70"), Decimal("0.70"), AT, AT)
        store.hold("other", self.DAY, Decimal("0.10"), AT)
        store.hold("other", self.DAY, Decimal("0.65"), AT)
        store.settle("other", self.DAY, Decimal("0.65"), Decimal("0.65"), AT, AT)
        assert store.purse("other", self.DAY, AT).share == 0.0
        for _ in range(7):
            store.hold("third", self.DAY, Decimal("0.10"), AT)
        assert store.purse("third", self.DAY, AT).share == pytest.approx(0.6)  # 0.30 of the half day's 0.50

    @given(
        asks=st.lists(
            st.tuples(
                st.decimals("0.001", "0.7", places=3),
                st.floats(0, 1),
                st.integers(0, 60 * 60 * 6),
            ),
            max_size=30,
        )
    )
    def test_by_no_order_of_holds_and_bookings(
        self, asks: list[tuple[Decimal, float, int]], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        store = SampleStore(str(tmp_path_factory.mktemp("money") / "quality.db"))
        now = AT
        by_day: dict[date, Decimal] = {}
        try:
            for bound, part, seconds in asks:
                now += timedelta(seconds=seconds)
                if store.hold("shop", self.DAY, bound, now):
                    cost = (bound * Decimal(repr(part))).quantize(Decimal("0.001"))
                    store.settle("shop", self.DAY, bound, cost, now, now)
                    by_day[now.date()] = by_day.get(now.date(), Decimal(0)) + cost
            assert all(spent <= self.DAY for spent in by_day.values())
        finally:
            store.close()


class TestEvidence:
    """Each item of a stream enters its evidence once, in the order of the samples."""

    def fold(self, row: EvidenceRow, items: list[StreamItem]) -> tuple[EvidenceRow, list[Alarm]]:
        from dataclasses import replace

        units = [*row.state.get("units", ()), *[each.unit for each in items]]  # type: ignore[misc] # a list of ours
        return replace(row, state={"units": units}), []

    def units(self, store: SampleStore, stream: Stream, now: datetime = AT) -> object:
        row, _, _ = store.advance("shop", "aws", "test", stream, now, self.fold)  # type: ignore[arg-type] # a list is a sequence
        return row.state.get("units")

    def test_once_and_in_order(self, store: SampleStore) -> None:
        ids = store.write({}, {}, [(a_sample(name), []) for name in "abc"])
        store.add_scores([a_score(ids[0]), a_score(ids[2], right=False)])
        assert self.units(store, Stream.SCORES) == [1.0, None, 0.0]
        assert self.units(store, Stream.SCORES) == [1.0, None, 0.0]
        store.write({}, {}, [(a_sample("d"), [])])
        assert self.units(store, Stream.SCORES) == [1.0, None, 0.0, None]

    def test_nothing_passes_a_sample_that_waits_for_its_truth(self, store: SampleStore) -> None:
        waiting = a_sample("b", state=SampleState.WAITING, until=AT + timedelta(days=1))
        ids = store.write({}, {}, [(a_sample("a"), []), (waiting, []), (a_sample("c"), [])])
        store.add_scores([a_score(ids[2], right=False), a_score(ids[0])])
        assert self.units(store, Stream.SCORES) == [1.0]
        store.add_scores([a_score(ids[1], reference=Reference.REVIEWED)])
        assert self.units(store, Stream.SCORES) == [1.0, 1.0, 0.0]

    def test_failed_calls_are_no_part_of_quality(self, store: SampleStore) -> None:
        ids = store.write({}, {}, [(a_sample("a", failed=True), []), (a_sample("b"), [])])
        store.add_scores([a_score(each) for each in ids])
        assert self.units(store, Stream.SCORES) == [1.0]

    def test_errors_and_empty_answers_are(self, store: SampleStore) -> None:
        store.write(
            {}, {}, [(a_sample("a", failed=True), []), (a_sample("b", empty=True), []), (a_sample("c"), [])]
        )
        assert self.units(store, Stream.ERRORS) == [0.0, 0.0, 1.0]

    def test_agreement_waits_for_those_who_are_asked_but_not_for_ever(self, store: SampleStore) -> None:
        store.write({}, {}, [(a_sample("a", pending=True), []), (a_sample("b", asked=2, agreeing=1), [])])
        assert self.units(store, Stream.AGREEMENT) is None
        assert self.units(store, Stream.AGREEMENT, AT + timedelta(hours=1)) == [None, 0.5]

    def test_an_alarm_is_kept_and_judged(self, store: SampleStore) -> None:
        store.write({}, {}, [(a_sample(), [])])
        made = Alarm(use_case="shop", provider="aws", watch=Watch.ERRORS, at=AT, text="it failed")
        _, alarms, _ = store.advance(
            "shop",
            "aws",
            "errors",
            Stream.ERRORS,
            AT,
            lambda row, items: (row, [made]),
        )
        assert store.alarms("shop", open_only=True) == alarms
        judged = store.judge_alarm(alarms[0].id, False, "ann", "a test", AT)
        assert judged is not None
        assert judged.verdict is False
        assert store.alarms(open_only=True) == []
        assert store.judge_alarm(99, True, "ann", "none", AT) is None


def test_estimates_are_only_added(store: SampleStore) -> None:
    told = EstimateRecord(
        use_case="shop", provider="aws", estimand="delivered", metric="accuracy", version=1, at=AT,
        since=date(2026, 11, 1), until=date(2026, 11, 21),
        estimate=Estimate(
            estimand="accuracy", method="wilson/1", point=0.9, low=0.8, high=0.95, level=0.95, n=100, effective_n=100.0,
            covered=0.8, notes=("few",),
        ),
    )  # fmt: skip
    kept = store.add_estimates([told, told])
    assert store.estimates("shop", "aws") == kept
    assert kept[0].estimate == told.estimate
    assert kept[0].id != kept[1].id


def test_designs_have_versions(store: SampleStore) -> None:
    assert store.add_design("shop", 1, AT, {"rates": {"a": 0.1}})
    assert not store.add_design("shop", 1, AT, {"rates": {}})
    assert store.designs("shop") == [(1, AT, {"rates": {"a": 0.1}})]


def test_two_processes_count_together(store: SampleStore) -> None:
    """Each adds its draws to the same rows."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from samples_support import a_drawing, a_sample\n"
        "from broker.samples.store import SampleStore\n"
        "store = SampleStore(sys.argv[1])\n"
        "for n in range(50): store.write({a_drawing(): (2, 1)}, {}, [(a_sample(f'{sys.argv[3]}-{n}'), [])])\n"
        "store.close()\n"
    )
    here = str(Path(__file__).parent)
    running = [subprocess.Popen([sys.executable, "-c", program, store.path, here, name]) for name in "ab"]
    assert [each.wait(60) for each in running] == [0, 0]
    assert store.drawn("shop")[0].calls == 200
    assert len(store.samples(SHOP)) == 100


def test_nothing_of_a_sample_is_content_by_itself(store: SampleStore) -> None:
    """Digests and features alone: what the tables can hold is listed here, so that a new column is a decision."""
    store.seed()
    connection = sqlite3.connect(store.path)
    try:
        columns = {
            name: sorted(row[1] for row in connection.execute(f"PRAGMA table_info({name})"))
            for name in ("sample", "score", "shadow")
        }
    finally:
        connection.close()
    assert json.dumps(columns).count("digest") == 2
    assert not {"input", "answer", "value", "text", "truth"} & {
        each for row in columns.values() for each in row
    }
