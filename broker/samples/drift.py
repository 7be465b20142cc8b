"""Alarms of drift on the streams of one use case at one provider: first a baseline, then a detector with a bar below it.

An alarm's threshold follows the settings, the number of streams that share the false alarms of a year, and the stream's own
pace: at the next item, in the midst of a run. That keeps the promise. The sums of a detector less the number of its samples
never rise on average while nothing is wrong, so the mean number of samples to a false alarm is at least the mean threshold in
force when it goes off, however the thresholds were chosen (Shin, Ramdas and Rinaldo's bound, by optional stopping). A
threshold that was lowered may be passed by what was collected before; the alarm then says so, and each change is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from broker.quality.always import weight_of
from broker.quality.choose import estimate as estimated
from broker.quality.drift.detector import Delay, Detector, bar_of, expected_delay
from broker.quality.drift.onset import Run
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore
from broker.samples.rows import Alarm, EvidenceRow, StreamItem

log = logging.getLogger("broker")

BASELINE_ITEMS = 100
"""Items of a stream, from its beginning, that its alarm's bar is made of."""
MARGIN = 0.05
"""How far a stream may fall below the lower bound of its baseline, where no tolerance says otherwise."""
PACE = timedelta(days=30)
"""After so long the samples of a year are reckoned anew, from what came in it."""
_SHORTEST = timedelta(days=1)
"""A baseline that was collected in less than this tells no pace of a year."""
_KEPT_CHANGES = 20
_WORDS = {
    Watch.QUALITY: "quality",
    Watch.AGREEMENT: "agreement with others",
    Watch.ERRORS: "the share of calls with an answer that is not empty",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A threshold that was changed in the midst of a run. In samples between false alarms."""

    at: datetime
    before: float
    after: float
    evidence: float
    """The detector's at that time: above ``after``, the next item sets the alarm off by what came before it."""

    def __str__(self) -> str:
        said = "lowered" if self.after < self.before else "raised"
        passed = ", which what was collected before had passed" if self.evidence >= self.after else ""
        return f"its threshold was {said} from {self.before:,.0f} to {self.after:,.0f} on {self.at:%Y-%m-%d}{passed}"


def watched(
    row: EvidenceRow,
    items: Sequence[StreamItem],
    watch: Watch,
    plan: AlarmPlan,
    margin: float,
    now: datetime,
) -> tuple[EvidenceRow, Sequence[Alarm]]:
    """A detector with these items: first a baseline, then a bar below it. Its threshold is what the plan says now."""
    state: dict[str, Any] = dict(row.state)
    since = row.since
    alarms: list[Alarm] = []
    for item in items:
        if item.unit is None:
            continue
        since = since or item.at
        detector = _following(row, state, item.at, watch, plan, now)
        if detector is None:
            state = _baseline(state, item, watch, plan, margin, since)
            continue
        before, weight = detector.alarmed, weight_of(item.probability, item.least)
        run = run_of(state)
        if run is not None and not before:
            run = run.after(item.unit, item.at, weight)
            state["run"] = run.stored()
        detector = detector.after(item.unit, weight)
        state.update(sums=list(detector.sums), seen=detector.seen, alarmed=detector.alarmed)
        if detector.alarmed and not before:
            text = f"{_WORDS[watch]} fell below {detector.bar:.3f}, {detector.seen:,} samples after the watch began"
            onset = None if run is None else run.onset
            if onset is not None:
                text = f"{text}; it seems to have begun with calls of {onset:%Y-%m-%d %H:%M} UTC"
            lowered = [each for each in changes_of(row, state) if each.after < each.before]
            if lowered:
                text = f"{text}; {lowered[-1]}"
            alarms.append(
                Alarm(
                    use_case=row.use_case,
                    provider=row.provider,
                    watch=watch,
                    at=now,
                    text=text,
                    onset=onset,
                )
            )
    return replace(row, state=state, since=since), alarms


def _following(
    row: EvidenceRow, state: dict[str, Any], at: datetime, watch: Watch, plan: AlarmPlan, now: datetime
) -> Detector | None:
    """The detector with its present threshold, which is noted in ``state``; None while its baseline is collected."""
    if "sums" not in state:
        return None
    _pace(state, at)
    threshold = plan.threshold(watch, state["per_day"] * 365)
    if abs(threshold - state["threshold"]) > 1e-9 * threshold:
        evidence = sum(state["sums"]) / len(state["sums"])
        change = {
            "at": now.isoformat(),
            "before": state["threshold"],
            "after": threshold,
            "evidence": evidence,
        }
        state["changes"] = [*state.get("changes", ()), change][-_KEPT_CHANGES:]
        state["threshold"] = threshold
        told = changes_of(row, state)[-1]
        log.info("the alarm of %s (%s, %s): %s", watch.value, row.use_case, row.provider, told)
    return detector_of(state)


def _pace(state: dict[str, Any], at: datetime) -> None:
    """Samples a day, of the last whole :data:`PACE`; until the first is over, those of the baseline."""
    begun, items = state.get("paced") or (at.isoformat(), 0)
    passed = at - datetime.fromisoformat(begun)
    if passed >= PACE and items:
        state["per_day"] = items / (passed / timedelta(days=1))
        begun, items = at.isoformat(), 0
    state["paced"] = [begun, items + 1]


def _baseline(
    state: Mapping[str, Any],
    item: StreamItem,
    watch: Watch,
    plan: AlarmPlan,
    margin: float,
    since: datetime,
) -> dict[str, Any]:
    collected = [*state.get("baseline", ()), [item.unit, item.probability]]
    if len(collected) < BASELINE_ITEMS:
        return {"baseline": collected}
    found = estimated(
        ACCURACY,
        [
            ItemScore(item=str(place), parts=(unit, 1.0), drawn=Drawn(probability=probability))
            for place, (unit, probability) in enumerate(collected)
        ],
    )
    try:
        bar = bar_of(found, margin)
    except ValueError:  # so low already that nothing is left to fall
        return {"baseline": collected[1:], "no_bar": found.low}
    per_day = len(collected) / (max(_SHORTEST, item.at - since) / timedelta(days=1))
    return {
        "bar": bar,
        "point": found.point,
        "threshold": plan.threshold(watch, per_day * 365),
        "per_day": per_day,
        "sums": list(Detector(bar=bar, threshold=1.0).sums),
        "seen": 0,
        "alarmed": False,
        "run": Run(baseline=bar if found.point is None else found.point, bar=bar).stored(),
    }


def run_of(state: Mapping[str, Any]) -> Run | None:
    """Since when it may have been worse; None: this was not kept from the watch's beginning on."""
    return Run.restored(state["run"]) if "run" in state else None


def detector_of(state: Mapping[str, Any]) -> Detector | None:
    """The detector that is kept; None while its baseline is collected."""
    if "sums" not in state:
        return None
    return Detector(
        bar=state["bar"],
        threshold=state["threshold"],
        sums=tuple(state["sums"]),
        seen=state["seen"],
        alarmed=state["alarmed"],
    )


def changes_of(row: EvidenceRow, state: Mapping[str, Any] | None = None) -> list[Change]:
    """How the threshold was changed in this run, oldest first.

    :param state: another one than the row's, on the way to be kept.
    """
    given: Mapping[str, Any] = row.state if state is None else state
    return [
        Change(
            at=datetime.fromisoformat(each["at"]),
            before=each["before"],
            after=each["after"],
            evidence=each["evidence"],
        )
        for each in given.get("changes", ())
    ]


def delay_of(row: EvidenceRow, drop: float = MARGIN) -> Delay | None:
    """How long a fall to ``drop`` below the bar stays unseen, in samples and days. About a second of work.

    None while the baseline is collected.
    """
    detector, state = detector_of(row.state), row.state
    if detector is None:
        return None
    before = float(str(state.get("point", detector.bar)))
    return expected_delay(
        detector,
        before=before,
        after=max(0.0, detector.bar - drop),
        per_day=float(str(state.get("per_day", 0.0))),
        warm=200,
        runs=50,
    )
