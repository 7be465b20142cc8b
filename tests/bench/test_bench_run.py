"""How a run goes: lanes take turns, the cap holds, throttling slows it, failures stay apart from quality."""

from __future__ import annotations

import sqlite3
import statistics
import threading
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from bench_support import PLAN, Quiet, Sitting, data_set, plan_of, virtual

from broker.bench.api import run_plan
from broker.bench.between import changes
from broker.bench.in_flight import InFlight
from broker.bench.kept import Question
from broker.bench.lanes import lanes_of
from broker.bench.result import BenchResult, Origin
from broker.bench.run import settle_lost
from broker.bench.runs import latest_run, open_run
from broker.bench.scores import truth_for
from broker.bench.session import Session, above_cap, folder_for
from broker.bench.store import Store
from broker.client import Broker
from broker.contract import Context, Reply
from broker.errors import (
    AuthFailed,
    BadInput,
    BudgetExceeded,
    ContentRefused,
    NotConfigured,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker.ledger import SpendQuery
from broker.ledger.job import JobDraft, JobFacts, JobLedger
from broker.quality.paired import Verdict
from broker.scoring import read_answer
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import LabelRequest, LabelSet
from broker.types.budget import Action, Budget, Window

TWO = '[[provider]]\nprovider = "one"\n[[provider]]\nprovider = "two"\n[run]\ncost_cap = "9"\n'
ONE = '[[provider]]\nprovider = "one"\n[run]\ncost_cap = "9"\n'


def test_two_providers_on_the_same_items(tmp_path: Path) -> None:
    data_set(tmp_path, 60)
    one, two = fake_provider([labels("Cat")], provider="one"), fake_provider([labels("Dog")], provider="two")
    done = Sitting(tmp_path, plan_of(tmp_path, TWO), [one, two])
    assert done.finished
    assert not done.stopped
    first, second = done.result.lanes
    assert (first.lane.origin, first.reliability.questions, first.reliability.answered) == (
        Origin.ASKED,
        60,
        60,
    )
    assert first.primary is not None
    assert second.primary is not None
    assert (first.primary.delivered.point, second.primary.delivered.point) == (1.0, 0.0)
    assert first.money is not None
    assert (first.money.known, first.money.per_1000) == (Decimal("0.06"), Decimal(1))
    assert first.money.per_correct == Decimal("0.001")
    assert first.speed.attempt is not None
    assert first.speed.attempt.n == 59, "the first call is a warm-up, and its time does not count"
    (pair,) = done.result.pairings
    assert (pair.first, pair.comparison.verdict, pair.second) == ("one", Verdict.BETTER, "two")
    assert BenchResult.from_json(done.result.to_json()) == done.result
    assert [each.version for each in done.result.provenance.models] == ["fake-1", "fake-1"]


def test_a_result_of_a_later_format_or_of_something_else_is_refused() -> None:
    with pytest.raises(BadInput, match="no result"):
        BenchResult.from_json("{}")


def test_lanes_take_turns_in_an_order_drawn_for_each_block(tmp_path: Path) -> None:
    data_set(tmp_path, 16 * 12)
    order: list[str] = []
    lock = threading.Lock()

    def seen(name: str) -> object:
        def answer(request: LabelRequest, context: Context) -> Reply[LabelSet]:
            with lock:
                order.append(name)
            return labels("Cat")

        return fake_provider(answer, provider=name)

    plan = TWO + "concurrency = 2\nwarm_up = 0\n"
    Sitting(tmp_path, plan_of(tmp_path, plan), [seen("one"), seen("two")])
    blocks = [order[start : start + 16] for start in range(0, len(order), 16)]
    assert all(len(set(block)) == 1 for block in blocks), "one lane at a time, so that its speed is its own"
    pairs = [(blocks[at][0], blocks[at + 1][0]) for at in range(0, len(blocks), 2)]
    assert all(set(pair) == {"one", "two"} for pair in pairs), "within a block everybody has a turn"
    firsts = Counter(pair[0] for pair in pairs)
    assert min(firsts["one"], firsts["two"]) >= 3, firsts
    again = list(order)
    order.clear()
    Sitting(tmp_path, plan_of(tmp_path, plan), [seen("one"), seen("two")], restart=True)
    assert [order[at] for at in range(0, len(order), 16)] == [again[at] for at in range(0, len(again), 16)]


def test_a_run_stops_at_its_cap_and_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    data_set(tmp_path, 50)
    one = fake_provider([labels("Cat")], provider="one")
    capped = Sitting(tmp_path, plan_of(tmp_path, ONE.replace('"9"', '"0.0205"')), [one])
    assert capped.cost.above
    assert "up to $0.05" in str(above_cap(capped.cost))
    assert list(capped.stopped) == ["one vision.label"]
    told = capped.result.lanes[0]
    assert told.money is not None
    assert (told.reliability.answered, told.reliability.failed, told.reliability.left) == (20, 0, 30)
    assert told.money.known == Decimal("0.02")
    assert "budget" in (told.stopped or "")
    assert any("not finished" in note for note in capped.result.notes)
    on = Sitting(tmp_path, plan_of(tmp_path, ONE), [one])
    assert on.resumed
    assert on.folder == capped.folder
    assert on.cost.lanes[0].calls == 30
    assert on.result.lanes[0].reliability.answered == 50
    assert len(one.play.seen) == 50


def test_calls_without_a_price_are_refused_unless_the_plan_says_what_they_count_for(tmp_path: Path) -> None:
    data_set(tmp_path, 3)
    one = fake_provider([labels("Cat")], provider="one", price=fake_price(None, sku="one.vision.label"))
    refused = Sitting(tmp_path, plan_of(tmp_path, ONE), [one])
    assert refused.cost.above
    assert refused.cost.most is None
    assert len(one.play.seen) == 0
    done = Sitting(tmp_path, plan_of(tmp_path, ONE + 'unpriced = "0.5"\n'), [one])
    told = done.result.lanes[0]
    assert told.reliability.answered == 3
    assert told.money is not None
    assert (told.money.unpriced, told.money.per_1000, told.money.per_correct) == (3, None, None)
    assert done.result.curves[0].unknown is not None


def test_throttling_brings_fewer_calls_at_once_and_is_no_failure(tmp_path: Path) -> None:
    data_set(tmp_path, 30)
    runtime = virtual()
    calls = Counter[str]()

    def answer(request: LabelRequest, context: Context) -> Reply[LabelSet]:
        calls["all"] += 1
        if calls["all"] % 3 == 0:
            raise Throttled("slow down", retry_after=2.0)
        return labels("Cat")

    watch = Quiet()
    one = fake_provider(answer, provider="one")
    done = Sitting(
        tmp_path, plan_of(tmp_path, ONE + "concurrency = 1\n"), [one], runtime=runtime, watch=watch
    )
    told = done.result.lanes[0]
    assert (told.reliability.answered, told.reliability.failed) == (30, 0)
    assert told.reliability.throttled == calls["all"] - 30
    assert told.reliability.throttle_rate is not None
    assert told.reliability.throttle_rate.point == pytest.approx((calls["all"] - 30) / calls["all"])
    assert told.reliability.errors == 0
    assert told.speed.waited is not None
    assert told.speed.waited > 0.9, "what was waited is told apart from the provider's own latency"
    assert told.speed.attempt is not None
    assert told.speed.attempt.p95.point == 0.0
    assert told.speed.call is not None
    assert told.speed.call.p95.point > 1.0


def test_attempts_of_calls_that_were_asked_again_are_no_waiting(tmp_path: Path) -> None:
    """Without retries a throttled call ends, and is asked again by the bench: its attempt took time of the provider's."""
    data_set(tmp_path, 30)
    runtime = virtual()
    calls = Counter[str]()

    def answer(request: LabelRequest, context: Context) -> Reply[LabelSet]:
        calls["all"] += 1
        if calls["all"] % 2:
            runtime.advance(3.0)
            raise Throttled("slow down")
        runtime.advance(1.0)
        return labels("Cat")

    one = fake_provider(answer, provider="one")
    done = Sitting(
        tmp_path,
        plan_of(tmp_path, ONE + "concurrency = 1\nwarm_up = 0\n"),
        [one],
        runtime=runtime,
        max_attempts=1,
    )
    told = done.result.lanes[0]
    assert (told.reliability.answered, told.reliability.throttled) == (30, 30)
    assert told.speed.attempt is not None
    assert told.speed.call is not None
    assert told.speed.attempt.mean == pytest.approx(1.0)
    whole = told.speed.call.mean
    assert told.speed.waited == pytest.approx((whole - 3.0 - 1.0) / whole), "the guard's pace was waited for"


def test_the_pace_follows_a_provider_that_takes_only_so_many_at_once() -> None:
    """A provider that takes 5 at once and throttles the sixth; every answer takes a second of a virtual clock."""
    pace, now = InFlight(32), 0.0
    throttled = answered = 0
    for _ in range(200):
        at_once = pace.allowed
        now += 1.0
        for number in range(at_once):
            if number < 5:
                pace.answered()
                answered += 1
            else:
                pace.throttled(began=now - 1.0, now=now)
                throttled += 1
    assert pace.least < 5
    assert throttled / (throttled + answered) < 0.1, "it does not run against the wall again and again"
    assert answered / 200 > 3.0, "and most of what the provider takes is used"


def test_calls_begun_before_a_halving_halve_it_only_once() -> None:
    pace = InFlight(16)
    for _ in range(10):
        pace.throttled(began=1.0, now=2.0)
    assert pace.allowed == 8
    pace.throttled(began=2.5, now=3.0)
    assert (pace.allowed, pace.least) == (4, 4)


def test_failures_are_apart_from_quality(tmp_path: Path) -> None:
    data_set(tmp_path, 40)
    refused = ContentRefused("not this one")
    one = fake_provider([labels("Cat"), refused] * 20, provider="one")
    done = Sitting(tmp_path, plan_of(tmp_path, ONE + "concurrency = 1\n"), [one])
    told = done.result.lanes[0]
    assert (told.reliability.answered, told.reliability.failed) == (20, 20)
    assert [(each.kind, each.calls) for each in told.reliability.failures] == [("ContentRefused", 20)]
    assert told.primary is not None
    assert told.primary.conditional.point == 1.0
    assert told.primary.delivered.point == pytest.approx(2 / 3)  # F1 of 20 hits and 20 misses
    assert told.reliability.error_rate is not None
    assert told.reliability.error_rate.point == 0.5


@pytest.mark.parametrize("error", [AuthFailed("no"), QuotaExhausted("no more today")])
def test_what_would_fail_every_call_stops_the_lane_and_nobody_else(tmp_path: Path, error: Exception) -> None:
    data_set(tmp_path, 40)
    one = fake_provider([labels("Cat"), labels("Cat"), error], provider="one")
    two = fake_provider([labels("Cat")], provider="two")
    done = Sitting(tmp_path, plan_of(tmp_path, TWO + "concurrency = 1\n"), [one, two], max_attempts=1)
    assert list(done.stopped) == ["one vision.label"]
    told = {each.lane.name: each.reliability for each in done.result.lanes}
    assert (told["one"].answered, told["one"].failed, told["one"].left) == (2, 0, 38)
    assert told["two"].answered == 40
    assert not done.finished


def test_a_provider_left_alone_by_its_breaker_is_waited_for(tmp_path: Path) -> None:
    data_set(tmp_path, 30)
    down = Unavailable("down")
    one = fake_provider([labels("Cat")] + [down] * 8 + [labels("Cat")], provider="one")
    watch = Quiet()
    done = Sitting(
        tmp_path,
        plan_of(tmp_path, ONE + "concurrency = 1\n"),
        [one],
        runtime=virtual(),
        watch=watch,
        max_attempts=1,
    )
    told = done.result.lanes[0].reliability
    assert told.answered + told.failed == 30
    assert told.failed <= 8
    assert sum(watch.waits) > 0
    assert not done.stopped


def test_an_answer_by_another_provider_is_not_taken_for_the_lanes(tmp_path: Path) -> None:
    data_set(tmp_path, 10)
    one = fake_provider([labels("Cat")], provider="one")
    free = fake_provider(
        [labels("Dog")], provider="free", price=fake_price(free=True, sku="free.vision.label")
    )
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        budget = Budget(
            name="small",
            limit=Decimal("0.0045"),
            window=Window(text="month"),
            action=Action.DEGRADE,
            degrade_to=("free",),
        )
        broker.ledger.declare([budget], broker.core.services.runtime.now())
    done = Sitting(tmp_path, plan_of(tmp_path, ONE + "concurrency = 1\n"), [one, free])
    told = done.result.lanes[0]
    assert told.reliability.answered == 4
    assert "free" in (told.stopped or "")
    assert [each.kind for each in told.reliability.failures] == ["AnsweredByAnother"]


def test_repetitions_tell_how_often_answers_differ(tmp_path: Path) -> None:
    data_set(tmp_path, 20)
    one = fake_provider([labels("Cat")] * 20 + [labels("Dog")], provider="one")
    done = Sitting(tmp_path, plan_of(tmp_path, ONE + "concurrency = 1\nrepetitions = 2\n"), [one])
    told = done.result.lanes[0]
    assert told.reliability.answered == 40
    assert told.flips is not None
    assert told.flips.n == 20
    assert told.flips.point is not None
    assert told.flips.point > 0.5


def test_side_by_side_answers_can_be_read_and_scored_again(tmp_path: Path) -> None:
    data_set(tmp_path, 12)
    one, two = fake_provider([labels("Cat")], provider="one"), fake_provider([labels("Dog")], provider="two")
    done = Sitting(tmp_path, plan_of(tmp_path, TWO), [one, two])
    assert latest_run(str(tmp_path / "bench-runs")) == done.folder
    with open_run(done.folder) as run:
        assert run.result() == done.result
        items = list(run.items(limit=5))
        assert [each.id for each in items] == [f"item-{number:06}" for number in range(5)]
        assert [each.lane.name for each in items[0].answers] == ["one", "two"]
        payload = read_answer("vision.label", items[0].answers[0].answer or "")
        assert payload.labels[0].name == "Cat"
        assert items[0].answers[0].scores[0][2] == (1.0, 0.0, 0.0)
        assert items[0].truth == "cat"
        asked = len(one.play.seen)
        with Broker(adapters=[one, two], ledger={"path": str(tmp_path / "other.db")}) as broker:
            services = broker.core.services
            other = plan_of(tmp_path, TWO + '[scoring]\nnames = { cat = "dog" }\n')
            again = run.rescored(services, services.runtime.now(), "mlbroker bench rescore", other)
        assert len(one.play.seen) == asked, "scores are made from kept answers"
    points = [each.primary.delivered.point for each in again.lanes if each.primary is not None]
    assert points == [0.0, 1.0]


def test_a_data_set_that_has_changed_is_no_ground_to_go_on(tmp_path: Path) -> None:
    data_set(tmp_path, 30)
    one = fake_provider([labels("Cat")], provider="one")
    Sitting(tmp_path, plan_of(tmp_path, ONE.replace('"9"', '"0.0105"')), [one])
    data_set(tmp_path, 30, truth="dog")
    with pytest.raises(BadInput, match="has changed"):
        Sitting(tmp_path, plan_of(tmp_path, ONE), [one])
    assert Sitting(tmp_path, plan_of(tmp_path, ONE), [one], restart=True).finished


def test_a_run_belongs_to_one_process_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data_set(tmp_path, 3)
    one = fake_provider([labels("Cat")], provider="one")
    plan = plan_of(tmp_path, ONE)
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        folder, _ = folder_for(plan, broker.core.services.runtime.now(), restart=False)
        mine = Session(broker, plan, folder, "")
        mine.prepare("", lambda *_: None, again_unknown=False)
        monkeypatch.setattr("broker.ledger.owner.me", lambda: "elsewhere:1:2")
        with pytest.raises(BadInput, match="another process"):
            Session(broker, plan, folder, "")
        monkeypatch.undo()
        mine.close()


def test_whoever_is_not_set_up_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    data_set(tmp_path, 3)
    one = fake_provider([labels("Cat")], provider="one")
    with pytest.raises(NotConfigured, match="nobody"):
        Sitting(tmp_path, plan_of(tmp_path, ONE + '[[provider]]\nprovider = "nobody"\n'), [one])
    assert not one.play.seen
    assert not list((tmp_path / "bench-runs").glob("*"))


def test_attempts_carry_the_runs_tag(tmp_path: Path) -> None:
    data_set(tmp_path, 5)
    one = fake_provider([labels("Cat")], provider="one")
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [one])
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        (row,) = broker.spend(SpendQuery(by=("tag:bench",)))
        assert (row.group, row.amount) == ((done.result.run.id,), Decimal("0.005"))
        (row,) = broker.spend(SpendQuery(by=("tag:bench_lane",)))
        assert row.group == ("one",)
        assert not broker.ledger.budgets(broker.core.services.runtime.now()), (
            "the run's own budget is gone with it"
        )


