"""``import broker`` is light, names what it has, and type checkers see through it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import broker
from broker import _lazy

HEAVY = (
    "boto3",
    "botocore",
    "httpx",
    "httpcore",
    "anyio",
    "asyncio",
    "pydantic",
    "pydantic_settings",
    "typer",
    "rich",
    "tenacity",
    "google",
    "grpc",
    "azure",
    "PIL",
    "numpy",
    "sqlite3",
    "dataclasses",
    "importlib.metadata",
)


def loaded(code: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    return set(
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
    )


def test_importing_it_loads_nothing_heavy() -> None:
    found = loaded("import broker")
    assert "broker" in found
    assert found & set(HEAVY) == set()


def test_errors_can_be_caught_without_loading_the_client() -> None:
    assert (
        loaded("from broker import BadInput, Throttled") & {"pydantic", "httpx", "boto3", "sqlite3"} == set()
    )


def test_a_call_that_succeeds_does_not_load_the_retry_library() -> None:
    code = """
import sys
from broker import Broker
from broker.testing.fake import fake_provider
from broker.types import Image
picture = Image(data=b"x", format="png", width=10, height=10)
with Broker(adapters=[fake_provider()], provider="fake") as broker:
    broker.vision.label(picture)
print("tenacity" in sys.modules)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout == "False\n", found.stderr


def test_a_name_there_is_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        broker.nonsense  # type: ignore[attr-defined] # noqa: B018 - that is the point
    with pytest.raises(ImportError):
        from broker import nonsense  # type: ignore[attr-defined]  # noqa: F401
    assert not hasattr(broker, "__path_of_nonsense__")


def test_every_name_it_lists_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lazy, "_default", None)
    assert dir(broker) == sorted(broker.__all__)
    assert {"Broker", "AsyncBroker", "vision", "health", "BadInput", "__version__"} <= set(dir(broker))
    for name in broker.__all__:
        assert getattr(broker, name) is not None
    _lazy.default_broker().close()  # it was made for broker.vision and its like, and would stay open for all tests to come
    assert broker.__version__[0].isdigit()


TYPED = """
import broker
from broker import AsyncBroker, Broker, BadInput
from broker.types import LabelSet, Result

def good(path: str) -> None:
    result: Result[LabelSet] = broker.vision.label(path, max_labels=3, tags={"a": "b"})
    names: list[str] = [label.name for label in result.value.labels]
    with Broker(provider="aws") as own:
        own.vision.detect_text(path, deadline=3)

async def also(path: str) -> Result[LabelSet]:
    async with AsyncBroker() as own:
        return await own.vision.label(path)

broker.nonsense  # E1
broker.vision.lable("x")  # E2
broker.vision.label("x", max_label=3)  # E3
broker.vision.label("x", max_cost=0.5)  # E4
broker.vision.label(5)  # E5
number: int = broker.vision.label("x").cost.amount  # E6
"""


def test_mypy_sees_the_types_and_rejects_what_is_not_there(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed (group: lint)")
    file = tmp_path / "typed.py"
    file.write_text(TYPED)
    root = Path(broker.__file__ or "").parent.parent
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--follow-imports=silent"]
    command += ["--config-file", "", "--cache-dir", str(root / ".mypy_cache" / "typing-test"), str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    wrong = {int(line.split(":")[1]) for line in found.stdout.splitlines() if ": error:" in line}
    expected = {number for number, line in enumerate(TYPED.splitlines(), 1) if "# E" in line}
    assert wrong == expected, found.stdout + found.stderr
