"""The suite an adapter must pass, shipped so that its author can run it.

Subclass it, say which adapter, and give a stand-in for the vendor::

    class TestAcme(AdapterConformance):
        adapter = AcmeAdapter
        names = ("Cat", "Animal")

        @pytest.fixture
        def peer(self, vendor_stub):
            return HttpPeer(vendor_stub, {"vision.label": ("/v1/labels", GOOD)})

        def section(self, peer):
            return {"endpoint": peer.url, "key": self.secret}

Needs pytest and the fixtures of :mod:`broker.testing.pytest_plugin`.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import sqlite3
import traceback
import wave
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from broker.bench.reread import reader_of
from broker.client import AsyncBroker, Broker
from broker.contract import Adapter, ImageLimits, OperationSpec, Support
from broker.contract.operations import OPERATIONS, STREAM
from broker.errors import BadInput, BrokerError, MalformedReply, NotConfigured, ProviderError, Unsupported
from broker.ledger.sqlite import SqliteLedger
from broker.pricing.load import shipped
from broker.runtime.blocking import drive
from broker.testing.deadlines import ended_by_deadline
from broker.testing.faults import HTTP_FAULTS
from broker.testing.hurried import HurriedAsyncRuntime, HurriedRuntime
from broker.testing.peer import ExpectedFault, Peer
from broker.types import Image, LabelSet, Result

ATTEMPTS = 3
PARALLEL = 32
TEXT = "Anna Smith flew from Paris to Berlin on Monday. She loved it! Write to anna@example.com."
"""The text that good answers of text operations are about."""
QUERY = "storm"
DOCUMENT: dict[str, Any] = {
    "id": "doc-1",
    "title": "Weather",
    "content": "A storm is coming from the west.",
    "url": "https://example.com/weather",
    "metadata": {"lang": "en", "year": 2024, "tags": ["weather", "news"]},
}
"""The query, and the one document, that good answers of search operations are about."""
_BY_ID = ("search.delete", "search.status")
FACES = ("sync", "async")


def tone() -> bytes:
    """A recording: a second of 440 Hz as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        samples = (int(8000 * math.sin(math.tau * 440 * n / 16_000)) for n in range(16_000))
        file.writeframes(b"".join(each.to_bytes(2, "little", signed=True) for each in samples))
    return out.getvalue()


def method_of(broker: Any, operation: str) -> Any:
    """The facade's method for an operation's name."""
    capability, name = operation.split(".")
    return getattr(getattr(broker, capability), name)