def test_without_truth_lanes_are_alike_or_not_and_quality_is_unknown(tmp_path: Path) -> None:
    data_set(tmp_path, 30)
    one = fake_provider([labels("Cat")], provider="one")
    two = fake_provider([labels("Cat")] * 10 + [labels("Dog")], provider="two")
    head = PLAN + 'truth = "none"\n'
    done = Sitting(tmp_path, plan_of(tmp_path, TWO + "concurrency = 1\n", head=head), [one, two])
    assert all(each.primary is None for each in done.result.lanes)
    assert all(each.money is not None and each.money.per_correct is None for each in done.result.lanes)
    assert not done.result.pairings
    (alike,) = done.result.agreements
    assert (alike.first, alike.second, alike.same.n) == ("one", "two", 30)
    assert alike.same.point == pytest.approx(1 / 3)
    assert any("quality is unknown" in note for note in done.result.notes)


def test_a_truth_may_be_told_by_operation() -> None:
    both = {"text.sentiment": "positive", "text.detect_language": "en"}
    assert truth_for("text.sentiment", both) == "positive"
    assert truth_for("text.detect_language", both) == "en"
    assert truth_for("text.entities", both) is None
    assert truth_for("vision.label", {"labels": ["cat"]}) == {"labels": ["cat"]}
    assert truth_for("vision.label", ["cat"]) == ["cat"]


