"""A budget of half a cent: calls until it refuses, then a budget that goes on with a free provider instead.

Both providers are fakes that answer at once, so that nothing is spent; the first costs 0.1 cent a picture. Budgets are
given as arguments here; usually they stand in mlbroker.toml, as ``[budgets.NAME]``.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker import Broker, BudgetExceeded
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a picture", format="png", width=100, height=80, name="cat.png")
DEAR = fake_provider(
    [labels("Cat", "Tabby")], provider="dear", price=fake_price("0.001", sku="dear.vision.label")
)
FREE = fake_provider(
    [labels("Animal")], provider="free", price=fake_price(free=True, sku="free.vision.label")
)


def client(ledger: Path, **budget: Any) -> Broker:
    """A broker with one budget, ``demo``, in a ledger of its own."""
    return Broker(
        adapters=[DEAR, FREE], provider="dear", ledger={"path": str(ledger)}, budgets={"demo": budget}
    )


def call(broker: Broker, number: int, **options: Any) -> bool:
    """One call; what it gave, or why not."""
    try:
        result = broker.vision.label(PICTURE, **options)
    except BudgetExceeded as error:
        print(f"{number}. refused: {error}")
        return False
    print(f"{number}. {result.provenance.provider}: {result.value.labels[0].name}, {result.cost.shown}")
    for reason in result.provenance.passed_over:
        print(f"   instead of {reason}")
    return True


def stop(ledger: Path) -> None:
    """The sixth call is refused before anything is sent; what is free goes on."""
    with client(ledger, limit="0.005") as broker:
        number = 1
        while call(broker, number):
            number += 1
        call(broker, number + 1, provider="free")
        (state,) = broker.ledger.budgets(datetime.now(UTC))
        print(f"spent ${state.spent} of ${state.budget.limit}, left ${state.left}")


def degrade(ledger: Path) -> None:
    """The third call finds the budget used up and is answered by the free provider."""
    with client(ledger, limit="0.002", action="degrade", degrade_to=["free"]) as broker:
        for number in range(1, 5):
            call(broker, number)
        (spent,) = broker.spend()[:1]
        print(f"{spent.group[0]}: {spent.attempts} attempts, ${spent.amount}")


with tempfile.TemporaryDirectory() as folder:
    print("A budget that stops:")
    stop(Path(folder, "one.db"))
    print("\nA budget that degrades:")
    degrade(Path(folder, "two.db"))
