"""Calls that are sampled: what is drawn, scored, mirrored, kept; and that nothing of it is the call's."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from samples_support import picture, use_case

from broker import AsyncBroker, Broker
from broker.contract import Context, Reply
from broker.errors import BadInput, BrokerError, NotConfigured, Outcome, ProviderError, Throttled, Unavailable
from broker.ledger.base import SpendQuery
from broker.quality.sampling import NOTHING_KNOWN, Rate, decide
from broker.samples.plan import Plan
from broker.samples.rows import SampleQuery, SampleState, Skipped
from broker.samples.sampler import Sampler
from broker.samples.store import SampleStore
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import LabelRequest, LabelSet

Make = Callable[..., Broker]
SHOP = SampleQuery(use_case="shop")


def sampler_of(broker: Broker | AsyncBroker) -> Sampler:
    found = broker._sampler
    assert found is not None
    return found


def kinds(broker: Broker) -> dict[tuple[str, ...], int]:
    return {row.group: row.attempts for row in broker.spend(SpendQuery(by=("provider", "kind")))}


class TestDraws:
    """Every call of the use case is drawn once, by its id."""

    def test_a_taken_call_is_scored_by_gold(self, make_sampled: Make, gold: str) -> None:
        broker = make_sampled(gold=gold)
        results = [broker.vision.label(picture(number)) for number in (0, 50)]
        assert broker.quality.flush()
        scored = broker.quality.store.scored(SHOP)
        assert [each.sample.item for each in scored] == [each.call_id for each in results]
        assert [(each.score.unit or 0) > 0 for each in scored] == [True, False]
        assert {each.sample.model_version for each in scored} == {"fake-1"}
        assert scored[0].sample.cost == Decimal("0.001")

    def test_gold_is_found_by_the_tag_too(self, make_sampled: Make, gold: str) -> None:
        broker = make_sampled(gold=gold)
        broker.vision.label(picture(4711), tags={"item": "0.png"})
        broker.vision.label(picture(4712), tags={"item": "none of it"})
        broker.quality.flush()
        assert len(broker.quality.store.scored(SHOP)) <= 1  # by the data set's own ids
        assert len(broker.quality.store.samples(SHOP)) == 2

    def test_what_belongs_to_no_use_case_is_not_drawn(self, make_sampled: Make) -> None:
        broker = make_sampled(tags={"team": "shop"})
        broker.vision.label(picture(1))
        broker.vision.label(picture(1), tags={"team": "shop"})
        broker.quality.flush()
        assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 1

    @pytest.mark.parametrize("share", [1.0, 0.25])
    def test_the_decision_is_that_of_the_statistics(self, make_sampled: Make, share: float) -> None:
        """The call path has a short cut; it decides as ``decide`` does, in every process."""
        sampler = sampler_of(make_sampled(sampling={"rate": 0.3, "floor": 0.1}))
        plan = sampler.plans["shop"]
        plan.share = share
        for number in range(500):
            item = f"call-{number}"
            asked = decide(Rate(per_call=0.3), item, NOTHING_KNOWN, seed=plan.seed, floor=0.1, share=share)
            found = sampler.draw(plan, item, "fake", None, sampler.now(), {}, "an answer")
            assert (found is not None) == asked.taken
            if found is not None:
                assert found[0] == asked

    def test_a_share_that_changes_in_the_midst_of_a_draw_makes_no_weight_above_1(
        self, make_sampled: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Evidence could never be taken in past such a sample."""
        sampler = sampler_of(make_sampled(sampling={"rate": 0.5}))
        plan, before = sampler.plans["shop"], Plan.probability
        plan.share = 0.5

        def then_there_is_more(self: Plan, rate: float) -> float:
            found = before(self, rate)
            self.share = 1.0
            return found

        monkeypatch.setattr(Plan, "probability", then_there_is_more)
        drawn = [
            sampler.draw(plan, str(number), "fake", None, sampler.now(), {}, "an answer")
            for number in range(50)
        ]
        taken = [each for each in drawn if each is not None]
        assert taken
        assert all(least <= draw.probability for draw, least in taken)

    def test_other_processes_take_the_same_calls(self, make_sampled: Make, tmp_path: Path) -> None:
        store = str(tmp_path / "quality.db")
        broker = make_sampled(sampling={"rate": 0.2}, settings={"store": store})
        plan = sampler_of(broker).plans["shop"]
        here = [
            number
            for number in range(300)
            if decide(Rate(per_call=0.2), f"call-{number}", seed=plan.seed).taken
        ]
        program = (
            "import sys\n"
            "from broker.quality.sampling import Rate, decide\n"
            "from broker.samples.store import SampleStore\n"
            "seed = SampleStore(sys.argv[1]).seed()\n"
            "print([n for n in range(300) if decide(Rate(per_call=0.2), f'call-{n}', seed=seed).taken])\n"
        )
        there = subprocess.run(
            [sys.executable, "-c", program, store], capture_output=True, text=True, check=True
        )
        assert there.stdout.strip() == str(here)

    def test_failed_calls_are_drawn_as_failed(self, make_sampled: Make) -> None:
        broker = make_sampled(adapters=[fake_provider([Unavailable("gone", outcome=Outcome.AMBIGUOUS)])])
        with pytest.raises(ProviderError):
            broker.vision.label(picture(1))
        broker.quality.flush()
        (drawn,) = broker.quality.store.drawn("shop")
        assert (drawn.drawing.failed, drawn.calls) == (True, 1)
        (sample,) = broker.quality.store.samples(SHOP)
        assert (sample.failed, sample.error) == (True, "Unavailable")

    def test_who_was_asked_before_has_failed(self, make_sampled: Make) -> None:
        first = fake_provider([Throttled("too fast", outcome=Outcome.QUOTA_DEAD)], provider="first")
        broker = make_sampled(adapters=[first, fake_provider()], provider=["first", "fake"])
        broker.vision.label(picture(1))
        broker.quality.flush()
        drawn = {each.drawing.provider: each.drawing.failed for each in broker.quality.store.drawn("shop")}
        assert drawn == {"first": True, "fake": False}

    def test_a_callers_own_slip_is_no_failure_of_the_provider(self, make_sampled: Make) -> None:
        broker = make_sampled(adapters=[fake_provider([BadInput("no", outcome=Outcome.REJECTED)])])
        with pytest.raises(BadInput):
            broker.vision.label(picture(1))
        with pytest.raises(BrokerError):
            broker.vision.label(picture(1), max_cost="0.0000001")
        broker.quality.flush()
        assert broker.quality.store.drawn("shop") == []

    def test_operations_that_change_things_cannot_be_sampled(self) -> None:
        with pytest.raises(NotConfigured, match="not sampled"):
            Broker(
                quality={
                    "use_cases": {
                        "docs": {"operation": "search.upsert", "sampling": {"rate": 0.1, "design": "rate"}}
                    }
                }
            )

    def test_a_store_that_cannot_be_opened_stops_no_call(self, make_sampled: Make, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        broker = make_sampled(settings={"store": str(tmp_path / "file" / "quality.db")})
        assert broker.vision.label(picture(1)).value.labels
        with pytest.raises(BrokerError, match="nothing is sampled"):
            _ = broker.quality.store

    def test_the_async_broker_samples_alike(self, gold: str) -> None:
        async def ask() -> SampleStore:
            async with AsyncBroker(
                adapters=[fake_provider([labels("Cat")]), fake_provider([labels("Cat")], provider="second")],
                provider="fake",
                quality=use_case(gold=gold, sampling={"second": ["second"], "budget": "1.00"}),
            ) as broker:
                await broker.vision.label(picture(0))
                return broker.quality.store

        store = asyncio.run(ask())
        assert len(store.scored(SHOP)) == 1
        assert [each.provider for each in store.shadows(SHOP)] == ["second"]
        store.close()


class TestShadows:
    """Others are asked the same, beside the call; whatever they do, it is not the call's."""

    def both(self, second: Any = None, price: str | None = "0.001") -> list[Any]:
        asked = second if second is not None else [labels("Cat", "Animal")]
        return [
            fake_provider([labels("Cat", "Animal")]),
            fake_provider(asked, provider="second", price=fake_price(price, sku="second.vision.label")),
        ]

    def made(self, make_sampled: Make, adapters: list[Any], budget: str = "1.00", **facts: Any) -> Broker:
        sampling = {"second": ["second"], "budget": budget, **facts.pop("sampling", {})}
        return make_sampled(adapters=adapters, sampling=sampling, **facts)

    def test_the_answers_are_compared(self, make_sampled: Make) -> None:
        broker = self.made(make_sampled, self.both())
        broker.vision.label(picture(1), tags={"team": "a"})
        assert broker.quality.flush()
        (sample,) = broker.quality.store.samples(SHOP)
        assert (sample.asked, sample.agreeing, sample.pending) == (1, 1, False)
        assert kinds(broker) == {("fake", "first"): 1, ("second", "shadow"): 1}
        by_tag = broker.spend(SpendQuery(by=("kind", "tag:quality")))
        assert ("shadow", "shop") in {row.group for row in by_tag}
        assert broker.quality.figures("shop", "fake").agreement["second"].n == 1

    def test_one_that_hangs_delays_no_call(self, make_sampled: Make) -> None:
        ended = threading.Event()

        def hang(request: LabelRequest, context: Context) -> Reply[LabelSet]:
            ended.wait(30)
            return labels("Cat")

        broker = self.made(make_sampled, self.both(hang))
        try:
            began = time.monotonic()
            for number in range(50):
                broker.vision.label(picture(number))
            assert time.monotonic() - began < 10  # seconds; each of the others would take 30
            assert not broker.quality.flush(0.5)
        finally:
            ended.set()
        assert broker.quality.flush(20)
        assert len(broker.quality.store.shadows(SHOP)) == 50

    def test_closing_does_not_wait_for_one_that_hangs(self, make_sampled: Make) -> None:
        ended = threading.Event()

        def hang(request: LabelRequest, context: Context) -> Reply[LabelSet]:
            ended.wait(30)
            return labels("Cat")

        broker = self.made(make_sampled, self.both(hang))
        for number in range(10):
            broker.vision.label(picture(number))
        began = time.monotonic()
        broker.close(timeout=1.0)
        assert time.monotonic() - began < 10
        ended.set()

    def test_one_that_fails_is_counted_and_asked_once(self, make_sampled: Make) -> None:
        broker = self.made(make_sampled, self.both([Unavailable("down", outcome=Outcome.SERVER)]))
        assert broker.vision.label(picture(1)).value.labels
        broker.quality.flush()
        assert broker.quality.store.skipped("shop") == {Skipped.FAILED: 1}
        assert kinds(broker)["second", "shadow"] == 1
        (shadow,) = broker.quality.store.shadows(SHOP)
        assert shadow.error == "Unavailable"

    def test_an_adapter_that_breaks_is_counted_too(self, make_sampled: Make) -> None:
        broker = self.made(make_sampled, self.both([ZeroDivisionError()]))
        broker.vision.label(picture(1))
        assert broker.quality.flush()
        assert broker.quality.store.skipped("shop") == {Skipped.FAILED: 1}

    def test_one_without_a_price_is_not_asked(self, make_sampled: Make) -> None:
        broker = self.made(make_sampled, self.both(price=None))
        broker.vision.label(picture(1))
        broker.quality.flush()
        assert broker.quality.store.skipped("shop") == {Skipped.UNPRICED: 1}
        assert ("second", "shadow") not in kinds(broker)

    def test_the_days_money_is_never_passed_by_64_threads(self, make_sampled: Make) -> None:
        broker = self.made(make_sampled, self.both(), budget="0.020")
        threads = [
            threading.Thread(target=lambda: [broker.vision.label(picture(n)) for n in range(4)])
            for _ in range(64)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert broker.quality.flush(60)
        spent = next(row.amount for row in broker.spend(SpendQuery(by=("kind",))) if row.group == ("shadow",))
        assert Decimal("0.010") <= spent <= Decimal("0.020")
        assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 256
        for number in range(3):
            broker.vision.label(picture(number))
        broker.quality.flush()
        figures = broker.quality.figures("shop", "fake")
        assert (figures.calls, figures.uncovered) == (259, 3)  # the rate fell to 0, and says so

    def test_budgets_of_the_ledger_hold_for_them_and_send_them_nowhere_else(
        self, make_sampled: Make, tmp_path: Path
    ) -> None:
        third = fake_provider([labels("Cat")], provider="third")
        broker = Broker(
            adapters=[*self.both(), third],
            provider="fake",
            budgets={
                "second": {
                    "limit": "0.0001",
                    "provider": "second",
                    "action": "degrade",
                    "degrade_to": ["third"],
                }
            },
            quality=use_case(sampling={"second": ["second"], "budget": "1.00"}),
        )
        with broker:
            broker.vision.label(picture(1))
            broker.quality.flush()
            assert set(kinds(broker)) == {("fake", "first")}
            assert third.play.seen == []
            assert sum(broker.quality.store.skipped("shop").values()) == 1

    def test_a_full_queue_is_counted(self, make_sampled: Make) -> None:
        hold = threading.Event()
        broker = self.made(make_sampled, self.both(), settings={"queue": 5})
        sampler = sampler_of(broker)
        real = sampler._round
        sampler._round = lambda: (hold.wait(20), real())[1]  # type: ignore[method-assign] # the store is slow
        try:
            for number in range(40):
                broker.vision.label(picture(number))
        finally:
            hold.set()
        broker.quality.flush(20)
        kept, skipped = len(broker.quality.store.samples(SHOP)), broker.quality.store.skipped("shop")
        assert kept + skipped.get(Skipped.QUEUE_FULL, 0) >= 40
        assert skipped[Skipped.QUEUE_FULL] >= 30
        assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 40


class TestContent:
    """By default not a byte of it is kept."""

    CANARY = "canary 93f1 of a person"

    def files(self, tmp_path: Path) -> bytes:
        return b"".join(each.read_bytes() for each in tmp_path.glob("*quality.db*"))

    def answer(self) -> Any:
        return fake_provider([labels(self.CANARY)])

    def test_off_means_none(self, make_sampled: Make, tmp_path: Path, gold: str) -> None:
        broker = make_sampled(adapters=[self.answer()], gold=gold)
        for number in range(3):
            broker.vision.label(picture(number))
        broker.quality.flush()
        assert len(broker.quality.store.scored(SHOP)) == 3
        found = self.files(tmp_path)
        assert found
        assert self.CANARY.encode() not in found
        assert picture(1) not in found
        broker.close()
        assert self.CANARY.encode() not in self.files(tmp_path)

    def test_kept_with_consent_until_erased(self, make_sampled: Make, tmp_path: Path) -> None:
        broker = make_sampled(adapters=[self.answer()], content="inputs", consent=True)
        result = broker.vision.label(picture(1))
        broker.quality.flush()
        store = broker.quality.store
        (sample,) = store.samples(SHOP)
        kept = store.content(sample.id, "input")
        assert kept is not None
        assert (kept.kind, kept.value) == ("image/png", picture(1))
        assert self.CANARY.encode() in self.files(tmp_path)  # else the tests of erasing prove nothing
        assert broker.quality.erase(call_id=result.call_id).contents == 2
        assert self.CANARY.encode() not in self.files(tmp_path)
        assert picture(1) not in self.files(tmp_path)

    def test_what_others_answer_after_it_was_erased_is_not_kept(
        self, make_sampled: Make, tmp_path: Path
    ) -> None:
        """Erased by another program, while a second provider thinks about it."""
        asked, erased = threading.Event(), threading.Event()

        def slow(*_: Any) -> Any:
            asked.set()
            assert erased.wait(20)
            return labels(self.CANARY)

        price = fake_price("0.001", sku="second.vision.label")
        broker = make_sampled(
            adapters=[fake_provider([labels("Cat")]), fake_provider(slow, provider="second", price=price)],
            sampling={"second": ["second"], "budget": "1.00"},
            content="answers",
            consent=True,
        )
        call = broker.vision.label(picture(1))
        assert asked.wait(20)
        with closing(SampleStore(broker.quality.store.path)) as other:
            assert other.erase(call_id=call.call_id).contents == 1
        erased.set()
        assert broker.quality.flush(20)
        (shadow,) = broker.quality.store.shadows(SHOP)
        assert shadow.error is None
        assert broker.quality.store.parts_kept(shadow.sample) == ()
        broker.close()
        assert self.CANARY.encode() not in self.files(tmp_path)

    def test_erasing_needs_a_name(self, make_sampled: Make) -> None:
        with pytest.raises(BadInput, match="call_id, tags"):
            make_sampled().quality.erase()

    def test_without_consent_nothing_can_be_kept(self) -> None:
        with pytest.raises(NotConfigured, match="consent = true"):
            Broker(quality=use_case(content="answers"))


class TestLabels:
    """A person says later what was right."""

    def test_by_the_answer_that_was_kept(self, make_sampled: Make) -> None:
        broker = make_sampled(content="answers", consent=True)
        result = broker.vision.label(picture(1))
        (sample,) = broker.quality.label(result.call_id, ["cat"], by="ann")
        (scored,) = broker.quality.store.scored(SHOP)
        assert (scored.sample.id, scored.score.source) == (sample.id, "ann")
        assert scored.sample.state is SampleState.SCORED

    def test_without_it_the_error_says_what_to_set(self, make_sampled: Make) -> None:
        broker = make_sampled()
        result = broker.vision.label(picture(1))
        with pytest.raises(BadInput, match='content = "answers"'):
            broker.quality.label(result.call_id, ["cat"])

    def test_calls_that_were_not_drawn_take_none(self, make_sampled: Make) -> None:
        broker = make_sampled(sampling={"rate": 0.0}, content="answers", consent=True)
        result = broker.vision.label(picture(1))
        with pytest.raises(BadInput, match="not taken"):
            broker.quality.label(result.call_id, ["cat"])

    def test_calls_that_were_not_referred_take_none(self, make_sampled: Make) -> None:
        broker = make_sampled(sampling={"refer": 0.0}, content="answers", consent=True)
        result = broker.vision.label(picture(1))
        with pytest.raises(BadInput, match="not drawn for a label"):
            broker.quality.label(result.call_id, ["cat"])

    def test_nobody_waits_for_ever(self, make_sampled: Make) -> None:
        broker = make_sampled(label_days=1)
        broker.vision.label(picture(1))
        broker.quality.flush()
        store = broker.quality.store
        (sample,) = store.samples(SHOP)
        assert (sample.state, sample.until) == (SampleState.WAITING, sample.at + timedelta(days=1))
        store.give_up(sample.at + timedelta(days=2))
        assert store.samples(SHOP)[0].state is SampleState.GIVEN_UP


class TestEnds:
    """What is drawn survives closing, forks and most of a kill."""

    def test_closing_writes_everything(self, make_sampled: Make, gold: str) -> None:
        broker = make_sampled(gold=gold)
        for number in range(20):
            broker.vision.label(picture(number))
        broker.close()
        store = sampler_of(broker).store
        assert sum(each.calls for each in store.drawn("shop")) == 20
        assert len(store.scored(SHOP)) == 20
        store.close()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_a_forked_child_has_draws_of_its_own(self, make_sampled: Make) -> None:
        broker = make_sampled()
        broker.vision.label(picture(1))
        broker.quality.flush()
        broker.vision.label(picture(2))  # not written yet: the parent's
        child = os.fork()
        if child == 0:
            code = 1
            try:
                broker.vision.label(picture(3))
                code = 0 if broker.quality.flush(20) else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert broker.quality.flush()
        assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 3
        assert len(broker.quality.store.samples(SHOP)) == 3

    def test_a_killed_process_loses_at_most_what_was_not_written(self, tmp_path: Path) -> None:
        program = (
            "import sys\n"
            "sys.path.insert(0, sys.argv[2])\n"
            "from samples_support import picture, use_case\n"
            "from broker import Broker\n"
            "from broker.testing.fake import fake_provider\n"
            "broker = Broker(adapters=[fake_provider()], provider='fake', quality={**use_case(), 'store': sys.argv[1]})\n"
            "for n in range(10): broker.vision.label(picture(n))\n"
            "assert broker.quality.flush(20)\n"
            "print('written', flush=True)\n"
            "while True: broker.vision.label(picture(1))\n"
        )
        path = str(tmp_path / "quality.db")
        running = subprocess.Popen(
            [sys.executable, "-c", program, path, str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None
        with running.stdout:
            assert running.stdout.readline() == "written\n"
            running.send_signal(signal.SIGKILL)
            running.wait()
        store = SampleStore(path)
        drawn, samples = store.drawn("shop"), store.samples(SHOP)
        assert sum(each.taken for each in drawn) == len(samples) >= 10
        store.close()

    def test_the_thread_ends_when_nothing_is_left_and_begins_again(
        self, make_sampled: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("broker.samples.sampler.IDLE", 0.01)
        broker = make_sampled()
        sampler = sampler_of(broker)
        for calls in (1, 2):
            broker.vision.label(picture(1))
            assert broker.quality.flush()
            until = time.monotonic() + 20
            while sampler._thread is not None and time.monotonic() < until:
                time.sleep(0.005)
            assert sampler._thread is None
            assert sum(each.calls for each in broker.quality.store.drawn("shop")) == calls

    def test_a_store_that_fails_later_is_counted_when_it_is_back(
        self, make_sampled: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from broker.errors import QualityUnavailable

        monkeypatch.setattr("broker.samples.sampler.AGAIN", 0.05)
        broker = make_sampled()
        store = broker.quality.store
        real, left = store.write, [2]

        def write(*facts: Any) -> list[int]:
            if left[0]:
                left[0] -= 1
                raise QualityUnavailable("the disk is full")
            return real(*facts)

        monkeypatch.setattr(store, "write", write)
        broker.vision.label(picture(1))
        until = time.monotonic() + 20
        while not broker.quality.flush(1) and time.monotonic() < until:
            pass
        assert sum(each.calls for each in store.drawn("shop")) == 1
        assert store.skipped("shop") == {Skipped.STORE: 1}
