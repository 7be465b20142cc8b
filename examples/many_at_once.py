"""The asynchronous client: several pictures at once, a cap on the cost of each, tags for the spend report."""

from __future__ import annotations

import asyncio

from photos import sample_photos

from broker import AsyncBroker, BrokerError
from broker.ledger import SpendQuery


async def main() -> None:
    """Label all, then ask the ledger."""
    async with AsyncBroker(provider="local", deadline=60, tags={"team": "search"}) as client:

        async def one(path: str) -> str:
            try:
                result = await client.vision.label(path, max_labels=1, max_cost="0.01")
            except BrokerError as error:
                return f"{path}: {error}"
            best = result.value.labels[0]
            return f"{best.name} {best.confidence.shown}, {result.cost.shown}"

        for line in await asyncio.gather(*(one(str(path)) for path in sample_photos())):
            print(line)
        for row in client.spend(SpendQuery(by=("tag:team",))):
            print(f"team {row.group[0]}: {row.attempts} attempts, {row.amount} {row.currency}")


asyncio.run(main())
