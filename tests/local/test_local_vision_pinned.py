"""A model file of another package is taken only where it is the one that was measured."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from broker.errors import NotConfigured
from broker_local.pinned import Pinned


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be imported, with a model beside its code."""
    folder = tmp_path / "weights_of_others"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('nobody wants this code')")
    (folder / "deep" / "model.bin").write_bytes(b"numbers")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def _pinned(module: str = "weights_of_others", data: bytes = b"numbers") -> Pinned:
    return Pinned(
        module=module,
        place=("deep", "model.bin"),
        sha256=hashlib.sha256(data).hexdigest(),
        command="pip install 'weights-of-others==1'",
    )


def test_the_file_is_read_and_the_package_not_imported(package: Path) -> None:
    assert _pinned().read() == b"numbers"
    assert _pinned().present()
    assert "weights_of_others" not in sys.modules


def test_a_missing_package_or_file_is_told_with_the_command(package: Path) -> None:
    (package / "deep" / "model.bin").unlink()
    for pinned in (_pinned(), _pinned("no_such_package_at_all")):
        assert not pinned.present()
        with pytest.raises(NotConfigured, match=r"not installed; type: pip install 'weights-of-others==1'$"):
            pinned.read()


def test_another_file_is_refused(package: Path) -> None:
    with pytest.raises(NotConfigured, match=r"another model\.bin .* --force-reinstall"):
        _pinned(data=b"other numbers").read()


def test_a_module_without_a_folder_holds_no_files() -> None:
    assert not _pinned("json.decoder").present()
