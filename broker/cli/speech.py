"""``mlbroker transcribe``: recordings as text, or as subtitles.

Its JSON is that of :mod:`broker.cli.run` with the members of :class:`~broker.types.transcript.Transcript`, and with
``subtitles`` (their text) where ``--srt`` or ``--vtt`` asks for them. With ``--start`` it is the one of
:mod:`broker.cli.start`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from broker.cli import tables
from broker.cli.command import Aside, command, parameter
from broker.cli.files import find_sounds
from broker.cli.run import View
from broker.cli.shapes import document
from broker.cli.start import start
from broker.errors import BadInput
from broker.types.transcript import Transcript

_Recordings = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE", help="Recordings, or folders with recordings in them.", show_default=False
    ),
]


def kind_of(*, srt: bool, vtt: bool, out: str | None) -> str | None:
    """Which subtitles are wanted; None: the text."""
    if srt and vtt:
        raise typer.BadParameter("it is one of --srt and --vtt", param_hint="--srt")
    if out is not None and not (srt or vtt):
        raise typer.BadParameter("it says where subtitles go; pass --srt or --vtt too", param_hint="--out")
    return "srt" if srt else "vtt" if vtt else None


def view(kind: str | None, out: str | None) -> View:
    """How a transcript looks.

    :param kind: of subtitles.
    :param out: the folder they go into.
    """

    def shape(value: Transcript) -> dict[str, Any]:
        found: dict[str, Any] = document(value)
        if kind is None:
            return found
        try:
            return {**found, "subtitles": _subtitles(value, kind)}
        except BadInput:  # no times: the transcript is paid for and shown all the same
            return {**found, "subtitles": None}

    def written(name: str, _source: Any, value: Transcript) -> str:
        return _write(out or "", name, str(kind), _subtitles(value, str(kind)))

    return View(
        command="transcribe",
        operation="transcription.transcribe",
        show=tables.transcript,
        document=shape,
        after=None if out is None else written,
        bare=None if kind is None or out is not None else lambda value: _subtitles(value, kind),
        long=True,
    )


def _view(given: dict[str, Any]) -> Callable[[str], View]:
    srt, vtt, out = given.pop("srt"), given.pop("vtt"), given.pop("out")
    one = view(kind_of(srt=srt, vtt=vtt, out=out), out)
    return lambda _name: one


def _instead(given: dict[str, Any], shared: dict[str, Any]) -> Aside | None:
    """With ``--start``: begin, and do not wait."""
    if not given.pop("start"):
        return None
    for option in ("srt", "vtt"):
        if given[option]:
            raise typer.BadParameter(
                f"there is no transcript yet; say it then: mlbroker jobs resume ID --{option}",
                param_hint=f"--{option}",
            )
    if shared["dry_run"]:
        raise typer.BadParameter(
            "it tells what transcribing costs, however it is done; leave --start out",
            param_hint="--dry-run",
        )
    if shared["jobs"] != 1:
        raise typer.BadParameter("recordings are started one after another", param_hint="--jobs")
    return start


def _write(folder: str, name: str, kind: str, text: str) -> str:
    """Raises :class:`BadInput` where the file cannot be written."""
    path = os.path.join(folder, f"{os.path.splitext(os.path.basename(name))[0]}.{kind}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from error
    return f"subtitles: {path}"


def _subtitles(value: Transcript, kind: str) -> str:
    return value.to_srt() if kind == "srt" else value.to_vtt()


transcribe = command(
    "Write down what is said in recordings.",
    _Recordings,
    find_sounds,
    _view,
    parameter(
        "start",
        Annotated[
            bool, typer.Option("--start", help="Start long work as jobs, do not wait; shows their ids.")
        ],
        False,
    ),
    parameter(
        "language",
        Annotated[str | None, typer.Option("--language", metavar="TAG", help="What is spoken, such as en.")],
        None,
    ),
    parameter(
        "candidates",
        Annotated[
            list[str] | None,
            typer.Option("--candidate", metavar="TAG", help="One of the languages it may be."),
        ],
        None,
    ),
    parameter("srt", Annotated[bool, typer.Option("--srt", help="SubRip subtitles instead.")], False),
    parameter("vtt", Annotated[bool, typer.Option("--vtt", help="WebVTT subtitles instead.")], False),
    parameter(
        "out",
        Annotated[
            str | None,
            typer.Option("--out", metavar="FOLDER", help="Write subtitles there, one file a recording."),
        ],
        None,
    ),
    parameter("diarize", Annotated[bool, typer.Option("--diarize", help="Tell speakers apart.")], False),
    parameter(
        "min_speakers",
        Annotated[int | None, typer.Option("--min-speakers", metavar="N", min=1, help="At least N.")],
        None,
    ),
    parameter(
        "max_speakers",
        Annotated[int | None, typer.Option("--max-speakers", metavar="N", min=1, help="At most N.")],
        None,
    ),
    parameter("channels", Annotated[bool, typer.Option("--channels", help="Each channel by itself.")], False),
    parameter(
        "hints",
        Annotated[
            list[str] | None,
            typer.Option("--hint", metavar="WORDS", help="A word or phrase that is likely to be said."),
        ],
        None,
    ),
    parameter(
        "profanity",
        Annotated[
            str | None, typer.Option("--profanity", metavar="HOW", help="Rude words: keep, mask or remove.")
        ],
        None,
    ),
    parameter("redact", Annotated[bool, typer.Option("--redact", help="Leave out personal data.")], False),
    parameter(
        "on_unsupported",
        Annotated[
            str,
            typer.Option("--on-unsupported", metavar="HOW", help="What a provider lacks: raise or ignore."),
        ],
        "raise",
    ),
    instead=_instead,
)
