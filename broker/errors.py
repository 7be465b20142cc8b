"""The one error tree: each class is named after what the caller can do next.

This is the lowest layer and imports nothing of ours. A vendor's own exception is
kept as ``__cause__``; its message reaches ours only after redaction. Errors are mapped
by status and error code, never by message text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.types.budget import BudgetAlarm, BudgetRefusal
    from broker.types.call import Attempt
    from broker.types.money import Cost
    from broker.types.write import WriteReport


class Outcome(str, Enum):
    """How one attempt ended; it decides whether to retry and whether it was billed."""

    DONE = "done"
    """A valid answer came back."""
    NOT_SENT = "not_sent"
    """The vendor surely never saw the request (DNS, refused, TLS): free, may be repeated."""
    REJECTED = "rejected"
    """The vendor refused the request as it stands (4xx): not billed, never repeated."""
    THROTTLED = "throttled"
    """Too fast: not billed, repeated after the vendor's hint."""
    QUOTA_DEAD = "quota_dead"
    """A longer quota is used up: not billed, not repeated before it resets."""
    SERVER = "server"
    """The vendor failed (5xx): billing unknown, repeated."""
    AMBIGUOUS = "ambiguous"
    """Sent, but the reply was lost: counted as billed until known; repeated only on request."""
    BAD_REPLY = "bad_reply"
    """Answered 200 with something unusable: billed, not repeated."""
    UNKNOWN = "unknown"
    """A status or code we have no row for: billing unknown, not repeated."""


BILLED: dict[Outcome, bool | None] = {
    Outcome.DONE: True,
    Outcome.NOT_SENT: False,
    Outcome.REJECTED: False,
    Outcome.THROTTLED: False,
    Outcome.QUOTA_DEAD: False,
    Outcome.SERVER: None,
    Outcome.AMBIGUOUS: None,
    Outcome.BAD_REPLY: True,
    Outcome.UNKNOWN: None,
}
"""Whether an attempt of this outcome is billed: yes, no, or None for *unknown*."""

RETRYABLE = frozenset({Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.SERVER})
"""Outcomes repeated without being asked. AMBIGUOUS only with ``retry_ambiguous``."""


LONGEST_HINT = 31 * 24 * 3600.0
"""A vendor's hint above a month is taken for this; 10^9 seconds is a vendor's slip, not a plan."""


class BrokerError(Exception):
    """Base of everything this library raises on purpose.

    ``call_id`` names the call in the ledger, once it has begun; ``attempts`` lists what was tried and
    ``cost`` what it came to, as on a result; ``outcome`` says how far it got.
    """

    call_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    cost: Cost | None = None
    outcome: Outcome = Outcome.NOT_SENT

    @property
    def billed(self) -> bool | None:
        """True, False, or None when nobody can say yet; of the whole call where ``attempts`` are told."""
        if not self.attempts:
            return BILLED[self.outcome]
        told = {each.cost.billed.value for each in self.attempts}
        return None if "unknown" in told else "yes" in told


class NotConfigured(BrokerError):
    """Something is missing on this machine: an extra, a credential, a setting. The text says what to type."""


