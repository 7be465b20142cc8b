"""Hands notices to a thread that delivers them: whoever sends one neither waits nor fails."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, Union

from broker.contract.redact import plain
from broker.notify.notice import Delivery, Notice
from broker.runtime.forks import first_use
from broker.sections import NotifySettings

if TYPE_CHECKING:
    from broker.notify.command import Command
    from broker.notify.webhook import Webhook

log = logging.getLogger("broker")

ROOM = 100
"""Notices that may wait; more are dropped and counted."""
LIMIT_SECONDS = 10.0
"""For one notice on one way, all tries included."""
CLOSE_SECONDS = 5.0
"""How long closing, and the end of the program, may wait for notices."""

Channel: TypeAlias = Union["Webhook", "Command"]


class _Run:
    """One life of the thread: it begins with a notice and ends when none is left."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = channels
        self.thread: threading.Thread | None = None
        self.until = math.inf
        self.stopped = False


class Notifier:
    """Delivers notices by webhook and command. Share it between threads; close it to have all delivered.

    The thread exists only while there is something to deliver. In a forked child nothing is waiting: what
    waited is the parent's.

    :param webhook: an address for POST; None for none. A secret.
    :param command: a program with its arguments; empty for none.
    :param limit: seconds for one notice on one way.
    :param pause: seconds before a webhook is tried again.
    :param room: how many notices may wait.
    """

    def __init__(
        self,
        *,
        webhook: str | None = None,
        command: Sequence[str] = (),
        limit: float = LIMIT_SECONDS,
        pause: float = 0.5,
        room: int = ROOM,
    ) -> None:
        self._webhook = webhook
        self._command = tuple(command)
        self._limit = limit
        self._pause = pause
        self._room = room
        self._fresh()
        _notifiers.add(self)

    @classmethod
    def of(cls, settings: NotifySettings) -> Notifier:
        """From the section ``[notify]``."""
        webhook = settings.webhook
        return cls(webhook=None if webhook is None else webhook.get_secret_value(), command=settings.command)

    def _fresh(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may close the broker in the middle of send()
        self._queue: deque[Notice] = deque()
        self._run: _Run | None = None
        self._ended: threading.Thread | None = None
        self._dropped = 0

    @property
    def active(self) -> bool:
        """Whether anybody is told at all."""
        return self._webhook is not None or bool(self._command)

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way: closing then takes no time."""
        return self._run is None and not self._queue

    @property
    def dropped(self) -> int:
        """Notices that found no room, since the start."""
        return self._dropped

    def send(self, notice: Notice) -> None:
        """Have it delivered; returns at once and raises nothing. Without a way to tell it is dropped silently."""
        if not self.active:
            return
        with self._lock:
            full = len(self._queue) >= self._room
            if full:
                self._dropped += 1
            else:
                self._queue.append(notice)
                self._start()
        if full:
            log.warning(
                "%d notices wait already, so one about %s is dropped", self._room, plain(notice.subject)
            )

    def _start(self) -> None:
        """Begin a thread unless there is one; under the lock."""
        if self._run is not None:
            return
        run = _Run(self._channels())
        run.thread = threading.Thread(target=self._work, args=(run,), name="mlbroker notify", daemon=True)
        try:
            run.thread.start()
        except RuntimeError:
            return  # no thread can be had now; the next notice tries again, and close() delivers by itself
        self._run = run

    def _channels(self) -> list[Channel]:
        found: list[Channel] = []
        if self._webhook is not None:
            with first_use:
                from broker.notify.webhook import Webhook

            found.append(Webhook(self._webhook, pause=self._pause))
        if self._command:
            with first_use:  # on demand, as subprocess costs milliseconds
                from broker.notify.command import Command

            found.append(Command(self._command))
        return found

    def _work(self, run: _Run) -> None:
        try:
            while (notice := self._next(run)) is not None:
                for channel in run.channels:
                    if not run.stopped:
                        self._deliver(channel, notice, run)
        finally:
            for channel in run.channels:
                channel.release()

    def _next(self, run: _Run) -> Notice | None:
        with self._lock:
            if self._queue and not run.stopped:
                return self._queue.popleft()
            if self._run is run:
                self._run, self._ended = None, run.thread
            return None

    def _deliver(self, channel: Channel, notice: Notice, run: _Run) -> None:
        try:
            done = channel.deliver(notice, min(time.monotonic() + self._limit, run.until))
        except Exception as error:  # noqa: BLE001 - the next notice must not fail with this one
            subject = plain(notice.subject)
            log.warning("a notice about %s was not delivered (%s)", subject, type(error).__name__)
            return
        told = (notice.kind, plain(notice.subject), done.channel, done.target, done.detail)
        if done.delivered:
            log.debug("the notice %s about %s went to the %s %s: %s", *told)
        else:
            log.warning("the notice %s about %s did not reach the %s %s: %s", *told)

    def deliver(self, notice: Notice) -> list[Delivery]:
        """Deliver it now, in this thread, past the queue; what became of it on each way. Raises nothing."""
        channels = self._channels()
        try:
            return [channel.deliver(notice, time.monotonic() + self._limit) for channel in channels]
        finally:
            for channel in channels:
                channel.release()

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Deliver what waits within these seconds, give up the rest, and end the thread. Usable again afterwards.

        Only a webhook's request that is on its way then may live on, by its own limit, in a thread that does
        not keep the program from ending.
        """
        until = time.monotonic() + seconds
        while True:
            with self._lock:
                run = self._run
                if run is None and self._queue:
                    run = self._run = _Run(self._channels())  # no thread could be had: in this one
                if run is None:
                    ended = self._ended
                    break
                run.until = until
            if run.thread is None:
                self._work(run)
            else:
                run.thread.join(max(0.0, until - time.monotonic()))
            if time.monotonic() >= until:
                self._give_up(run)
                return
        if ended is not None:
            ended.join(_GRACE)  # it has nothing left to do but to close its connection

    def _give_up(self, run: _Run) -> None:
        with self._lock:
            if self._run is None and not self._queue:
                return
            left = len(self._queue) + (1 if self._run is run else 0)
            self._queue.clear()
            self._run = None
            run.stopped = True
        for channel in run.channels:
            channel.cut()
        log.warning("notices not delivered before the end: %d", left)
        if run.thread is not None:
            run.thread.join(_GRACE)


_GRACE = 0.2
"""Seconds for the thread to see that it is over."""
_notifiers: weakref.WeakSet[Notifier] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for each in list(_notifiers):
        each._fresh()  # noqa: SLF001 - this module's own


def _at_exit() -> None:
    until = time.monotonic() + CLOSE_SECONDS
    for each in list(_notifiers):
        each.close(max(0.0, until - time.monotonic()))


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
