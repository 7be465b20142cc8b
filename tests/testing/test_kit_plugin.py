"""The plug-in as a user of the kit gets it: in a pytest run of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import broker

TESTS = """
import socket
import pytest
import httpx


def test_fixtures(vendor_stub, spend_guard):
    vendor_stub.reply({"ok": True})
    assert httpx.get(vendor_stub.url).json() == {"ok": True}
    assert spend_guard.blocked == ()


def test_grpc_fixture(vision_grpc_stub):
    vision_grpc_stub.reply({"labelAnnotations": []})
    assert vision_grpc_stub.count == 0


def test_expected_refusal(spend_guard):
    with spend_guard.expecting(), pytest.raises(BaseException, match="refused"):
        socket.getaddrinfo("a.invalid", 1)


def test_refused():
    httpx.get("https://vision.googleapis.com")


def test_swallowed():
    try:
        socket.getaddrinfo("swallowed.invalid", 1)
    except BaseException:
        pass
"""


def test_the_plugin_guards_a_session_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="needs the gcp extra")
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["broker.testing.pytest_plugin"]\n')
    (tmp_path / "test_user.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rA",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:benchmark",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(broker.__file__).parent.parent), "COLUMNS": "200"},
    )
    out = done.stdout
    for name in ("test_fixtures", "test_grpc_fixture", "test_expected_refusal"):
        assert f"PASSED test_user.py::{name}" in out, out
    assert "FAILED test_user.py::test_refused - broker.testing.spend_guard.RealCallBlocked" in out, out
    assert "ERROR test_user.py::test_swallowed" in out, out
    assert "tried to leave the machine: socket.getaddrinfo to swallowed.invalid" in out, out
