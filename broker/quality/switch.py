"""The off switch of one scope: when a provider is left, what it takes to come back, and who may say so.

A scope is a tenant, a use case, an operation and a provider. Pure: :func:`stepped` takes a state and what happened and
gives the next state and what is to be written into the audit trail. Who calls it keeps the state in one place and writes
it with the event in one transaction; nothing here reads a clock.

::

    CLOSED --soft breach--> WARN --clear for two windows--> CLOSED
    CLOSED, WARN --hard breach with evidence--> OPEN
    OPEN --cooldown over, cause allows--> HALF_OPEN        (probes, never users' calls for causes of quality)
    HALF_OPEN --fresh good evidence--> CLOSED, --bad--> OPEN (cooldown doubles, at most 7 days)
    any --person--> FORCED_OPEN --person--> HALF_OPEN

Evidence counts once: what was collected before the switch opened can never close it, nor fail its trial; errors and
slowness from before it was closed do not open it again.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from broker.quality.switch_state import (
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
)


class Refused(ValueError):
    """A person asked for what the rules do not allow. The text says what would be."""


_CALLS = frozenset({State.CLOSED, State.WARN})
_OWNER_ONLY = frozenset({Cause.ROI})


def stepped(switch: Switch, event: Event, now: datetime, policy: Policy) -> tuple[Switch, Transition | None]:
    """The next state, and its line in the audit trail where the state changed. Raises Refused for a person's request.

    Raises ValueError for a time without its zone. A clock that went back makes nothing young that was old.
    """
    if now.tzinfo is None:
        raise ValueError("the switch wants a time with its zone")
    after, rule, actor, evidence = _next(switch, event, now, policy)
    if after.state is switch.state:
        return after, None
    return after, Transition(
        at=now,
        before=switch.state,
        after=after.state,
        rule=rule,
        actor=actor,
        text="" if evidence is None else evidence.text,
        estimates=() if evidence is None else evidence.estimates,
    )


_Next: TypeAlias = tuple[Switch, str, str, Evidence | None]
RULES = "rules"
"""The actor of what nobody did by hand."""


def _next(switch: Switch, event: Event, now: datetime, policy: Policy) -> _Next:
    state = switch.state
    same: _Next = (switch, "", RULES, None)
    match event:
        case SwitchOff():
            return _forced(switch, event, now)
        case Release():
            return _released(switch, event, now, policy)
        case HardBreach():
            if _seen_before(switch, event, now):
                return same
            if state in (State.CLOSED, State.WARN, State.HALF_OPEN):
                return _opened(switch, event.cause, now, policy), event.evidence.rule, RULES, event.evidence
            # It is open already; what closes it must be younger than this breach, too.
            more = replace(switch, causes=switch.causes | {event.cause}, opened_at=_latest(switch, now))
            return more, "", RULES, None
        case SoftBreach():
            if state in _CALLS:
                warned = replace(switch, state=State.WARN, causes=switch.causes | {event.cause}, clear=0)
                return warned, event.evidence.rule, RULES, event.evidence
            return same
        case Window():
            return _windowed(switch, event, policy)
        case Elapsed():
            if state is State.OPEN and _may_probe(switch, now):
                return replace(switch, state=State.HALF_OPEN), "cooldown over", RULES, None
            return same
        case ProbeBad():
            if state is State.HALF_OPEN and _fresh(switch, event.evidence, now):
                return _opened(switch, event.cause, now, policy), event.evidence.rule, RULES, event.evidence
            return same
        case ProbeGood():
            if state is State.HALF_OPEN and _fresh(switch, event.evidence, now) and not _owner_only(switch):
                return Switch(closed_at=now), event.evidence.rule, RULES, event.evidence
            return same
        case BudgetRenewed():
            return _renewed(switch, event, now)


def _opened(switch: Switch, cause: Cause, now: datetime, policy: Policy) -> Switch:
    doublings = min(switch.opened, (policy.longest_cooldown // policy.first_cooldown).bit_length())
    cooldown = min(policy.longest_cooldown, policy.first_cooldown * 2**doublings)
    # A warning's other causes did not open it; while it is open or half open, what opened it still counts.
    kept = switch.causes if switch.state not in _CALLS else frozenset()
    return replace(
        switch,
        state=State.OPEN,
        causes=kept | {cause},
        opened_at=_latest(switch, now),
        opened=switch.opened + 1,
        reopen_at=now + cooldown,
        clear=0,
        blind=0,
        stale=False,
    )


def _windowed(switch: Switch, window: Window, policy: Policy) -> _Next:
    if switch.state not in _CALLS:
        return switch, "", RULES, None
    if not window.known:
        blind = switch.blind + 1
        if blind >= policy.stale_windows:
            stale = replace(switch, state=State.WARN, blind=blind, clear=0, stale=True)
            return stale, "stale: nothing known", RULES, None
        return replace(switch, blind=blind, clear=0), "", RULES, None
    clear = switch.clear + 1 if window.clear else 0
    seen = replace(switch, blind=0, clear=clear)
    if switch.state is State.WARN and clear >= policy.clear_windows:
        return Switch(closed_at=switch.closed_at), f"clear for {clear} windows", RULES, None
    return seen, "", RULES, None


def _latest(switch: Switch, now: datetime) -> datetime:
    """When it opened; never earlier than it had before, so that a clock set back lets no old evidence in."""
    return now if switch.opened_at is None else max(now, switch.opened_at)


def _may_probe(switch: Switch, now: datetime) -> bool:
    """The cooldown is over, and no cause waits for its owner or for the budget's next period."""
    return (
        switch.reopen_at is not None
        and now >= switch.reopen_at
        and not switch.causes & {Cause.BUDGET, Cause.ROI}
    )


