"""Whatever is announced, settled, lost, decided and declared: budgets equal a model that only adds up attempts."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from broker.errors import BudgetExceeded, LedgerUnavailable, Outcome
from broker.ledger import ChargeLine, Decision, Intent, Settlement, SqliteLedger, Ticket, UnknownQuery, owner
from broker.types import Billed, Unit, UsageSource
from broker.types.budget import Action, Budget, Window

D = Decimal
START = datetime(2026, 1, 30, 22, 10, 5, tzinfo=UTC)
WINDOWS = ("hour", "day", "month", "rolling 90m")
amounts = st.integers(0, 40).map(lambda cents: D(cents) / 100)
SCOPES: tuple[dict[str, Any], ...] = (
    {},
    {"provider": "aws"},
    {"provider": "aws:prod"},
    {"operation": "vision.*"},
    {"operation": "text.sentiment", "provider": "gcp"},
    {"tags": (("team", "a"),)},
    {"tags": (("stage", "x"), ("team", "a"))},
)
intents = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["aws", "gcp"]),
        "profile": st.sampled_from(["", "prod"]),
        "operation": st.sampled_from(["vision.label", "vision.caption", "text.sentiment"]),
        "tags": st.sampled_from([{}, {"team": "a"}, {"team": "b"}, {"team": "a", "stage": "x"}]),
        "currency": st.sampled_from(["USD", "USD", "USD", "EUR"]),
        "bound": st.one_of(st.none(), amounts),
    }
)


@dataclass
class Try:
    """One announced attempt, as the model knows it."""

    call_id: str
    facts: dict[str, Any]
    started: datetime
    counts: Decimal | None
    """Settled amount, or upper bound; None when neither is known."""
    state: str = "open"


def covers(scope: dict[str, Any], facts: dict[str, Any]) -> bool:
    provider, _, profile = scope.get("provider", "").partition(":")
    operation = scope.get("operation", "")
    return (
        (not provider or provider == facts["provider"])
        and (not profile or profile == facts["profile"])
        and (
            not operation
            or operation == facts["operation"]
            or (operation[-1] == "*" and facts["operation"].startswith(operation[:-1]))
        )
        and all(facts["tags"].get(key) == value for key, value in scope.get("tags", ()))
    )


def counts_in(window: str, started: datetime, now: datetime) -> bool | None:
    """Whether an attempt of then counts now; None in the grain in which a rolling window may say either."""
    if window == "hour":
        return (started.date(), started.hour) == (now.date(), now.hour)
    if window == "day":
        return started.date() == now.date()
    if window == "month":
        return (started.year, started.month) == (now.year, now.month)
    age = now - started
    if age <= timedelta(minutes=90):
        return True
    return None if age < timedelta(minutes=90, seconds=90 + 1) else False


class Budgets(RuleBasedStateMachine):
    tickets: Bundle[tuple[Ticket, Try]] = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "ledger.db")
        self.ledger = SqliteLedger(self.path)
        self.now = START
        self.tries: list[Try] = []
        self.declared: dict[str, Budget] = {}
        self.number = 0

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    @rule(
        name=st.sampled_from(["one", "two", "three"]),
        limit=st.integers(0, 120).map(lambda cents: D(cents) / 100),
        window=st.sampled_from(WINDOWS),
        scope=st.sampled_from(SCOPES),
        action=st.sampled_from(list(Action)),
        unpriced=st.sampled_from([None, D("0.05")]),
    )
    def declare(
        self,
        name: str,
        limit: Decimal,
        window: str,
        scope: dict[str, Any],
        action: Action,
        unpriced: Decimal | None,
    ) -> None:
        budget = Budget(
            name=name,
            limit=limit,
            window=Window(text=window),
            action=action,
            unpriced=unpriced,
            warn_at=(D("0.5"),),
            **scope,
        )
        self.declared[name] = budget
        self.ledger.declare(list(self.declared.values()), self.now)

    @rule(name=st.sampled_from(["one", "two", "three"]))
    def forget(self, name: str) -> None:
        assert self.ledger.forget(name) is (self.declared.pop(name, None) is not None)

    @precondition(lambda self: self.declared)
    @rule(data=st.data(), limit=st.integers(0, 200).map(lambda cents: D(cents) / 100))
    def change_the_limit(self, data: st.DataObject, limit: Decimal) -> None:
        name = data.draw(st.sampled_from(sorted(self.declared)))
        self.declared[name] = replace(self.declared[name], limit=limit)
        self.ledger.declare(list(self.declared.values()), self.now)

    @rule(minutes=st.sampled_from([1, 7, 31, 90, 200, 1500]))
    def time_goes_by(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes, microseconds=minutes)

    @rule(target=tickets, facts=intents)
    def announce(self, facts: dict[str, Any]) -> tuple[Ticket, Try]:
        intent = Intent(
            call_id=f"call{self.number}",
            number=1,
            started=self.now,
            service="S",
            region=None,
            unpriced="a test wants it so" if facts["bound"] is None else None,
            **facts,
        )
        self.number += 1
        refusing = self.refusing(facts)
        refused: BudgetExceeded | None = None
        try:
            ticket = self.ledger.announce(intent)
        except BudgetExceeded as error:
            refused = error
        if refused is not None:
            assert refused.refusal is not None
            assert refused.refusal.state.budget.name in refusing | self.unsure(facts)
            if any(self.declared[name].action is Action.STOP for name in refusing):
                assert refused.refusal.state.budget.action is Action.STOP
            return self.void()
        assert not refusing, "a budget that has no room must refuse"
        made = Try(call_id=intent.call_id, facts=facts, started=self.now, counts=facts["bound"])
        self.tries.append(made)
        return ticket, made

    def void(self) -> tuple[Ticket, Try]:
        """A ticket that settling leaves alone."""
        return Ticket(seq=0, slot=0, intent=None), Try(
            call_id="", facts={}, started=self.now, counts=None, state="void"
        )  # type: ignore[arg-type]

    def counted(self, budget: Budget, facts: dict[str, Any], amount: Decimal | None) -> Decimal | None:
        return amount if amount is not None and facts["currency"] == budget.currency else budget.unpriced

    def used(self, budget: Budget) -> tuple[Decimal, Decimal]:
        """What surely counts, and what may count too at the edge of a rolling window."""
        sure = edge = D(0)
        for each in self.tries:
            if each.facts["bound"] == 0 or each.state == "void" or not covers(self.scope(budget), each.facts):
                continue
            inside = counts_in(budget.window.text, each.started, self.now)
            if inside is False or each.counts == 0:
                continue
            amount = self.counted(budget, each.facts, each.counts) or D(0)
            if inside:
                sure += amount
            else:
                edge += amount
        return sure, edge

    def scope(self, budget: Budget) -> dict[str, Any]:
        facts = {"provider": budget.provider, "operation": budget.operation, "tags": budget.tags}
        return {key: value for key, value in facts.items() if value}

    def refusing(self, facts: dict[str, Any]) -> set[str]:
        return {
            name
            for name, budget in self.declared.items()
            if facts["bound"] != 0
            and budget.action is not Action.WARN
            and covers(self.scope(budget), facts)
            and (
                (needed := self.counted(budget, facts, facts["bound"])) is None
                or self.used(budget)[0] + needed > budget.limit
            )
        }

    def unsure(self, facts: dict[str, Any]) -> set[str]:
        return {name for name, budget in self.declared.items() if self.used(budget)[1]}

    @rule(
        pair=consumes(tickets),
        billed=st.sampled_from(list(Billed)),
        share=st.sampled_from([D(0), D("0.5"), D(1), D(1), D(3)]),
    )
    def settle(self, pair: tuple[Ticket, Try], billed: Billed, share: Decimal) -> None:
        ticket, made = pair
        if made.state in ("void", "settled"):
            return
        bound = made.facts["bound"]
        amount = None if bound is None else bound * share
        line = ChargeLine(
            sku="s", counter="s", unit=Unit.IMAGE, quantity=D(1), source=UsageSource.MEASURED, units=D(1),
            amount=amount, bound=amount, price_id="p",
        )  # fmt: skip
        how = Settlement(
            outcome=Outcome.DONE, billed=billed, latency=0.1, counters=("s",), charges=lambda _: [line]
        )
        if made.state == "decided":
            with pytest.raises(LedgerUnavailable, match="settled already"):
                self.ledger.settle(ticket, how)
            return
        self.ledger.settle(ticket, how)
        made.state = "settled"
        made.counts = D(0) if billed is Billed.NO else amount

    @rule()
    def everybody_dies(self) -> None:
        """Another process finds all that are open; a settlement may still come late, from one that was not dead."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, "alive", lambda _: False)
            self.ledger.recover()
        for each in self.tries:
            if each.state == "open":
                each.state = "lost"

    @rule(amount=st.sampled_from([D(0), D("0.03"), None]))
    def decide(self, amount: Decimal | None) -> None:
        lost = self.ledger.unknown(UnknownQuery())
        if amount is None and any(each.bound is None for each in lost):
            with pytest.raises(ValueError, match="no upper bound"):
                self.ledger.decide(UnknownQuery(), Decision(amount=None, reason="r"), self.now)
            return
        done = self.ledger.decide(UnknownQuery(), Decision(amount=amount, reason="invoice 7"), self.now)
        assert done == lost
        decided = {each.call_id for each in done}
        for each in self.tries:
            if each.call_id in decided:
                each.counts = each.counts if amount is None else amount
                each.state = "decided"
        assert not self.ledger.unknown(UnknownQuery())

    @invariant()
    def the_sums_are_those_of_the_attempts(self) -> None:
        for state in self.ledger.budgets(self.now):
            sure, edge = self.used(state.budget)
            assert sure <= state.spent + state.reserved <= sure + edge, state
            assert 0 <= state.unknown <= state.spent
            assert state.reserved >= 0


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
