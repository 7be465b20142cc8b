"""The quality the manifest states for pictures, measured on labelled photos, receipts and pages.

The floors are a little below what was measured, so that another version of a library may differ slightly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from measured import Measure
from measured_pictures import (
    measure_faces,
    measure_labels,
    measure_moderation,
    measure_objects,
    measure_pages,
    measure_receipts,
)

from broker_local import needs

pytestmark = pytest.mark.local_models

Find = Callable[[str], Path]


def _values(measures: Iterable[Measure]) -> dict[str, Measure]:
    found = {each.name: each for each in measures}
    print(found)
    return found


def test_the_classifier_and_its_words_on_imagenet_photos(dataset: Find) -> None:
    found = _values(measure_labels(dataset("vision-label/imagenet-sample")))
    assert found["class right (top-1)"].total == 100
    assert found["class right (top-1)"].value >= 0.85
    assert found["class among five (top-5)"].value >= 0.95
    assert found["a right word among the labels"].value >= 0.97
    assert found["a right word leads"].value >= 0.92
    assert found["right of words of 50 % and more"].value >= 0.93


def test_objects_on_imagenet_photos_of_things_they_know(dataset: Find) -> None:
    if needs.objects_missing():
        pytest.skip(f"the detector's weights are not installed; type: {needs.OBJECTS_COMMAND}")
    (found,) = measure_objects(dataset("vision-label/imagenet-sample"))
    assert found.total == 28
    assert found.value >= 0.65


def test_words_on_receipts(dataset: Find) -> None:
    found = _values(measure_receipts(dataset("ocr/sroie-receipts")))
    assert found["words read"].total == 1588
    assert found["words read"].value >= 0.92
    assert found["words of 2 receipts, cut out, read the same"].value >= 0.9


def test_words_on_lines_and_pages(dataset: Find) -> None:
    (found,) = measure_pages(dataset("ocr/tesseract-test"))
    assert found.value >= 0.97


def test_faces_on_group_photos(dataset: Find) -> None:
    found = _values(measure_faces(dataset("faces/dlib-faces")))
    assert found["recall"].total == 43
    assert found["recall"].value >= 0.97
    assert found["precision"].value >= 0.97


@pytest.mark.parametrize("name", ["vision-label/imagenet-sample", "faces/dlib-faces"])
def test_harmless_photos_are_let_be(name: str, dataset: Find) -> None:
    found = _values(measure_moderation(dataset(name)))
    assert found["harmless photos at 50% and more"].right == 0
    assert found["harmless photos at 20% and more"].value <= 0.03
