"""Measure the local provider on labelled data, and print a table: the numbers that its manifest states.

The data sets are found through ``MLBROKER_TEST_DATASETS``, the folder with ``vision-label/imagenet-sample``,
``sentiment/rt-polarity`` and so on (the whole list is below); one that is not there is left out, and so is an operation
whose models are not installed. Run it from the project's root, with the extra ``local`` and the group ``test``::

    MLBROKER_TEST_DATASETS=/path/to/datasets python scripts/measure_local.py [operation ...]

``scripts/measure_local.py text.detect_language`` measures one operation. Intervals are for 95 %: Wilson's of shares, bootstrap of means over queries; times are of
computing for one item on this machine, the model being loaded.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "adapters")]

import measured_pictures as pictures  # noqa: E402 - found where the line above says
import measured_search as search  # noqa: E402 - the same
import measured_speech as speech  # noqa: E402 - the same
import measured_streams as streams  # noqa: E402 - the same
import measured_texts as texts  # noqa: E402 - the same
from measured import Mean, Measure  # noqa: E402 - the same

MEASURES: dict[str, tuple[tuple[str, Callable[[Path], Iterable[Measure | Mean]]], ...]] = {
    "vision.label": (("vision-label/imagenet-sample", pictures.measure_labels),),
    "vision.detect_objects": (("vision-label/imagenet-sample", pictures.measure_objects),),
    "vision.detect_text": (
        ("ocr/sroie-receipts", pictures.measure_receipts),
        ("ocr/tesseract-test", pictures.measure_pages),
    ),
    "vision.detect_faces": (("faces/dlib-faces", pictures.measure_faces),),
    "vision.moderate": (
        ("vision-label/imagenet-sample", pictures.measure_moderation),
        ("faces/dlib-faces", pictures.measure_moderation),
    ),
    "text.sentiment": (("sentiment/rt-polarity", texts.measure_sentiment),),
    "text.entities": (("entities/wikigold", texts.measure_entities),),
    "text.key_phrases": (("entities/wikigold", texts.measure_phrases),),
    "text.detect_language": (("language/udhr", texts.measure_language),),
    "text.detect_pii": (("pii/synthetic", texts.measure_pii),),
    "transcription.transcribe": (("transcription/mixed-english", speech.measure_transcripts),),
    "search.query": (("search/cranfield", search.measure_search),),
    "hour": (("transcription/mixed-english", speech.measure_hour),),
    "streams": (("transcription/mixed-english", streams.measure_streams),),
    "english": (("language/udhr", texts.measure_english),),
}
"""By name: the data sets' folders, and what measures on each."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("operations", nargs="*", help=f"some of {', '.join(MEASURES)}; all, if none is named")
    chosen = parser.parse_args().operations or list(MEASURES)
    if unknown := set(chosen) - set(MEASURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    data_sets = Path(os.environ.get("MLBROKER_TEST_DATASETS", ROOT / "../shared/datasets"))
    print(f"{'operation':34} {'data set':15} {'measure':42} {'value':>7} {'95 %':>15} {'items':>6} {'ms':>8}")
    for name in chosen:
        for folder, measure in MEASURES[name]:
            if not (data_sets / folder).is_dir():
                print(f"{name:34} the data set {folder} is not here")
                continue
            found = list(measure(data_sets / folder))
            for each in found:
                _print(each)
            if not found:
                print(f"{name:34} is not installed; 'mlbroker doctor' tells what to type")


def _print(found: Measure | Mean) -> None:
    low, high = found.interval
    number = f"{found.value:7.1%} {low:6.1%} - {high:6.1%}" if found.total else f"{'-':>7} {'-':>15}"
    print(
        f"{found.operation:34} {found.data_set:15} {found.name:42} {number} {found.total or found.right:6} "
        f"{found.seconds * 1e3:8.2f}"
    )


if __name__ == "__main__":
    main()
