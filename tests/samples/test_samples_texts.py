"""Texts: each item of a batch is a draw of its own; labels without content; two steps; who is tried again; retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import use_case

from broker import Broker, ProviderError
from broker.contract import BatchLimits
from broker.errors import Outcome, Throttled, Unavailable
from broker.quality.reference import Reference
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, HardBreach
from broker.quality.switch_state import Evidence as Proof
from broker.runtime.blocking import BlockingRuntime
from broker.samples.rows import SampleQuery, SampleState
from many.echo_support import echo

SHOP = SampleQuery(use_case="shop")
BATCH = BatchLimits(max_items=4)
Make = Callable[..., Broker]


def made(*adapters: Any, runtime: BlockingRuntime | None = None, **facts: Any) -> Broker:
    return Broker(
        adapters=list(adapters),
        provider=[adapters[0].manifest.provider],
        runtime=runtime,
        quality=use_case(operation="text.sentiment", **facts),
    )


class TestBatches:
    """Items that went to the vendor together."""

    def test_each_item_is_drawn_by_itself(self) -> None:
        failing = Unavailable("gone", outcome=Outcome.SERVER)
        adapter = echo(batch=BATCH, hook=lambda text: failing if text == "negative" else None)
        with made(adapter) as broker:
            items = list(broker.text.sentiment_many(["positive", "negative", "neutral"]))
            broker.quality.flush()
            samples = broker.quality.store.samples(SHOP)
            ids = {each.call_id for each in samples}
            assert len(ids) == 1
            assert [each.item.partition("#")[2] for each in samples] == ["0", "1", "2"]
            assert (
                [each.failed for each in samples] == [not item.ok for item in items] == [False, True, False]
            )
            assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 3

    def test_a_batch_that_fails_whole_fails_for_each_item(self) -> None:
        whole = ProviderError("broken", outcome=Outcome.AMBIGUOUS)
        adapter = echo(batch=BATCH, hook=lambda text: whole if text == "BATCH" else None)
        with made(adapter) as broker:
            items = list(broker.text.sentiment_many(["positive", "negative"]))
            broker.quality.flush()
            assert not any(item.ok for item in items)
            assert [each.failed for each in broker.quality.store.samples(SHOP)] == [True, True]
            assert sum(each.calls for each in broker.quality.store.drawn("shop")) == 2

    def test_items_that_went_on_to_another_are_drawn_once_there(self) -> None:
        whole = Throttled("too fast", outcome=Outcome.QUOTA_DEAD)
        first = echo(provider="first", batch=BATCH, hook=lambda text: whole if text == "BATCH" else None)
        second = echo(provider="second")
        quality = use_case(operation="text.sentiment")
        with Broker(adapters=[first, second], provider=["first", "second"], quality=quality) as broker:
            assert all(item.ok for item in broker.text.sentiment_many(["positive", "negative"]))
            broker.quality.flush()
            told = [(each.provider, each.failed) for each in broker.quality.store.samples(SHOP)]
        assert sorted(told) == [("first", True)] * 2 + [("second", False)] * 2


class TestClasses:
    """Answers that are one class can be judged without having been kept."""

    def test_a_label_by_the_token_alone(self, tmp_path: Path) -> None:
        with made(echo()) as broker:
            right = broker.text.sentiment("positive").call_id
            wrong = broker.text.sentiment("negative").call_id
            broker.quality.label(right, "positive", by="ann")
            broker.quality.label(wrong, "positive", by="ann")
            scored = broker.quality.store.scored(SHOP)
            assert [each.score.unit for each in scored] == [1.0, 0.0]
            assert {each.score.reference for each in scored} == {Reference.REVIEWED}
        assert b"positive" not in b"".join(each.read_bytes() for each in tmp_path.glob("*quality.db*"))

    def test_two_steps_refer_some_of_the_taken_calls(self) -> None:
        other = echo(provider="other", hook=lambda text: None)
        sampling = {
            "design": "disagreement", "refer": 0.2, "second": ["other"], "budget": "1.00"
        }  # fmt: skip
        with made(echo(), other, sampling=sampling) as broker:
            for number in range(60):
                broker.text.sentiment(f"positive {number}")
            assert broker.quality.flush(30)
            samples = broker.quality.store.samples(SHOP)
        assert {each.agreeing for each in samples} == {1}
        assert {each.refer_probability for each in samples} == {0.1}
        waiting = [each for each in samples if each.state is SampleState.WAITING]
        assert 0 < len(waiting) < 20
        assert all(each.state is SampleState.NONE for each in samples if each not in waiting)


def test_who_was_left_for_its_quality_is_tried_beside_the_calls(tmp_path: Path) -> None:
    """Half open: users' calls go elsewhere, and its answers to the same questions are scored by gold."""
    (tmp_path / "gold.csv").write_text("text,truth\npositive,positive\n")
    with Broker(
        adapters=[echo(provider="first"), echo(provider="second")],
        provider=["first", "second"],
        quality=use_case(
            operation="text.sentiment",
            gold=str(tmp_path / "gold.csv"),
            sampling={"second": ["second"], "budget": "1.00"},
            tolerance={"target": 0.9, "tolerance": 0.2},
            switch={"mode": "enforce", "on_unknown": "closed", "first_cooldown": "1m"},
        ),
    ) as broker:
        scope = Scope(use_case="shop", operation="text.sentiment", provider="first")
        board, store = broker._board, broker.quality.store
        now = board._now
        proof = Proof(rule="e-process", since=now(), text="a test")
        board.report(scope, HardBreach(cause=Cause.QUALITY, evidence=proof))
        board._now = lambda: now() + timedelta(hours=2)
        board.look()
        board._now = now
        assert broker.text.sentiment("positive").provenance.provider == "second"
        assert broker.quality.flush(30)
        scored = {each.sample.provider: each.score.unit for each in store.scored(SHOP)}
        assert scored == {"first": 1.0, "second": 1.0}


def test_what_was_kept_long_enough_is_erased_by_the_sampler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.samples.rounds.HOUSEKEEPING", timedelta(0))

    class Later(BlockingRuntime):
        days = 0

        def now(self) -> Any:
            return super().now() + timedelta(days=self.days)

    runtime = Later()
    with made(echo(), runtime=runtime, content="inputs", consent=True, retention_days=1) as broker:
        broker.text.sentiment("canary of a person")
        broker.quality.flush()
        store = broker.quality.store
        (sample,) = store.samples(SHOP)
        assert store.parts_kept(sample.id) == ("answer", "input")
        runtime.days = 2
        broker.text.sentiment("positive")
        broker.quality.flush()
        assert store.parts_kept(sample.id) == ()
        assert b"canary" not in b"".join(each.read_bytes() for each in tmp_path.glob("*quality.db*"))