class BadDataset(BrokerError):
    """A data set cannot be read as it stands; the text names the place and what to change. Its content is never repeated.

    :param path: the file or folder.
    :param line: in it, counted from 1, where it is a matter of a line.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        place = "" if path is None else f"{path}, line {line}: " if line is not None else f"{path}: "
        super().__init__(place + message)
        self.path = path
        self.line = line


class BadTruth(BadDataset):
    """What a data set says to be right cannot be used for this operation; the text says how it is written."""


class StoredAnswerUnreadable(BrokerError):
    """An answer that was kept cannot be read: it is damaged, or of a version of this library that knew more."""


class LedgerUnavailable(BrokerError):
    """The ledger cannot be read or written, so paid calls stop. Nothing was sent."""


class QualityUnavailable(BrokerError):
    """The store of samples and scores cannot be read or written. Calls go on; what is not written is not sampled."""


class BudgetExceeded(BrokerError):
    """The attempt could cost more than a budget or ``max_cost`` allows. It was not sent.

    ``refusal`` tells which budget and how it stands; it is None where ``max_cost`` refused.
    """

    def __init__(
        self, message: str, *, refusal: BudgetRefusal | None = None, alarms: tuple[BudgetAlarm, ...] = ()
    ) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.alarms = alarms


class SwitchedOff(BrokerError):
    """The off switch is open for this scope. Nothing was sent.

    ``degrade_to`` names the providers that the use case asks in its place.
    """

    def __init__(self, message: str, *, degrade_to: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.degrade_to = degrade_to


class BrokerClosed(BrokerError):
    """The broker was closed before this call, or while it waited; make a new one, or close it later.

    Nothing was sent, unless ``attempts`` tells of it.
    """


class DeadlineExceeded(BrokerError):
    """The call's deadline passed.

    ``billed`` is None when a request was on its way (it may have been charged) and False
    when nothing was sent. ``last_error`` is the failure that used up the time, if any.
    ``unreached``: it went into connecting.
    """

    unreached: bool = False

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome = Outcome.NOT_SENT,
        last_error: BaseException | None = None,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.last_error = last_error


class StillIndexing(DeadlineExceeded):
    """The deadline passed before queries find all documents; wait longer, the engine goes on by itself.

    ``pending`` names those that are not found yet; ``report`` tells how each stands. Nothing is lost: nothing was written.
    """

    report: WriteReport | None = None
    pending: tuple[str, ...] = ()


class ProviderError(BrokerError):
    """A provider, or our check on its behalf, did not give an answer.

    :param provider: ``aws``, ``gcp``, …; None while no provider was chosen yet.
    :param retry_after: seconds the vendor asked to wait, if it said so; what is no number of 0 or more is left out.
    :param retry_at: the same as an instant in UTC.
    :param request_id: the vendor's id of the request, for its support.
    :param status: HTTP status, where there was one.
    :param code: the vendor's own error code.
    :param misaddressed: what was addressed is not there (the index, the endpoint), so that nothing else sent to it can
        succeed, whatever it holds.
    """

    default_outcome = Outcome.UNKNOWN
    held_back: bool = False
    """Our own breaker or rate limit refused, with outcome NOT_SENT: no request was made, and repeating before
    ``retry_at`` makes none either."""

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        operation: str | None = None,
        outcome: Outcome | None = None,
        retry_after: float | None = None,
        retry_at: datetime | None = None,
        request_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
        misaddressed: bool = False,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.operation = operation
        self.outcome = self.default_outcome if outcome is None else outcome
        # Adapters of others hand on what vendors say; nobody could wait for NaN, -3 s or a naive instant.
        usable = isinstance(retry_after, (int, float)) and retry_after >= 0.0
        self.retry_after = min(retry_after, LONGEST_HINT) if usable and retry_after is not None else None
        self.retry_at = retry_at.replace(tzinfo=UTC) if retry_at and retry_at.tzinfo is None else retry_at
        self.request_id = request_id
        self.status = status
        self.code = code
        self.misaddressed = misaddressed

    def __str__(self) -> str:
        text = super().__str__()
        prefix = self.provider or ""
        if self.operation:
            prefix = f"{prefix} {self.operation}".strip()
        facts = [f"HTTP {self.status}" if self.status else "", self.code or ""]
        facts.append(f"request {self.request_id}" if self.request_id else "")
        detail = ", ".join(fact for fact in facts if fact)
        return (f"{prefix}: " if prefix else "") + text + (f" [{detail}]" if detail else "")


class Throttled(ProviderError):
    """Too many requests; wait ``retry_after`` seconds or send less."""

    default_outcome = Outcome.THROTTLED


class QuotaExhausted(ProviderError):
    """A daily or monthly quota is used up; raise it with the vendor or use another provider."""

    default_outcome = Outcome.QUOTA_DEAD


class Unavailable(ProviderError):
    """The provider could not be reached or failed; try later or use another provider."""

    default_outcome = Outcome.SERVER


class ProviderFault(ProviderError):
    """The provider answered with an error this library has no row for; report it with the request id."""

    default_outcome = Outcome.UNKNOWN


class MalformedReply(ProviderError):
    """The provider said 200 but the answer is unusable. It is counted as billed and never as empty."""

    default_outcome = Outcome.BAD_REPLY


class AuthFailed(ProviderError):
    """The credentials were refused; renew them or the permission."""

    default_outcome = Outcome.REJECTED


class BadInput(ProviderError):
    """The input is not acceptable; the text says what to change. Raised before any money is spent where we can see it."""

    default_outcome = Outcome.REJECTED


class Unsupported(ProviderError):
    """This provider cannot do what was asked; the text gives its reason and who can."""

    default_outcome = Outcome.REJECTED


class ContentRefused(ProviderError):
    """The provider refuses this content by policy."""

    default_outcome = Outcome.REJECTED


class AllProvidersFailed(ExceptionGroup[Exception], BrokerError):
    """No provider of the stated order could take the call; ``exceptions`` holds one reason each."""

    @property
    def billed(self) -> bool | None:
        """True if any attempt was billed; None if one may have been."""
        if self.attempts:
            return super().billed
        told = [each.billed for each in self.exceptions if isinstance(each, BrokerError)]
        return None if None in told else True in told

    @property
    def retry_at(self) -> datetime | None:
        """The earliest instant at which one of them asked to be tried again."""
        hints = [each.retry_at for each in self.exceptions if isinstance(each, ProviderError)]
        return min((each for each in hints if each is not None), default=None)
