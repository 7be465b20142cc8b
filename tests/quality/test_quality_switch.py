"""The off switch: what opens it, what brings it back, who may, and what never happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.quality.switch import Refused, lets_through, probes_due, stepped
from broker.quality.switch_state import (
    LONGEST_COOLDOWN,
    BudgetRenewed,
    Cause,
    Elapsed,
    Event,
    Evidence,
    HardBreach,
    Mode,
    OnUnknown,
    Policy,
    ProbeBad,
    ProbeGood,
    Release,
    SoftBreach,
    State,
    Switch,
    SwitchOff,
    Transition,
    Window,
    restored,
    stored,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy(mode=Mode.ENFORCE)
GOOD, BAD, BLIND = (
    Window(known=True, clear=True),
    Window(known=True, clear=False),
    Window(known=False, clear=True),
)


def seen(since: datetime = NOW, rule_name: str = "e-process") -> Evidence:
    return Evidence(rule=rule_name, since=since, estimates=("estimate-7",), text="why")


def after(
    *events: Event, switch: Switch | None = None, at: datetime = NOW, policy: Policy = POLICY
) -> Switch:
    state = switch or Switch()
    for event in events:
        state, _ = stepped(state, event, at, policy)
    return state


def opened(cause: Cause = Cause.QUALITY, at: datetime = NOW) -> Switch:
    return after(HardBreach(cause=cause, evidence=seen()), at=at)


def half_open(cause: Cause = Cause.QUALITY) -> Switch:
    return after(Elapsed(), switch=opened(cause), at=NOW + HOUR)


def test_a_soft_breach_warns_and_two_clear_windows_in_a_row_end_that() -> None:
    warned = after(SoftBreach(cause=Cause.QUALITY, evidence=seen()))
    assert (warned.state, warned.causes) == (State.WARN, {Cause.QUALITY})
    assert after(GOOD, BAD, GOOD, switch=warned).state is State.WARN
    assert after(GOOD, GOOD, switch=warned) == Switch()
    assert lets_through(warned, POLICY, OnUnknown.OPEN)


def test_nothing_known_for_two_windows_is_a_warning_and_not_good() -> None:
    assert after(BLIND).state is State.CLOSED
    stale = after(BLIND, BLIND)
    assert (stale.state, stale.stale) == (State.WARN, True)
    assert after(GOOD, BLIND, GOOD, switch=stale).state is State.WARN
    assert after(GOOD, GOOD, switch=stale) == Switch()
    assert after(BLIND, GOOD, BLIND).state is State.CLOSED


@pytest.mark.parametrize("before", [Switch(), after(SoftBreach(cause=Cause.ROI, evidence=seen()))])
def test_a_hard_breach_opens_with_its_cause_and_an_audit_line(before: Switch) -> None:
    state, line = stepped(before, HardBreach(cause=Cause.QUALITY, evidence=seen()), NOW, POLICY)
    assert (state.state, state.causes, state.reopen_at) == (State.OPEN, {Cause.QUALITY}, NOW + HOUR)
    assert line == Transition(
        at=NOW,
        before=before.state,
        after=State.OPEN,
        rule="e-process",
        actor="rules",
        text="why",
        estimates=("estimate-7",),
    )
    assert not lets_through(state, POLICY, OnUnknown.CLOSED)


def test_an_event_that_changes_no_state_leaves_no_line() -> None:
    assert stepped(Switch(), GOOD, NOW, POLICY)[1] is None
    assert stepped(opened(), GOOD, NOW, POLICY) == (opened(), None)
    assert stepped(opened(), SoftBreach(cause=Cause.ROI, evidence=seen()), NOW, POLICY) == (opened(), None)


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        (Cause.OPERATIONAL, State.HALF_OPEN),
        (Cause.QUALITY, State.HALF_OPEN),
        (Cause.BUDGET, State.OPEN),
        (Cause.ROI, State.OPEN),
    ],
)
def test_who_comes_back_by_itself_after_the_cooldown(cause: Cause, state: State) -> None:
    assert after(Elapsed(), switch=opened(cause), at=NOW + HOUR - timedelta(seconds=1)).state is State.OPEN
    assert after(Elapsed(), switch=opened(cause), at=NOW + HOUR).state is state


def test_half_open_closes_on_fresh_evidence_only() -> None:
    later = NOW + 2 * HOUR
    assert after(ProbeGood(evidence=seen(NOW)), switch=half_open(), at=later).state is State.HALF_OPEN
    assert (
        after(ProbeGood(evidence=seen(later + HOUR)), switch=half_open(), at=later).state is State.HALF_OPEN
    )
    assert after(ProbeGood(evidence=seen(NOW + HOUR)), switch=half_open(), at=later) == Switch(
        closed_at=later
    )


def test_a_second_breach_makes_what_was_known_before_it_old() -> None:
    twice = after(
        HardBreach(cause=Cause.QUALITY, evidence=seen()), switch=opened(Cause.OPERATIONAL), at=NOW + HOUR / 2
    )
    assert twice.causes == {Cause.QUALITY, Cause.OPERATIONAL}
    probing = after(Elapsed(), switch=twice, at=NOW + 2 * HOUR)
    good = ProbeGood(evidence=seen(NOW + HOUR / 4))
    assert after(good, switch=probing, at=NOW + 3 * HOUR).state is State.HALF_OPEN


def test_each_failed_trial_doubles_the_cooldown_up_to_a_week() -> None:
    state, at = opened(), NOW
    waits = []
    for _ in range(12):
        assert state.reopen_at is not None
        waits.append(state.reopen_at - at)
        at = state.reopen_at
        state = after(Elapsed(), switch=state, at=at)
        state = after(ProbeBad(cause=Cause.QUALITY, evidence=seen(at)), switch=state, at=at)
    assert waits[:4] == [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR]
    assert waits[-1] == LONGEST_COOLDOWN


def test_a_budget_comes_back_with_its_next_period() -> None:
    renewed = BudgetRenewed(evidence=seen(NOW + HOUR, "next period"))
    assert after(renewed, switch=opened(Cause.BUDGET), at=NOW + HOUR) == Switch(closed_at=NOW + HOUR)
    assert (
        after(BudgetRenewed(evidence=seen(NOW - HOUR)), switch=opened(Cause.BUDGET), at=NOW + HOUR).state
        is State.OPEN
    )
    assert after(renewed, switch=opened(Cause.QUALITY), at=NOW + HOUR).state is State.OPEN
    both = after(HardBreach(cause=Cause.BUDGET, evidence=seen()), switch=half_open(), at=NOW + HOUR)
    left = after(BudgetRenewed(evidence=seen(NOW + 2 * HOUR)), switch=both, at=NOW + 2 * HOUR)
    assert (left.state, left.causes) == (State.OPEN, {Cause.QUALITY})


def test_a_return_on_investment_is_for_its_owner_to_forgive() -> None:
    poor = opened(Cause.ROI)
    asked = Release(actor="ada", reason="the price fell")
    probing = after(asked, switch=poor, at=NOW + HOUR)
    assert probing.state is State.HALF_OPEN
    assert (
        after(ProbeGood(evidence=seen(NOW + HOUR)), switch=probing, at=NOW + 2 * HOUR).state
        is State.HALF_OPEN
    )
    closing = Release(actor="ada", reason="the price fell", close=True)
    state, line = stepped(probing, closing, NOW, POLICY)
    assert state == Switch(closed_at=NOW)
    assert line is not None
    assert (line.actor, line.text) == ("ada", "the price fell")


def test_two_people_where_two_are_asked_for() -> None:
    policy = Policy(mode=Mode.ENFORCE, require_two=True)
    for switch in (opened(Cause.ROI), after(SwitchOff(actor="bob", reason="audit"))):
        for second in (None, " ", "ada"):
            with pytest.raises(Refused, match="second person"):
                stepped(switch, Release(actor="ada", reason="r", second=second), NOW, policy)
        assert (
            stepped(switch, Release(actor="ada", reason="r", second="eve"), NOW, policy)[0].state
            is State.HALF_OPEN
        )


def test_what_a_person_switched_off_no_rule_brings_back() -> None:
    forced = after(SwitchOff(actor="bob", reason="audit"))
    far = NOW + timedelta(days=99)
    for event in (Elapsed(), GOOD, ProbeGood(evidence=seen(far)), BudgetRenewed(evidence=seen(far))):
        assert after(event, switch=forced, at=far).state is State.FORCED_OPEN
    with pytest.raises(Refused, match="HALF_OPEN first"):
        stepped(forced, Release(actor="bob", reason="done", close=True), NOW, POLICY)
    assert stepped(forced, Release(actor="bob", reason="done"), NOW, POLICY)[0].state is State.HALF_OPEN


@pytest.mark.parametrize(
    ("switch", "event", "message"),
    [
        (Switch(), Release(actor="ada", reason="r"), "not switched off"),
        (half_open(), Release(actor="ada", reason="r"), "half open already"),
        (opened(Cause.BUDGET), Release(actor="ada", reason="r", close=True), "raise the cap"),
        (opened(), Release(actor=" ", reason="r"), "who does this"),
        (Switch(), SwitchOff(actor="ada", reason=""), "who does this"),
    ],
)
def test_people_are_told_what_the_rules_do_not_allow(switch: Switch, event: Event, message: str) -> None:
    with pytest.raises(Refused, match=message):
        stepped(switch, event, NOW, POLICY)


def test_observing_lets_everything_through_and_an_unknown_state_is_a_setting() -> None:
    observing = Policy()
    assert observing.mode is Mode.OBSERVE
    assert lets_through(opened(), observing, OnUnknown.OPEN)
    assert lets_through(None, observing, OnUnknown.OPEN)
    assert not lets_through(None, POLICY, OnUnknown.OPEN)
    assert lets_through(None, POLICY, OnUnknown.CLOSED)


def test_trials_reach_users_for_operational_causes_alone() -> None:
    assert lets_through(half_open(Cause.OPERATIONAL), POLICY, OnUnknown.OPEN, u=0.01)
    assert not lets_through(half_open(Cause.OPERATIONAL), POLICY, OnUnknown.OPEN, u=0.5)
    assert not lets_through(half_open(Cause.QUALITY), POLICY, OnUnknown.OPEN, u=0.0)
    mixed = after(HardBreach(cause=Cause.QUALITY, evidence=seen()), switch=opened(Cause.OPERATIONAL))
    assert not lets_through(after(Elapsed(), switch=mixed, at=NOW + HOUR), POLICY, OnUnknown.OPEN, u=0.0)
    assert probes_due(half_open())
    assert not probes_due(opened())


@pytest.mark.parametrize(
    "fields",
    [
        {"first_cooldown": timedelta(0)},
        {"first_cooldown": timedelta(days=8)},
        {"clear_windows": 0},
        {"trial_share": 2.0},
    ],
)
def test_settings_that_make_no_sense(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cooldown|windows|trials"):
        Policy(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"state": "ajar"}, {"causes": "weather"}, {"opened_at": "2026-01-01"}, {"opened": None}]
)
def test_a_state_is_read_back_as_it_was_or_not_at_all(change: dict[str, object]) -> None:
    for switch in (
        Switch(),
        opened(),
        half_open(Cause.OPERATIONAL),
        after(SwitchOff(actor="b", reason="r")),
        after(BLIND, BLIND),
    ):
        assert restored(stored(switch)) == switch
    if change != {"opened": None}:
        with pytest.raises(ValueError):  # noqa: PT011 - each says its own
            restored({**stored(opened()), **change})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="no stored switch"):
        restored({})


causes = st.sampled_from(list(Cause))


class SwitchRules(RuleBasedStateMachine):
    """Any order of events and times; what is checked holds whatever came before."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.switch = Switch()
        self.last_breach: datetime | None = None
        self.lines: list[Transition] = []

    def do(self, event: Event) -> None:
        before = self.switch
        self.switch, line = stepped(before, event, self.now, POLICY)
        assert (line is not None) == (before.state is not self.switch.state)
        if line is None:
            return
        assert (line.before, line.after, line.at) == (before.state, self.switch.state, self.now)
        assert line.rule
        self.lines.append(line)
        if self.switch.state is State.CLOSED and before.state not in (State.CLOSED, State.WARN):
            if isinstance(event, ProbeGood | BudgetRenewed):
                assert self.last_breach is not None
                assert event.evidence.since > self.last_breach  # never on old data
                assert Cause.ROI not in before.causes
                assert before.state is not State.FORCED_OPEN
            else:
                assert isinstance(event, Release)
                assert before.state is not State.FORCED_OPEN
                assert line.actor != "rules"
        if before.state is State.FORCED_OPEN:
            assert isinstance(event, Release)
            assert self.switch.state is State.HALF_OPEN
        if self.switch.state is State.HALF_OPEN and isinstance(event, Elapsed):
            assert not before.causes & {Cause.BUDGET, Cause.ROI}
        if before.state is State.OPEN:
            assert self.switch.state is not State.WARN

    @rule(hours=st.integers(-60, 400))
    def time_passes(self, hours: int) -> None:
        """Or goes back, as clocks that are set do; then nothing old may count as young."""
        self.now += hours * HOUR
        self.do(Elapsed())

    def breached(self) -> None:
        self.last_breach = self.now if self.last_breach is None else max(self.now, self.last_breach)

    @rule(cause=causes)
    def soft(self, cause: Cause) -> None:
        self.do(SoftBreach(cause=cause, evidence=seen(self.now)))

    @rule(cause=causes)
    def hard(self, cause: Cause) -> None:
        self.breached()
        self.do(HardBreach(cause=cause, evidence=seen(self.now)))
        assert self.switch.state in (State.OPEN, State.FORCED_OPEN)
        assert cause in self.switch.causes

    @rule(known=st.booleans(), clear=st.booleans())
    def window(self, known: bool, clear: bool) -> None:
        self.do(Window(known=known, clear=clear))

    @rule(age=st.integers(-2, 500), good=st.booleans(), cause=causes)
    def probe(self, age: int, good: bool, cause: Cause) -> None:
        evidence = seen(self.now - age * HOUR)
        if not good and self.switch.state is State.HALF_OPEN:
            self.breached()
        self.do(ProbeGood(evidence=evidence) if good else ProbeBad(cause=cause, evidence=evidence))

    @rule(age=st.integers(-2, 500))
    def renew(self, age: int) -> None:
        self.do(BudgetRenewed(evidence=seen(self.now - age * HOUR)))

    @rule()
    def person_switches_off(self) -> None:
        self.breached()
        self.do(SwitchOff(actor="ada", reason="r"))
        assert self.switch.state is State.FORCED_OPEN

    @precondition(lambda self: self.switch.state in (State.OPEN, State.HALF_OPEN, State.FORCED_OPEN))
    @rule(close=st.booleans())
    def person_releases(self, close: bool) -> None:
        before = self.switch
        try:
            self.do(Release(actor="ada", reason="r", close=close))
        except Refused:
            assert self.switch == before

    @invariant()
    def states_make_sense(self) -> None:
        switch = self.switch
        if switch.state is State.CLOSED:
            assert switch.opened == 0
            assert not switch.causes
        if switch.state is State.OPEN:
            assert switch.causes
            assert switch.opened_at is not None
            assert switch.reopen_at is not None
        if switch.state is State.WARN:
            assert switch.causes or switch.stale
        if switch.state is State.HALF_OPEN:
            assert Cause.BUDGET not in switch.causes
        assert restored(stored(switch)) == switch
        assert lets_through(switch, POLICY, OnUnknown.OPEN) == (switch.state in (State.CLOSED, State.WARN))


TestSwitchRules = SwitchRules.TestCase
TestSwitchRules.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(st.booleans(), max_size=10))
def test_windows_alone_never_open_or_close_an_open_switch(clear: list[bool]) -> None:
    windows = [Window(known=True, clear=each) for each in clear]
    assert after(*windows, switch=opened()) == opened()
    assert after(*windows).state is State.CLOSED
