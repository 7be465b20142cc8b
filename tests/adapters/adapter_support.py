"""Helpers of the adapter tests: pictures, contexts over the real transport, and the recorded answers."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.contract import Context
from broker.runtime.blocking import BlockingRuntime
from broker.types import Image

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(os.environ.get("MLBROKER_TEST_FIXTURES") or ROOT.parent / "shared" / "fixtures")
CANARY = "Kan4ryQzT7wLmN2pXv9sRbY6cJhG3dFeUo8iAkHt5q1W"
"""A secret that must appear nowhere."""
CLOUD_VARIABLES = ("AWS_", "GOOGLE_", "CLOUDSDK_", "GCE_", "AZURE_", "IDENTITY_", "MSI_", "K_SERVICE")


def recorded(folder: str) -> list[Any]:
    """Parameters: every recorded answer under a folder, or one that skips with the reason."""
    files = sorted(
        path for path in (FIXTURES / folder).glob("*.json") if not path.name.endswith(".request.json")
    )
    if not files:
        reason = f"no recorded answers in {FIXTURES / folder}; set MLBROKER_TEST_FIXTURES"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id=folder)]
    return [pytest.param(path, id=path.stem) for path in files]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def close(seen: float | None, said: float, tolerance: float = 1e-9) -> bool:
    return seen is not None and abs(seen - said) <= tolerance


class Contexts:
    """Makes the context of an attempt over the real transport."""

    def __init__(self) -> None:
        self.runtime = BlockingRuntime()

    def __call__(self, seconds: float = 30.0) -> Context:
        deadline = time.monotonic() + seconds
        return Context(
            call_id="c1",
            attempt=1,
            operation="vision.label",
            http=self.runtime.http(deadline),
            remaining=lambda: deadline - time.monotonic(),
        )


def picture(size: int = 400) -> Image:
    return Image(data=b"\xff\xd8\xff" + bytes(size), format="jpeg", width=640, height=480)


def raised(call: Callable[[], object], kind: type[BaseException]) -> Any:
    """The exception that a call raises."""
    with pytest.raises(kind) as caught:
        call()
    return caught.value


@contextmanager
def no_module(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[None]:
    """As if a package were not installed."""
    with monkeypatch.context() as patch:
        for loaded in list(sys.modules):
            if any(loaded == name or loaded.startswith(f"{name}.") for name in names):
                patch.delitem(sys.modules, loaded)
        for name in names:
            patch.setitem(sys.modules, name, None)
        yield
