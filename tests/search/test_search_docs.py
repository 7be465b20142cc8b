"""What docs/search.md shows, runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from broker.types import parse_filter
from broker_local import LocalSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "search.md").read_text("utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"<!-- example: search -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("1 7 ")
    assert lines[0].endswith("local.bm25")
    assert "storm" in lines
    assert lines[-1] == "2 2023"


def test_the_readmes_example_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"<!-- example: search -->\n```python\n(.*?)```", readme, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1 7 A storm is coming.\n"), done.stderr


def test_the_settings_are_settings() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    section = tomllib.loads(text)["providers"]["local"]
    assert LocalSettings.model_validate(section).address("manuals", provider="local") == "manuals-v2"


def test_the_filters_are_filters() -> None:
    rows = re.findall(r"^\| `where.*?\| `([^`]*)`", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for text in rows:
        parse_filter(text)
