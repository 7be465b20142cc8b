"""Adapters that misbehave: every request has a row that tells the truth, every error is ours, no secret shows."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from pipeline_support import GOOD, PICTURE, down, make, rows, seen

from broker import AsyncBroker, Broker, BrokerError, DeadlineExceeded, MalformedReply, ProviderFault
from broker.contract import Reply
from broker.errors import Outcome
from broker.ledger import SpendQuery
from broker.runtime.virtual import VirtualRuntime
from broker.testing.deadlines import ended_by_deadline
from broker.testing.fake import FakeAdapter, fake_price, fake_provider
from broker.types import DetectedText, LabelSet

SECRET = "AKIAABCDEFGHIJKLMNOP"


def adapter_with(label: Any, **options: Any) -> type[FakeAdapter]:
    """An adapter whose ``label`` is this function of request and context."""
    return type(
        "Own", (fake_provider(**options),), {"label": lambda self, request, context: label(request, context)}
    )


def async_adapter(label: Any, **options: Any) -> type[FakeAdapter]:
    class Own(fake_provider(**options)):  # type: ignore[misc] # made at run time
        async def label(self, request: Any, context: Any) -> Any:
            return await label(request, context)

    return Own


class VendorError(Exception):
    """As SDKs raise them: with the request inside."""

    def __init__(self) -> None:
        super().__init__(f"denied for key {SECRET}")
        self.request = {"authorization": SECRET}


def test_a_foreign_exception_becomes_a_fault_of_unknown_billing() -> None:
    adapter = fake_provider([VendorError()])
    with make(adapter) as broker:
        with pytest.raises(ProviderFault, match=r"VendorError: denied for key .redacted.") as caught:
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert caught.value.outcome is Outcome.UNKNOWN
    assert caught.value.billed is None
    assert (spent.unknown, spent.open, spent.failed) == (1, 0, 1)
    assert seen(adapter) == 1
    assert rows()[0]["error"] == "VendorError"


def test_a_foreign_exception_leaves_its_secret_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with make(fake_provider([VendorError()])) as broker, pytest.raises(ProviderFault) as caught:
        broker.vision.label(PICTURE)
    error = caught.value
    texts = ["".join(traceback.format_exception(error)), repr(error), str(error), caplog.text]
    assert not [text for text in texts if SECRET in text]
    assert SECRET.encode() not in pickle.dumps(error)
    chain: BaseException | None = error
    while chain is not None:
        assert not isinstance(chain, VendorError), "not even where only a debugger looks"
        assert SECRET not in repr(chain)
        chain = chain.__cause__ or chain.__context__
    assert isinstance(error.__cause__, RuntimeError)
    with open("ledger.db", "rb") as file:
        assert SECRET.encode() not in file.read()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        5,
        "labels",
        LabelSet(labels=()),
        Reply(payload=None),
        Reply(payload=DetectedText(lines=())),
        Reply(payload=[]),
    ],
    ids=["none", "number", "text", "bare", "empty", "other-operation", "list"],
)
def test_an_answer_of_the_wrong_kind_is_malformed_and_counted_as_billed(answer: Any) -> None:
    with make(adapter_with(lambda request, context: answer)) as broker:
        with pytest.raises(MalformedReply, match="where LabelSet is due") as caught:
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert caught.value.provider == "fake"
    assert (rows()[0]["outcome"], rows()[0]["billed"]) == ("bad_reply", "yes")
    assert str(spent.amount) == "0.001"


@pytest.mark.parametrize("labels", [5, (5,), (None, None), "ab"], ids=repr)
def test_labels_of_the_wrong_kind_are_malformed_too(labels: Any) -> None:
    reply = Reply(payload=LabelSet(labels=labels))
    with make(fake_provider([reply])) as broker, pytest.raises(MalformedReply, match="report it") as caught:
        broker.vision.label(PICTURE, min_confidence=0.5, max_labels=1)
    assert caught.value.call_id == rows()[0]["call_id"]
    assert caught.value.billed is True
    assert rows()[0]["billed"] == "yes"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("attempt", [1, 2])
def test_an_interruption_goes_through_and_its_attempt_is_unknown(
    kind: type[BaseException], attempt: int
) -> None:
    def label(request: Any, context: Any) -> Any:
        if context.attempt < attempt:
            raise down(Outcome.NOT_SENT)
        raise kind

    with make(adapter_with(label)) as broker:
        with pytest.raises(kind):
            broker.vision.label(PICTURE)
        (spent,) = broker.spend(SpendQuery(by=()))
        assert (spent.attempts, spent.open, spent.unknown) == (attempt, 0, 1)
    assert [row["billed"] for row in rows()][-1] == "unknown"


@pytest.mark.parametrize("wait", [asyncio.sleep, lambda _: asyncio.sleep(0)], ids=["sleep", "yield"])
@pytest.mark.parametrize("attempt", [1, 2])
def test_an_adapter_that_suspends_under_the_sync_broker_is_told_and_its_row_kept(
    wait: Any, attempt: int
) -> None:
    async def label(request: Any, context: Any) -> Any:
        if context.attempt < attempt:
            raise down(Outcome.NOT_SENT)
        await wait(0.001)
        return GOOD

    with make(async_adapter(label)) as broker:
        with pytest.raises(BrokerError, match=r"AsyncBroker|no running event loop"):
            broker.vision.label(PICTURE)
        (spent,) = broker.spend(SpendQuery(by=()))
        assert (spent.attempts, spent.open, spent.unknown) == (attempt, 0, 1)
    gc.collect()


def test_an_async_adapter_that_does_not_suspend_answers_under_both_faces() -> None:
    async def label(request: Any, context: Any) -> Any:
        return GOOD

    kind = async_adapter(label)
    with make(kind) as broker:
        assert broker.vision.label(PICTURE).value == GOOD.payload

    async def run() -> Any:
        async with AsyncBroker(adapters=[kind], provider="fake") as own:
            return await own.vision.label(PICTURE)

    assert asyncio.run(run()).value == GOOD.payload


@pytest.mark.parametrize(
    "fact", ["\ud800", "x\x00y", "\x1b[31m", "\u202e", "x" * 10_000, 5, 10**30, b"bytes", ["list"]], ids=repr
)
def test_a_vendors_odd_facts_neither_lose_the_answer_nor_reach_the_ledger_as_they_are(fact: Any) -> None:
    reply = replace(GOOD, request_id=fact, model_version=fact)
    with make(fake_provider([reply])) as broker:
        result = broker.vision.label(PICTURE)
    assert result.attempts[0].recorded
    (row,) = rows()
    for name in ("request_id", "model_version"):
        assert isinstance(row[name], str)
        assert len(row[name]) <= 256
        assert row[name].isprintable()


def test_an_error_with_an_odd_request_id_is_still_settled() -> None:
    with (
        make(fake_provider([down(Outcome.REJECTED, request_id="\ud800")])) as broker,
        pytest.raises(BrokerError),
    ):
        broker.vision.label(PICTURE)
    assert rows()[0]["state"] == "settled"


def test_a_slow_adapter_under_the_sync_broker_answers_late_and_is_kept() -> None:
    runtime = VirtualRuntime()

    def label(request: Any, context: Any) -> Any:
        runtime.advance(100)
        assert context.remaining() < 0
        return GOOD

    with make(adapter_with(label), runtime=runtime) as broker:
        result = broker.vision.label(PICTURE, deadline=1)
    assert result.latency == 100
    assert result.attempts[0].latency == 100


def test_an_exception_group_of_an_adapters_own_is_foreign() -> None:
    with (
        make(fake_provider([ExceptionGroup("tasks", [VendorError()])])) as broker,
        pytest.raises(ProviderFault) as caught,
    ):
        broker.vision.label(PICTURE)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_stop_iteration_does_not_end_the_call_silently() -> None:
    with make(fake_provider([StopIteration("x")])) as broker, pytest.raises(ProviderFault):
        broker.vision.label(PICTURE)
    assert rows()[0]["state"] == "settled"


def test_eight_threads_share_one_broker() -> None:
    adapter = fake_provider(lambda request, context: GOOD if int(context.call_id[-1], 16) % 4 else fail())

    def fail() -> Any:
        raise down(Outcome.REJECTED)

    with Broker(adapters=[adapter], provider="fake") as broker:

        def use(thread: int) -> list[str]:
            ids = []
            for _ in range(60):
                try:
                    ids.append(broker.vision.label(PICTURE, tags={"thread": str(thread)}).call_id)
                except BrokerError as error:
                    ids.append(str(error.call_id))
            return ids

        with ThreadPoolExecutor(8) as pool:
            ids = [each for found in pool.map(use, range(8)) for each in found]
        (spent,) = broker.spend(SpendQuery(by=()))
        by_thread = broker.spend(SpendQuery(by=("tag:thread",)))
    assert sorted(row["call_id"] for row in rows()) == sorted(ids)
    assert len(set(ids)) == 480
    assert (spent.attempts, spent.open) == (480, 0)
    assert spent.amount * 1000 == 480 - spent.failed
    assert [row.attempts for row in by_thread] == [60] * 8


# ---- under AsyncBroker


def run_async(kind: Any, work: Any, **settings: Any) -> Any:
    async def main() -> Any:
        async with AsyncBroker(adapters=[kind], provider="fake", **settings) as broker:
            return await work(broker)

    return asyncio.run(main())


@pytest.mark.realtime
def test_cancelling_an_async_adapter_is_prompt_and_its_row_is_unknown() -> None:
    begun = asyncio.Event()

    async def label(request: Any, context: Any) -> Any:
        begun.set()
        await asyncio.sleep(90)

    async def work(broker: AsyncBroker) -> Any:
        task = asyncio.create_task(broker.vision.label(PICTURE, deadline=90))
        await asyncio.wait_for(begun.wait(), 30)
        task.cancel()
        started = asyncio.get_running_loop().time()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - started < 30
        return broker.spend()

    (spent,) = run_async(async_adapter(label), work)
    assert (spent.attempts, spent.open, spent.unknown) == (1, 0, 1)
    assert rows()[0]["outcome"] == "ambiguous"


@pytest.mark.realtime
def test_cancelling_a_blocking_adapter_is_prompt_and_its_row_is_unknown() -> None:
    begun, release = threading.Event(), threading.Event()

    def label(request: Any, context: Any) -> Any:
        begun.set()
        release.wait(90)
        return GOOD

    async def work(broker: AsyncBroker) -> Any:
        started = asyncio.get_running_loop().time()
        task = asyncio.create_task(broker.vision.label(PICTURE, deadline=90))
        assert await asyncio.to_thread(begun.wait, 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.1)
        assert asyncio.get_running_loop().time() - started < 60
        spent = broker.spend()
        release.set()
        return spent

    (spent,) = run_async(adapter_with(label), work)
    assert (spent.attempts, spent.open, spent.unknown) == (1, 0, 1)


@pytest.mark.realtime
def test_a_blocking_adapter_that_ignores_the_deadline_is_left_behind() -> None:
    begun: list[int] = []
    release = threading.Event()

    def label(request: Any, context: Any) -> Any:
        begun.append(1)
        release.wait(90)

    def late(seconds: float) -> None:
        async def work(broker: AsyncBroker) -> Any:
            try:
                await broker.vision.label(PICTURE, deadline=seconds)
            finally:
                release.set()

        release.clear()
        run_async(adapter_with(label), work)

    error = ended_by_deadline(late, lambda: len(begun))
    assert type(error) is DeadlineExceeded
    assert error.billed is None
    assert rows()[-1]["billed"] == "unknown"


def test_fifty_calls_at_once_keep_apart() -> None:
    def label(request: Any, context: Any) -> Any:
        return replace(GOOD, request_id=f"for {context.call_id}")

    async def slow(request: Any, context: Any) -> Any:
        await asyncio.sleep(0.01)
        return replace(GOOD, request_id=f"for {context.call_id}")

    async def work(broker: AsyncBroker) -> Any:
        results = await asyncio.gather(*(broker.vision.label(PICTURE, tags={"n": str(n)}) for n in range(50)))
        assert all(each.provenance.request_id == f"for {each.call_id}" for each in results)
        return broker.spend(SpendQuery(by=("tag:n",)))

    for kind in (adapter_with(label), async_adapter(slow)):
        assert len(run_async(kind, work)) == 50
    assert len({row["call_id"] for row in rows()}) == 100
    assert {row["state"] for row in rows()} == {"settled"}


def test_one_async_broker_serves_two_loops_one_after_the_other() -> None:
    async def label(request: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return GOOD

    for kind in (adapter_with(lambda request, context: GOOD), async_adapter(label)):
        broker = AsyncBroker(adapters=[kind], provider="fake")
        for _ in range(2):

            async def use() -> Any:
                return await asyncio.gather(*(broker.vision.label(PICTURE) for _ in range(3)))  # noqa: B023 - used at once

            assert len(asyncio.run(use())) == 3
        asyncio.run(broker.aclose())
    assert len(rows()) == 12


def test_interruptions_and_exits_go_through_the_async_broker_too() -> None:
    async def label(request: Any, context: Any) -> Any:
        raise SystemExit(3)

    async def work(broker: AsyncBroker) -> Any:
        await broker.vision.label(PICTURE)

    with pytest.raises(SystemExit):
        run_async(async_adapter(label), work)
    assert rows()[0]["billed"] == "unknown"


def test_a_free_price_stays_free_when_the_adapter_fails() -> None:
    with make(fake_provider([VendorError()], price=fake_price(free=True))) as broker:
        with pytest.raises(ProviderFault):
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (spent.amount, spent.at_risk) == (0, 0)
