"""``broker.transcription.stream``: what is said, while it is being said, for ``for`` and for ``async for``."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, Union

from broker.config import LONGEST_DEADLINE
from broker.errors import BadInput, BrokerError
from broker.pipeline.live import Live
from broker.runtime.blocking import drive
from broker.types.call import Provenance, Result
from broker.types.money import Cost
from broker.types.stream import SoundFormat, StreamEvent
from broker.types.transcript import Transcript

if TYPE_CHECKING:
    from broker.core import Core

SoundChunk: TypeAlias = Union[bytes, bytearray, memoryview]
"""Sound; other buffers of bytes or of 16-bit integers are taken too."""

CLOSE_SECONDS = 5.0
"""How long closing a stream waits for its settlement; what takes longer goes on by itself."""


def _nothing() -> None: ...


class _Session:
    """The work of one stream, which knows nothing of the object that the user holds."""

    def __init__(self, core: Core, sample_rate: int, options: Mapping[str, Any]) -> None:
        core.stream_call(sample_rate, options)  # what cannot be meant is said at once
        self._core = core
        self._sample_rate = sample_rate
        self._options = options
        self._pid = os.getpid()
        self.runtime = core.services.runtime
        self.live = Live(SoundFormat(sample_rate=sample_rate))
        self.begun = False
        self._let_go: Callable[[], None] = _nothing
        self.result: Result[Transcript] | None = None
        self.error: BaseException | None = None

    def begin(self, chunks: Any) -> None:
        """Start both directions."""
        self.check_process()
        if self.begun:
            raise BrokerError("a stream can be iterated once; begin another for more sound")
        if self.live.left:
            raise BrokerError("this stream was closed; begin another")
        self._core.services.door.ensure_open()
        self.begun = True
        live, runtime = self.live, self.runtime

        async def feed() -> None:
            live.feed(chunks)

        if isinstance(chunks, AsyncIterable):
            self._let_go = runtime.beside(lambda: live.feed_async(chunks, runtime), "mlbroker-stream-sound")
        else:
            runtime.in_thread().beside(feed, "mlbroker-stream-sound")
        runtime.beside(self._work, "mlbroker-stream")

    async def _work(self) -> None:
        try:
            call, seconds = self._core.stream_call(self._sample_rate, self._options)
            self.result = await self._core.run_stream(call, self.live, seconds)
        except Exception as error:  # noqa: BLE001 - raised again where the results are taken
            self.error = error
        except BaseException as interruption:
            self.error = interruption
            raise
        finally:
            self.live.sound.shut()
            # A source that waits would keep its task, and what it reads from, for ever. Its task is not kept either: what it
            # ended with holds the source.
            let_go, self._let_go = self._let_go, _nothing
            let_go()
            self.live.events.end()

    @property
    def mine(self) -> bool:
        """Whether this is the process that began it."""
        return self._pid == os.getpid()

    @property
    def over(self) -> bool:
        """Nothing of it goes on."""
        return not self.begun or self.live.events.ended

    def check_process(self) -> None:
        """A forked child has neither the stream's threads nor the right to its connection."""
        if not self.mine:
            raise BrokerError(
                "this stream was begun before the process forked, and is the parent's; begin one of its own in the child"
            )

    def raise_failure(self) -> None:
        """What ended it, if that was no good end."""
        found = self.error or self.live.failure or self.live.sound.error
        if found is not None and not (self.live.left and self.error is None):
            raise found

    def found(self) -> Result[Transcript]:
        self.check_process()
        if self.result is not None:
            return self.result
        if self.error is not None:
            raise self.error
        raise BrokerError("the stream is not over: its result is there when the iteration has ended")


class _Face:
    """What both faces have."""

    _session: _Session

    def finish(self) -> None:
        """No more sound is taken; the results of what was given until now still come. From any thread or signal handler."""
        if self._session.mine:
            self._session.live.finish()

    def transcript(self) -> Transcript:
        """Of the final results until now; all of them when the stream is over."""
        result = self._session.result
        return self._session.live.transcript() if result is None else result.value

    @property
    def milliseconds(self) -> int:
        """Of sound that were sent until now."""
        return self._session.live.milliseconds

    @property
    def result(self) -> Result[Transcript]:
        """Transcript, provenance, cost and attempts (one for each minute) when the stream is over, however it ended.

        Raises what was raised where no provider could take it, and :class:`~broker.errors.BrokerError` before the end.
        """
        return self._session.found()

    @property
    def provenance(self) -> Provenance:
        """Who answered. Raises as :attr:`result`."""
        return self.result.provenance

    @property
    def cost(self) -> Cost:
        """What was really streamed comes to. Raises as :attr:`result`."""
        return self.result.cost

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is None or session.over or not session.mine:
            return
        session.live.leave()
        warnings.warn(
            f"a {type(self).__name__} was let go of before its end; use it in 'with', or iterate it to its end",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )


