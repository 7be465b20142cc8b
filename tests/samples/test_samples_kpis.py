"""Key figures of a month: each with what it rests on or why it is not known; every cost in the return; no error for nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal as D
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months_support import (
    NOW,
    PICTURE,
    call,
    judged,
    march,
    reckoned,
    sample,
    shop,
    unknown_ones,
)
from samples_support import a_sample, a_score, picture

from broker import Broker
from broker.ledger.sqlite import SqliteLedger
from broker.quality.drift.plan import Watch
from broker.quality.kpi import MonthFacts, kpis
from broker.quality.metrics.metric import Drawn
from broker.runtime.virtual import VirtualRuntime
from broker.samples.month_rows import Span, spans
from broker.samples.month_unknown import reasons
from broker.samples.reviews import Review
from broker.samples.rows import Alarm, SampleQuery, Shadow
from broker.samples.store import SampleStore
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types.money import Tier
from broker.types.standing import StandingMeter, StandingPrice


class TestCosts:
    """What a return rests on: nobody's costs are counted twice, and none are left out."""

    def test_shadow_calls_are_a_cost_of_whose_answer_was_compared(self, tmp_path: Path) -> None:
        adapters = [
            fake_provider([labels("Cat")]),
            fake_provider(
                [labels("Cat")], provider="second", price=fake_price("0.005", sku="second.vision.label")
            ),
        ]
        case = shop(sampling={"design": "rate", "rate": 1.0, "second": ["second"], "budget": "1.00"})
        with Broker(
            adapters=adapters,
            provider="fake",
            ledger={"path": str(tmp_path / "ledger.db")},
            quality={"use_cases": {"shop": case.model_dump(mode="json", exclude_unset=True)}},
        ) as broker:
            for number in range(4):
                broker.vision.label(picture(number), tags={"team": "shop"})
            assert broker.quality.flush()
            assert len(broker.quality.store.shadows(SampleQuery(use_case="shop"))) == 4
        rows = reckoned(tmp_path, case, now=datetime.now(UTC)).rows  # a month may end just now
        assert {row.provider for row in rows} == {"fake"}
        assert sum(row.spend for row in rows) == D("0.004")
        assert sum(row.sampling for row in rows) == D("0.020")
        assert sum(row.kpis.agreement.n for row in rows if row.kpis.agreement is not None) == 4

    def test_engineering_goes_by_calls_and_by_the_time_that_has_passed(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=30)
        call(tmp_path, month=3, good=10, provider="spare")
        case = shop(value={"engineering_per_month": "31"})
        found = reckoned(tmp_path, case, now=datetime(2026, 3, 11, tzinfo=UTC))
        assert [march(found, name).engineering for name in ("fake", "spare")] == [D("7.5"), D("2.5")]
        whole = reckoned(tmp_path, case)
        assert sum(row.engineering for row in whole.rows) == 31
        assert not march(found).complete
        assert march(whole).complete

    def test_every_look_of_a_person_is_paid(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=100)
        judged(tmp_path, ("cat", "dog"), right=9)
        with closing(SampleStore(str(tmp_path / "ledger.quality.db"))) as store:
            numbers = [each.id for each in store.samples(SampleQuery(use_case="shop"))]
            for number, turn, token in [(numbers[0], 1, "a"), (numbers[0], 2, "a"), (numbers[1], 1, None)]:
                store.add_review(Review(sample=number, turn=turn, at=NOW, actor="ann", token=token))
        row = march(reckoned(tmp_path, shop(value={"label": "0.50"})))
        assert row.labelling == D("1.50")
        assert row.kpis.roi is not None
        assert row.kpis.roi.cost == D("0.10") + D("1.50")

    def test_what_stands_is_shared_by_the_ledger_s_rule_and_idle_days_are_told(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=30)
        call(tmp_path, month=3, good=10, team="else")
        judged(tmp_path, ("cat", "dog"), right=9)
        begin = datetime(2026, 3, 1, tzinfo=UTC)
        price = StandingPrice(
            begin=begin.date(), end=None, price_id="x", currency="USD", unit="hour", slot=3_600_000_000, counter="x",
            tiers=(Tier(up_to=None, price=D("0.10")),), unpriced=None,
        )  # fmt: skip
        meter = StandingMeter(
            name="docs", sku="x", provider="fake", operations=("vision.label",), since=begin,
            until=begin + timedelta(days=31), prices=(price,),
        )  # fmt: skip
        with closing(SqliteLedger(str(tmp_path / "ledger.db"))) as ledger:
            ledger.stand((meter,), begin)
        row = march(reckoned(tmp_path, shop()))
        assert row.standing == D("2.40") * 30 / 40
        assert row.kpis.roi is not None
        assert row.kpis.roi.cost == D("0.03") + row.standing
        assert any("days without a call is nobody's" in note for note in row.notes)

    def test_unpriced_attempts_make_what_rests_on_the_spend_unknown(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=10, price=fake_price(None))
        judged(tmp_path, ("cat", "dog"), right=9)
        row = march(reckoned(tmp_path, shop(value={"planned_per_month": "1"})))
        assert {"per_call", "per_thousand", "per_right", "of_plan", "sampling_share", "roi"} <= set(
            row.unknown
        )
        assert "no known price" in row.unknown["per_call"]

    def test_a_month_in_which_all_calls_failed_has_a_return(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=0, lost=20)
        row = march(reckoned(tmp_path, shop(value={"failed": "0.01", "engineering_per_month": "1"})))
        assert row.kpis.roi is not None
        assert row.kpis.roi.value.point == D("-0.20")


