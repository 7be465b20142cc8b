"""Money under what should not happen: a ledger that goes away, prices in several currencies, adapters that misreport."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from pathlib import Path
from typing import Any

import pytest
from budget_audit import audit, rows

from broker import Broker, BrokerError, BudgetExceeded, LedgerUnavailable, NotConfigured
from broker.errors import MalformedReply, Outcome, ProviderFault, Unavailable
from broker.ledger import Decision, SpendRow, UnknownQuery, sqlite
from broker.notify.notice import Notice
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter, fake_price, fake_provider, labels
from broker.types import Billed, Image, Price, Tier, Unit, Usage
from broker.types.budget import BudgetState

D = Decimal
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
GOOD = labels("Cat")
TEAM = {"team": {"limit": "0.003"}}


def make(*kinds: type[FakeAdapter], **settings: Any) -> Broker:
    kinds = kinds or (fake_provider(),)
    settings.setdefault("provider", kinds[0].manifest.provider)
    settings.setdefault("runtime", VirtualRuntime())
    return Broker(adapters=kinds, **settings)


def calls(broker: Broker, number: int) -> int:
    """So many calls; how many were answered."""
    answered = 0
    for _ in range(number):
        try:
            broker.vision.label(PICTURE)
        except BudgetExceeded:
            continue
        answered += 1
    return answered


def states(broker: Broker) -> dict[str, BudgetState]:
    return {state.budget.name: state for state in broker.ledger.budgets(broker._runtime.now())}


@contextmanager
def locked(path: str) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def reporting(*used: str, price: Price, also: Price) -> type[FakeAdapter]:
    """Announces what ``price`` says, and reports a use of these skus."""
    usage = tuple(Usage(sku=sku, unit=Unit.IMAGE, quantity=D(1)) for sku in used)
    kind = fake_provider([replace(GOOD, usage=usage)], price=price)
    kind.manifest = replace(kind.manifest, prices=(*kind.manifest.prices, also))
    return kind


EURO = replace(fake_price("0.002", sku="euro.sku"), currency="EUR")


def test_budgets_that_a_locked_ledger_did_not_take_hold_all_the_same(
    ledger_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.05)
    with make() as before:
        assert calls(before, 1) == 1
        with locked(ledger_path):
            late = make(budgets=TEAM)
        with late:
            assert calls(late, 5) == 2, "what was spent before counts too"
            assert states(late)["team"].spent == D("0.003")


def test_a_ledger_that_is_removed_under_a_program_stops_its_paid_calls(ledger_path: str) -> None:
    with make(budgets=TEAM) as broker:
        assert calls(broker, 1) == 1
        for end in ("", "-wal", "-shm"):
            os.unlink(ledger_path + end)
        with pytest.raises(LedgerUnavailable, match="removed or replaced"):
            broker.vision.label(PICTURE)
        broker.ledger.close()
        with pytest.raises(LedgerUnavailable, match="removed or replaced"):
            broker.vision.label(PICTURE)
        assert not os.path.exists(ledger_path), "a new one would have no budgets"
        with make(budgets=TEAM) as other:  # a new program makes a new one
            assert calls(other, 5) == 3
            with pytest.raises(LedgerUnavailable, match="removed or replaced"):
                broker.vision.label(PICTURE)
            assert audit(ledger_path) == []


def test_a_ledger_stays_where_it_was_when_the_program_goes_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    with make(budgets=TEAM, ledger={"path": "here.db"}) as broker:
        assert calls(broker, 1) == 1
        monkeypatch.chdir(tmp_path / "elsewhere")
        broker.ledger.close()  # as before a fork
        assert calls(broker, 5) == 2
    assert not list((tmp_path / "elsewhere").iterdir())


def test_attempts_in_two_currencies_have_no_sum() -> None:
    euro = fake_provider([Unavailable("its fault")], provider="euro", price=EURO, spec=None)
    euro.manifest = replace(euro.manifest, operations=(replace(euro.manifest.operations[0], sku="euro.sku"),))
    with make(euro, fake_provider(), provider=["euro", "fake"], max_attempts=1) as broker:
        result = broker.vision.label(PICTURE)
        assert (result.cost.amount, result.cost.upper_bound) == (None, None)
        assert result.cost.billed is Billed.UNKNOWN
        assert "EUR and USD" in str(result.cost.unpriced)
        with pytest.raises(BrokerError) as caught:
            broker.vision.label(PICTURE, max_cost="1")
    assert "EUR" in str(caught.value)
    assert len(caught.value.attempts) == 1, "nothing is sent that cannot be held below the cap"


def test_what_costs_nothing_does_not_change_the_currency_of_a_call() -> None:
    euro = fake_provider([Unavailable("its fault")], provider="euro", price=EURO)
    euro.manifest = replace(euro.manifest, operations=(replace(euro.manifest.operations[0], sku="euro.sku"),))
    here = fake_provider(provider="here", price=fake_price(sku="here.vision.label", free=True))
    with make(euro, here, provider=["euro", "here"], max_attempts=1) as broker:
        cost = broker.vision.label(PICTURE, max_cost="1").cost
    assert (cost.amount, cost.upper_bound, cost.currency) == (None, D("0.002"), "EUR")


def test_a_use_reported_in_another_currency_is_booked_in_that(ledger_path: str) -> None:
    budgets = {"dollars": {"limit": "1"}, "euros": {"limit": "1", "currency": "EUR", "unpriced": "0.5"}}
    with make(reporting("euro.sku", price=fake_price(), also=EURO), budgets=budgets) as broker:
        cost = broker.vision.label(PICTURE).cost
        (spent,) = broker.spend()
        standing = states(broker)
    assert (cost.amount, cost.currency) == (D("0.002"), "EUR")
    assert (spent.amount, spent.currency) == (D("0.002"), "EUR")
    assert standing["euros"].spent == D("0.002"), "now its price is known"
    assert standing["dollars"].spent == D("0.001"), "what was reserved; there are no exchange rates here"
    assert {state.reserved for state in standing.values()} == {0}
    assert [row["currency"] for row in rows(ledger_path, "SELECT currency FROM attempt")] == ["EUR"]


@pytest.mark.parametrize("dear", [fake_price("0.002", sku="dear.sku"), fake_price(None, sku="dear.sku")])
def test_what_was_announced_as_free_and_was_not_counts_in_the_budgets(dear: Price, ledger_path: str) -> None:
    kind = reporting("dear.sku", price=fake_price(free=True), also=dear)
    with make(kind, budgets={"team": {"limit": "0.003", "unpriced": "0.002"}, "other": {"limit": "1", "provider": "aws"}}) as broker:  # fmt: skip
        assert calls(broker, 2) == 2
        standing = states(broker)
        (spent,) = broker.spend()
    assert isinstance(spent, SpendRow)
    assert (standing["team"].spent, standing["team"].reserved) == (D("0.004"), 0)
    assert standing["other"].spent == 0
    assert (spent.amount, spent.unpriced) == ((D("0.004"), 0) if dear.tiers else (0, 2))
    assert audit(ledger_path) == []


class _Unreadable(Exception):
    """A foreign exception whose own code fails."""

    def __str__(self) -> str:
        raise ValueError("no text")

    @property
    def outcome(self) -> Outcome:
        raise ValueError("no outcome")

    @property
    def request_id(self) -> str:
        raise ValueError("no id")


class _OddId(Exception):
    request_id = _Unreadable()


@pytest.mark.parametrize("failure", [_Unreadable(), _OddId()])
def test_an_exception_that_cannot_be_read_is_settled_like_any_other(
    failure: Exception, ledger_path: str
) -> None:
    with make(fake_provider([failure]), budgets=TEAM) as broker:
        with pytest.raises(ProviderFault, match="report it to its author"):
            broker.vision.label(PICTURE)
        state = states(broker)["team"]
    assert (state.spent, state.unknown, state.reserved) == (D("0.001"), D("0.001"), 0)
    assert audit(ledger_path) == []


def test_an_error_that_does_not_say_how_far_it_got_may_have_been_billed() -> None:
    with make(fake_provider([BrokerError("an adapter's own")])) as broker:
        with pytest.raises(BrokerError) as caught:
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert caught.value.cost is not None
    assert caught.value.cost.billed is Billed.UNKNOWN
    assert (spent.unknown, spent.at_risk) == (1, D("0.001"))


@pytest.mark.parametrize("facts", [{"source": "reported"}, {"source": None}, {"unit": "image"}])
def test_a_report_that_could_not_be_stored_leaves_no_attempt_open(
    facts: dict[str, Any], ledger_path: str
) -> None:
    usage: Any = {"sku": "", "unit": Unit.IMAGE, "quantity": D(2), **facts}
    with make(fake_provider([replace(GOOD, usage=(Usage(**usage),))]), budgets=TEAM) as broker:
        with pytest.raises(MalformedReply):
            broker.vision.label(PICTURE)
        state = states(broker)["team"]
    assert (state.spent, state.reserved) == (D("0.001"), 0)
    assert audit(ledger_path) == []


@pytest.mark.parametrize(("facts", "words"), [({"unpriced": "0"}, "unpriced.* greater than 0"), ({"tags": {"a team": "x"}}, "tags.*cover nothing")])  # fmt: skip
def test_a_budget_that_would_let_everything_pass_is_refused(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(NotConfigured, match=words):
        make(budgets={"team": {"limit": "1", **facts}})


def test_max_cost_holds_though_the_price_changes_while_an_attempt_waits_for_its_turn() -> None:
    midnight = date(2026, 1, 16)
    cheap = replace(fake_price(), valid_to=midnight)
    dear = replace(
        cheap, id="dear", valid_from=midnight, valid_to=None, tiers=(Tier(up_to=None, price=D(1)),)
    )
    kind = fake_provider(price=cheap)
    kind.manifest = replace(kind.manifest, prices=(cheap, dear))
    clock = VirtualRuntime(datetime(2026, 1, 15, 23, 59, 59, tzinfo=UTC))
    with make(kind, runtime=clock, providers={"fake": {"max_rate": 0.5}}) as broker:
        assert broker.vision.label(PICTURE, max_cost="0.002").cost.amount == D("0.001")
        with pytest.raises(BudgetExceeded, match=r"may cost \$1\.00"):
            broker.vision.label(PICTURE, max_cost="0.002")
        assert clock.now().date() == midnight, "it waited"
        assert len(kind.play.seen) == 1


def test_a_limit_that_is_raised_and_taken_back_is_told_of_again() -> None:
    with make(budgets={"team": {"limit": "0.002", "warn_at": []}}) as broker:
        notices: list[Notice] = []
        object.__setattr__(broker._core.services, "notify", notices.append)
        assert calls(broker, 4) == 2
        for limit, answered in (("0.003", 1), ("0.002", 0), ("0.003", 0)):
            with make(budgets={"team": {"limit": limit}}):
                assert calls(broker, 3) == answered
    assert [each.kind for each in notices].count("budget.used_up") == 4


def test_budgets_and_decisions_are_exact_whatever_decimal_context_the_program_has_set() -> None:
    kind = fake_provider([Unavailable("its fault"), GOOD])
    budgets = {"team": {"limit": "123.456789", "warn_at": ["0.777"]}}
    with (
        localcontext(Context(prec=2, traps=[Inexact, InvalidOperation])),
        make(kind, budgets=budgets) as broker,
    ):
        assert broker.vision.label(PICTURE).cost.amount is None
        decision = Decision(amount=D("0.000456789012"), reason="invoice 7")
        assert len(broker.ledger.decide(UnknownQuery(), decision, broker._runtime.now())) == 1
        state = states(broker)["team"]
    assert (state.spent, state.unknown) == (D("0.001456789012"), 0)
