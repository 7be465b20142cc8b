"""The quality the manifest states, measured on labelled photos, receipts and pages.

The floors are a little below what was measured, so that another version of a library may differ slightly.
"""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.contract import Context
from broker.types import FaceRequest, Image, LabelRequest, DetectTextRequest
from broker_local import LocalAdapter, labels
from broker_local.concepts import Concept

pytestmark = pytest.mark.local_models

Find = Callable[[str], Path]
Place = tuple[float, float, float, float]


def test_the_classifier_and_its_words_on_imagenet_photos(
    adapter: LocalAdapter, context: Context, dataset: Find
) -> None:
    folder = dataset("vision-label/imagenet-sample")
    with open(folder / "labels.csv", encoding="utf-8") as file:
        photos = [
            (int(row["class_index"]), row["wnid"], folder / row["file"]) for row in csv.DictReader(file)
        ]
    by_id: dict[str, Concept] = {each.id: each for each in labels._classifier.get().concepts.all}
    top1 = top5 = word = leads = sure = sure_right = 0
    for truth, wnid, path in photos:
        assert by_id[wnid].classes == (truth,)  # the table's order of classes is the model's
        request = LabelRequest(image=Image.from_path(path), raw=True)
        reply = adapter.label(request, context)
        probabilities = reply.raw["probabilities"]  # type: ignore[call-overload,index]
        ranked = sorted(range(1000), key=lambda index: -probabilities[index])[:5]
        top1 += ranked[0] == truth
        top5 += truth in ranked
        right = {wnid, *(parent.id for parent in by_id[wnid].parents)}
        found = reply.payload.labels
        word += any(each.id in right for each in found)
        leads += found[0].id in right
        bold = [each for each in found if (each.confidence.value or 0) >= 0.5]
        sure, sure_right = sure + len(bold), sure_right + sum(each.id in right for each in bold)
    measured = f"top-1 {top1}, top-5 {top5}, a right word {word}, leads {leads}, of {len(photos)}"
    measured += f"; right of words of 50 % and more: {sure_right} of {sure}"
    print(measured)
    assert top1 >= 0.85 * len(photos), measured
    assert top5 >= 0.95 * len(photos), measured
    assert word >= 0.97 * len(photos), measured
    assert leads >= 0.92 * len(photos), measured
    assert sure_right >= 0.93 * sure, measured


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def _recall(adapter: LocalAdapter, context: Context, path: Path, truth: str) -> tuple[int, int]:
    """How many of the true words were read, of how many; a word that stands twice must be read twice."""
    read = adapter.detect_text(DetectTextRequest(image=Image.from_path(path)), context).payload.text
    expected = _words(truth)
    return (expected & _words(read)).total(), expected.total()


def test_words_on_receipts(adapter: LocalAdapter, context: Context, dataset: Find) -> None:
    folder = dataset("ocr/sroie-receipts")
    read = total = 0
    for path in sorted((folder / "images").iterdir()):
        rows = (folder / "boxes" / f"{path.stem}.csv").read_text(encoding="utf-8", errors="replace")
        truth = " ".join(line.split(",", 8)[8] for line in rows.splitlines() if line.count(",") >= 8)
        found, expected = _recall(adapter, context, path, truth)
        read, total = read + found, total + expected
    print(f"receipts: {read} of {total} words")
    assert read >= 0.92 * total


def test_words_on_lines_and_a_page(adapter: LocalAdapter, context: Context, dataset: Find) -> None:
    folder = dataset("ocr/tesseract-test")
    with open(folder / "lines.csv", encoding="utf-8") as file:
        cases = [(folder / row["file"], row["text"]) for row in csv.DictReader(file)]
    for name in ("eurotext", "phototest"):
        truth = (folder / "images" / f"{name}.gt.txt").read_text(encoding="utf-8")
        cases.append((folder / "images" / f"{name}.png", truth))
    counts = [_recall(adapter, context, path, truth) for path, truth in cases]
    read, total = (sum(column) for column in zip(*counts, strict=True))
    print(f"lines and pages: {read} of {total} words")
    assert read >= 0.97 * total


def test_faces_on_group_photos(adapter: LocalAdapter, context: Context, dataset: Find) -> None:
    folder = dataset("faces/dlib-faces")
    hits = false = total = 0
    for entry in (each for name in ("training", "testing") for each in _photos(folder / f"{name}.xml")):
        path = folder / "images" / Path(entry.get("file", "")).name
        if not path.is_file():
            continue
        truth = [_truth(box) for box in entry.iter("box")]
        image = Image.from_path(path)
        found = [
            (
                box.left * image.width,
                box.top * image.height,
                box.width * image.width,
                box.height * image.height,
            )
            for box in (
                each.region.box
                for each in adapter.detect_faces(FaceRequest(image=image), context).payload.faces
            )
        ]
        matched = _matches(truth, found)
        hits, false, total = hits + matched, false + len(found) - matched, total + len(truth)
    print(f"faces: {hits} of {total}, {false} false")
    assert hits >= 0.9 * total
    assert false <= 4


def _photos(path: Path) -> list[ElementTree.Element]:
    return list(ElementTree.parse(path).getroot().iter("image"))


def _truth(box: ElementTree.Element) -> Place:
    left, top, width, height = (float(box.get(name, "0")) for name in ("left", "top", "width", "height"))
    return left, top, width, height


def _matches(truth: list[Place], found: list[Place]) -> int:
    """Faces found, each find counting for one face; the overlap asked for is 0.3 of the union."""
    free, count = list(found), 0
    for place in truth:
        best = max(free, key=lambda each: _overlap(place, each), default=None)
        if best is not None and _overlap(place, best) >= 0.3:
            free.remove(best)
            count += 1
    return count


def _overlap(a: Place, b: Place) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)