class TestKnown:
    """What is not known says why, and is no 0."""

    def test_nothing_was_sampled(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=10)
        row = march(reckoned(tmp_path, shop(sampling=None), plain=True))
        assert row.kpis.alarms is None  # nobody watched
        assert "not sampled" in row.unknown["alarms"]
        assert "not sampled" in row.unknown["delivered"]
        assert row.kpis.covered is None

    def test_a_month_without_a_call_is_a_row_of_its_own(self, tmp_path: Path) -> None:
        call(tmp_path, month=1, good=10)
        call(tmp_path, month=3, good=10)
        found = reckoned(tmp_path, shop(), count=6)
        assert [(row.month, row.calls) for row in found.rows] == [
            ("2026-01", 10), ("2026-02", 0), ("2026-03", 10), ("2026-04", 0),
        ]  # fmt: skip
        assert found.rows[1].unknown["success"] == "there was no call"
        assert not found.rows[1].kpis.success.known

    def test_concentration_needs_spend_that_is_known(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=10)
        call(tmp_path, month=3, good=30, provider="spare")
        found = reckoned(tmp_path, shop())
        assert found.concentration["2026-03"].largest == ("spare", D("0.75"))
        call(tmp_path, month=3, good=1, provider="odd", price=fake_price(None, sku="odd.vision.label"))
        assert "2026-03" not in reckoned(tmp_path, shop()).concentration

    def test_replays_of_the_same_items_narrow_nothing(self) -> None:
        once = kpis(MonthFacts(month="m", calls=1, answered=1, spend=D(1), flips=(5, 100)))
        often = kpis(MonthFacts(month="m", calls=1, answered=1, spend=D(1), flips=(20, 400), replays=4))
        assert once.flip_rate is not None
        assert often.flip_rate is not None
        assert (once.flip_rate.low, once.flip_rate.high) == (often.flip_rate.low, often.flip_rate.high)
        assert often.flip_rate.n == 400

    def test_agreement_stands_for_the_calls_and_not_for_the_sample(self, tmp_path: Path) -> None:
        """All that differ were taken, of the others one in ten."""
        call(tmp_path, month=3, good=10)
        at = datetime(2026, 3, 5, tzinfo=UTC)
        with closing(SampleStore(str(tmp_path / "ledger.quality.db"))) as store:
            rows = [
                a_sample(f"a{n}", provider="fake", at=at, probability=1.0 if n < 10 else 0.1)
                for n in range(20)
            ]
            ids = store.write({}, {}, [(each, ()) for each in rows])
            for n, number in enumerate(ids):
                shadow = Shadow(sample=number, provider="second", at=at, same=n >= 10)
                store.add_shadows(number, [shadow], asked=1, agreeing=int(n >= 10))
        row = march(reckoned(tmp_path, shop()))
        assert row.kpis.agreement is not None
        assert row.kpis.agreement.point == pytest.approx(100 / 110)

    def test_only_confidences_about_the_whole_answer_are_rated(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=10)
        judged(tmp_path, ("cat", "dog"), right=9)
        row = march(reckoned(tmp_path, shop()))
        assert "no confidence of vision.label" in row.unknown["calibration"]

    def test_calibration_of_a_month_rests_on_scored_answers_and_their_weights(self, tmp_path: Path) -> None:
        at = datetime(2026, 3, 5, tzinfo=UTC)
        call(tmp_path, month=3, good=10)
        case = shop(operation="text.detect_language", tags={})
        with closing(SampleStore(str(tmp_path / "ledger.quality.db"))) as store:
            rows = [
                a_sample(
                    f"l{n}", provider="fake", at=at, operation="text.detect_language", confidence=0.9,
                    probability=0.1 if n < 50 else 1.0,
                )
                for n in range(100)
            ]  # fmt: skip
            ids = store.write({}, {}, [(each, ()) for each in rows])
            store.add_scores(
                [
                    a_score(number, n < 50, at=at, drawn=Drawn(probability=0.1 if n < 50 else 1.0))
                    for n, number in enumerate(ids)
                ]
            )
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
            ledger.execute("UPDATE subject SET operation = 'text.detect_language'")
        told = march(reckoned(tmp_path, case)).kpis.calibration
        assert told.point == pytest.approx(abs(0.9 - 500 / 550))
        assert told.n == 100

    def test_detection_counts_from_the_onset_of_alarms_that_were_true(self, tmp_path: Path) -> None:
        call(tmp_path, month=3, good=10)
        at = datetime(2026, 3, 20, tzinfo=UTC)
        facts: dict[str, Any] = {"use_case": "shop", "provider": "fake", "watch": Watch.QUALITY, "text": "t"}
        with closing(SampleStore(str(tmp_path / "ledger.quality.db"))) as store:
            kept = [
                store.add_alarm(Alarm(at=at, onset=at - timedelta(days=days), **facts)) for days in (2, 4, 90)
            ]
            kept.append(store.add_alarm(Alarm(at=at, **{**facts, "watch": Watch.LABEL_MIX})))
            store.add_alarm(Alarm(at=NOW, onset=at, **facts))  # of April
            before = march(reckoned(tmp_path, shop()))
            assert before.kpis.alarms == 4
            assert before.unknown["detected"].startswith("no alarm was found true")
            for each, verdict in zip(kept, (True, True, False, True), strict=True):
                store.judge_alarm(each.id, verdict, "ann", "looked", NOW)
        told = march(reckoned(tmp_path, shop())).kpis
        assert (told.alarms, told.true_alarms, told.false_alarms) == (4, 3, 1)
        assert told.detected is not None
        assert told.detected.point == timedelta(days=3).total_seconds()  # of 2 and 4; the mix tells none


