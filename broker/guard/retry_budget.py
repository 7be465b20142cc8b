"""How many retries there may be: a part of the calls, so that retries never multiply what an outage is asked."""

from __future__ import annotations

import threading

FULL = 10.0
"""Tokens at the start, and what time alone fills up to."""
CAP = 100.0
PER_SECOND = 0.1


class RetryBudget:
    """Tokens of one provider's operation: each first attempt adds a part of one, each retry takes one.

    :param ratio: tokens for a first attempt.
    """

    __slots__ = ("_at", "_lock", "_ratio", "_tokens")

    def __init__(self, ratio: float, now: float) -> None:
        self._ratio = ratio
        self._lock = threading.RLock()
        self._tokens = FULL
        self._at = now

    def earn(self) -> None:
        """A first attempt was made."""
        if self._tokens >= CAP:  # as it mostly is where all goes well
            return
        with self._lock:
            self._tokens = min(CAP, self._tokens + self._ratio)

    def take(self, now: float) -> bool:
        """Whether a retry may be made; then it is paid for."""
        with self._lock:
            if self.left(now) < 1.0:
                return False
            self._tokens -= 1.0
            return True

    def left(self, now: float) -> float:
        """Tokens there are."""
        with self._lock:
            if self._tokens < FULL:
                self._tokens = min(FULL, self._tokens + PER_SECOND * max(0.0, now - self._at))
            self._at = max(self._at, now)
            return self._tokens

    def reset(self, now: float) -> None:
        """Begin anew."""
        with self._lock:
            self._tokens, self._at = max(self._tokens, FULL), now

    def after_fork(self) -> None:
        """In a child: the tokens stay."""
        self._lock = threading.RLock()
