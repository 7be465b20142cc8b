"""The statistics need no package beyond Python, and importing the broker does not load them."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import broker.quality

MODULES = [each.name for each in pkgutil.walk_packages(broker.quality.__path__, "broker.quality.")]


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(' '.join(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


def test_no_other_package_is_loaded() -> None:
    modules = loaded("import " + ", ".join(MODULES))
    assert set(MODULES) <= modules
    assert not {"numpy", "scipy", "pydantic", "httpx", "boto3", "rich", "typer", "sqlite3"} & modules


def test_importing_the_broker_does_not_load_them() -> None:
    assert not any(name.startswith("broker.quality") for name in loaded("import broker"))
