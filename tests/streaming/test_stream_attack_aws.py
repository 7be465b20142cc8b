"""Amazon Transcribe bills sound, also where nothing is said in it or nobody wants partial results."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_stream_peer import Session, TranscribePeer, result
from stream_support import sound_of

from broker import Broker
from broker.errors import Outcome, ProviderError
from broker.types.money import Billed


def silence(session: Session) -> None:
    """Nothing is said; the service tells nothing of it."""


def acceptance(session: Session) -> None:
    session.say()


def partial(session: Session) -> None:
    session.say(result("so", 0.0, 0.1, partial=True))


@pytest.mark.parametrize("said", [silence, acceptance, partial])
@pytest.mark.parametrize("name", ["BadRequestException", "LimitExceededException"])
def test_sound_that_went_out_is_not_booked_as_nothing(said: Callable[[Session], None], name: str) -> None:
    def part(session: Session) -> None:
        for _ in range(10):
            session.next_piece()
        said(session)
        session.fail(name, "no new audio was received for 15 seconds")
        session.close()

    with TranscribePeer(part) as peer:
        account = {
            "endpoint": peer.url,
            "region": "eu-west-2",
            "access_key_id": "AKID",
            "secret_access_key": "SECRET",
        }
        with Broker(provider="aws", providers={"aws": account}) as broker:
            stream = broker.transcription.stream(sound_of(30), language="en-US", partials=False)
            with pytest.raises(ProviderError) as caught:
                list(stream)
            assert stream.milliseconds >= 1000
            assert stream.result.attempts[0].outcome is Outcome.AMBIGUOUS
            assert stream.cost.billed is Billed.UNKNOWN
            assert caught.value.billed is None
            assert sum(row.at_risk for row in broker.spend()) > 0
