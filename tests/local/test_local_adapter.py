"""The adapter keeps the contract, loads nothing it does not need, and says what is missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from broker.contract import CanDetectFaces, CanDetectText, CanLabel, Closable, Describable, Support
from broker_local import LocalAdapter, LocalSettings, needs

COMMAND = "pip install 'mlbroker[local-vision]'"


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_it_is_what_the_broker_expects(adapter: LocalAdapter) -> None:
    for role in (CanLabel, CanDetectText, CanDetectFaces, Closable, Describable):
        assert isinstance(adapter, role)
    assert LocalAdapter.Settings is LocalSettings
    adapter.close()


def test_the_manifest_lists_what_it_can_do_and_nothing_else() -> None:
    manifest = LocalAdapter.manifest
    assert (manifest.provider, manifest.extra) == ("local", "mlbroker[local-vision]")
    assert list(manifest.by_name) == ["vision.label", "vision.detect_text", "vision.detect_faces"]
    for spec in manifest.operations:
        assert spec.support is Support.YES
        assert spec.sku == "local.compute"
        assert spec.limits is not None
        assert "Measured in November 2026" in spec.notes


def test_importing_it_loads_no_numeric_library() -> None:
    loaded = _python(
        "import sys, broker_local\n"
        "broker_local.LocalAdapter(broker_local.LocalSettings()).setup()\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'cv2', 'PIL', 'rapidocr'} & set(sys.modules)))"
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
        ("detect_text", "TextRequest", "rapidocr"),
        ("detect_faces", "FaceRequest", "cv2"),
    ],
)
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    method: str, request_type: str, absent: str, drawn: Callable[..., Any]
) -> None:
    said = _python(
        "import sys\n"
        f"sys.modules[{absent!r}] = None\n"  # what Python does for `import x` of a module marked absent
        "from broker import types, errors\n"
        "from broker_local import LocalAdapter, LocalSettings\n"
        f"image = types.Image.from_bytes({drawn('a').data!r})\n"
        "try:\n"
        f"    LocalAdapter(LocalSettings()).{method}(types.{request_type}(image=image), None)\n"
        "except errors.NotConfigured as error:\n"
        "    print(error)\n"
    )
    assert COMMAND in said
    assert absent in said


def test_setup_tells_how_it_stands(adapter: LocalAdapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(needs.OPT_OUT, "1")
    setup = adapter.setup()
    assert (setup.configured, setup.problem) == (True, "")
    assert (setup.credential, setup.endpoint, setup.region) == ("none needed", "in process", "local")
    assert setup.data_use == "nothing leaves this machine"


def test_setup_names_each_missing_package_and_the_command(
    adapter: LocalAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    absent = {"cv2", "rapidocr"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name))
    setup = adapter.setup()
    assert not setup.configured
    assert setup.problem == f"not installed: opencv-python-headless, rapidocr; type: {COMMAND}"


@pytest.mark.local_models
def test_onnxruntime_starts_with_its_telemetry_off() -> None:
    told = _python(
        "import os, threading, broker_local.labels\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], broker_local.needs.telemetry_running())"
    )
    assert told.split() == ["1", "False"]


@pytest.mark.local_models
@pytest.mark.parametrize("first", ["labels", "text"])
def test_running_it_leaves_no_telemetry_device_id(
    first: str, tmp_path: Any, drawn: Callable[..., Any]
) -> None:
    request, call = {"labels": ("LabelRequest", "label"), "text": ("TextRequest", "detect_text")}[first]
    _python(
        "import os\n"
        f"os.environ['HOME'] = os.environ['XDG_CACHE_HOME'] = {str(tmp_path)!r}\n"
        "os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from broker import types\n"
        f"from broker_local import {first}\n"
        f"image = types.Image.from_bytes({drawn('a').data!r})\n"
        f"{first}.{call}(types.{request}(image=image))\n"
    )
    assert {each.name for each in tmp_path.iterdir()} <= {"mlbroker"}


def test_setup_warns_when_onnxruntime_was_there_before_with_telemetry(
    adapter: LocalAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", sys)
    monkeypatch.delenv(needs.OPT_OUT, raising=False)
    assert "ORT_DISABLE_TELEMETRY=1" in adapter.setup().data_use