class TestMonths:
    """Months are UTC's; each call is in one."""

    def test_the_zone_of_the_clock_moves_no_month(self) -> None:
        late = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
        for hours in (-12, 0, 14):
            (told,) = spans(late.astimezone(timezone(timedelta(hours=hours))), 1)
            assert (told.name, told.complete) == ("2026-03", False)

    @given(st.integers(0, 4_000_000_000), st.integers(1, 40))
    def test_months_follow_each_other_without_a_gap(self, seconds: int, count: int) -> None:
        now = datetime.fromtimestamp(seconds, UTC)
        found = spans(now, count)
        assert len(found) == count
        assert [one.behind for one in found[:-1]] == [other.begin for other in found[1:]]
        assert all(each.complete for each in found[:-1])
        last = found[-1]
        assert not last.complete
        assert last.holds(now)
        assert 0 <= last.passed < 1
        assert all(each.passed == 1 for each in found[:-1])
        assert sum(each.holds(now) for each in found) == 1

    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.integers(0, 120 * 24), min_size=1, max_size=8))
    def test_each_call_and_each_amount_is_in_one_month(self, hours: list[int]) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder)
            for hour in sorted(hours):
                clock = VirtualRuntime()
                clock.advance(hour * 3600.0)
                kind, ledger = fake_provider([labels("Cat")]), {"path": str(path / "ledger.db")}
                with Broker(adapters=[kind], provider="fake", runtime=clock, ledger=ledger) as broker:
                    broker.vision.label(PICTURE, tags={"team": "shop"})
            found = reckoned(path, shop(), now=datetime(2026, 6, 1, tzinfo=UTC), count=12)
            assert sum(row.calls for row in found.rows) == len(hours)
            assert sum(row.spend for row in found.rows) == D("0.001") * len(hours)
            assert len({(row.month, row.provider) for row in found.rows}) == len(found.rows)


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.one_of(st.none(), st.decimals(0, 100, places=2)),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))),
)
def test_each_figure_is_known_or_has_a_reason(
    answered: int, lost: int, spend: D | None, planned: bool, alarms: tuple[int, int, int] | None
) -> None:
    facts = MonthFacts(
        month="2026-03",
        calls=answered + lost,
        answered=answered,
        spend=spend,
        planned=D(10) if planned else None,
        alarms=alarms,
        latencies=[0.1] * answered,
    )
    told = kpis(facts)
    why = reasons(
        told, facts, shop(), None, spend="" if spend is not None else "no price", no_return="no truth"
    )
    assert set(why) == unknown_ones(told)
    assert all(why.values())
    for each in (told.success, told.calibration):
        if each.known:
            assert 0 <= (each.low or 0) <= (each.point or 0) <= (each.high or 0) <= 1


