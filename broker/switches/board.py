"""What stands between a call and a provider: the ledger's switches, looked at once a second, and told what has happened.

A look costs a statement, so calls look at what was read last: another process's switch holds here within
:data:`LOOK_SECONDS`, one's own at once. While the ledger cannot be read, the last state that was read holds; where none
ever was, ``on_unknown`` of the use case decides.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from broker.errors import LedgerUnavailable, SwitchedOff
from broker.ledger.switch_rows import PATIENCE, SwitchEvent, SwitchLedger, SwitchRow, window_of
from broker.notify.notice import Notice
from broker.quality.sampling import number_of
from broker.quality.scope import Scope
from broker.quality.switch import RULES, lets_through
from broker.quality.switch_state import (
    Elapsed,
    Event,
    Mode,
    OnUnknown,
    Policy,
    State,
    Switch,
    Transition,
)
from broker.runtime.forks import renewed_in_child
from broker.switches.use_cases import UseCases

log = logging.getLogger("broker")

LOOK_SECONDS = 1.0
_REASONS = 200
_NOTED = 1000
_LET_CALLS_OUT = (State.CLOSED, State.WARN)
_TRIAL_SEED = b"which calls try a provider again"
_PERSONS = Policy()
"""Of scopes without a use case: only persons switch them, and their word holds in every mode."""
_ORPHAN = Policy(orphan=True)
"""Of scopes whose use case is not in the settings at hand."""


class Board:
    """The switches as one broker knows them. Safe for threads: what was read is replaced as a whole.

    :param ledger: None: it keeps no switches, so there are none.
    """

    def __init__(
        self,
        ledger: SwitchLedger | None,
        use_cases: UseCases,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        notify: Callable[[Notice], None],
    ) -> None:
        self.use_cases = use_cases
        self._ledger = ledger
        self._monotonic = monotonic
        self._now = now
        self.notify = notify
        self._look_at = float("inf") if ledger is None else float("-inf")
        self._read = False
        self.held: tuple[SwitchRow, ...] = ()
        """Switches that may hold a call back; mostly none."""
        self._unknown: frozenset[str] = frozenset()
        self._reasons: dict[Scope, str] = {}
        self._noted: set[tuple[Scope, bool, bool, int]] = set()
        self._looks = 0
        self._newest = 0
        self.renew()
        renewed_in_child(self)

    def renew(self) -> None:
        """In a forked child: another thread's lock is nobody's there."""
        self._lock = threading.RLock()  # a signal's handler may make a call in the midst of a look

    def check(self, call_id: str, use_case: str | None, operation: str, provider: str) -> None:
        """Raise :class:`SwitchedOff` if such a call must not go out now."""
        if not self.quiet():
            self._hold(call_id, use_case, operation, provider)

    def quiet(self) -> bool:
        """Whether nothing is switched off for anybody, as it mostly is; looks when it is time to."""
        if self._monotonic() >= self._look_at:
            self.look()
        return not (self.held or self._unknown)

    def held_from_probes(self, use_case: str | None, operation: str, provider: str) -> bool:
        """Whether not even what is asked beside users' calls may go there: all that is off and not being tried again."""
        if self.quiet():
            return False
        return use_case in self._unknown or any(
            row.scope.covers(use_case, operation, provider) and not _probed(row) and self._holds(row, 1.0)
            for row in self.held
        )

    def holds(self, row: SwitchRow) -> bool:
        """Whether a switch in this state holds users' calls back, by the settings; of all but a few that try it."""
        off = row.switch is None or row.switch.state not in _LET_CALLS_OUT
        return off and self._holds(row, 1.0)

    def look(self) -> None:
        """Read the switches; those whose cooldown is over go half open."""
        ledger = self._ledger
        if ledger is None:
            return
        self._look_at = self._monotonic() + LOOK_SECONDS
        with self._lock:
            self._looks += 1
            turn = self._looks
        try:
            rows = ledger.switches()
        except LedgerUnavailable as error:
            if not self._read and not self._unknown:
                self._unknown = frozenset(
                    name
                    for name, each in self.use_cases.settings.items()
                    if each.switch.mode == "enforce" and each.switch.on_unknown == "open"
                )
                if self.use_cases.settings:
                    log.warning("whether anything is switched off is not known: %s", error)
            return
        self._hold_back(rows, turn)
        now = self._now()
        over = [row for row in rows if _cooled(row, now)]
        if over:
            # What is off holds already: a ledger that can be read and not written tries nothing again, and no call
            # waits for that.
            with suppress(LedgerUnavailable):
                for row in over:
                    policy = self.policy(row.scope)
                    _, transition = ledger.step_switch(row.scope, Elapsed(), now, policy, patience=0.0)
                    if transition is not None:
                        self._tell(row.scope, policy, transition)
                self._hold_back(ledger.switches(), turn)

    def _hold_back(self, rows: Sequence[SwitchRow], turn: int) -> None:
        """From now on, unless a look that began later has ended before: it may know what this one cannot."""
        held = tuple(row for row in rows if row.switch is None or row.switch.state not in _LET_CALLS_OUT)
        reasons: dict[Scope, str] | None = None
        if held != self.held and self._ledger is not None:
            with suppress(LedgerUnavailable):
                events = reversed(self._ledger.switch_events(_REASONS))
                reasons = {each.scope: each.transition.text or each.transition.rule for each in events}
        with self._lock:
            if turn < self._newest:
                return
            self._newest = turn
            self._read, self._unknown = True, frozenset()
            if reasons is not None:
                self._reasons = reasons
            self.held = held

    def report(
        self, scope: Scope, *events: Event, patience: float = PATIENCE
    ) -> tuple[Switch, Transition | None]:
        """Tell a switch what has happened; people are told of what follows from it, of several events from the last.

        :param patience: seconds to wait for another process that writes; 0 where a call waits, or an event loop.

        Raises :class:`~broker.quality.switch.Refused` for a person's request that the rules forbid, and
        :class:`~broker.errors.LedgerUnavailable`.
        """
        if self._ledger is None:
            raise LedgerUnavailable("this ledger keeps no off switches")
        policy, switch, last = self.policy(scope), Switch(), None
        try:
            for event in events:
                switch, transition = self._ledger.step_switch(
                    scope, event, self._now(), policy, patience=patience
                )
                last = transition or last
        finally:
            if last is not None:
                self._tell(scope, policy, last)
                self.look()
        return switch, last

    def note(self, scope: Scope, *, known: bool, breached: bool, patience: float = PATIENCE) -> None:
        """What a guardrail learned in the present window of a use case's switch; ends windows that are over.

        Told once a window and finding, however often it is called; ``patience`` as of :meth:`report`. Raises :class:`~broker.errors.LedgerUnavailable`.
        """
        settings = self.use_cases.settings.get(scope.use_case or "")
        if settings is None or self._ledger is None:
            return
        now, length, policy = self._now(), settings.switch.window, settings.switch.policy()
        noted = (scope, known, breached, window_of(now, length))
        if noted in self._noted:
            return
        for transition in self._ledger.note_switch(
            scope, now, length, policy, known=known, breached=breached, patience=patience
        ):
            self._tell(scope, policy, transition)
        if len(self._noted) > _NOTED:
            self._noted.clear()
        self._noted.add(noted)

    def policy(self, scope: Scope) -> Policy:
        """By which rules a scope's switch goes."""
        settings = self.use_cases.settings.get(scope.use_case or "")
        if settings is None:
            return _PERSONS if scope.use_case is None else _ORPHAN
        return settings.switch.policy()

    def rows(self) -> tuple[SwitchRow, ...]:
        """All switches that anything has happened to. Raises :class:`~broker.errors.LedgerUnavailable`."""
        return () if self._ledger is None else tuple(self._ledger.switches())

    def events(self, limit: int = 100) -> tuple[SwitchEvent, ...]:
        """The last lines of the audit trail, newest first. Raises :class:`~broker.errors.LedgerUnavailable`."""
        return () if self._ledger is None else tuple(self._ledger.switch_events(limit))

    def _hold(self, call_id: str, use_case: str | None, operation: str, provider: str) -> None:
        for row in self.held:
            if not row.scope.covers(use_case, operation, provider):
                continue
            if self._holds(row, number_of(_TRIAL_SEED, call_id, "trial")):
                raise self._refusal(row, use_case)
        if use_case in self._unknown:
            raise SwitchedOff(
                f"whether {use_case} is switched off cannot be read from the ledger, and on_unknown is open",
                degrade_to=self._degrade_to(use_case),
            )

    def _holds(self, row: SwitchRow, u: float) -> bool:
        """Whether it holds back the call with this number."""
        policy = self.policy(row.scope)
        if row.scope.use_case is None:
            # Half open, or not readable, without a use case: nobody probes it, so it is as a person left it.
            policy = Policy(mode=Mode.ENFORCE)
        return not lets_through(row.switch, policy, self._on_unknown(row.scope), u=u)

    def _on_unknown(self, scope: Scope) -> OnUnknown:
        settings = self.use_cases.settings.get(scope.use_case or "")
        given = None if settings is None else settings.switch.on_unknown
        # What a person or a rule once switched and nobody can read is taken for off, unless the settings say otherwise.
        return OnUnknown.OPEN if given is None else OnUnknown(given)

    def _degrade_to(self, use_case: str | None) -> tuple[str, ...]:
        settings = self.use_cases.settings.get(use_case or "")
        return () if settings is None else settings.switch.degrade_to

    def _refusal(self, row: SwitchRow, use_case: str | None) -> SwitchedOff:
        switch = row.switch
        told = "its state in the ledger cannot be read" if switch is None else _words(switch)
        why = self._reasons.get(row.scope)
        told = f"{told}: {why}" if why else told
        return SwitchedOff(
            f"{row.scope} is switched off ({told}); 'mlbroker switch' shows it",
            degrade_to=self._degrade_to(use_case),
        )

    def _tell(self, scope: Scope, policy: Policy, transition: Transition) -> None:
        after = transition.after
        quiet = policy.mode is Mode.OBSERVE and scope.use_case is not None and after is not State.FORCED_OPEN
        then = THEN[after] if after in _LET_CALLS_OUT or not quiet else "observed only, so calls go on"
        text = f"{scope}: {transition.rule}" + (f" ({transition.text})" if transition.text else "")
        # A person knows what he does; the others are told by a notice.
        expected = after is State.CLOSED or transition.actor != RULES
        log.log(logging.INFO if expected else logging.WARNING, "the switch of %s; %s", text, then)
        self.notify(
            Notice(
                kind=f"switch.{after.value}",
                subject=str(scope),
                text=f"{text}; {then}",
                at=transition.at,
                facts=(
                    ("use_case", scope.use_case or ""),
                    ("operation", scope.operation or ""),
                    ("provider", scope.provider or ""),
                    ("before", transition.before.value),
                    ("after", after.value),
                    ("rule", transition.rule),
                    ("actor", transition.actor),
                    ("mode", policy.mode.value),
                ),
            )
        )


THEN = {
    State.CLOSED: "calls go out",
    State.WARN: "calls go out, with a warning",
    State.OPEN: "calls are held back or go to others",
    State.HALF_OPEN: "probes see whether it is good again",
    State.FORCED_OPEN: "calls are held back or go to others until a person switches it on",
}
"""What a state means for calls."""


def _words(switch: Switch) -> str:
    since = "" if switch.opened_at is None else f" since {switch.opened_at:%Y-%m-%d %H:%M} UTC"
    cause = " and ".join(sorted(each.value for each in switch.causes))
    by = "by a person" if switch.state is State.FORCED_OPEN else f"for {cause}" if cause else ""
    half = ", now being tried again" if switch.state is State.HALF_OPEN else ""
    return f"{by}{since}{half}".strip()


def _probed(row: SwitchRow) -> bool:
    """What no use case names is tried again by nobody."""
    return row.scope.use_case is not None and row.switch is not None and row.switch.state is State.HALF_OPEN


def _cooled(row: SwitchRow, now: datetime) -> bool:
    switch = row.switch
    return (
        switch is not None
        and switch.state is State.OPEN
        and switch.reopen_at is not None
        and now >= switch.reopen_at
    )