def test_figures_are_those_of_the_rows_that_were_kept(tmp_path: Path) -> None:
    """Reckoned again from the file with SQL and the standard library, which know nothing of the bench."""
    data_set(tmp_path, 60)
    script = [labels("Cat"), labels("Cat", "Dog"), labels("Dog"), ContentRefused("no")] * 20
    one = fake_provider(script, provider="one")
    done = Sitting(tmp_path, plan_of(tmp_path, ONE + "concurrency = 1\nwarm_up = 0\n"), [one])
    told = done.result.lanes[0]
    with sqlite3.connect(Path(done.folder) / "answers.db") as kept:
        latencies = [
            row[0] for row in kept.execute("SELECT latency FROM question WHERE state = 2 ORDER BY latency")
        ]
        costs = [Decimal(row[0]) for row in kept.execute("SELECT known FROM question")]
    kept.close()
    assert len(latencies) == 45
    assert told.speed.attempt is not None
    assert told.speed.attempt.p50.point == pytest.approx(statistics.median(latencies))
    at = 0.95 * 44
    p95 = latencies[int(at)] + (at - int(at)) * (latencies[int(at) + 1] - latencies[int(at)])
    assert told.speed.attempt.p95.point == pytest.approx(p95)
    # Hits, false and missed: 15 each of (1, 0, 0), (1, 1, 0), (0, 1, 1) and, failed, (0, 0, 1).
    assert told.primary is not None
    assert told.primary.conditional.point == pytest.approx(2 * 30 / (2 * 30 + 30 + 15))
    assert told.primary.delivered.point == pytest.approx(2 * 30 / (2 * 30 + 30 + 30))
    assert told.reliability.success.point == 45 / 60
    assert told.money is not None
    assert told.money.known == sum(costs) == Decimal("0.045"), "what is refused is not billed"
    assert told.money.per_1000 == Decimal("0.75")
    assert told.money.per_correct == Decimal("0.00075") / Decimal("0.5")


