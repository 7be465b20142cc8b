"""Why a figure of a month is not known: for each one that is not, a reason in words that says what would change it."""

from __future__ import annotations

from broker.quality.estimate import Estimate
from broker.quality.kpi import Kpis, MonthFacts
from broker.samples.month_facts import Sampled
from broker.sections_quality import UseCaseSettings

NO_CALL = "there was no call"
NOT_SAMPLED = "the use case is not sampled ([quality.use_cases.NAME.sampling])"
NOTHING_SAMPLED = "nothing was sampled yet"


def unsampled(settings: UseCaseSettings) -> str:
    """Why there are no samples at all."""
    return NOT_SAMPLED if settings.sampling is None else NOTHING_SAMPLED


def reasons(
    told: Kpis,
    facts: MonthFacts,
    settings: UseCaseSettings,
    sampled: Sampled | None,
    *,
    spend: str,
    no_return: str,
) -> dict[str, str]:
    """By name of a figure of ``told``, those alone that are not known.

    :param spend: why the spend is not known; ``no_return``: why the return is not.
    """
    nothing = unsampled(settings)
    quality = _quality(told.delivered, sampled, nothing)
    right = quality if facts.right is None or facts.right.point is None else ""
    if sampled is not None and sampled.rights is None and sampled.official.metric is not None:
        right = f"{sampled.official.metric.id} tells no share of right answers"
    unspent = spend or ("nothing was spent" if facts.calls else NO_CALL)
    per_right = spend or right or ("nothing was right" if facts.calls else NO_CALL)
    pinned = (
        "the use case has no pinned set (pinned)"
        if settings.pinned is None
        else "the pinned set was not asked again"
    )
    bar = "the use case has no tolerance" if settings.tolerance is None else right
    plan = "the settings plan no spend (value.planned_per_month)"
    why = {
        "per_call": spend or NO_CALL,
        "per_thousand": spend or NO_CALL,
        "per_right": per_right,
        "per_right_low": per_right,
        "per_right_high": per_right if right or spend else "it may be that nothing is right",
        "of_plan": plan if not facts.planned else spend,
        "sampling_share": unspent,
        "failover_share": unspent,
        "success": NO_CALL,
        "delivered": quality,
        "margin": bar or "quality has no interval",
        "stability": pinned,
        "flip_rate": pinned,
        "agreement": _agreement(settings, nothing),
        "p50": "nothing was answered" if facts.calls else NO_CALL,
        "p95": "nothing was answered" if facts.calls else NO_CALL,
        "alarms": nothing if sampled is None else "no call was drawn, so nothing was watched",
        "detected": _detected(facts),
        "in_states": "the switches' log does not reach back so far",
        "label_latency": nothing if sampled is None else "nobody gave a label",
        "covered": nothing if sampled is None else "no call was drawn",
        "calibration": _calibration(told.calibration, settings, sampled, nothing),
        "roi": no_return,
    }
    for both in ("true_alarms", "false_alarms"):
        why[both] = why["alarms"]
    return {name: why[name] for name in why if not _known(getattr(told, name))}


def _known(value: object) -> bool:
    return value.known if isinstance(value, Estimate) else value is not None and value != {}


def _quality(delivered: Estimate | None, sampled: Sampled | None, nothing: str) -> str:
    if sampled is None:
        return nothing
    metric = sampled.official.metric
    if metric is None:
        return "answers of this operation have no metric"
    if delivered is None:
        return f"{metric.id} grows with errors, so it is no share of right answers; 'mlbroker quality status' has it"
    return "; ".join(sampled.official.conditional.notes) or "; ".join(delivered.notes) or "no item with truth"


def _agreement(settings: UseCaseSettings, nothing: str) -> str:
    if settings.sampling is None:
        return nothing
    return (
        "nobody was asked the same"
        if settings.sampling.second
        else "no second provider is asked (sampling.second)"
    )


def _detected(facts: MonthFacts) -> str:
    if facts.alarms is None or not facts.alarms[0]:
        return "there was no alarm"
    if not facts.alarms[1]:
        return "no alarm was found true (mlbroker quality alarms --judge)"
    return "the alarms that were found true tell no onset: of the label mix, a pinned set, or a watch of an earlier version"


def _calibration(found: Estimate, settings: UseCaseSettings, sampled: Sampled | None, nothing: str) -> str:
    if sampled is None:
        return nothing
    if sampled.rated is None:
        return f"no confidence of {settings.operation} is about an answer that is right or wrong as a whole"
    return "; ".join(found.notes)