def test_a_span_says_how_much_of_it_has_passed() -> None:
    span = Span(begin=NOW.date(), behind=NOW.date() + timedelta(days=30), now=NOW + timedelta(days=15))
    assert span.passed == D("0.5")
    assert replace(span, now=NOW + timedelta(days=45)).passed == 1


def test_what_is_bought_by_more_samples_is_a_narrower_return(tmp_path: Path) -> None:
    call(tmp_path, month=2, good=100)
    call(tmp_path, month=3, good=100)
    sample(tmp_path, month=2, right=18, wrong=2)
    sample(tmp_path, month=3, right=180, wrong=20)
    few, many = (row.kpis.roi for row in reckoned(tmp_path, shop(), count=3).rows[:2])
    assert few is not None
    assert many is not None
    assert few.net.high - few.net.low > many.net.high - many.net.low


def test_onsets_and_tokens_are_kept_and_may_lack(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(SampleStore(str(path))) as store:
        (number,) = store.write({}, {}, [(a_sample(), ())])
        store.add_scores([a_score(number)])
        facts: dict[str, Any] = {"use_case": "shop", "provider": "aws", "watch": Watch.QUALITY, "text": "t"}
        store.add_alarm(Alarm(at=NOW, **facts))
        (scored,) = store.scored(SampleQuery(use_case="shop"))
        (alarm,) = store.alarms()
        assert (scored.score.truth_token, alarm.onset) == (None, None)
        onset = NOW - timedelta(hours=5, microseconds=7)
        store.add_alarm(Alarm(at=NOW, onset=onset, **facts))
        assert store.alarms()[1].onset == onset
        store.add_scores([a_score(number, truth_token="t")])  # scored anew
        assert store.scored(SampleQuery(use_case="shop"))[0].score.truth_token == "t"
