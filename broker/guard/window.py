"""Counts over a sliding window of time, in buckets: the cost of a call does not depend on how many there were."""

from __future__ import annotations

BUCKETS = 60


class Window:
    """Requests sent, failed and slow within the last ``seconds``. Not locked: its owner's lock holds for it."""

    __slots__ = ("_at", "_failed", "_sent", "_slot", "_slow", "_width", "calls", "failures", "slow")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._at = self._slot = 0
        self._sent, self._failed, self._slow = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
        self.calls = self.failures = self.slow = 0

    def sent(self, now: float) -> None:
        """A request goes out."""
        if int(now / self._width) != self._at:
            self.roll(now)
        self._sent[self._slot] += 1
        self.calls += 1

    def unsent(self) -> None:
        """One that was counted did not go out after all."""
        if self._sent[self._slot]:
            self._sent[self._slot] -= 1
            self.calls -= 1

    def failed(self, now: float) -> None:
        """A request ended with a failure that counts."""
        self.roll(now)
        self._failed[self._slot] += 1
        self.failures += 1

    def was_slow(self, now: float) -> None:
        """A request took too long."""
        self.roll(now)
        self._slow[self._slot] += 1
        self.slow += 1

    def rate(self, now: float, since: float) -> float:
        """Requests per second sent since then, to the bucket; less than a second is taken for one."""
        self.roll(now)
        count = min(BUCKETS, int(now / self._width) - int(since / self._width) + 1)
        sent = sum(self._sent[(self._slot - back) % BUCKETS] for back in range(count))
        return sent / max(1.0, now - since)

    def roll(self, now: float) -> None:
        """Let go of what has left the window."""
        at = int(now / self._width)
        steps = at - self._at
        if steps <= 0:
            return
        for _ in range(min(steps, BUCKETS)):
            slot = self._slot = (self._slot + 1) % BUCKETS
            self.calls -= self._sent[slot]
            self.failures -= self._failed[slot]
            self.slow -= self._slow[slot]
            self._sent[slot] = self._failed[slot] = self._slow[slot] = 0
        self._at = at