def test_questions_belong_to_no_use_case(tmp_path: Path) -> None:
    one = fake_provider([labels("Cat")], provider="one")
    settings = {"use_cases": {"shop": {"operation": "vision.label"}}}
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}, quality=settings) as broker:
        (lane,) = lanes_of(plan_of(tmp_path, ONE), broker, "id").asked
        assert broker.core.probe(lane.operation, {"provider": "one"}).use_case == "shop"
        assert broker.core.probe(lane.operation, lane.options).use_case is None


def test_a_lost_question_that_became_a_job_is_asked_again_for_its_job_is_found_again(tmp_path: Path) -> None:
    data_set(tmp_path, 2)
    one = fake_provider([labels("Cat")], provider="one")
    done = Sitting(tmp_path, plan_of(tmp_path, ONE.replace('"9"', '"0.0015"')), [one])
    now = datetime(2026, 11, 1, tzinfo=UTC)
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        paid = broker.vision.label(str(tmp_path / "one.png"), provider="one").call_id
        draft = JobDraft(
            key="key",
            provider="one",
            profile="",
            operation="transcription.transcribe",
            region=None,
            call_id=paid,
            facts=JobFacts(request="{}"),
            at=now,
        )
        store = Store(done.folder)
        lost = Question(lane=1, repetition=1, item=2)
        store.announce(lost, paid, now)
        assert settle_lost(store, broker.core, again_unknown=False) == 1, "it was paid for, and is no job"
        store.withdraw(lost)
        store.announce(lost, paid, now)
        assert isinstance(broker.ledger, JobLedger)
        broker.ledger.open_job(draft, "worker")
        assert settle_lost(store, broker.core, again_unknown=False) == 0
        assert store.settled(1, 1, 1, 2) == {1}
        store.close()


