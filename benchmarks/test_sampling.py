"""What sampling costs a call that is not sampled: the same call with and without its use case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from benchmarks.test_calls import answer
from broker import Broker
from broker.ledger import SqliteLedger
from broker.testing.fake import fake_provider

Paired = Callable[..., None]
_LEARNT = {"first": {"cuts": [0.5, 0.8], "rates": {"sure=0": 1e-9, "sure=1": 1e-9, "sure=2": 1e-9}}}


def _use_case(**sampling: Any) -> Mapping[str, object]:
    use_case = {"operation": "vision.label", "tags": {"team": "shop"}, "sampling": {"rate": 1e-9, **sampling}}
    return {"use_cases": {"shop": use_case}}


@pytest.mark.parametrize("design", ["rate", "stratified by confidence"])
def test_a_call_that_is_not_sampled(paired: Paired, photo: bytes, tmp_path: Any, design: str) -> None:
    """A: a use case whose calls are drawn, none of them taken; B: none. One provider, both ledgers on disk."""

    def made(name: str, **options: Any) -> Broker:
        ledger = SqliteLedger(str(tmp_path / f"{name}.db"))
        return Broker(
            ledger=ledger, adapters=[fake_provider(answer)], provider="fake", tags={"team": "shop"}, **options
        )

    quality = _use_case(design="rate" if design == "rate" else "stratified")
    quality = {**quality, "store": str(tmp_path / "quality.db")}
    with made("with", quality=quality) as drawn, made("without") as bare:
        sampler = drawn._sampler
        assert sampler is not None
        if design != "rate":
            from broker.samples.designs import steps_of

            plan = sampler.plans["shop"]
            plan.designs._learnt = {"fake": steps_of(plan.sampling, _LEARNT, 1)}
        paired(
            f"sampling: a call not taken ({design})",
            lambda: drawn.vision.label(photo),
            lambda: bare.vision.label(photo),
            goal="A - B <= 20 us",
            calls=200,
            blocks=41,
        )
        drawn.quality.flush()
        assert sum(each.calls for each in drawn.quality.store.drawn("shop")) > 8000
        drawn.ledger.close()
        bare.ledger.close()
