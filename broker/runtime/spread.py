"""Work on many inputs at once, with the results in the inputs' order and few of both in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

AHEAD = 2
"""Inputs taken for each that is worked on, so that a slow one does not keep the others waiting."""


def grouped(items: Iterable[T], size: int) -> Iterator[list[tuple[int, T]]]:
    """Inputs with their places, in lists of at most ``size``, taken only as they are asked for."""
    group: list[tuple[int, T]] = []
    for place, item in enumerate(items):
        group.append((place, item))
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


async def grouped_async(
    items: Iterable[T] | AsyncIterable[T], size: int
) -> AsyncIterator[list[tuple[int, T]]]:
    """The same for ``async`` code; takes either kind of iterable."""
    if not isinstance(items, AsyncIterable):
        for group in grouped(items, size):
            yield group
        return
    waiting: list[tuple[int, T]] = []
    place = 0
    async for item in items:
        waiting.append((place, item))
        place += 1
        if len(waiting) == size:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def spread(work: Callable[[T], U], items: Iterable[T], concurrency: int) -> Iterator[U]:
    """``work`` for each input, on at most ``concurrency`` threads.

    Leaving the iteration early, or an interruption, lets what has begun end and begins nothing more.
    """
    if concurrency == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="mlbroker-many")
    waiting: deque[Future[U]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= AHEAD * concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


async def spread_async(
    work: Callable[[T], Awaitable[U]], items: AsyncIterable[T], concurrency: int
) -> AsyncGenerator[U, None]:
    """The same with tasks of the running loop. Leaving early cancels what has begun: it is booked as possibly billed."""
    room = asyncio.Semaphore(concurrency)

    async def one(item: T) -> U:
        async with room:
            return await work(item)

    waiting: deque[asyncio.Task[U]] = deque()
    try:
        async for item in items:
            waiting.append(asyncio.create_task(one(item)))
            if len(waiting) >= AHEAD * concurrency:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