def test_two_runs_tell_what_has_changed(tmp_path: Path) -> None:
    data_set(tmp_path, 60)
    plan = plan_of(tmp_path, ONE + "concurrency = 1\n")
    first = Sitting(tmp_path, plan, [fake_provider([labels("Cat")], provider="one")])
    worse = fake_provider([labels("Cat"), labels("Dog")] * 30, provider="one")
    second = Sitting(tmp_path, plan, [worse])
    assert first.folder != second.folder
    with open_run(first.folder) as earlier, open_run(second.folder) as later:
        (change,) = changes(earlier, later)
        assert change.comparison is not None
        assert (change.comparison.verdict, change.comparison.n) == (Verdict.WORSE, 60)
        assert change.comparison.gain == pytest.approx(-0.5)
        assert change.flips is not None
        assert (change.flips.point, change.flips.n) == (0.5, 60)
        assert change.models == (("fake-1",), ("fake-1",))
        (same,) = changes(earlier, earlier)
        assert same.flips is not None
        assert same.flips.point == 0.0
    data_set(tmp_path, 60, truth="dog")
    third = Sitting(tmp_path, plan, [worse])
    with (
        open_run(first.folder) as earlier,
        open_run(third.folder) as later,
        pytest.raises(BadInput, match="other data"),
    ):
        changes(earlier, later)


