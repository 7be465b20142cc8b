"""17: what the pipeline makes of an adapter's ``renew``, whatever the adapter does there."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from fault_support import FACES, PICTURE

from broker import (
    AsyncBroker,
    AuthFailed,
    Broker,
    BrokerError,
    DeadlineExceeded,
    NotConfigured,
    Unavailable,
)
from broker.contract import Renewable
from broker.errors import Outcome
from broker.testing.fake import fake_provider, labels
from broker.testing.hurried import HurriedAsyncRuntime, HurriedRuntime

faces = pytest.mark.parametrize("face", FACES)
REFUSED = AuthFailed("the token is over", status=401, code="over")
GOOD = labels("Cat")


def adapter(script: list[Any], renew: Any) -> Any:
    """A fake provider that can renew; ``renewals`` lists what it was asked with."""
    base: Any = fake_provider(script)

    class Renewing(base):  # type: ignore[misc] # made at run time
        manifest = base.manifest
        play = base.play
        renewals: ClassVar[list[tuple[AuthFailed, Any]]] = []

        def renew(self, refused: AuthFailed, context: Any, /) -> Any:
            self.renewals.append((refused, context))
            if isinstance(renew, BaseException):
                raise renew
            return renew() if callable(renew) else renew

    return Renewing


def ask(face: str, kind: Any, times: int = 1, **options: Any) -> Any:
    settings: dict[str, Any] = {"adapters": [kind], "provider": "fake", "max_attempts": 3, **options}
    if face == "sync":
        with Broker(runtime=HurriedRuntime(), **settings) as broker:
            for _ in range(times - 1):
                with pytest.raises(BrokerError):
                    broker.vision.label(PICTURE)
            return broker.vision.label(PICTURE)

    async def run() -> Any:
        async with AsyncBroker(runtime=HurriedAsyncRuntime(), **settings) as broker:
            for _ in range(times - 1):
                with pytest.raises(BrokerError):
                    await broker.vision.label(PICTURE)
            return await broker.vision.label(PICTURE)

    return asyncio.run(run())


async def later() -> bool:
    return True


@faces
@pytest.mark.parametrize("renew", [True, later], ids=["def", "async def"])
def test_another_credential_gives_one_more_attempt(face: str, renew: Any) -> None:
    kind = adapter([REFUSED, GOOD], renew)
    assert issubclass(kind, Renewable)
    result = ask(face, kind)
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.REJECTED, Outcome.DONE]
    assert [attempt.kind.value for attempt in result.attempts] == ["first", "retry"]
    ((refused, context),) = kind.renewals
    assert refused is REFUSED
    assert context.remaining() > 0
    assert context.operation == "vision.label"


@faces
def test_without_another_credential_the_refusal_stands(face: str) -> None:
    kind = adapter([REFUSED, GOOD], False)
    with pytest.raises(AuthFailed) as caught:
        ask(face, kind)
    assert caught.value is REFUSED
    assert len(kind.play.seen) == len(caught.value.attempts) == 1


@faces
def test_a_call_renews_once(face: str) -> None:
    kind = adapter([AuthFailed("no", status=401) for _ in range(9)], True)
    with pytest.raises(AuthFailed) as caught:
        ask(face, kind)
    assert len(kind.renewals) == 1
    assert len(kind.play.seen) == len(caught.value.attempts) == 2


@faces
def test_a_token_that_ends_between_two_attempts_is_renewed_too(face: str) -> None:
    kind = adapter([Unavailable("down"), AuthFailed("over", status=401), GOOD], True)
    result = ask(face, kind)
    assert [attempt.outcome.value for attempt in result.attempts] == ["server", "rejected", "done"]


@faces
def test_attempts_with_a_new_credential_count_like_the_others(face: str) -> None:
    kind = adapter([REFUSED, Unavailable("down"), Unavailable("down"), GOOD], True)
    with pytest.raises(Unavailable) as caught:
        ask(face, kind)
    assert len(kind.play.seen) == len(caught.value.attempts) == 3


@faces
def test_with_one_attempt_a_call_the_next_call_has_the_new_credential(face: str) -> None:
    """And the provider is not left alone for it, as it would be for a credential that cannot be renewed."""
    kind = adapter([REFUSED, GOOD], True)
    result = ask(face, kind, times=2, max_attempts=1)
    assert len(kind.renewals) == 1
    assert len(kind.play.seen) == 2
    assert len(result.attempts) == 1


@faces
@pytest.mark.parametrize(
    "met",
    [
        AuthFailed("the account is gone"),
        NotConfigured("no credential is left"),
        Unavailable("the token service is down", outcome=Outcome.NOT_SENT),
    ],
    ids=lambda met: type(met).__name__,
)
def test_what_the_renewal_met_is_told_with_the_refusal_as_its_cause(met: BrokerError, face: str) -> None:
    kind = adapter([REFUSED] * 9, met)
    with pytest.raises(type(met)) as caught:
        ask(face, kind)
    assert caught.value is met or isinstance(met, Unavailable)
    assert caught.value.billed is False
    assert len(kind.play.seen) == len(caught.value.attempts)


@faces
def test_a_renewal_past_the_deadline_is_told_as_such(face: str) -> None:
    kind = adapter([REFUSED], DeadlineExceeded("too late"))
    with pytest.raises(DeadlineExceeded, match="renewed") as caught:
        ask(face, kind)
    assert caught.value.last_error is REFUSED
    assert caught.value.billed is False


@faces
def test_a_renewal_that_fails_in_its_own_way_leaves_the_refusal(
    face: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind = adapter([REFUSED], ZeroDivisionError("oops key=abcdefgh"))
    with pytest.raises(AuthFailed) as caught:
        ask(face, kind)
    assert caught.value is REFUSED
    assert "could not renew" in caplog.text
    assert "abcdefgh" not in caplog.text


@faces
def test_an_adapter_without_renewal_is_asked_once(face: str) -> None:
    kind = fake_provider([REFUSED, GOOD])
    with pytest.raises(AuthFailed):
        ask(face, kind)
    assert len(kind.play.seen) == 1
