"""``mlbroker objects|ocr|faces|caption`` and ``moderate`` for pictures.

Their JSON is that of :mod:`broker.cli.run` with the members of the result types: ``objects``, ``lines`` and ``blocks`` and
``text``, ``faces``, ``captions``, ``labels``; each with ``frame`` where places are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from broker.cli import draw, options, tables
from broker.cli.command import command, parameter
from broker.cli.files import find, find_texts, is_picture
from broker.cli.run import View
from broker.cli.shapes import document
from broker.types.written import DetectedText

_MIN = parameter("min_confidence", options.MinConfidence, 0.0)
_LANGUAGE = parameter("language", options.Language, None)
_DRAW = parameter(
    "draw",
    Annotated[
        str | None,
        typer.Option(
            "--draw",
            metavar="PATH",
            help="Draw what was found: a PNG file, or a folder for several pictures.",
        ),
    ],
    None,
)


def _view(
    name: str, operation: str, show: Callable[[Any, Any], None], shape: Callable[[Any], dict[str, Any]]
) -> Callable[[dict[str, Any]], Callable[[str], View]]:
    def made(given: dict[str, Any]) -> Callable[[str], View]:
        target = given.pop("draw", None)
        after = None if target is None else draw.Drawing(target).draw
        view = View(command=name, operation=operation, show=show, document=shape, after=after)
        return lambda _: view

    return made


def _written(value: DetectedText) -> dict[str, Any]:
    return {"text": value.text, **document(value)}


objects = command(
    "Say which things are where in pictures.",
    options.Files,
    find,
    _view("objects", "vision.detect_objects", tables.objects, document),
    parameter(
        "max_objects",
        Annotated[
            int | None,
            typer.Option(
                "--max-objects",
                metavar="N",
                help="At most N objects, the surest ones.",
                callback=options.one_or_more,
            ),
        ],
        None,
    ),
    _MIN,
    _LANGUAGE,
    _DRAW,
)
ocr = command(
    "Read what is written in pictures.",
    options.Files,
    find,
    _view("ocr", "vision.detect_text", tables.written, _written),
    parameter(
        "mode",
        Annotated[
            str,
            typer.Option(
                "--mode",
                metavar="KIND",
                help="scene (a photo with writing in it) or document (a page).",
                callback=options.one_of("scene", "document"),
            ),
        ],
        "scene",
    ),
    _MIN,
    _LANGUAGE,
    _DRAW,
)
faces = command(
    "Find faces in pictures, and how they look. Nobody is identified.",
    options.Files,
    find,
    _view("faces", "vision.detect_faces", tables.faces, document),
    _MIN,
    _LANGUAGE,
    _DRAW,
)
caption = command(
    "Say in a sentence what pictures show.",
    options.Files,
    find,
    _view("caption", "vision.caption", tables.captions, document),
    parameter(
        "dense",
        Annotated[bool, typer.Option("--dense", help="Captions of the pictures' parts too.")],
        False,
    ),
    parameter(
        "gender_neutral",
        Annotated[bool, typer.Option("--gender-neutral", help="No words for men, women, boys and girls.")],
        False,
    ),
    _MIN,
    _LANGUAGE,
    _DRAW,
)


def _either(_given: dict[str, Any]) -> Callable[[str], View]:
    """Pictures and texts are told apart by what they are."""
    pictures, texts = (
        View(command="moderate", operation=operation, show=tables.moderation, document=document)
        for operation in ("vision.moderate", "text.moderate")
    )
    return lambda name: pictures if is_picture(name) else texts


def _both(arguments: Any) -> Any:
    found = find([each for each in arguments if is_picture(each)])
    texts = find_texts([each for each in arguments if not is_picture(each)])
    found.files += texts.files
    found.failed |= texts.failed
    found.texts |= texts.texts
    return found


moderate = command(
    "Say what in pictures or texts might do harm.",
    Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_TEXT",
            help="Pictures, folders of pictures, texts as typed, UTF-8 files, or - for standard input.",
            show_default=False,
        ),
    ],
    _both,
    _either,
    _MIN,
    _LANGUAGE,
)
