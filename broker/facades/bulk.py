"""What every ``*_many`` method does: options checked at once, inputs taken as they are needed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from broker.contract.operations import Operation
from broker.errors import BadInput
from broker.runtime.blocking import drive
from broker.runtime.spread import grouped, grouped_async, spread, spread_async
from broker.types.batch import Item

if TYPE_CHECKING:
    from broker.core import Core

P = TypeVar("P")

CONCURRENCY = 8
"""Requests on their way at once, where the caller does not say."""


def many(
    core: Core,
    operation: Operation[Any, P],
    sources: Iterable[Any],
    concurrency: int,
    options: Mapping[str, Any],
) -> Generator[Item[P], None, None]:
    """For the sync facade. Raises :class:`BadInput` at once for options that cannot be meant."""
    from broker.many import Many, check_concurrency

    check_concurrency(concurrency)
    check_sources(sources)
    if not isinstance(sources, Iterable):
        raise BadInput("this takes an ordinary iterable; for an asynchronous one use AsyncBroker")
    job = Many(core, operation, options)
    groups = grouped(sources, job.group)
    return (
        item for items in spread(lambda group: drive(job.items(group)), groups, concurrency) for item in items
    )


def many_async(
    core: Core,
    operation: Operation[Any, P],
    sources: Iterable[Any] | AsyncIterable[Any],
    concurrency: int,
    options: Mapping[str, Any],
) -> AsyncGenerator[Item[P], None]:
    """For the async facade."""
    from broker.many import Many, check_concurrency

    check_concurrency(concurrency)
    check_sources(sources)
    job = Many(core, operation, options)
    groups = grouped_async(sources, job.group)

    async def run() -> AsyncGenerator[Item[P], None]:
        spreading = spread_async(job.items, groups, concurrency)
        try:
            async for items in spreading:
                for item in items:
                    yield item
        finally:
            await spreading.aclose()

    return run()


def check_sources(sources: Any) -> None:
    """One text or one picture given where many are due would be taken apart into letters or bytes."""
    if isinstance(sources, (str, bytes, bytearray, memoryview)):
        raise BadInput(
            "this takes many inputs: pass a list or another iterable, or use the method without _many"
        )
    if not isinstance(sources, (Iterable, AsyncIterable)):
        raise BadInput(f"this takes many inputs in an iterable, not {type(sources).__name__}")
