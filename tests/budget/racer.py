"""One process of the race for a budget: fifty threads calling until the budget refuses them.

``python racer.py LEDGER VENDOR SEED THREADS``: each request that reaches the provider, and so may be billed, adds a
byte to the file VENDOR. Prints ``ready``, waits for a line, and prints how many calls were answered.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from decimal import Decimal
from typing import Any

from broker import Broker, BrokerError, BudgetExceeded
from broker.errors import Outcome, Unavailable
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image

PRICE = Decimal("0.001")
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
GOOD = labels("Cat")


def main(ledger: str, vendor: str, seed: int, threads: int) -> None:
    chance = random.Random(seed)
    log = os.open(vendor, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def answer(*_: Any) -> Any:
        dice = chance.random()
        if dice < 0.1:
            raise Unavailable("never reached it", outcome=Outcome.NOT_SENT)
        os.write(log, b"x")  # from here on the vendor may bill
        time.sleep(dice / 100)
        if dice < 0.2:
            raise Unavailable("no answer", outcome=Outcome.AMBIGUOUS)
        return GOOD

    adapter = fake_provider(answer, price=fake_price(str(PRICE)))
    limits = {"breaker": False}
    answered = refused = 0
    with Broker(
        adapters=[adapter], provider="fake", ledger={"path": ledger}, max_attempts=1, limits=limits
    ) as broker:
        print("ready", flush=True)
        sys.stdin.readline()

        def call() -> None:
            nonlocal answered, refused
            while True:
                try:
                    broker.vision.label(PICTURE, deadline=400)
                    answered += 1
                except BudgetExceeded:
                    refused += 1
                    return
                except BrokerError:
                    continue

        pool = [threading.Thread(target=call) for _ in range(threads)]
        for each in pool:
            each.start()
        for each in pool:
            each.join()
    print(answered, refused, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
