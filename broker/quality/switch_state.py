"""What an off switch is made of: states, causes, settings, what can happen to it, and how it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias

CLEAR_WINDOWS = 2
"""In a row, until a warning ends."""
STALE_WINDOWS = 2
"""Without anything known, until that is a warning of its own."""
FIRST_COOLDOWN = timedelta(hours=1)
LONGEST_COOLDOWN = timedelta(days=7)


class State(str, Enum):
    """Whether calls go out."""

    CLOSED = "closed"
    """They do."""
    WARN = "warn"
    """They do, and people are told."""
    OPEN = "open"
    """They do not: another provider, a fallback, or SwitchedOff."""
    HALF_OPEN = "half_open"
    """Probes go out, to see whether it is good again."""
    FORCED_OPEN = "forced_open"
    """A person switched it off, and only a person ends that."""


class Cause(str, Enum):
    """Which guardrail."""

    QUALITY = "quality"
    BUDGET = "budget"
    ROI = "roi"
    OPERATIONAL = "operational"
    """Errors and slowness."""


class Mode(str, Enum):
    """What the switch does with its state."""

    OBSERVE = "observe"
    """Says what it would have done; every call goes out."""
    ENFORCE = "enforce"


class OnUnknown(str, Enum):
    """What holds while the state cannot be read. A setting that must be made: there is no safe guess."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Settings of the switches of one scope.

    :param trial_share: of users' calls that try a provider that was left for operational causes.
    :param require_two: a second person confirms before a switch of cause ROI, or a forced one, is closed.
    :param owners: who may switch on again what waits for its owner, and close what quality opened; empty: whoever gives a name.
    :param orphan: the settings at hand do not know the use case, so who its owners are is not known: it waits for those that do.
    """

    mode: Mode = Mode.OBSERVE
    first_cooldown: timedelta = FIRST_COOLDOWN
    longest_cooldown: timedelta = LONGEST_COOLDOWN
    clear_windows: int = CLEAR_WINDOWS
    stale_windows: int = STALE_WINDOWS
    trial_share: float = 0.05
    require_two: bool = False
    owners: tuple[str, ...] = ()
    orphan: bool = False

    def __post_init__(self) -> None:
        if not timedelta(0) < self.first_cooldown <= self.longest_cooldown:
            raise ValueError("the first cooldown is above 0 and not above the longest")
        if self.clear_windows < 1 or self.stale_windows < 1:
            raise ValueError("windows are counted from 1")
        if not 0 <= self.trial_share <= 1:
            raise ValueError("the share of trials lies in 0..1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a breach or a recovery rests on.

    :param rule: its name (``e-process``, ``pinned+agreement``, ``reserved>=cap``).
    :param since: the oldest item in it. Evidence for closing must be wholly younger than the opening.
    :param estimates: ids of the estimates, for audit.
    :param id: what tells it from all other evidence, where it may be told twice: whoever keeps the switch lets a hard
        breach of the same id open it once.
    """

    rule: str
    since: datetime
    estimates: tuple[str, ...] = ()
    text: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftBreach:
    """A point estimate, a forecast or a proxy is on the wrong side: worth a warning, no more."""

    cause: Cause
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class HardBreach:
    """The rule of its cause is met (see :mod:`broker.quality.guardrails`)."""

    cause: Cause
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window ended.

    :param known: something was learned in it; without, nothing is good.
    :param clear: no soft breach in it.
    """

    known: bool
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """Time has passed; no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeBad:
    """A probe showed that it is no better, or that probing used up its own budget."""

    cause: Cause
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeGood:
    """Probes bear out that it is good again: for quality, the *lower* bound of a confidence sequence on fresh items."""

    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRenewed:
    """The budget's next period began, or its owner raised the cap."""

    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOff:
    """A person switches it off."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A named person lets a forced or open switch go to HALF_OPEN, or accepts that it is closed.

    :param close: all the way to CLOSED; else to HALF_OPEN.
    :param second: who confirms, where two are asked for.
    """

    actor: str
    reason: str
    close: bool = False
    second: str | None = None


Event: TypeAlias = (
    SoftBreach | HardBreach | Window | Elapsed | ProbeBad | ProbeGood | BudgetRenewed | SwitchOff | Release
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The state of one scope.

    :param causes: why it warns or is open.
    :param opened_at: when it last opened; nothing older can close it.
    :param opened: how often it opened without having been closed since; doubles the cooldown.
    :param reopen_at: when the cooldown ends.
    :param clear: windows without a breach in a row; ``blind``: windows in which nothing was learned.
    :param stale: it warns for want of knowledge.
    :param closed_at: when calls were last let out again; None: it was never off. Errors and slowness from before that open
        it no more, whichever program saw them.
    """

    state: State = State.CLOSED
    causes: frozenset[Cause] = frozenset()
    opened_at: datetime | None = None
    opened: int = 0
    reopen_at: datetime | None = None
    clear: int = 0
    blind: int = 0
    stale: bool = False
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the audit trail."""

    at: datetime
    before: State
    after: State
    rule: str
    actor: str
    text: str = ""
    estimates: tuple[str, ...] = ()


def stored(switch: Switch) -> dict[str, str | int | bool | None]:
    """The state as plain values, for whoever keeps it; :func:`restored` reads them."""
    return {
        "state": switch.state.value,
        "causes": ",".join(sorted(cause.value for cause in switch.causes)),
        "opened_at": None if switch.opened_at is None else switch.opened_at.isoformat(),
        "opened": switch.opened,
        "reopen_at": None if switch.reopen_at is None else switch.reopen_at.isoformat(),
        "clear": switch.clear,
        "blind": switch.blind,
        "stale": switch.stale,
        "closed_at": None if switch.closed_at is None else switch.closed_at.isoformat(),
    }


def restored(values: Mapping[str, str | int | bool | None]) -> Switch:
    """The state that was stored. Raises ValueError for what was not: the state is then unknown, not closed."""
    try:
        return Switch(
            state=State(values["state"]),
            causes=frozenset(Cause(each) for each in str(values["causes"]).split(",") if each),
            opened_at=_instant(values["opened_at"]),
            opened=int(values["opened"] or 0),
            reopen_at=_instant(values["reopen_at"]),
            clear=int(values["clear"] or 0),
            blind=int(values["blind"] or 0),
            stale=bool(values["stale"]),
            closed_at=_instant(values.get("closed_at")),  # older ledgers have switches without it
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"this is no stored switch: {error!r}") from None


def _instant(value: str | int | bool | None) -> datetime | None:
    if value is None:
        return None
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError("an instant without its zone")
    return instant