class AdapterConformance:
    """What every adapter owes its users. The names of the tests say what."""

    adapter: ClassVar[type[Adapter]]
    faults: ClassVar[Sequence[ExpectedFault]] = HTTP_FAULTS
    names: ClassVar[tuple[str, ...] | None] = None
    """Label names in the peer's good answer, if it has ``vision.label`` and a peer with a fixed answer."""
    secret: ClassVar[str] = "canary-secret-2b1f9c"
    """Put it into the section wherever a credential goes; it must appear nowhere."""
    has_peer: ClassVar[bool] = True
    """False for a provider that runs in this process and sends nothing."""
    operations: ClassVar[Sequence[str] | None] = None
    """Only these, where a provider's services are reached in different ways and each way has a suite; None: all."""
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What a call of an operation needs beside its input, where the default of :meth:`call_options` will not do."""

    @pytest.fixture
    def peer(self) -> Peer:
        """The vendor's stand-in."""
        raise TypeError(f"{type(self).__name__} must give a fixture 'peer', or set has_peer = False")

    def section(self, peer: Peer) -> Mapping[str, Any]:
        """The provider's settings that lead to the peer."""
        return {"endpoint": peer.url}

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:  # noqa: ARG002 - of the interface
        """An input that is told from others, and the value that is due for it; the peer must answer by what it is sent.

        None: calls in parallel are not told apart for this operation.
        """
        return None

    def source(self, operation: str, picture: Image) -> Any:
        """An input that the peer's good answer fits."""
        if operation.startswith("transcription."):
            return tone()
        if operation == "search.upsert":
            return [DOCUMENT]
        if operation in _BY_ID:
            return [DOCUMENT["id"]]
        if operation.startswith("search."):
            return QUERY
        return picture if operation.startswith("vision.") else TEXT

    def call_options(self, operation: str) -> dict[str, Any]:
        """What the call needs: the language where the provider must be told, the parts of an analysis."""
        spec = self.adapter.manifest.by_name[operation]
        found: dict[str, Any] = {"language": "en"} if spec.needs_language else {}
        if operation == "vision.analyze":
            found["operations"] = max((len(each), sorted(each)) for each in spec.together)[1]
        return {**found, **self.options.get(operation, {})}

    @pytest.fixture
    def picture(self) -> Image:
        """A JPEG of 320 x 240 pixels."""
        pillow = pytest.importorskip("PIL.Image", reason="Pillow is missing: pip install 'mlbroker[images]'")
        out = io.BytesIO()
        pillow.effect_noise((320, 240), 60).convert("RGB").save(out, "JPEG")
        return Image.from_bytes(out.getvalue())

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """A test for each operation, fault and facade."""
        if "face" in metafunc.fixturenames:
            metafunc.parametrize("face", FACES)
        if "spec" in metafunc.fixturenames:
            metafunc.parametrize("spec", self._specs(), ids=lambda spec: str(spec.operation))
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize(("operation", "fault"), self._faults())

    def _specs(self) -> list[OperationSpec]:
        """Those with one answer: a stream has none (see :mod:`broker.testing.stream_conformance`), and what has jobs only neither."""
        wanted = self.operations
        return [
            spec
            for spec in self.adapter.manifest.operations
            if spec.operation != STREAM.name and spec.direct and (wanted is None or spec.operation in wanted)
        ]

    def _faults(self) -> list[Any]:
        """All faults for the first operation of all; for the first of each other service one of each kind."""
        found: list[Any] = []
        services: set[str] = set()
        for spec in self._specs():
            if spec.support is not Support.YES or spec.service in services:
                continue
            services.add(spec.service)
            kinds: set[Any] = set()
            for fault in self.faults:
                kind = (fault.error, fault.outcome, fault.hint is None)
                if len(services) > 1 and (kind in kinds or fault.request_bytes):
                    continue
                if fault.request_bytes and not spec.operation.startswith("vision."):
                    continue  # no service takes a text that is so long
                kinds.add(kind)
                found.append(
                    pytest.param(
                        spec.operation,
                        fault,
                        id=f"{spec.operation}-{fault}",
                        marks=[pytest.mark.realtime] * fault.needs_deadline,
                    )
                )
        return found

    @pytest.fixture
    def ask(self, peer: Peer, tmp_path: Path) -> Any:
        """Call an operation through the public client, sync or async, with a throw-away ledger."""
        provider = self.adapter.manifest.provider
        options: dict[str, Any] = {
            "adapters": [self.adapter],
            "provider": provider,
            "providers": {provider: dict(self.section(peer))},
            "max_attempts": ATTEMPTS,
        }
        path = str(tmp_path / "conformance.db")

        def call(face: str, operation: str, source: Any, **more: Any) -> Result[Any]:
            usual = self.call_options(operation)
            more = {**usual, **more}
            ledger = SqliteLedger(path)
            # Called after a good call of the same broker.
            warmed: Callable[[], object] | None = more.pop("warmed", None)
            try:
                if face == "sync":
                    with Broker(ledger=ledger, runtime=HurriedRuntime(), **options) as broker:
                        if warmed is not None:
                            method_of(broker, operation)(source, **usual)
                            warmed()
                        found: Result[Any] = method_of(broker, operation)(source, **more)
                        return found

                async def run() -> Result[Any]:
                    async with AsyncBroker(ledger=ledger, runtime=HurriedAsyncRuntime(), **options) as broker:
                        if warmed is not None:
                            await method_of(broker, operation)(source, **usual)
                            warmed()
                        answer: Result[Any] = await method_of(broker, operation)(source, **more)
                        return answer

                return asyncio.run(run())
            finally:
                ledger.close()

        call.path = path  # type: ignore[attr-defined] # read by _rows
        return call

    def test_the_manifest_names_operations_there_are(self) -> None:
        manifest = self.adapter.manifest
        assert manifest.provider.isidentifier()
        assert manifest.operations
        assert {spec.operation for spec in manifest.operations} <= set(OPERATIONS)

    def test_every_sku_has_a_price_or_says_why_not(self) -> None:
        manifest = self.adapter.manifest
        book = shipped().extended(manifest.prices)
        skus = {row.sku for row in book.rows()}
        for spec in manifest.operations:
            if spec.support is Support.YES:
                sku = spec.sku or f"{manifest.provider}.{spec.operation}"
                assert sku in skus, f"{sku} has no row: put one into Manifest.prices, unpriced if need be"

    def test_an_operation_answers_or_is_honestly_missing(
        self, spec: OperationSpec, face: str, peer: Peer, ask: Any, picture: Image, request: Any
    ) -> None:
        operation = OPERATIONS[spec.operation]
        if spec.support is not Support.YES:
            request.applymarker(
                pytest.mark.xfail(
                    strict=True, raises=Unsupported, reason=f"{spec.support.value}: {spec.reason}"
                )
            )
            if not hasattr(self.adapter, operation.method):
                raise Unsupported(spec.reason)
            # The method is there, so the manifest is out of date: the strict xfail fails.
            return
        peer.answer(spec.operation)
        result = ask(face, spec.operation, self.source(spec.operation, picture))
        assert type(result.value) is operation.payload
        assert result.provenance.provider == self.adapter.manifest.provider
        assert result.provenance.service == spec.service
        assert result.provenance.operation == spec.operation
        assert result.raw is None
        assert len(result.attempts) == len(_rows(ask)) == 1
        if self.has_peer:
            assert peer.count == 1
        if isinstance(result.value, LabelSet) and self.names is not None:
            assert tuple(label.name for label in result.value.labels) == self.names
        assert result.cost.amount is not None or result.cost.unpriced

    def test_raw_keeps_the_whole_answer(self, face: str, peer: Peer, ask: Any, picture: Image) -> None:
        if not self.has_peer:
            pytest.skip("nothing is sent, so there is no vendor's answer to keep")
        for spec in self._specs():
            if spec.support is Support.YES:
                peer.answer(spec.operation)
                source = self.source(spec.operation, picture)
                assert isinstance(ask(face, spec.operation, source, raw=True).raw, Mapping), spec.operation

    def test_a_kept_answer_says_the_same_when_it_is_read_again(
        self, spec: OperationSpec, peer: Peer, tmp_path: Path, ask: Any, picture: Image
    ) -> None:
        """Where the adapter has ``rereads()``: what ``raw`` keeps is all that its reader needs."""
        if spec.support is not Support.YES or not self.has_peer:
            pytest.skip("there is no vendor's answer to keep")
        provider, operation = self.adapter.manifest.provider, OPERATIONS[spec.operation]
        source, options = self.source(spec.operation, picture), self.call_options(spec.operation)
        with Broker(
            adapters=[self.adapter],
            provider=provider,
            providers={provider: dict(self.section(peer))},
            ledger={"path": str(tmp_path / "again.db")},
        ) as broker:
            reader = reader_of(broker.registry, provider, operation)
            if reader is None:
                pytest.skip("its adapter reads no kept answers of it")
            peer.answer(spec.operation)
            result = ask("sync", spec.operation, source, raw=True)
            sent = peer.count
            request = drive(
                broker.core.prepare(operation, source, {**options, "provider": provider, "raw": True})
            ).request
            assert reader.read(json.loads(json.dumps(result.raw)), request) == result.value
            assert peer.count == sent, "nobody is asked"

    def test_both_faces_say_the_same(self, spec: OperationSpec, peer: Peer, ask: Any, picture: Image) -> None:
        if spec.support is not Support.YES:
            pytest.skip(f"{spec.operation} is not offered")
        peer.answer(spec.operation)
        source = self.source(spec.operation, picture)
        one, other = (ask(face, spec.operation, source) for face in FACES)
        assert one.value == other.value
        assert (one.cost, one.provenance.model_version) == (other.cost, other.provenance.model_version)

    def test_an_answer_without_what_was_asked_for_is_never_an_empty_one(
        self, spec: OperationSpec, peer: Peer, ask: Any, picture: Image
    ) -> None:
        if spec.support is not Support.YES or not self.has_peer or not peer.hollow(spec.operation):
            pytest.skip("an empty answer is a good one here, or there is none")
        with pytest.raises(MalformedReply) as caught:
            ask("sync", spec.operation, self.source(spec.operation, picture))
        assert caught.value.billed is True
        assert len(_rows(ask)) == peer.count == 1

    def test_calls_in_parallel_do_not_mix(
        self, spec: OperationSpec, peer: Peer, tmp_path: Path, picture: Image
    ) -> None:
        if spec.support is not Support.YES or self.variant(spec.operation, 0, picture) is None:
            pytest.skip("its answers are not told apart")
        peer.answer(spec.operation)
        provider = self.adapter.manifest.provider
        cases = [self.variant(spec.operation, number, picture) for number in range(PARALLEL)]
        due = [case[1] for case in cases if case is not None]
        with (
            Broker(
                adapters=[self.adapter],
                provider=provider,
                providers={provider: {**self.section(peer), "max_concurrency": PARALLEL}},
                ledger={"path": str(tmp_path / "parallel.db")},
            ) as broker,
            ThreadPoolExecutor(PARALLEL) as pool,
        ):
            method, options = method_of(broker, spec.operation), self.call_options(spec.operation)
            found = list(pool.map(lambda case: method(case[0], **options).value, [c for c in cases if c]))
        assert found == due
        if self.has_peer:
            assert peer.count == PARALLEL

    def test_a_fault_is_told_rightly_and_requests_equal_attempts(
        self, operation: str, fault: ExpectedFault, face: str, peer: Peer, ask: Any, picture: Image
    ) -> None:
        if face == "async" and operation != self._first():
            pytest.skip("the first operation shows it")
        padding = b"\x00" * self._padding(fault, operation)
        image = self.source(operation, Image.from_bytes(picture.data + padding))
        good = 0

        def call(seconds: float) -> None:
            """Behind a good call of the same broker: a short deadline need not make the vendor's client too."""
            peer.answer(operation)
            ask(face, operation, image, warmed=begin, deadline=seconds)

        def begin() -> None:
            nonlocal good
            good += 1
            peer.misbehave(fault)

        if fault.needs_deadline:
            error = ended_by_deadline(call, lambda: peer.count - good)
        else:
            peer.misbehave(fault)
            with pytest.raises(BrokerError) as caught:
                ask(face, operation, image, deadline=20.0)
            error = caught.value
        rows = [row for row in _rows(ask) if row["call_id"] == error.call_id]
        assert type(error) is fault.error, error
        assert error.outcome is fault.outcome
        nobody_can_say = fault.billed is None and not self._is_free(operation)
        assert error.billed is (fault.billed if nobody_can_say else bool(fault.billed))
        assert peer.count == good + len(rows)
        too_long = fault.hint is not None and fault.hint > 20
        assert len(rows) == (ATTEMPTS if fault.retried and not too_long else 1)
        assert {(row["state"], row["outcome"]) for row in rows} == {("settled", fault.outcome.value)}
        if fault.hint is not None and fault.retried:
            assert isinstance(error, ProviderError)
            assert error.retry_after == pytest.approx(fault.hint, abs=1.5)
        assert self.secret not in "".join(traceback.format_exception(error))
        assert self.secret.encode() not in Path(ask.path).read_bytes()

    def test_bad_input_is_refused_before_anything_is_sent(
        self, spec: OperationSpec, face: str, peer: Peer, ask: Any
    ) -> None:
        if spec.support is not Support.YES:
            pytest.skip(f"{spec.operation} is not offered")
        peer.answer(spec.operation)
        pictures = (b"", b"<html>", b"\x89PNG\r\n\x1a\n", "/no/such/file.jpg", _tiny())
        texts = ("", " \n ", b"bytes", None, "half a pair \ud83d")
        lists: tuple[Any, ...] = ([], None, b"bytes", [""], [{"id": ""}], [None])
        is_list = spec.operation == "search.upsert" or spec.operation in _BY_ID
        for bad in pictures if spec.operation.startswith("vision.") else lists if is_list else texts:
            with pytest.raises(BadInput):
                ask(face, spec.operation, bad)
        if self.has_peer:
            assert peer.count == 0
        assert _rows(ask) == []

    def test_one_adapter_serves_many_threads(self, peer: Peer, tmp_path: Path, picture: Image) -> None:
        operation = self._first()
        peer.answer(operation)
        provider = self.adapter.manifest.provider
        ledger = SqliteLedger(str(tmp_path / "threads.db"))
        with (
            Broker(
                adapters=[self.adapter],
                provider=provider,
                providers={provider: dict(self.section(peer))},
                ledger=ledger,
            ) as broker,
            ThreadPoolExecutor(8) as pool,
        ):
            method, options = method_of(broker, operation), self.call_options(operation)
            source = self.source(operation, picture)
            values = [result.value for result in pool.map(lambda _: method(source, **options), range(24))]
            assert all(value == values[0] for value in values)
            assert sum(row.attempts for row in broker.spend()) == 24
        ledger.close()
        if self.has_peer:
            assert peer.count == 24

    def test_an_unknown_setting_is_refused_by_name(self, peer: Peer, tmp_path: Path, picture: Image) -> None:
        provider = self.adapter.manifest.provider
        section = {**self.section(peer), "no_such_setting": self.secret}
        first = self._first()
        source, options = self.source(first, picture), self.call_options(first)
        ledger = SqliteLedger(str(tmp_path / "settings.db"))
        with (
            Broker(
                adapters=[self.adapter], provider=provider, providers={provider: section}, ledger=ledger
            ) as broker,
            pytest.raises(NotConfigured, match="no_such_setting") as caught,
        ):
            method_of(broker, first)(source, **options)
        ledger.close()
        assert self.secret not in "".join(traceback.format_exception(caught.value))

    def test_how_it_stands_is_told_without_secrets(self, peer: Peer, tmp_path: Path) -> None:
        provider = self.adapter.manifest.provider
        ledger = SqliteLedger(str(tmp_path / "setup.db"))
        with Broker(
            adapters=[self.adapter], providers={provider: dict(self.section(peer))}, ledger=ledger
        ) as broker:
            setup = broker.registry.setup(provider)
            assert setup.configured, setup.problem
            assert self.secret not in repr(setup) + repr(broker.settings)
        ledger.close()

    def _first(self) -> str:
        return next(spec.operation for spec in self._specs() if spec.support is Support.YES)

    def _is_free(self, operation: str) -> bool:
        """Whether calls cost nothing by themselves (an index is paid by the hour): what is free cannot be billed by mistake."""
        manifest = self.adapter.manifest
        sku = manifest.by_name[operation].sku or f"{manifest.provider}.{operation}"
        rows = [row for row in shipped().extended(manifest.prices).rows() if row.sku == sku]
        return bool(rows) and all(row.free is not None for row in rows)

    def _padding(self, fault: ExpectedFault, operation: str) -> int:
        """Bytes to add to the picture, as far as the provider takes them."""
        limits = self.adapter.manifest.by_name[operation].limits
        room = limits.max_bytes if isinstance(limits, ImageLimits) else 64 * 1024 * 1024
        return min(fault.request_bytes, max(0, room - 128 * 1024))


def _rows(ask: Any) -> list[sqlite3.Row]:
    if not Path(ask.path).exists():
        return []
    with closing(sqlite3.connect(ask.path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


def _tiny() -> bytes:
    """A whole PNG of 1 x 1 pixel."""
    return bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
    )
