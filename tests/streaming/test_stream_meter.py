"""What a stream costs: slices that are announced before their sound goes out, and together are one bill."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from decimal import Context as DecimalContext
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_support import SECOND, each_second, event, price, sound_of, streaming_provider

from broker import Broker, BudgetExceeded
from broker.contract import Context, Sound, StreamEnd, StreamLimits
from broker.errors import Outcome, Unavailable
from broker.pipeline.stream_meter import SLICE_MILLISECONDS, slice_bill
from broker.pricing.bill import bill
from broker.pricing.book import PriceBook
from broker.types import Price, Rounding, Tier, Unit, Usage
from broker.types.money import Billed, UsageSource
from broker.types.stream import StreamEvent, StreamRequest

DAY = datetime(2026, 6, 1, tzinfo=UTC).date()


def expected(
    row: Price, milliseconds: int, *, used: Fraction = Fraction(0), free_quota: bool = False
) -> Decimal:
    """What one request of this length costs, reckoned in fractions from the row alone."""
    rounding, quantity = row.rounding, Fraction(milliseconds, 1000)
    if rounding.increment is not None:
        step = Fraction(rounding.increment)
        quantity = math.ceil(quantity / step) * step
    units = max(quantity, Fraction(rounding.minimum)) / Fraction(rounding.per)
    begin, end = used, used + units
    if free_quota:
        begin = min(end, max(begin, Fraction(row.free_quota)))
    total, floor = Fraction(0), Fraction(0)
    for tier in row.tiers:
        top = end if tier.up_to is None else min(end, Fraction(tier.up_to))
        total += max(Fraction(0), top - max(begin, floor)) * Fraction(tier.price)
        floor = top if tier.up_to is None else Fraction(tier.up_to)
    return _rounded(total)


def _rounded(amount: Fraction) -> Decimal:
    """Half-even to 12 decimals."""
    scaled = amount * 10**12
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    if twice > scaled.denominator or (twice == scaled.denominator and whole % 2):
        whole += 1
    return Decimal(whole).scaleb(-12, DecimalContext(prec=60, rounding=ROUND_HALF_EVEN))


def sliced(
    row: Price, milliseconds: int, used: Decimal, *, free_quota: bool
) -> tuple[Decimal, Decimal, Decimal]:
    """Amount, quantity and upper bound of all slices, each booked where the one before left the month's meter."""
    book = PriceBook([row])

    def upto(length: int) -> Any:
        usage = Usage(sku=row.sku, unit=Unit.SECOND, quantity=Decimal(length) / 1000)
        return bill([usage], book, region=None, day=DAY)

    before, amount, quantity, bound = None, Decimal(0), Decimal(0), Decimal(0)
    position = used
    for begin in range(0, max(milliseconds, 1), SLICE_MILLISECONDS):
        whole = upto(min(begin + SLICE_MILLISECONDS, milliseconds))
        made = slice_bill(whole, before)
        (line,) = made.charges(free_quota)({row.counter: position})
        assert line.amount is not None
        assert line.bound is not None
        assert 0 <= line.amount <= line.bound
        assert made.bound == line.bound
        amount, quantity, bound = amount + line.amount, quantity + line.quantity, bound + line.bound
        position += line.units
        before = whole
    return amount, quantity, bound


ROWS = st.builds(
    lambda prices, border, steps, minimum, quota: replace(
        price(sku="fake.stream"),
        rounding=Rounding(increment=steps[0], minimum=minimum, per=Decimal(steps[1])),
        tiers=(Tier(up_to=border, price=prices[0]), Tier(up_to=None, price=prices[1])),
        free_quota=quota,
    ),
    prices=st.tuples(*[st.decimals("0.0000001", "2", places=7)] * 2),
    border=st.decimals("0.01", "500", places=2),
    # Milliseconds in hours make ties at the last decimal, which 60 digits do not hold; no vendor bills so.
    steps=st.sampled_from(
        [(None, 1), *((Decimal(step), per) for step in ("0.1", "1", "15") for per in (1, 60, 3600))]
    ),
    minimum=st.sampled_from([Decimal(0), Decimal(1), Decimal(15), Decimal(75)]),
    quota=st.sampled_from([Decimal(0), Decimal(1), Decimal(90)]),
)


