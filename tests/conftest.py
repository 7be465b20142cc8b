"""What all tests share: no real call can leave, every ledger is a throw-away, given data is found or skipped."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples" / "third_party_adapter"))

# How long an example takes says nothing here: the machine may stall. Its limits would fail the test all the same.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Programs that a shell begins in the background ignore Ctrl-C, and so would those that the tests start, to interrupt them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["broker.testing.pytest_plugin"]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, ledger and caches of the person who runs the tests are never touched."""
    for name in list(os.environ):
        if name.startswith("MLBROKER_") and not name.startswith("MLBROKER_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def ledger_path(tmp_path: Path) -> str:
    """The ledger that brokers of this test use unless told otherwise."""
    return str(tmp_path / "ledger.db")


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of 320 x 240 pixels."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    out = io.BytesIO()
    pillow.effect_noise((320, 240), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def _given(variable: str, folder: str) -> Path:
    path = Path(os.environ.get(variable) or ROOT.parent / "shared" / folder)
    if not path.is_dir():
        pytest.skip(f"the given {folder} are not here; set {variable} to their folder")
    return path


@pytest.fixture(scope="session")
def fixtures_folder() -> Path:
    """Answers the clouds really sent."""
    return _given("MLBROKER_TEST_FIXTURES", "fixtures")


@pytest.fixture(scope="session")
def datasets_folder() -> Path:
    """Real inputs with truth."""
    return _given("MLBROKER_TEST_DATASETS", "datasets")


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts take no time and are listed; the clock stays real for the network's sake."""
    from broker.runtime.asynchronous import AsyncRuntime
    from broker.runtime.blocking import BlockingRuntime

    waits: list[float] = []

    async def sleep(self: object, seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(BlockingRuntime, "sleep", sleep)
    monkeypatch.setattr(AsyncRuntime, "sleep", sleep)
    return waits
