"""One process of the audited chaos: threads that spend in every way there is, on a clock that runs fast.

``python auditee.py LEDGER SEED BEGAN SECONDS``: calls until SECONDS after BEGAN (Unix time).
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from broker import Broker, BrokerError
from broker.errors import Outcome, Unavailable
from broker.runtime.blocking import BlockingRuntime
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image, Tier, Unit, Usage

D = Decimal
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
START, SPEED = datetime(2026, 1, 31, 21, 0, tzinfo=UTC), 3600
"""An hour a second, over the end of a month."""


def fast(began: float) -> datetime:
    return START + timedelta(seconds=(time.time() - began) * SPEED)


def main(ledger: str, seed: int, began: float, seconds: float) -> None:
    logging.disable()
    chance = random.Random(seed)

    class Fast(BlockingRuntime):
        def now(self) -> datetime:
            return fast(began)

    def answer(*_: Any) -> Any:
        dice = chance.random()
        time.sleep(dice / 100)
        for limit, failure in (
            (0.05, Unavailable("never reached it", outcome=Outcome.NOT_SENT)),
            (0.15, Unavailable("no answer", outcome=Outcome.AMBIGUOUS)),
            (0.20, Unavailable("its fault")),
            (0.23, ValueError("foreign")),
            (0.26, KeyboardInterrupt()),
        ):
            if dice < limit:
                raise failure
        if dice < 0.3:
            return replace(labels("Cat"), usage=(Usage(sku="", unit=Unit.IMAGE, quantity=D(3)),))
        return labels("Cat")

    tiers = (Tier(up_to=D(100), price=D("0.001")), Tier(up_to=None, price=D("0.0007")))
    prices = {
        "aws": replace(fake_price(sku="aws.vision.label"), tiers=tiers, free_quota=D(20)),
        "euro": replace(fake_price("0.002", sku="euro.vision.label"), currency="EUR"),
        "dark": fake_price(None, sku="dark.vision.label"),
        "here": fake_price(sku="here.vision.label", free=True),
    }
    kinds = [fake_provider(answer, provider=name, price=price) for name, price in prices.items()]
    claims: dict[str, Any] = {"aws": {"free_quota": True, "profiles": {"prod": {}}}}
    with Broker(
        adapters=kinds, provider="aws", ledger={"path": ledger}, runtime=Fast(), max_attempts=2,
        limits={"breaker": False}, providers=claims,
    ) as broker:  # fmt: skip

        def work() -> None:
            orders = ["aws", "aws:prod", ["aws", "here"], "euro", "dark", ["aws", "euro"]]
            tags: list[dict[str, str]] = [{}, {"team": "a"}, {"team": "b", "odd": "%_=é\"'\\"}]
            while time.time() < began + seconds:
                with suppress(BrokerError, KeyboardInterrupt):
                    broker.vision.label(PICTURE, provider=chance.choice(orders), tags=chance.choice(tags))

        pool = [threading.Thread(target=work) for _ in range(4)]
        for each in pool:
            each.start()
        child = os.fork() if seed % 2 else 0
        if seed % 2 and child == 0:
            try:
                work()
            finally:
                os._exit(0)
        for each in pool:
            each.join()
        if child:
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
