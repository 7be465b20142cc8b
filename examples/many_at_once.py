"""Many pictures at once with the asynchronous client: a cap on the cost of each, tags for the spend report.

``label_many`` takes any iterable, keeps ``concurrency`` requests on their way, and gives an item for each input, in
order. An input that fails is an error in its place; the others go on. Neither inputs nor results need to fit in memory.
"""

from __future__ import annotations

import asyncio

from photos import sample_photos

from broker import AsyncBroker
from broker.ledger import SpendQuery


async def main() -> None:
    """Label all, one of which is missing, then ask the ledger."""
    paths = [*map(str, sample_photos()), "missing.jpg"]
    async with AsyncBroker(provider="local", deadline=60, tags={"team": "search"}) as client:
        async for item in client.vision.label_many(paths, concurrency=4, max_labels=1, max_cost="0.01"):
            if item.result is None:
                print(f"{item.index}. {item.error}")
                continue
            best = item.value.labels[0]
            print(f"{item.index}. {best.name} {best.confidence.shown}, {item.result.cost.shown}")
        for row in client.spend(SpendQuery(by=("tag:team",))):
            print(f"team {row.group[0]}: {row.attempts} attempts, {row.amount} {row.currency}")


asyncio.run(main())