@settings(max_examples=300, deadline=None)
@given(
    row=ROWS,
    milliseconds=st.integers(1, 400_000),
    used=st.decimals("0", "600", places=3),
    free_quota=st.booleans(),
)
def test_slices_add_up_to_one_request_of_that_length(
    row: Price, milliseconds: int, used: Decimal, free_quota: bool
) -> None:
    amount, quantity, bound = sliced(row, milliseconds, used, free_quota=free_quota)
    assert amount == expected(row, milliseconds, used=Fraction(used), free_quota=free_quota)
    assert quantity == Decimal(milliseconds) / 1000
    dearest = max(tier.price for tier in row.tiers)
    flat = price(str(dearest), sku="fake.stream", rounding=row.rounding)
    assert bound == expected(flat, milliseconds)


def rows_of(path: Path) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


@pytest.mark.parametrize("seconds", [0.1, 14.9, 59.9, 60.0, 60.1, 61.0, 185.03])
def test_the_ledger_holds_what_one_request_would_cost(seconds: float, tmp_path: Path) -> None:
    """With a minimum of 15 s, steps of 1 s, hours as billing units, and a tier's border in the midst of a slice."""
    row = price(
        sku="fake.stream",
        rounding=Rounding(increment=Decimal(1), minimum=Decimal(15), per=Decimal(3600)),
        tiers=(Tier(up_to=Decimal("0.03"), price=Decimal(1)), Tier(up_to=None, price=Decimal("0.7"))),
    )
    path = tmp_path / "spend.db"
    milliseconds = round(seconds * 1000)
    with Broker(
        adapters=[streaming_provider(row=row)], provider="fake", ledger={"path": str(path)}
    ) as broker:
        for begun in (
            Fraction(0),
            Fraction(max(15, math.ceil(seconds)), 3600),
        ):  # the second where the first left off
            stream = broker.transcription.stream(sound_of(seconds))
            list(stream)
            due = expected(row, milliseconds, used=begun)
            assert stream.cost.amount == due
            attempts = stream.result.attempts
            assert [each.number for each in attempts] == list(range(1, len(attempts) + 1))
            assert len(attempts) == max(1, math.ceil(milliseconds / 60_000))
            assert (
                sum(use.quantity for each in attempts for use in each.usage) == Decimal(milliseconds) / 1000
            )
        assert sum(each.amount for each in broker.spend()) == expected(row, milliseconds) + due
    assert {each["state"] for each in rows_of(path)} == {"settled"}


def test_each_slice_is_announced_before_its_sound_goes_out(tmp_path: Path) -> None:
    path = tmp_path / "spend.db"
    seen: list[tuple[float, int]] = []

    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        taken = 0
        for piece in sound:
            taken += len(piece)
            if piece:
                open_rows = sum(each["state"] == "open" for each in rows_of(path))
                seen.append((taken / SECOND, open_rows))
        yield event("done")

    with Broker(adapters=[streaming_provider(act)], provider="fake", ledger={"path": str(path)}) as broker:
        list(broker.transcription.stream(sound_of(121)))
    assert all(rows * 60 >= seconds for seconds, rows in seen)
    assert [rows for _, rows in seen][-1] == 3
    assert len(rows_of(path)) == 3


@pytest.mark.parametrize("streams", [1, 3])
def test_a_budget_ends_the_stream_behind_its_results_and_is_never_passed(
    streams: int, tmp_path: Path
) -> None:
    """0.001 a second: 0.06 a slice. Reserved and spent together stay below the limit, whoever streams."""
    path = tmp_path / "spend.db"
    with Broker(
        adapters=[streaming_provider()],
        provider="fake",
        ledger={"path": str(path)},
        budgets={"all": {"limit": "0.25", "window": "month"}},
    ) as broker:
        finals: list[list[StreamEvent]] = [[] for _ in range(streams)]
        costs: list[Decimal] = []

        def one(mine: list[StreamEvent]) -> None:
            stream = broker.transcription.stream(sound_of(600))
            with pytest.raises(BudgetExceeded) as caught:
                mine.extend(stream)
            if mine:
                assert stream.cost.amount == Decimal("0.001") * stream.milliseconds / 1000
                assert caught.value.cost == stream.cost
                assert stream.milliseconds % SLICE_MILLISECONDS == 0
                costs.append(stream.cost.amount or Decimal(0))

        threads = [threading.Thread(target=one, args=(mine,)) for mine in finals]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        (state,) = broker.ledger.budgets(datetime.now(UTC))
        assert state.reserved == 0
        assert state.spent == sum(costs) <= Decimal("0.25")
        assert state.spent == Decimal("0.24"), "as much as fits in whole slices"
        # Each heard the end of what he had sent.
        for mine in finals:
            if mine:
                assert mine[-1].final


