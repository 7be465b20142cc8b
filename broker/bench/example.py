"""The bundled example: signs drawn here, read by the local provider in earnest, beside three clouds that are made up.

Everything is drawn from a fixed seed, so that it is the same everywhere. The clouds' names, answers, latencies and prices are
invented and say nothing of any vendor; plan, tables and report say so.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.errors import BadInput, NotConfigured
from broker.scoring import stored_answer
from broker.types.confidence import Confidence
from broker.types.geometry import Frame, Region
from broker.types.written import DetectedText, TextLine

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SIGNS = 32
_SEED = 20_261
_WIDTH, _HEIGHT = 480, 300
_PLACES = (
    "HARBOUR",
    "MARKET",
    "OLD MILL",
    "STATION",
    "LIBRARY",
    "ORCHARD",
    "TOWN HALL",
    "FERRY",
    "MUSEUM",
    "BAKERY",
)
_WORDS = (
    "OPEN DAILY",
    "NO PARKING",
    "TICKETS",
    "EXIT LEFT",
    "PLATFORM 4",
    "MIND THE STEP",
    "FRESH BREAD",
    "CLOSED MONDAY",
)
_NOTES = ("9 AM - 6 PM", "CALL 555 0142", "250 m AHEAD", "PLEASE RING", "SINCE 1911", "ROOM 27 B")
_PAINTS = (
    ("#f7f3e8", "#20303c"),
    ("#0f4c75", "#f4f9ff"),
    ("#ffd166", "#2b2118"),
    ("#2d6a4f", "#eef7f1"),
    ("#e9e4f0", "#6b5b8a"),
)
_MISTAKEN = {
    "0": "O",
    "O": "0",
    "1": "I",
    "I": "1",
    "5": "S",
    "S": "5",
    "8": "B",
    "B": "8",
    "M": "N",
    "E": "F",
    "R": "P",
    "6": "G",
}
Place = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """What is drawn. ``hard``: 0 (clear) to 1 (hardly to be read)."""

    name: str
    lines: tuple[str, ...]
    paper: str
    ink: str
    sizes: tuple[int, ...]
    hard: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cloud:
    """A made-up one.

    :param slips: share of letters misread in a clear sign; ``more``: how much that grows with a sign's hardness.
    :param fails: share of calls without an answer. ``seconds``: the usual latency.
    """

    name: str
    slips: float
    more: float
    lost: float
    fails: float
    seconds: float
    tiers: str


_CLOUDS = (
    _Cloud(
        name="cloud-a",
        slips=0.004,
        more=0.10,
        lost=0.01,
        fails=0.0,
        seconds=0.42,
        tiers='[{ up_to = 1_000_000, price = "0.0015" }, { price = "0.0006" }]',
    ),
    _Cloud(
        name="cloud-b",
        slips=0.006,
        more=0.14,
        lost=0.03,
        fails=0.04,
        seconds=0.23,
        tiers='[{ up_to = 1_000_000, price = "0.0010" }, { up_to = 5_000_000, price = "0.0008" }, { price = "0.0006" }]',
    ),
    _Cloud(
        name="cloud-c",
        slips=0.030,
        more=0.30,
        lost=0.08,
        fails=0.0,
        seconds=0.31,
        tiers='[{ price = "0.0004" }]',
    ),
)


def write_example(folder: str) -> str:
    """Pictures, truths, recorded answers and plan in a folder; the plan's path. Again it writes the same.

    Raises :class:`~broker.errors.NotConfigured` without Pillow, :class:`~broker.errors.BadInput` where the folder cannot be
    written, or is somebody else's.
    """
    plan = os.path.join(folder, "plan.toml")
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.isfile(os.path.join(folder, _OURS)):
        raise BadInput(f"{folder!r} is there and not ours; change to another folder")
    try:
        os.makedirs(os.path.join(folder, "signs"), exist_ok=True)
        _write(os.path.join(folder, _OURS), "Written by 'mlbroker bench --example'.\n")
        answers: dict[str, list[str]] = {cloud.name: [] for cloud in _CLOUDS}
        truths: list[str] = []
        for sign in _signs():
            picture, places = _drawn(sign)
            picture.save(os.path.join(folder, "signs", sign.name), optimize=True)
            truths.append(_truth(sign, places))
            for number, cloud in enumerate(_CLOUDS):
                answers[cloud.name].append(_made_up(cloud, sign, places, _dice(sign.seed * 7 + number)))
        _write(os.path.join(folder, "signs", "truth.jsonl"), "".join(truths))
        for name, rows in answers.items():
            _write(os.path.join(folder, f"{name}.jsonl"), "".join(rows))
        _write(plan, _PLAN + "".join(_REPLAY.format(name=cloud.name, tiers=cloud.tiers) for cloud in _CLOUDS))
    except OSError as error:
        raise BadInput(f"the example cannot be written to {folder!r}: {error.strerror or error}") from error
    return plan


_OURS = "README.txt"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - pictures, no secrets


def _signs() -> list[_Sign]:
    draw = _dice(_SEED)
    found = []
    for number in range(SIGNS):
        lines = [draw.choice(_PLACES), draw.choice(_WORDS)] + (
            [draw.choice(_NOTES)] if draw.random() < 0.5 else []
        )
        paper, ink = draw.choice(_PAINTS)
        found.append(
            _Sign(
                name=f"sign-{number + 1:02}.png",
                lines=tuple(lines),
                paper=paper,
                ink=ink,
                sizes=tuple(draw.choice((26, 32, 40)) for _ in lines),
                hard=draw.random() ** 1.5,
                seed=draw.randrange(1_000_000),
            )
        )
    return found


def _drawn(sign: _Sign) -> tuple[Picture, list[Place]]:
    """The picture, and where each line is, in pixels."""
    try:
        from PIL import Image, ImageDraw, ImageFilter, ImageFont
    except ImportError:
        raise NotConfigured(
            "the example draws its pictures with Pillow; type: pip install 'mlbroker[local-vision]'"
        ) from None
    draw = _dice(sign.seed)
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), sign.paper)
    brush = ImageDraw.Draw(picture)
    brush.rectangle((8, 8, _WIDTH - 9, _HEIGHT - 9), outline=sign.ink, width=3)
    places: list[Place] = []
    top = 34
    for line, size in zip(sign.lines, sign.sizes, strict=True):
        font: Any = ImageFont.load_default(size)
        left, upper, right, lower = (int(side) for side in brush.textbbox((0, 0), line, font=font))
        start = draw.randrange(24, max(25, _WIDTH - (right - left) - 24))
        brush.text((start - left, top - upper), line, font=font, fill=sign.ink)
        # As OCR marks a line: with room for what the tallest letters have above and the deepest below.
        room = (lower - upper) // 4
        places.append((start - room, top - room, right - left + 2 * room, lower - upper + 2 * room))
        top += lower - upper + draw.randrange(24, 48)
    if sign.hard > 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(sign.hard * 2.6))
    noise = Image.effect_noise((_WIDTH, _HEIGHT), 20 + 90 * sign.hard).convert("RGB")
    return Image.blend(picture, noise, 0.05 + 0.4 * sign.hard), places


def _truth(sign: _Sign, places: Sequence[Place]) -> str:
    boxes = [{"box": list(place), "text": line} for place, line in zip(places, sign.lines, strict=True)]
    truth = {
        "unit": "pixel",
        "width": _WIDTH,
        "height": _HEIGHT,
        "boxes": boxes,
        "text": "\n".join(sign.lines),
    }
    return json.dumps({"id": sign.name, "truth": truth}) + "\n"


def _made_up(cloud: _Cloud, sign: _Sign, places: Sequence[Place], draw: random.Random) -> str:
    """A row of a recording that never was."""
    latency = round(cloud.seconds * draw.lognormvariate(0.0, 0.35), 4)
    if draw.random() < cloud.fails:
        return json.dumps({"item": sign.name, "failed": True, "error": "Unavailable"}) + "\n"
    share = cloud.slips + cloud.more * sign.hard**2
    lines = []
    for place, line in zip(places, sign.lines, strict=True):
        if draw.random() < cloud.lost * (0.3 + 2.0 * sign.hard):
            continue
        read = "".join(_misread(letter, draw) if draw.random() < share else letter for letter in line)
        sure = min(0.999, max(0.3, 1.0 - share - draw.random() * 0.1))
        lines.append(
            TextLine(text=read, confidence=Confidence.ratio(round(sure, 3)), region=_place(place, draw))
        )
    answer = DetectedText(lines=tuple(lines), frame=Frame(width=_WIDTH, height=_HEIGHT))
    row = {
        "item": sign.name,
        "answer": json.loads(stored_answer("vision.detect_text", answer)),
        "latency": latency,
        "model": f"{cloud.name} (made up)",
    }
    return json.dumps(row) + "\n"


def _misread(letter: str, draw: random.Random) -> str:
    return _MISTAKEN.get(letter, "") if draw.random() < 0.8 else letter + letter


def _place(place: Place, draw: random.Random) -> Region:
    left, top, width, height = (side + draw.randrange(-2, 3) for side in place)
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return Region.from_ratios([(x / _WIDTH, y / _HEIGHT) for x, y in corners])


_PLAN = """\
# The bundled example. Signs are drawn by mlbroker, "local" really reads them on this machine, and three clouds are MADE UP:
# their answers, latencies and prices are invented, to show what a result looks like.
name = "example"
operations = ["vision.detect_text"]
keep = "../bench-runs"
delta = 0.02

[data]
path = "signs"

[[provider]]
provider = "local"
monthly_cost = "60.00"    # a small machine of your own, a month

[run]
concurrency = 2
cost_cap = "0"            # nothing here costs anything

[workload]
calls_per_month = 200000
p95_limit = 2.0
budget = "250.00"
peak_per_second = 0.5
"""
_REPLAY = """
[[replay]]
name = "{name}"
answers = "{name}.jsonl"
made_up = true
note = "made up for this example"
tiers = {tiers}
"""
