"""From a budget's alarm to a notice that people understand."""

from __future__ import annotations

from collections.abc import Sequence

from broker.notify.notice import Notice
from broker.pipeline.call import Services
from broker.types.budget import Action, BudgetAlarm

_THEN = {
    Action.WARN: "calls go on, because it only warns",
    Action.DEGRADE: "calls go to the providers that still fit",
    Action.STOP: "calls that cost money are refused",
}


def tell(alarms: Sequence[BudgetAlarm], services: Services) -> None:
    """Notify each; returns at once."""
    for alarm in alarms:
        services.notify(notice_of(alarm))


def notice_of(alarm: BudgetAlarm) -> Notice:
    """The notice of one alarm."""
    state = alarm.state
    budget = state.budget
    if alarm.share is None:
        kind, text = "budget.used_up", f"{state}; it is used up: {_THEN[budget.action]}"
    else:
        kind, text = "budget.warning", f"{state}; {alarm.share:.0%} of it is reached"
    return Notice(
        kind=kind,
        subject=budget.name,
        text=f"{text}. It resets at {state.resets_at:%Y-%m-%d %H:%M} UTC",
        facts=(
            ("scope", budget.scope),
            ("window", budget.window.text),
            ("limit", str(budget.limit)),
            ("spent", str(state.spent)),
            ("unknown", str(state.unknown)),
            ("reserved", str(state.reserved)),
            ("currency", budget.currency),
            ("action", budget.action.value),
            ("resets_at", state.resets_at.isoformat()),
        ),
        at=state.at,
    )