def test_max_cost_ends_it_in_the_same_way() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(600), max_cost="0.13")
        seen: list[StreamEvent] = []
        with pytest.raises(BudgetExceeded, match="max_cost"):
            seen.extend(stream)
        assert stream.milliseconds == 120_000
        assert seen[-1].final
        assert stream.cost.amount == Decimal("0.120")
        with pytest.raises(BudgetExceeded):
            list(broker.transcription.stream(sound_of(1), max_cost="0.01"))
        assert sum(row.amount for row in broker.spend()) == Decimal("0.120")


def test_a_stream_that_breaks_is_at_risk_for_what_was_sent(tmp_path: Path) -> None:
    path = tmp_path / "spend.db"

    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        sent = 0
        for piece in sound:
            sent += len(piece)
            if sent >= 70 * SECOND:
                yield event("until here")
                raise Unavailable("the line broke", outcome=Outcome.AMBIGUOUS)

    with Broker(adapters=[streaming_provider(act)], provider="fake", ledger={"path": str(path)}) as broker:
        stream = broker.transcription.stream(sound_of(200))
        with pytest.raises(Unavailable) as caught:
            list(stream)
        assert stream.transcript().text == "until here"
        assert stream.cost.billed is Billed.UNKNOWN
        assert stream.cost.upper_bound == Decimal("0.070")
        assert caught.value.cost == stream.cost
        assert caught.value.billed is None
        assert len(caught.value.attempts) == 2
        (row,) = broker.spend()
        assert (row.attempts, row.unknown, row.at_risk, row.amount) == (2, 2, Decimal("0.070"), Decimal(0))


def test_what_was_sent_is_never_booked_as_not_sent() -> None:
    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        next(sound)
        raise Unavailable("says the adapter", outcome=Outcome.NOT_SENT)
        yield event("never")  # makes it a generator

    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        with pytest.raises(Unavailable):
            list(broker.transcription.stream(sound_of(5)))
        (row,) = broker.spend()
        assert row.unknown == 1


@pytest.mark.parametrize("seconds", [90.0, 130.0, 190.0])
def test_the_vendors_own_count_wins(seconds: float) -> None:
    def act(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        end = yield from each_second(request, sound, context)  # type: ignore[misc]
        usage = Usage(sku="", unit=Unit.SECOND, quantity=Decimal(100), source=UsageSource.REPORTED)
        return StreamEnd(usage=(usage,), request_id=end.request_id)

    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(seconds))
        list(stream)
        assert stream.cost.amount == Decimal("0.100")
        assert stream.cost.basis is UsageSource.REPORTED
        assert sum(row.amount for row in broker.spend()) == Decimal("0.100")


def test_a_dead_process_leaves_its_slices_at_risk(tmp_path: Path) -> None:
    """As if killed: the rows stay open until the ledger is next opened, then count at their bounds."""
    import subprocess
    import sys

    path = tmp_path / "spend.db"
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from stream_support import *
from broker import Broker
def act(request, sound, context):
    sent = 0
    for piece in sound:
        sent += len(piece)
        if sent >= 70 * SECOND:
            os._exit(9)
    yield event("never")
broker = Broker(adapters=[streaming_provider(act)], provider="fake", ledger={{"path": {str(path)!r}}})
list(broker.transcription.stream(sound_of(200)))
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert done.returncode == 9
    with Broker(adapters=[streaming_provider()], provider="fake", ledger={"path": str(path)}) as broker:
        (row,) = broker.spend()
    assert (row.attempts, row.unknown, row.at_risk) == (2, 2, Decimal("0.120"))


def test_the_month_and_the_prices_are_those_of_the_beginning() -> None:
    """A stream over midnight is one stream of the day on which it began."""
    from broker.runtime.virtual import VirtualRuntime

    runtime = VirtualRuntime(start=datetime(2026, 1, 31, 23, 59, 30, tzinfo=UTC))
    limits = StreamLimits(pace=1.0)
    with Broker(adapters=[streaming_provider(limits=limits)], provider="fake", runtime=runtime) as broker:
        stream = broker.transcription.stream(sound_of(90))
        list(stream)
        assert {each.started.date().isoformat() for each in stream.result.attempts} == {"2026-01-31"}
        assert runtime.now().date().isoformat() == "2026-02-01"
    assert stream.cost.amount == Decimal("0.090")
