"""How well the local provider sees: its operations on pictures, on labelled photos, receipts and pages."""

from __future__ import annotations

import csv
import re
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measured import Measure, timed
from PIL import Image as pillow

from broker.types import DetectTextRequest, FaceRequest, Image, LabelRequest
from broker_local import explicit, needs, objects, pictures, text
from broker_local.concepts import Concepts
from broker_local.picture import decode
from broker_local.words import Word

Place = tuple[float, float, float, float]
"""Left, top, width, height."""

SHARED = 0.3
"""Of the union of a true and a found box, from which on it counts as found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds:
    """How many of the true things were found, and how much was found that is none of them."""

    hits: int
    total: int
    false: int


def measure_labels(folder: Path) -> Iterator[Measure]:
    """EfficientNet-Lite0's classes and the words they are folded into, on ImageNet photos."""
    rows = _table(folder / "labels.csv")
    concepts = {each.id: each for each in Concepts.read().all}
    images = [Image.from_path(folder / row["file"]) for row in rows]
    pictures.label(LabelRequest(image=images[0]))
    found, seconds = timed(lambda image: pictures.label(LabelRequest(image=image, raw=True)), images)
    top1 = top5 = word = leads = sure = sure_right = 0
    for row, reply in zip(rows, found, strict=True):
        truth, concept = int(row["class_index"]), concepts[row["wnid"]]
        if concept.classes != (truth,):
            raise ValueError(f"class {truth} of the data set is another one of the model's")
        raw: Any = reply.raw
        ranked = sorted(range(len(raw["probabilities"])), key=lambda index: -raw["probabilities"][index])[:5]
        right = {concept.id, *(parent.id for parent in concept.parents)}
        bold = [each for each in reply.payload.labels if (each.confidence.value or 0.0) >= 0.5]
        top1, top5 = top1 + (ranked[0] == truth), top5 + (truth in ranked)
        word += any(each.id in right for each in reply.payload.labels)
        leads += reply.payload.labels[0].id in right
        sure, sure_right = sure + len(bold), sure_right + sum(each.id in right for each in bold)
    for name, count, total in (
        ("class right (top-1)", top1, len(rows)),
        ("class among five (top-5)", top5, len(rows)),
        ("a right word among the labels", word, len(rows)),
        ("a right word leads", leads, len(rows)),
        ("right of words of 50 % and more", sure_right, sure),
    ):
        yield Measure("vision.label", "imagenet-sample", name, count, total, seconds)


def measure_objects(folder: Path) -> Iterator[Measure]:
    """Whether the thing that a photo is of is found. The photos have no boxes, so places are not measured."""
    if needs.objects_missing():
        return
    objects.find(Image.from_path(folder / _table(folder / "labels.csv")[0]["file"]))  # loads the model
    finds, seconds = _clocked(lambda: objects_on_imagenet(folder))
    name = "photos whose class is found"
    yield Measure(
        "vision.detect_objects", "imagenet-sample", name, finds.hits, finds.total, seconds / finds.total
    )


def measure_faces(folder: Path) -> Iterator[Measure]:
    """Faces of group photos."""
    photos = sorted((folder / "images").iterdir())
    pictures.detect_faces(FaceRequest(image=Image.from_path(photos[0])))
    finds, seconds = _clocked(lambda: faces_of_dlib(folder))
    found = finds.hits + finds.false
    name = "vision.detect_faces"
    yield Measure(name, "dlib-faces", "recall", finds.hits, finds.total, seconds / len(photos))
    yield Measure(name, "dlib-faces", "precision", finds.hits, found, seconds / len(photos))


def measure_moderation(folder: Path) -> Iterator[Measure]:
    """False alarms on harmless photos; there is no data set of others, so what is found is not measured."""
    photos = sorted((folder / "images").iterdir())
    _explicit(photos[0])
    scores, seconds = timed(_explicit, photos)
    for bar in (0.5, 0.2):
        name = f"harmless photos at {bar:.0%} and more"
        count = sum(score >= bar for score in scores)
        yield Measure("vision.moderate", folder.name, name, count, len(scores), seconds)


def measure_receipts(folder: Path) -> Iterator[Measure]:
    """Words of receipts, and the words' places: cut out and read alone, they must be the same."""
    cases = []
    for path in sorted((folder / "images").iterdir()):
        rows = (folder / "boxes" / f"{path.stem}.csv").read_text(encoding="utf-8", errors="replace")
        cases.append(
            (path, " ".join(row.split(",", 8)[8] for row in rows.splitlines() if row.count(",") >= 8))
        )
    yield _recall("sroie-receipts", cases)
    finds, seconds = _clocked(lambda: words_read_again([path for path, _ in cases[:2]]))
    name = "words of 2 receipts, cut out, read the same"
    yield Measure("vision.detect_text", "sroie-receipts", name, finds.hits, finds.total, seconds / 2)


