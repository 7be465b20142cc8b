"""The kept answers of a run, read again out of the vendors' whole ones where those were kept too (``raw = true``).

What an adapter reads may change: a fault is mended, a name is mapped. Then what a run kept of an answer when it was given
(its reading) and what its raw answer says today differ. Which of the two is scored is a person's choice, and can be undone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from broker.bench.kept import State, unpacked
from broker.bench.reread import Reader, reader_of
from broker.bench.result import Lane
from broker.bench.store import Store
from broker.contract.operations import OPERATIONS
from broker.core import Core
from broker.errors import BadInput, BrokerError, StoredAnswerUnreadable
from broker.runtime.blocking import drive
from broker.scoring import read_answer, stored_answer

FACT = "read_from"
"""Of the store: which readings it holds. Not put: those of the time when the answers were given."""
MOST_LOOKED_AT = 200
"""Answers of a lane that a scoring looks at to tell whether they would be read otherwise today."""
_TOGETHER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAgain:
    """What reading raw answers again came to.

    :param raw: answers with the vendor's whole one beside them. ``looked_at``: of these.
    :param other: say something else now. ``unreadable``: cannot be read so, and stay as they were; ``why``: the first of them.
    """

    raw: int
    looked_at: int
    other: int
    unreadable: int
    why: str = ""


def look(store: Store, core: Core, progress: Callable[[int], None]) -> ReadAgain:
    """Whether answers would be read otherwise today; evenly some of each lane. Nothing is changed."""
    return _walk(store, core, progress, keep=False)


def read_again(store: Store, core: Core, progress: Callable[[int], None]) -> ReadAgain:
    """Take today's readings of all raw answers, or of none where something comes in between; those of then are kept beside.

    Raises :class:`~broker.errors.BadInput` where no raw answer was kept, and where none can be read.
    """
    if not any(_count(store, number) for number in store.lanes()):
        raise BadInput(
            "the run kept none of the vendors' whole answers (run.raw of its plan), so there is nothing to read again; leave "
            "--from out"
        )
    with store.together():  # all of them, or none: interrupted or killed, everything is as it was
        store.restore_answers()  # what is counted as other than then is so
        told = _walk(store, core, progress, keep=True)
        if told.unreadable == told.looked_at:
            raise BadInput(
                f"none of the {told.raw} whole answers can be read again ({told.why}); nothing is changed, leave --from out"
            )
        day = core.services.runtime.now().date()
        text = (
            f"scored by the vendors' whole answers as mlbroker {version('mlbroker')} read them on {day}: {told.other} of "
            f"{told.looked_at - told.unreadable} say something else than when they were given"
        )
        if told.unreadable:
            text += f"; {told.unreadable} cannot be read so and stay as they were ({told.why})"
        bare = store.count(State.ANSWERED) - told.raw
        if bare:
            text += f"; of {bare} no whole answer was kept"
        store.put(FACT, text)
    return told


def as_given(store: Store) -> int:
    """Take the readings of the time when the answers were given. Returns how many are others again."""
    with store.together():
        changed = store.restore_answers()
        store.put(FACT, "")
    return changed


def reading_of(store: Store) -> str | None:
    """What must be said of the readings that a store holds; None: they are those of the time when the answers were given."""
    return store.get(FACT) or None


def _walk(store: Store, core: Core, progress: Callable[[int], None], *, keep: bool) -> ReadAgain:
    raw = looked_at = other = unreadable = 0
    why = ""
    for number, lane in store.lanes().items():
        count = _count(store, number)
        if not count:
            continue
        raw += count
        reader = _reader(core, lane)
        step = 1 if keep else -(-count // MOST_LOOKED_AT)
        changed: list[tuple[int, str]] = []
        for question, item, text, said in _answers(store, number, step):
            looked_at += 1
            try:
                again = _read(core, reader, lane, item, said)
                differs = not _same(lane.operation, text, again)
            except (BrokerError, OSError, ValueError, RecursionError) as error:
                unreadable += 1
                why = why or f"{lane.key}: {error}"
                continue
            if differs:
                other += 1
                changed.append((question, stored_answer(lane.operation, again)))
            if keep and len(changed) >= _TOGETHER:
                store.replace_answers(changed)
                changed = []
            progress(looked_at)
        if keep and changed:
            store.replace_answers(changed)
    return ReadAgain(raw=raw, looked_at=looked_at, other=other, unreadable=unreadable, why=why)


def _count(store: Store, lane: int) -> int:
    """Of a lane's raw answers."""
    (row,) = store.rows(_COUNT, (lane,))
    return int(row[0])


def _reader(core: Core, lane: Lane) -> Reader | BrokerError:
    try:
        found = reader_of(core.services.registry, lane.provider, OPERATIONS[lane.operation])
    except BrokerError as error:
        return error
    return found or StoredAnswerUnreadable(
        f"the adapter of {lane.provider} reads no kept answers of {lane.operation}"
    )


def _read(core: Core, reader: Reader | BrokerError, lane: Lane, item: str, said: str) -> Any:
    if isinstance(reader, BrokerError):
        raise reader
    options = {**json.loads(lane.options or "{}"), "provider": lane.provider}
    call = drive(core.prepare(OPERATIONS[lane.operation], item, options))
    return reader.read(json.loads(said), call.request)


def _same(operation: str, text: str, again: Any) -> bool:
    if text == stored_answer(operation, again):
        return True
    try:  # the same may have been written in another way
        return bool(read_answer(operation, text) == again)
    except StoredAnswerUnreadable:
        return False


def _answers(store: Store, lane: int, step: int) -> Iterator[tuple[int, str, str, str]]:
    """Question, input, reading and raw answer of every ``step``-th, few at a time in memory."""
    after, place = 0, 0
    while block := list(store.rows(_BLOCK, (lane, after, _TOGETHER))):
        for question, item, answer, said in block:
            if place % step == 0:
                yield question, item, unpacked(answer), unpacked(said)
            place += 1
        after = block[-1][0]


_COUNT = "SELECT count(*) FROM question JOIN answer ON answer.question = question.number WHERE lane = ? AND raw IS NOT NULL"
_BLOCK = """
SELECT question.number, item.input, answer.answer, answer.raw FROM question
JOIN answer ON answer.question = question.number JOIN item ON item.number = question.item
WHERE question.lane = ? AND question.number > ? AND answer.raw IS NOT NULL ORDER BY question.number LIMIT ?
"""
