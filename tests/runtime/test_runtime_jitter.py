"""Random waits: reproducible where a seed is given, never shared by forked processes otherwise."""

from __future__ import annotations

import pytest

from broker.runtime.blocking import BlockingRuntime


@pytest.mark.parametrize(("seed", "same"), [(None, False), (7, True)])
def test_a_forked_child_waits_otherwise_than_its_siblings(seed: int | None, same: bool) -> None:
    runtime = BlockingRuntime(seed)
    state = runtime._random.getstate()
    waits = []
    for _ in range(2):
        runtime._random.setstate(state)  # each child begins with a copy of its parent's
        runtime.renew()
        waits.append([runtime.random() for _ in range(3)])
    assert (waits[0] == waits[1]) is same
