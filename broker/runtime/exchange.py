"""One request and its answer on the wire: how much time is left, how far it got, and what a failure means.

httpcore hands the ``timeout`` of a request unchanged to every read and write of the network stream.
An :class:`Exchange` travels in that place: it is a float for whoever only wants a number, and for our
network backend it is the deadline and the progress. So a server that drips one byte a second cannot
hold a call past its deadline, without a watchdog thread.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import httpcore

from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, NotConfigured, Outcome, Unavailable


def unsent(interruption: BaseException) -> None:
    """Mark a cancellation or Ctrl-C that came before anything was sent; the attempt then costs nothing."""
    interruption.outcome = Outcome.NOT_SENT  # type: ignore[attr-defined] # as on our own errors


class Exchange(float):
    """Seconds left at its making, plus the instant itself and the bytes that passed.

    :param at: the deadline on ``clock``.
    :ivar begun: a first byte was about to be written.
    :ivar reused: it was, to a connection that had served another request before.
    :ivar broken: the request was not handed over whole.
    """

    __slots__ = ("at", "begun", "broken", "clock", "received", "reused", "sent")

    at: float
    clock: Callable[[], float]
    sent: int
    received: int
    begun: bool
    reused: bool
    broken: bool

    def __new__(cls, at: float, clock: Callable[[], float]) -> Exchange:
        self = super().__new__(cls, max(0.0, at - clock()))
        self.at = at
        self.clock = clock
        self.sent = 0
        self.received = 0
        self.begun = False
        self.reused = False
        self.broken = False
        return self

    def left(self) -> float:
        """Seconds until the deadline; negative behind it."""
        return self.at - self.clock()

    @property
    def outcome(self) -> Outcome:
        """What a failure now means for billing.

        A request whose body was not handed over whole cannot have been served; anything later may have been.
        """
        return Outcome.NOT_SENT if self.sent == 0 or self.broken else Outcome.AMBIGUOUS

    @property
    def stale(self) -> bool:
        """Whether a failure now only means that an idle connection was no longer one.

        It had been kept from an earlier request, the new one was not handed over whole, and nothing came back: the
        server cannot have served it. A request that went out whole may have been served, whatever its method.
        """
        return self.reused and self.broken and self.received == 0 and self.left() > 0.0

    def note_interruption(self, interruption: BaseException) -> None:
        """Let a cancellation or Ctrl-C say that nothing was sent, where that is certain.

        Between a write and its being counted an interruption can come too, so only the write's beginning counts.
        """
        if not self.begun and not isinstance(interruption, Exception):
            unsent(interruption)

    def error(self, failure: Exception, host: str) -> BrokerError:
        """Our error for a failure of httpcore's or the network's."""
        if isinstance(failure, httpcore.TimeoutException):
            if self.left() <= 0.0:
                where = "while waiting for the answer of" if self.sent else "while connecting to"
                late = DeadlineExceeded(f"the deadline passed {where} {host}", outcome=self.outcome)
                late.unreached = isinstance(failure, httpcore.ConnectTimeout) and not self.sent
                return late
            return Unavailable(f"{host} did not accept a connection in time", outcome=Outcome.NOT_SENT)
        certificate = _certificate_error(failure)
        if certificate is not None:
            return NotConfigured(
                f"the TLS certificate of {host} is not trusted ({certificate.verify_message}). If a proxy of "
                "your own re-signs it, put its CA file into SSL_CERT_FILE"
            )
        if isinstance(failure, httpcore.ProxyError):
            return NotConfigured(
                f"the proxy refused to reach {host}; check HTTPS_PROXY and its credentials, or list the host in NO_PROXY"
            )
        outcome = self.outcome
        if outcome is Outcome.NOT_SENT:
            return Unavailable(f"{host} could not be reached: {_reason(failure)}", outcome=outcome)
        if self.received and isinstance(failure, httpcore.RemoteProtocolError):
            return MalformedReply(f"{host} did not answer in HTTP", outcome=outcome)
        return Unavailable(
            f"the connection to {host} broke before the answer came; it may have been billed", outcome=outcome
        )


def _certificate_error(failure: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return failure
        failure = failure.__cause__ or failure.__context__
    return None


def _reason(failure: BaseException) -> str:
    return str(failure) or type(failure).__name__
