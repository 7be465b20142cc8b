"""The examples' photos are real ones from declared packages, or the command that brings them is told."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "photos.py"


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_photos", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "example_photos", module)
    spec.loader.exec_module(module)
    return module


def test_a_missing_package_is_told_with_the_command(
    photos: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"pip install 'mlbroker\[demo\]'"):
        photos.sample_photos()


def test_a_package_that_lost_its_photo_is_told_too(
    photos: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(SystemExit, match="mlbroker"):
        photos.sample_photos()


def test_each_photo_names_its_licence(photos: ModuleType) -> None:
    assert len(photos.PHOTOS) >= 5
    assert all(each.licence for each in photos.PHOTOS)