def test_two_runs_differ_no_more_surely_than_their_clusters_do(tmp_path: Path) -> None:
    """Twelve pages of ten pictures each; every third page is answered otherwise, as a whole."""
    data_set(tmp_path, 120)
    lines = (tmp_path / "items.csv").read_text(encoding="utf-8").splitlines()
    paged = [f"{line},page-{number // 10}" for number, line in enumerate(lines[1:])]
    (tmp_path / "items.csv").write_text("\n".join(["id,path,truth,page", *paged]) + "\n", encoding="utf-8")
    said = [labels("Dog") if number // 10 % 3 == 0 else labels("Cat") for number in range(120)]

    def compared(head: str, keep: str) -> tuple[float, float]:
        (tmp_path / keep).mkdir()
        plan = plan_of(tmp_path, ONE + "concurrency = 1\n", head=f'keep = "{keep}"\n' + head)
        first = Sitting(tmp_path, plan, [fake_provider([labels("Cat")], provider="one")])
        second = Sitting(tmp_path, plan, [fake_provider(said, provider="one")], restart=True)
        with open_run(first.folder) as earlier, open_run(second.folder) as later:
            (change,) = changes(earlier, later)
        found, flips = change.comparison, change.flips
        assert found is not None and found.low is not None and found.high is not None  # noqa: PT018
        assert flips is not None and flips.low is not None and flips.high is not None  # noqa: PT018
        assert flips.point == pytest.approx(40 / 120)
        return found.high - found.low, flips.high - flips.low

    alone, alone_flips = compared(PLAN, "alone")
    pages, pages_flips = compared(PLAN + 'cluster = "page"\n', "pages")
    assert pages > 2 * alone, "ten pictures of a page tell little more than one"
    assert pages_flips > 2 * alone_flips


def test_a_plan_is_run_from_python_in_one_call(tmp_path: Path) -> None:
    data_set(tmp_path, 20)
    one = fake_provider([labels("Cat")], provider="one")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN + ONE, "utf-8")
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        result = run_plan(broker, str(path))
        assert (result.run.name, result.lanes[0].reliability.answered) == ("plan", 20)
        path.write_text(PLAN + ONE.replace('"9"', '"0.001"'), "utf-8")
        with pytest.raises(BudgetExceeded, match=r"its cap is \$0\.001"):
            run_plan(broker, str(path))
    assert len(one.play.seen) == 20
    assert len(list((tmp_path / "bench-runs").iterdir())) == 1
