"""The cache saves time and is never needed, and nothing broken or foreign is ever loaded from it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from broker_local import cache


class Builder:
    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> bytes:
        self.runs += 1
        return b"graph" * 1000


@pytest.fixture
def builder() -> Builder:
    return Builder()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mlbroker"


def test_what_is_built_is_kept_for_the_next_time(home: Path, builder: Builder) -> None:
    assert cache.cached("g", builder) == cache.cached("g", builder) == b"graph" * 1000
    assert builder.runs == 1
    assert [each.name for each in home.iterdir()] == ["g"]


def test_the_folder_and_the_file_are_closed_to_others(home: Path, builder: Builder) -> None:
    cache.cached("g", builder)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "g").stat().st_mode) == 0o600


@pytest.mark.parametrize("change", ["cut", "flip", "empty", "digest"])
def test_a_broken_file_is_built_anew_and_replaced(home: Path, builder: Builder, change: str) -> None:
    cache.cached("g", builder)
    path = home / "g"
    stored = bytearray(path.read_bytes())
    if change == "flip":
        stored[-7] ^= 1
    if change == "digest":
        stored[3] ^= 1
    path.write_bytes({"cut": stored[:-1], "empty": b""}.get(change, stored))
    assert cache.cached("g", builder) == b"graph" * 1000
    assert builder.runs == 2
    cache.cached("g", builder)
    assert builder.runs == 2


def test_a_folder_that_others_may_write_in_is_not_used(home: Path, builder: Builder) -> None:
    cache.cached("g", builder)
    home.chmod(0o777)
    cache.cached("g", builder)
    assert builder.runs == 2


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path, home: Path, builder: Builder) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    home.parent.mkdir()
    home.symlink_to(tmp_path / "elsewhere")
    cache.cached("g", builder)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_without_a_folder_to_write_in_it_is_built_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: Builder
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "below"))
    assert cache.cached("g", builder) == b"graph" * 1000


def test_a_full_disk_is_no_error_and_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, builder: Builder
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cache.cached("g", builder) == b"graph" * 1000
    assert not list(home.iterdir())


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "mlbroker"
