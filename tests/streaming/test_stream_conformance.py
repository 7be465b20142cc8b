"""The clouds' streams against the kit that other authors' adapters are held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest
from aws_stream_peer import Session, TranscribePeer, result
from azure_stream_peer import SpeechPeer, Talk
from gcp_stream_peer import StreamPeer
from gcp_stream_peer import Talk as GoogleTalk

from broker.contract import Adapter
from broker.testing.stream_conformance import Stage, StreamConformance
from broker_aws import AwsAdapter
from broker_azure import AzureAdapter
from broker_azure.streaming import installed
from broker_gcp import GcpAdapter


class AwsStage:
    """Transcribe."""

    part = "greets"

    def __init__(self, secret: str) -> None:
        self.peer = TranscribePeer(self._play, secret=secret)

    @property
    def url(self) -> str:
        return self.peer.url

    @property
    def sounds(self) -> Sequence[bytes]:
        return [bytes(each.audio) for each in self.peer.sessions]

    def _play(self, session: Session) -> None:
        if self.part == "greets":
            session.hear_all()
            session.say(result("Hello.", 0.0, 0.5, partial=False))
            session.close()
            return
        session.next_piece()
        session.say(result("hel", 0.0, 0.1, partial=True))
        for _ in range(3 if self.part == "breaks" else 10**9):
            if session.next_piece() is None:
                return
        session.wire.close()


class AzureStage:
    """Speech."""

    part = "greets"

    def __init__(self) -> None:
        self.peer = SpeechPeer(self._play)

    @property
    def url(self) -> str:
        return self.peer.url

    @property
    def sounds(self) -> Sequence[bytes]:
        return [each.sound for each in self.peer.sessions if each.sound]

    def _play(self, talk: Talk) -> None:
        if self.part == "greets":
            talk.hear_all()
            # All of it: what no phrase covers the SDK would send again, in the turn that it begins here.
            talk.phrase("Hello.", 0, len(talk.sound) * 10_000_000 // 32_000)
            talk.finish()
            return
        talk.hear_sound()
        talk.hypothesis("hel", 0, 1_000_000)
        if self.part == "breaks":
            talk.hear_sound(16_000)
            talk.wire.close()
            return
        while talk.next_piece() is not None:
            pass


class GoogleStage:
    """StreamingRecognize."""

    part = "greets"

    def __init__(self) -> None:
        self.peer = StreamPeer(self._play)

    @property
    def url(self) -> str:
        return self.peer.url

    @property
    def sounds(self) -> Sequence[bytes]:
        return [bytes(each.sound) for each in self.peer.talks if each.sound]

    def _play(self, talk: GoogleTalk) -> Iterator[bytes]:
        if self.part == "greets":
            talk.hear_all()
            yield talk.message(talk.result("Hello.", final=True))
            return
        talk.hear()
        yield talk.message(talk.result("hel"))
        for _ in range(3 if self.part == "breaks" else 10**9):
            if talk.hear() is None:
                return
        talk.refuse("UNAVAILABLE", "The connection broke.")


class TestAwsStreams(StreamConformance):
    adapter: ClassVar[type[Adapter]] = AwsAdapter

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:  # type: ignore[override]
        stage = AwsStage(self.secret)
        with stage.peer:
            yield stage

    def section(self, stage: Stage) -> Mapping[str, Any]:
        return {
            "endpoint": stage.url, "region": "eu-west-2", "access_key_id": "AKID", "secret_access_key": self.secret,
        }  # fmt: skip


@pytest.mark.skipif(not installed(), reason="needs the extra azure-speech")
class TestAzureStreams(StreamConformance):
    adapter: ClassVar[type[Adapter]] = AzureAdapter
    secret = "k" * 32

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:  # type: ignore[override]
        stage = AzureStage()
        with stage.peer:
            yield stage

    def section(self, stage: Stage) -> Mapping[str, Any]:
        return {"endpoint": stage.url, "region": "eastus", "key": self.secret}


class TestGoogleStreams(StreamConformance):
    adapter: ClassVar[type[Adapter]] = GcpAdapter

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:  # type: ignore[override]
        pytest.importorskip("google.cloud.speech_v2", reason="needs the gcp extra")
        stage = GoogleStage()
        with stage.peer:
            yield stage

    def section(self, stage: Stage) -> Mapping[str, Any]:
        return {"endpoint": stage.url, "project": "p", "api_key": self.secret}