class Stream(_Face):
    """A stream of sound and what is understood of it, partial results and final ones.

    ::

        with broker.transcription.stream(microphone(), language="en") as stream:
            for event in stream:
                print(event.segment.text, end="\\n" if event.final else "\\r")
        print(stream.cost.shown)

    It begins with the first iteration. Sound is taken in a thread and sent in another while results are waited for here, no
    faster than the provider takes it, and not at all while more than a few results wait. Leaving ``with``, or the loop, ends
    the stream at once and settles what was sent; a source that blocks then keeps its thread until it gives something.
    """

    def __init__(
        self, core: Core, chunks: Iterable[SoundChunk], sample_rate: int, options: Mapping[str, Any]
    ) -> None:
        _check_chunks(chunks, asynchronous=False)
        self._chunks: Iterable[SoundChunk] | None = chunks
        self._session = _Session(core, sample_rate, options)

    def __iter__(self) -> Iterator[StreamEvent]:
        """Results as they come. Raises the errors of :mod:`broker.errors`, behind the results of what was sent, and whatever
        the chunks raise.
        """
        session = self._session
        chunks, self._chunks = self._chunks, None
        session.begin(chunks)
        del chunks
        try:
            while (event := drive(session.live.events.get(session.runtime.bell))) is not None:
                yield event
                session.check_process()
        finally:
            self.close()
        session.raise_failure()

    def close(self) -> None:
        """End it, and wait until what was sent is settled, for at most 5 s. Closing twice does no harm."""
        session = self._session
        if not session.mine:
            return
        if session.over:
            session.live.left = session.live.left or not session.begun
            return
        session.live.leave()
        drive(session.live.events.until_ended(session.runtime.bell, CLOSE_SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(_Face):
    """The same for ``async`` code.

    ::

        async with broker.transcription.stream(microphone(), language="en") as stream:
            async for event in stream:
                ...

    Leaving ``async with`` ends it at once; leaving only the loop does so when the event loop next looks at it.
    """

    def __init__(
        self,
        core: Core,
        chunks: AsyncIterable[SoundChunk] | Iterable[SoundChunk],
        sample_rate: int,
        options: Mapping[str, Any],
    ) -> None:
        _check_chunks(chunks, asynchronous=True)
        self._chunks: AsyncIterable[SoundChunk] | Iterable[SoundChunk] | None = chunks
        self._session = _Session(core, sample_rate, options)

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """Results as they come; raises as :meth:`Stream.__iter__`."""
        session = self._session
        chunks, self._chunks = self._chunks, None
        session.begin(chunks)
        del chunks
        try:
            while (event := await session.live.events.get(session.runtime.bell)) is not None:
                yield event
                session.check_process()
        finally:
            await self.aclose()
        session.raise_failure()

    async def aclose(self) -> None:
        """As :meth:`Stream.close`."""
        session = self._session
        if not session.mine:
            return
        if session.over:
            session.live.left = session.live.left or not session.begun
            return
        session.live.leave()
        await session.live.events.until_ended(session.runtime.bell, CLOSE_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _check_chunks(chunks: Any, *, asynchronous: bool) -> None:
    """Raises :class:`BadInput`."""
    if isinstance(chunks, (bytes, bytearray, memoryview, str)):
        raise BadInput(
            f"chunks must be an iterable of pieces of sound, not {type(chunks).__name__} itself; pass [sound] for one piece, "
            "or use transcribe for a whole recording"
        )
    if isinstance(chunks, AsyncIterable) and not asynchronous:
        raise BadInput("this is an async iterable; use AsyncBroker, or pass a plain iterable of chunks")
    if not isinstance(chunks, (Iterable, AsyncIterable)):
        raise BadInput(f"chunks must be an iterable of bytes, not {type(chunks).__name__}")


def stream_options(seconds: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of an estimate. Raises :class:`BadInput`."""
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, (int, float))
        or not 0 <= seconds <= LONGEST_DEADLINE
    ):
        raise BadInput(
            f"an estimate of a stream is by its length, in seconds up to {LONGEST_DEADLINE:,}, not {seconds!r:.80}"
        )
    if "milliseconds" in options:
        raise BadInput("the length is the first argument, in seconds; leave milliseconds out")
    return {**options, "milliseconds": math.ceil(seconds * 1000)}