def measure_pages(folder: Path) -> Iterator[Measure]:
    """Words of single lines and of pages."""
    cases = [(folder / row["file"], row["text"]) for row in _table(folder / "lines.csv")]
    for name in ("eurotext", "phototest"):
        truth = (folder / "images" / f"{name}.gt.txt").read_text(encoding="utf-8")
        cases.append((folder / "images" / f"{name}.png", truth))
    yield _recall("tesseract-test", cases)


def _recall(data_set: str, cases: Sequence[tuple[Path, str]]) -> Measure:
    """How many of the true words were read; a word that stands twice must be read twice."""
    images = [Image.from_path(path) for path, _ in cases]
    pictures.detect_text(DetectTextRequest(image=images[0]))
    found, seconds = timed(lambda image: pictures.detect_text(DetectTextRequest(image=image)), images)
    right = total = 0
    for (_, truth), reply in zip(cases, found, strict=True):
        expected = _words(truth)
        right += (expected & _words(reply.payload.text)).total()
        total += expected.total()
    return Measure("vision.detect_text", data_set, "words read", right, total, seconds)


def _words(page: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", page.lower()))


def faces_of_dlib(folder: Path) -> Finds:
    """Faces in photos with boxes as dlib writes them; each find counts for one face."""
    hits = total = false = 0
    for listed in ("training.xml", "testing.xml"):
        for entry in ElementTree.parse(folder / listed).getroot().iter("image"):  # noqa: S314 - the user's own data
            path = folder / "images" / Path(entry.get("file", "")).name
            if not path.is_file():
                continue
            free = _faces(Image.from_path(path))
            truth = [_box(each) for each in entry.iter("box")]
            total += len(truth)
            for place in truth:
                best = max(free, key=lambda each: overlap(place, each), default=None)
                if best is not None and overlap(place, best) >= SHARED:
                    free.remove(best)
                    hits += 1
            false += len(free)
    return Finds(hits=hits, total=total, false=false)


def _faces(image: Image) -> list[Place]:
    boxes = [face.region.box for face in pictures.detect_faces(FaceRequest(image=image)).payload.faces]
    return [
        (
            each.left * image.width,
            each.top * image.height,
            each.width * image.width,
            each.height * image.height,
        )
        for each in boxes
    ]


def _box(entry: ElementTree.Element) -> Place:
    left, top, width, height = (float(entry.get(name, "0")) for name in ("left", "top", "width", "height"))
    return left, top, width, height


def overlap(a: Place, b: Place) -> float:
    """The shared part of the union."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def explicit_scores(paths: Iterable[Path]) -> list[float]:
    """What open_nsfw says of each picture."""
    return [_explicit(path) for path in paths]


def _explicit(path: Path) -> float:
    return explicit.judge(Image.from_path(path)).score


def objects_on_imagenet(folder: Path) -> Finds:
    """Objects in the photos whose ImageNet class, or a word above it in WordNet, is one of COCO's.

    ``false`` counts finds of other classes but person: photos show more than their class says, so some are right.
    """
    above = {
        each.id: {name.lower() for concept in (each, *each.parents) for name in concept.names}
        for each in Concepts.read().all
    }
    hits = total = false = 0
    for row in _table(folder / "labels.csv"):
        expected = above[row["wnid"]] & set(objects.CLASSES)
        if expected:
            names = [each.name for each in objects.find(Image.from_path(folder / row["file"]))]
            total += 1
            hits += any(name in expected for name in names)
            false += sum(name not in expected and name != "person" for name in names)
    return Finds(hits=hits, total=total, false=false)


def words_read_again(paths: Sequence[Path]) -> Finds:
    """Cut each word out of its line and read it alone: the same letters must come out.

    ``false`` counts lines that were read and have no words.
    """
    # The second one's own; what it is asked for stays set on it.
    reader, alone = text._load(), text._load()  # noqa: SLF001 - the models without the provider around them
    hits = total = false = 0
    for path in paths:
        picture = decode(Image.from_path(path))
        for line in reader.read(picture):
            false += not line.words
            for word in line.words if len(line.words) > 1 else ():
                pixels = np.asarray(_cut(picture.pixels, word))[:, :, ::-1]
                answer = alone._engine(np.ascontiguousarray(pixels), use_det=False, use_rec=True)  # noqa: SLF001 - the same
                again = "".join(answer.txts or ()).replace(" ", "")
                hits, total = hits + (again.lower() == word.text.lower()), total + 1
    return Finds(hits=hits, total=total, false=false)


def _cut(pixels: pillow.Image, word: Word) -> pillow.Image:
    across, down = zip(*word.corners, strict=True)
    edge = (max(down) - min(down)) / 12
    return pixels.crop(
        (round(min(across) - edge), round(min(down)), round(max(across) + edge), round(max(down)))
    )


def _clocked(work: Callable[[], Finds]) -> tuple[Finds, float]:
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


def _table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
