"""What changed: the provider's model, or what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from broker.quality.drift.mix import MixShift
from broker.quality.drift.pinned import Replay, visible_drop

SUREST = 1 - 1e-12
USUAL_FLIPS = 0.15
"""Share of flips that a set's power is reckoned with while none was seen."""


class Cause(str, Enum):
    """Why a stream of scores fell, as far as it can be told."""

    NOTHING = "nothing"
    """No alarm, and the pinned set answers as before."""
    MODEL = "model"
    """The pinned set, whose inputs never change, is answered worse."""
    DATA = "data"
    """The stream fell, the pinned set did not and would have shown it: what is sent has changed."""
    BOTH = "both"
    """The pinned set is answered worse, and the mix of answers moved beyond that."""
    UNKNOWN = "unknown"
    """There is no replay since, or the set is too small to show a drop of this size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A cause and what it rests on, in words."""

    cause: Cause
    because: str


def explain(
    *, stream_alarmed: bool, drop: float, pinned: Replay | None, mix: MixShift | None, alpha: float
) -> Explanation:
    """Tells a changed model from changed data.

    :param drop: by how much the stream fell (0..1), as far as known; decides whether the pinned set could have shown it.
    :param mix: of the *inputs'* labels or of the answers of the stream.
    :param alpha: the level of the pinned set's and the mix's tests.
    """
    moved = mix is not None and mix.shifted(alpha)
    if pinned is not None and pinned.worse(alpha):
        told = f"the pinned set lost {pinned.lost} and gained {pinned.gained} of {pinned.judged} (p = {pinned.p_value:.2g})"
        if moved and stream_alarmed:
            return Explanation(cause=Cause.BOTH, because=f"{told}, and the mix of labels moved")
        return Explanation(cause=Cause.MODEL, because=told)
    if not stream_alarmed:
        if pinned is not None and pinned.updated:
            return Explanation(cause=Cause.NOTHING, because="answers to the pinned set changed, but no worse")
        return Explanation(cause=Cause.NOTHING, because="no alarm")
    if pinned is None:
        return Explanation(cause=Cause.UNKNOWN, because="the pinned set was not replayed since")
    flips = max(USUAL_FLIPS, (pinned.lost + pinned.gained) / pinned.judged) if pinned.judged else 1.0
    visible = visible_drop(pinned.judged, flips, level=min(SUREST, max(0.5, 1 - alpha)))
    if drop < visible:
        return Explanation(
            cause=Cause.UNKNOWN,
            because=f"a pinned set of {pinned.judged} shows drops of {visible:.0%} and more, not one of {drop:.0%}",
        )
    also = ", and the mix of labels moved" if moved else ""
    return Explanation(cause=Cause.DATA, because=f"the pinned set is answered as before{also}")
