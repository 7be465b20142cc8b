"""The ledger's rows of one stream: a slice of sound each, announced before its sound goes out, settled when it is over."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

from broker.contract.context import Reply
from broker.contract.streams import StreamEnd
from broker.errors import BudgetExceeded, Outcome
from broker.ledger.base import Ticket
from broker.pipeline.alarm import tell
from broker.pipeline.call import Call, Services, Target
from broker.pipeline.cap import hold_below
from broker.pipeline.live import Left
from broker.pipeline.meter import Metered
from broker.pipeline.record import Record, announced, intent_of, number_of, patiently, reported
from broker.pipeline.stream_meter import SLICE_MILLISECONDS, SliceBill, StreamBook, slice_bill, stream_of
from broker.pricing.bill import Bill
from broker.runtime.blocking import drive
from broker.types.money import EXACT

_PATIENCE = 5.0
"""Seconds that the sound waits for another process's write to the ledger."""


class Slices:
    """One attempt's. :meth:`announce` is called by the thread that sends; the others by whoever runs the stage.

    :ivar first: number of the first slice's row.
    """

    def __init__(self, call: Call, services: Services, target: Target) -> None:
        self._call = call
        self._services = services
        self._target = target
        self.started = services.runtime.now()
        self._book = StreamBook(stream_of(call.request), target, services, self.started.date())
        self.first = number_of(call)
        self._tickets: list[Ticket | None] = []
        self._bound = Decimal(0)
        self._reported: Bill | None = None
        self._frozen = False
        self._lock = threading.Lock()
        self.free = False

    async def announce_first(self) -> None:
        """Before the connection is opened. Raises :class:`BudgetExceeded`, :class:`LedgerUnavailable`."""
        first = slice_bill(self._book.upto(SLICE_MILLISECONDS), None)
        self.free = first.bound == 0 and first.unpriced is None
        self._hold_below(first)
        ticket = await announced(self._call, self._services, self._target, first, self.started)
        self._note(ticket, first)

    @property
    def announced(self) -> int:
        """Milliseconds of sound that may be sent. What is free is announced once, whatever its length."""
        return SLICE_MILLISECONDS * len(self._tickets)

    def announce(self) -> None:
        """The next slice, in the sending thread. Raises :class:`BudgetExceeded`, :class:`LedgerUnavailable`, :class:`SwitchedOff`."""
        board, call = self._services.board, self._call
        if board is not None:
            board.check(call.call_id, call.use_case, call.operation.name, str(self._target.candidate))
        count = len(self._tickets)
        before = self._book.upto(SLICE_MILLISECONDS * count)
        made = slice_bill(self._book.upto(SLICE_MILLISECONDS * (count + 1)), before)
        self._hold_below(made)
        runtime = self._services.runtime.in_thread()
        inside = replace(self._services, runtime=runtime)
        intent = replace(intent_of(self._call, self._target, made, self.started), number=self.first + count)
        try:
            ticket = drive(
                patiently(inside, lambda: inside.ledger.announce(intent), runtime.monotonic() + _PATIENCE)
            )
        except BudgetExceeded as error:
            tell(error.alarms, self._services)
            raise
        tell(ticket.alarms, self._services)
        with self._lock:
            if not self._frozen:
                self._note(ticket, made)
                return
        self._take_back(ticket, made, inside)
        raise Left

    def _note(self, ticket: Ticket | None, made: Metered) -> None:
        self._tickets.append(ticket)
        self._bound = EXACT.add(self._bound, made.bound or Decimal(0))

    def _take_back(self, ticket: Ticket, made: SliceBill, inside: Services) -> None:
        """It was announced while the stream was settled: nothing of it was sent."""
        scratch = replace(self._call, attempts=[])
        record = Record(scratch, inside, self._target, made, self.started, 0.0, ticket.intent.number)
        drive(record.settle(ticket, Outcome.NOT_SENT))

    def _hold_below(self, made: SliceBill) -> None:
        if self._call.max_cost is None:
            return
        # Of this stream nothing is settled yet: all of it counts at its bound.
        bound = None if made.bound is None else EXACT.add(self._bound, made.bound)
        hold_below(self._call.max_cost, self._call, replace(made, bound=bound))

    def freeze(self) -> None:
        """No slice is announced from now on."""
        with self._lock:
            self._frozen = True

    def report(self, end: StreamEnd, sent: int) -> None:
        """What the provider says it billed. Raises :class:`~broker.errors.MalformedReply`."""
        if end.usage and sent:
            measured = slice_bill(self._book.upto(sent), None)
            found = reported(self._call, self._services, end.usage, measured)
            self._reported = self._book.of(found.usage)  # at the prices of the stream's first day

    async def settle(
        self,
        outcome: Outcome,
        latency: float,
        *,
        sent: int,
        reply: Reply[Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """Book each slice as the stream ended, by what was sent of it."""
        reported_use = self._reported if error is None else None
        bills = self._book.slices(sent, reported_use, len(self._tickets))
        for place, (ticket, made) in enumerate(zip(self._tickets, bills, strict=True)):
            record = Record(
                self._call,
                self._services,
                self._target,
                made,
                self.started,
                latency,
                self.first + place,
            )
            await record.settle(ticket, outcome, reply=reply, error=error)
