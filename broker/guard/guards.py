"""All guards of one broker: made on first use, kept for its life, new locks after a fork."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from broker.guard.breaker import Breaker, Limits
from broker.guard.bulkhead import Bulkhead
from broker.guard.pace import Pace
from broker.guard.retry_budget import RetryBudget
from broker.runtime.forks import renewed_in_child
from broker.sections import LimitSettings

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetKey:
    """What is guarded: an operation of a provider's account in a region.

    :param account: the provider, with its profile if one was chosen (``aws:prod-eu``).
    """

    account: str
    operation: str
    region: str | None

    @property
    def provider(self) -> str:
        """The account without its profile."""
        return self.account.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.account} {self.operation}" + (f" {self.region}" if self.region else "")


@dataclass(frozen=True, slots=True)
class Guard:
    """The parts that stand before one target. Seats are shared by its account, retries by its provider."""

    key: TargetKey
    breaker: Breaker
    pace: Pace
    bulkhead: Bulkhead
    budget: RetryBudget


@dataclass(frozen=True, slots=True)
class Rule:
    """Something shut by hand, or taken out of an earlier rule (no reason), also for targets not seen yet."""

    provider: str
    operation: str | None
    reason: str | None
    since: float

    def fits(self, account: str, operation: str) -> bool:
        """Whether it is meant; a provider's name means all its accounts."""
        named = self.provider in (account, account.partition(":")[0], ANY)
        return named and self.operation in (None, operation)


class Guards:
    """The guards of one broker. Safe for threads; a forked child goes on from the same counts."""

    def __init__(self, limits: LimitSettings) -> None:
        self.settings = limits
        self.limits = Limits(
            enabled=limits.breaker,
            window=limits.window,
            min_calls=limits.min_calls,
            failure_ratio=limits.failure_ratio,
            slow_ratio=limits.slow_ratio,
            slow_call_seconds=limits.slow_call_seconds,
            failures_in_a_row=limits.failures_in_a_row,
            open_seconds=limits.open_seconds,
            longest_open_seconds=max(limits.open_seconds, limits.longest_open_seconds),
        )
        self._lock = threading.RLock()
        self._guards: dict[TargetKey, Guard] = {}
        self._accounts: dict[str, Bulkhead] = {}
        self._budgets: dict[tuple[str, str], RetryBudget] = {}
        self._rules: tuple[Rule, ...] = ()
        self.known: dict[int, tuple[object, Guard]] = {}
        """The stage's short way from an object it sees again and again, by ``id``; it is kept so that the id is."""
        renewed_in_child(self)

    def guard(
        self, key: TargetKey, now: float, *, concurrency: int | None = None, rate: float | None = None
    ) -> Guard:
        """The guard of a target.

        :param concurrency: seats of its account, if its settings say; the first word counts.
        :param rate: requests per second of the operation, if its settings say.
        """
        found = self._guards.get(key)
        if found is not None:
            return found
        with self._lock:
            found = self._guards.get(key)
            if found is None:
                found = Guard(
                    key,
                    Breaker(self.limits, now),
                    Pace(rate, now),
                    self._accounts.setdefault(
                        key.account, Bulkhead(concurrency or self.settings.concurrency)
                    ),
                    self._budgets.setdefault(
                        (key.provider, key.operation), RetryBudget(self.settings.retry_ratio, now)
                    ),
                )
                rule = next((each for each in self._rules if each.fits(key.account, key.operation)), None)
                if rule is not None and rule.reason is not None:
                    found.breaker.isolate(now, rule.reason)
                self._guards[key] = found
        return found

    def all(self) -> tuple[Guard, ...]:
        """Those made so far, in the order of their first use."""
        with self._lock:
            return tuple(self._guards.values())

    def rules(self) -> tuple[Rule, ...]:
        """What was shut by hand, the latest first; of two that fit a target the first counts."""
        return self._rules

    def isolate(self, provider: str, operation: str | None, reason: str, now: float) -> None:
        """Shut by hand what fits, now and when it is first seen."""
        with self._lock:
            self._rule(Rule(provider, operation, reason, now))
            for each in self._fitting(provider, operation):
                each.breaker.isolate(now, reason)

    def reset(self, provider: str | None, operation: str | None, now: float) -> None:
        """Let what fits begin anew: breaker, pace found by throttling, retry budget, shut by hand or not."""
        with self._lock:
            if provider is None and operation is None:
                self._rules = ()
            else:
                self._rule(Rule(provider or ANY, operation, None, now))
            for each in self._fitting(provider or ANY, operation):
                each.breaker.reset(now)
                each.pace.reset(now)
                each.budget.reset(now)

    def renew(self) -> None:
        """In a forked child: locks that another thread may have held are replaced, nobody is on his way."""
        self._lock = threading.RLock()
        for each in tuple(self._guards.values()):
            each.breaker.after_fork()
            each.pace.after_fork()
        for account in tuple(self._accounts.values()):
            account.after_fork()
        for budget in tuple(self._budgets.values()):
            budget.after_fork()

    def _fitting(self, provider: str, operation: str | None) -> list[Guard]:
        rule = Rule(provider, operation, None, 0.0)
        return [each for each in self._guards.values() if rule.fits(each.key.account, each.key.operation)]

    def _rule(self, rule: Rule) -> None:
        """Put it before the others, without those it makes void."""
        kept = [
            each
            for each in self._rules
            if not (
                rule.provider in (each.provider, each.provider.partition(":")[0], ANY)
                and rule.operation in (None, each.operation)
            )
        ]
        self._rules = (rule, *kept)
