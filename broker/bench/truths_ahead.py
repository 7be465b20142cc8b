"""Which truths the plan's operations cannot use, found before a question is paid for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.bench.scores import truth_for
from broker.bench.store import Store
from broker.errors import BadDataset
from broker.scoring import ScoringSettings, no_metric, parse_truth

_ROWS = "SELECT truth, source FROM item WHERE truth IS NOT NULL ORDER BY number"
_OFTEN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableTruths:
    """Truths that one operation cannot use; those items have no quality by it.

    :param truths: items that have one for the operation. ``first``: the first that cannot be used, with its place and why.
    """

    operation: str
    unusable: int
    truths: int
    first: str

    def __str__(self) -> str:
        which = "the truth" if self.unusable == 1 else "the truths"
        return f"{self.operation} cannot use {which} of {self.unusable:,} of {self.truths:,} items; the first: {self.first}"


def unusable_truths(
    store: Store, operations: Sequence[str], settings: ScoringSettings, progress: Callable[[int], None]
) -> tuple[UnusableTruths, ...]:
    """Read every truth as it will be scored.

    Raises :class:`~broker.errors.BadDataset` if there are truths and no operation can use any: the run would cost, and tell
    nothing of quality.

    :param progress: told how many truths were read.
    """
    scored = [name for name in operations if no_metric(name) is None]
    given, bad = dict.fromkeys(scored, 0), dict.fromkeys(scored, 0)
    first: dict[str, str] = {}
    total = 0
    for total, (raw, where) in enumerate(store.rows(_ROWS, ()), 1):
        truth = json.loads(raw)
        for name in scored:
            part = truth_for(name, truth)
            if part is None:
                continue
            given[name] += 1
            try:
                parse_truth(name, part, settings, where=where)
            except BadDataset as error:
                bad[name] += 1
                first.setdefault(name, str(error))
        if total % _OFTEN == 0:
            progress(total)
    found = tuple(
        UnusableTruths(operation=name, unusable=count, truths=given[name], first=first[name])
        for name, count in bad.items()
        if count
    )
    if scored and total and given == bad:
        why = found[0].first if found else f"the truths are of other operations than {', '.join(scored)}"
        raise BadDataset(
            f"no truth can be used, so nothing was asked: {why}; names go into [scoring] of the plan, and "
            'data.truth = "none" goes on without truths'
        )
    return found