def _fresh(switch: Switch, evidence: Evidence, now: datetime) -> bool:
    return switch.opened_at is not None and switch.opened_at < evidence.since <= now


def _seen_before(switch: Switch, event: HardBreach, now: datetime) -> bool:
    """Errors that another program counted before it was closed, or opened to be tried. A clock set back shields nothing."""
    if event.cause is not Cause.OPERATIONAL:
        return False  # of quality all programs gather together, and each run is taken once
    if switch.state is State.HALF_OPEN:
        return switch.opened_at is not None and event.evidence.since < switch.opened_at <= now
    closed_at = switch.closed_at
    return switch.state in _CALLS and closed_at is not None and event.evidence.since < closed_at <= now


def _owner_only(switch: Switch) -> bool:
    return bool(switch.causes & _OWNER_ONLY)


def _renewed(switch: Switch, event: BudgetRenewed, now: datetime) -> _Next:
    left = switch.causes - {Cause.BUDGET}
    if Cause.BUDGET not in switch.causes:
        return switch, "", RULES, None
    if switch.state not in _CALLS and not _fresh(switch, event.evidence, now):
        return switch, "", RULES, None
    if left or switch.stale or switch.state is State.FORCED_OPEN:
        return replace(switch, causes=left), "", RULES, None
    closed_at = switch.closed_at if switch.state in _CALLS else now
    return Switch(closed_at=closed_at), event.evidence.rule, RULES, event.evidence


def _forced(switch: Switch, event: SwitchOff, now: datetime) -> _Next:
    actor, reason = _named(event.actor, event.reason)
    forced = replace(
        switch,
        state=State.FORCED_OPEN,
        # What a rule only warned of had opened nothing, and keeps nothing off once the person is done.
        causes=frozenset() if switch.state in _CALLS else switch.causes,
        opened_at=_latest(switch, now),
        reopen_at=None,
        clear=0,
        blind=0,
        stale=False,
    )
    return forced, "switched off", actor, Evidence(rule="switched off", since=now, text=reason)


def _released(switch: Switch, event: Release, now: datetime, policy: Policy) -> _Next:
    actor, reason = _named(event.actor, event.reason)
    if switch.state in _CALLS:
        raise Refused("it is not switched off")
    careful = switch.state is State.FORCED_OPEN or _owner_only(switch)
    _check_owner(switch, event, policy, actor, careful=careful)
    if policy.require_two and careful and _one_person(actor, event.second):
        raise Refused("a second person must confirm this (--second NAME): require_two is set")
    if Cause.BUDGET in switch.causes:
        raise Refused("its budget is used up: raise the cap, or wait for the next period")
    confirmed = f" (confirmed by {event.second.strip()})" if event.second and event.second.strip() else ""
    said = Evidence(rule="released", since=now, text=reason + confirmed)
    if switch.state is State.FORCED_OPEN and event.close:
        raise Refused("what a person switched off goes to HALF_OPEN first; close it from there")
    if event.close:
        return Switch(closed_at=now), "closed by its owner", actor, said
    if switch.state is State.HALF_OPEN:
        raise Refused("it is half open already")
    return replace(switch, state=State.HALF_OPEN, reopen_at=None), "released", actor, said


def _check_owner(switch: Switch, event: Release, policy: Policy, actor: str, *, careful: bool) -> None:
    """In the transaction that changes the state: what waits for its owner may have come to it a moment ago."""
    if not careful and not (event.close and Cause.QUALITY in switch.causes):
        return  # else the evidence closes it
    if policy.orphan:
        raise Refused(
            "the settings here have no such use case, so who may switch it on is not known; use the settings that have it (--config FILE)"
        )
    if policy.owners and actor not in policy.owners:
        raise Refused(
            f"it may be switched on by {' or '.join(policy.owners)} (switch.owners in the settings)"
        )


def _named(actor: str, reason: str) -> tuple[str, str]:
    if not actor.strip() or not reason.strip():
        raise Refused("say who does this and why; both stand in the audit trail")
    if _same(actor) == RULES:
        raise Refused(f"nobody is called {RULES!r}: so the audit trail names what nobody did by hand")
    return actor.strip(), reason.strip()


def _one_person(actor: str, second: str | None) -> bool:
    """Nobody confirmed, or the same person did: in other letters, with other spaces, or with marks that nobody sees."""
    return not _same(second) or _same(actor) == _same(second)


def _same(name: str | None) -> str:
    """A name without what lets one look like two."""
    return "".join(
        each
        for each in unicodedata.normalize("NFKC", name or "").casefold()
        if unicodedata.category(each)[0] not in "CZ"
    )


def lets_through(switch: Switch | None, policy: Policy, on_unknown: OnUnknown, *, u: float = 1.0) -> bool:
    """Whether a user's call goes out.

    :param switch: None: its state cannot be read.
    :param u: the call's own number in [0, 1) (:func:`broker.quality.sampling.number_of`): while the switch is half open
        for operational causes alone, ``trial_share`` of the calls try it. For other causes probes never reach users:
        they are made beside their calls.
    """
    if switch is not None and switch.state is State.FORCED_OPEN:
        return False  # a person's word holds in every mode
    if policy.mode is Mode.OBSERVE:
        return True
    if switch is None:
        return on_unknown is OnUnknown.CLOSED
    if switch.state is State.HALF_OPEN and switch.causes == {Cause.OPERATIONAL}:
        return u < policy.trial_share
    return switch.state in _CALLS


def probes_due(switch: Switch) -> bool:
    """Whether probes (pinned set, gold, shadow calls) are due; in ``observe``, sampled calls serve as well."""
    return switch.state is State.HALF_OPEN
