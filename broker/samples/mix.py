"""Whether a provider gives other answers than it used to: a week's classes beside those of the four weeks before."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

from broker.quality.drift.mix import mix_shift
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.samples.rows import Alarm, EvidenceRow, Sample, SampleQuery
from broker.samples.store import SampleStore

WINDOW = timedelta(days=7)
REFERENCE = timedelta(days=28)
LOOKS_A_YEAR = 365 / WINDOW.days
LEAST_ANSWERS = 50
"""In the week, below which nothing is said."""


def watch_mix(
    store: SampleStore,
    use_case: str,
    provider: str,
    now: datetime,
    *,
    false_alarms_a_year: float,
    streams: int,
) -> Alarm | None:
    """Once a week, an alarm if the mix of answers moved; None otherwise.

    Only samples that were drawn alike are compared: under one design. Answers that are no classes have no mix. What moved
    may be your data as well as the provider's model: replaying a pinned set tells them apart.
    """
    end = now.date()
    begin = end - WINDOW
    last = next(
        (
            row
            for row in store.evidence(use_case)
            if row.provider == provider and row.watch == Watch.LABEL_MIX.value
        ),
        None,
    )
    if last is not None and _until(last) > begin:
        return None
    recent = _sampled(store, use_case, provider, begin, end)
    design = recent[-1].design if recent else None
    week = Counter(each.answer_token for each in recent if each.design == design and each.answer_token)
    before = Counter(
        each.answer_token
        for each in _sampled(store, use_case, provider, begin - REFERENCE, begin)
        if each.design == design and each.answer_token
    )
    row = EvidenceRow(
        use_case=use_case,
        provider=provider,
        watch=Watch.LABEL_MIX.value,
        at=now,
        state={"until": end.isoformat(), "answers": week.total(), "before": before.total()},
    )

    def due(found: EvidenceRow) -> EvidenceRow | None:
        return row if _until(found) <= begin else None

    if not store.change_evidence(use_case, provider, Watch.LABEL_MIX.value, now, due):
        return None  # another process has looked at this week meanwhile
    if week.total() < LEAST_ANSWERS or before.total() < LEAST_ANSWERS:
        return None
    plan = AlarmPlan(false_alarms_a_year=false_alarms_a_year, streams={Watch.LABEL_MIX: streams})
    shift = mix_shift({str(k): v for k, v in before.items()}, {str(k): v for k, v in week.items()})
    if not shift.shifted(plan.alpha(Watch.LABEL_MIX, LOOKS_A_YEAR)):
        return None
    moved = (
        "" if shift.largest is None else f"; one answer's share moved by {100 * shift.largest[1]:+.1f} points"
    )
    return store.add_alarm(
        Alarm(
            use_case=use_case,
            provider=provider,
            watch=Watch.LABEL_MIX,
            at=now,
            text=f"the mix of answers moved against the four weeks before (p = {shift.p_value:.2g} of {week.total()} answers)"
            f"{moved}; whether it is the model or your data, a replay of the pinned set tells",
        )
    )


def _until(row: EvidenceRow) -> date:
    """Up to which day it was looked at."""
    return date.fromisoformat(str(row.state.get("until", "2000-01-01")))


def _sampled(store: SampleStore, use_case: str, provider: str, begin: date, end: date) -> list[Sample]:
    query = SampleQuery(
        use_case=use_case, provider=provider, since=begin, until=date.fromordinal(end.toordinal() - 1)
    )
    return [each for each in store.samples(query) if not each.failed]
