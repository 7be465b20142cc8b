"""``python -m benchmarks [pytest options]``: run all benchmarks and print their table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
sys.exit(
    pytest.main(
        [
            str(FOLDER),
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "addopts=",
            "--benchmark-only",
            "--benchmark-disable-gc",
            "--benchmark-warmup=off",
            "--benchmark-columns=median",
            *sys.argv[1:],
        ]
    )
)
