"""``mlbroker listen``: what is said, while it is being said, from a file or from standard input.

On a terminal a partial result stands in the last line until the next one replaces it; final ones are lines, and elsewhere
all there is. ``--json`` gives an object a line: ``event`` is ``partial`` or ``final`` with ``text``, ``start_ms``, ``end_ms``,
``confidence``, ``speaker``, ``language``, and at last ``end`` with ``provider``, ``seconds``, ``cost``, ``attempts``,
``error`` and ``exit_code``. Ctrl-C ends the sound: the last results and the cost are still shown; once more ends it at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import asking, exits, options, output
from broker.errors import BadInput, BrokerError

if TYPE_CHECKING:
    from broker.facades.streaming import Stream
    from broker.types.stream import StreamEvent

_Sound = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A WAV file or bare samples (16 bits, little-endian, one channel); - for standard input.",
        show_default=False,
    ),
]


def listen(
    context: typer.Context,
    source: _Sound,
    provider: asking.Provider = None,
    rate: Annotated[
        int | None,
        typer.Option("--rate", metavar="HZ", help="Of bare samples: how many a second."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="TAG", help="What is spoken, such as en.")
    ] = None,
    candidates: Annotated[
        list[str] | None,
        typer.Option("--candidate", metavar="TAG", help="One of the languages it may be."),
    ] = None,
    hints: Annotated[
        list[str] | None,
        typer.Option("--hint", metavar="WORDS", help="A word or phrase that is likely to be said."),
    ] = None,
    diarize: Annotated[bool, typer.Option("--diarize", help="Tell speakers apart.")] = False,
    profanity: Annotated[
        str | None, typer.Option("--profanity", metavar="HOW", help="Rude words: keep, mask or remove.")
    ] = None,
    partials: Annotated[
        bool, typer.Option(help="Show what was understood so far before it is final.")
    ] = True,
    on_unsupported: Annotated[
        str, typer.Option("--on-unsupported", metavar="HOW", help="What a provider lacks: raise or ignore.")
    ] = "raise",
    deadline: Annotated[
        float | None, typer.Option("--deadline", metavar="SECONDS", help="Listen at most so long.")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option("--max-cost", metavar="AMOUNT", help="Stop before it costs more than this.")
    ] = None,
    tag: options.Tags = None,
    ext: asking.Extensions = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line, for machines.")] = False,
) -> None:
    """Write down what is being said, as it is said."""
    state = options.begin(context, as_json)
    asked = asking.given(
        provider=provider,
        language=language,
        deadline=deadline,
        max_cost=max_cost,
        tag=tag,
        ext=ext,
        raw=False,
        candidates=candidates,
        hints=hints,
        diarize=diarize,
        profanity=profanity,
        on_unsupported=on_unsupported,
    )
    from broker.cli import main, sounds

    sound = sounds.open_source(source)
    if rate is not None and sound.sample_rate not in (None, rate):
        raise typer.BadParameter(f"the file says {sound.sample_rate:,} Hz; leave it out", param_hint="--rate")
    hertz = sound.sample_rate or rate
    if hertz is None:
        raise BadInput(
            f"{source} is no WAV file; if it is bare samples (16 bits, one channel), say how many a second: --rate 16000; else "
            "decode it first: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 - | mlbroker listen - --rate 16000"
        )
    screen = _Screen(as_json=as_json)
    with main.make_broker(config=state.config) as broker:
        stream = broker.transcription.stream(sound.chunks, sample_rate=hertz, partials=partials, **asked)
        code = _listened(stream, screen)
    raise typer.Exit(code)


def _listened(stream: Stream, screen: _Screen) -> int:
    error: BrokerError | None = None
    with _interruptible(stream) as interrupted, stream:
        try:
            for event in stream:
                screen.show(event)
        except BrokerError as raised:
            error = raised
    codes = [exits.INTERRUPTED] if interrupted else []
    if error is not None:
        codes.append(exits.code_of(error))
    code = exits.worst(codes)
    screen.end(stream, error, code)
    return code


@contextmanager
def _interruptible(stream: Stream) -> Iterator[list[int]]:
    """The first Ctrl-C ends the sound, the second everything. The list is empty until one came."""
    came: list[int] = []

    def interrupt(number: int, _frame: Any) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        stream.finish()

    try:
        before = signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not in the main thread, as in a program of somebody's own
        yield came
        return
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


class _Screen:
    """Where results are shown."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._live = not as_json and sys.stdout.isatty()
        self._open = False

    def show(self, event: StreamEvent) -> None:
        """A result."""
        segment = event.segment
        if self._json:
            output.emit(
                {
                    "event": "final" if event.final else "partial",
                    "text": segment.text,
                    "start_ms": segment.start_ms,
                    "end_ms": segment.end_ms,
                    "confidence": segment.confidence.value,
                    "stability": event.stability,
                    "speaker": segment.speaker,
                    "language": segment.language,
                },
                indent=None,
            )
        elif event.final:
            self._write(_line(segment.text, segment.speaker), ends=True)
        elif self._live:
            self._write(_line(segment.text, segment.speaker)[-(_width() - 1) :], ends=False)
        sys.stdout.flush()

    def end(self, stream: Stream, error: BrokerError | None, code: int) -> None:
        """What it came to, and why it ended, if that was no good end."""
        if self._open:
            self._write("", ends=False)
        result = None
        try:
            result = stream.result
        except BrokerError as refused:  # nobody took it
            error = error or refused
        if self._json:
            output.emit(
                {
                    "event": "end",
                    "provider": None if result is None else result.provenance.provider,
                    "seconds": stream.milliseconds / 1000,
                    "cost": None if result is None else output.decimal(result.cost.amount),
                    "upper_bound": None if result is None else output.decimal(result.cost.upper_bound),
                    "currency": None if result is None else result.cost.currency,
                    "attempts": 0 if result is None else len(result.attempts),
                    "call_id": None if result is None else result.call_id,
                    "error": None if error is None else exits.document(error),
                    "exit_code": code,
                },
                indent=None,
            )
        elif result is not None:
            sys.stderr.write(
                f"{stream.milliseconds / 1000:.1f} s by {output.plain(result.provenance.provider)}, "
                f"{result.cost.shown}\n"
            )
        if error is not None:
            output.complain(exits.message(error))

    def _write(self, line: str, *, ends: bool) -> None:
        clear = "\r\x1b[K" if self._open else ""
        sys.stdout.write(f"{clear}{line}" + ("\n" if ends else ""))
        self._open = not ends and bool(line)


def _line(text: str, speaker: str | None) -> str:
    return output.plain(text.strip() if speaker is None else f"{speaker}: {text.strip()}")


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
