"""Work on many inputs at once, with the results in the inputs' order and few of both in memory."""

from __future__ import annotations

import asyncio
import os
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

from broker.errors import BrokerError

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

    Leaving the iteration early, or an interruption, lets what has begun end and begins nothing more. Where the inputs
    end with an error, the results before it come first.
    """
    if concurrency == 1:
        yield from map(work, items)
        return
    here = os.getpid()
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="mlbroker-many")
    waiting: deque[Future[U]] = deque()
    broken: Exception | None = None
    source = iter(items)
    try:
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - the caller's own; raised below
                broken = error
                break
            _check_process(here)
            waiting.append(pool.submit(work, item))
            # What is done is not kept until more inputs have come: they may come slowly.
            while waiting and (len(waiting) >= AHEAD * concurrency or waiting[0].done()):
                yield waiting.popleft().result()
                _check_process(here)
        while waiting:
            yield waiting.popleft().result()
            _check_process(here)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if broken is not None:
        raise broken


def _check_process(here: int) -> None:
    """In a forked child the threads are not there, and their results never come."""
    if os.getpid() != here:
        raise BrokerError(
            "this iteration was begun before the process forked, and its threads are the parent's; begin one of its own "
            "in the child"
        )


async def spread_async(
    work: Callable[[T], Awaitable[U]], items: AsyncIterable[T], concurrency: int
) -> AsyncGenerator[U, None]:
    """The same with tasks of the running loop. Leaving early cancels what has begun: it is booked as possibly billed.

    The inputs are taken by one task of their own, so that a result does not wait for the next input.
    """
    room, ahead = asyncio.Semaphore(concurrency), asyncio.Semaphore(AHEAD * concurrency)
    begun: asyncio.Queue[asyncio.Task[U] | None] = asyncio.Queue()
    waiting: set[asyncio.Task[U]] = set()

    async def one(item: T) -> U:
        async with room:
            return await work(item)

    async def take() -> None:
        try:
            await ahead.acquire()
            async for item in items:
                task = asyncio.create_task(one(item))
                waiting.add(task)
                begun.put_nowait(task)
                await ahead.acquire()
        finally:
            begun.put_nowait(None)

    taking = asyncio.create_task(take())
    try:
        while (task := await begun.get()) is not None:
            found = await task
            waiting.discard(task)
            ahead.release()
            yield found
        await taking  # raises what the inputs ended with
    finally:
        for each in (taking, *waiting):
            each.cancel()
        await asyncio.gather(taking, *waiting, return_exceptions=True)
