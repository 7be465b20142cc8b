"""A run's memory does not grow with its items: answers go to the file, and a block of items is all that is held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def _measured(folder: Path, items: int) -> dict[str, tuple[int, float]]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_size", str(items), str(folder), "--ask"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, float]] = json.loads(done.stdout)
    return found


def test_asking_and_telling_of_ten_times_the_items_takes_no_more_memory(tmp_path: Path) -> None:
    few, many = _measured(tmp_path / "few", 250), _measured(tmp_path / "many", 2500)
    for step in ("asking", "telling"):
        growth = many[step][0] - few[step][0]
        assert growth < 4 << 20, f"{step}: 2,250 items more took {growth:,} bytes more"
