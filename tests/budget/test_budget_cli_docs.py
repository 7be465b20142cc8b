"""docs/budgets.md is true: its settings are settings, and its sessions are what the command answers."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker import Broker
from broker.config import load_settings
from broker.errors import Outcome
from broker.ledger import ChargeLine, Intent, Settlement
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider
from broker.types import Billed, Unit, UsageSource

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "budgets.md").read_text("utf-8")
TOML = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
STEP = re.compile(
    r"<!-- settings: (?P<old>.+?) -> (?P<new>.+?) -->|<!-- session -->\n```console\n(?P<session>.*?)```",
    re.DOTALL,
)
CALL = "01a1fcf2784b51b2b023ebed3f9790e1"
REQUEST = "8d7f1c1e-3b1b-4a43-9df0-0b8f4d1c2a77"


def book(clock: VirtualRuntime, amount: str, *, lost: bool = False) -> None:
    """An attempt as it stands in the ledger that the page tells of."""
    sum_ = Decimal(amount)
    line = ChargeLine(
        sku="aws.rekognition.group2",
        counter="aws.rekognition.group2",
        unit=Unit.IMAGE,
        quantity=Decimal(1),
        source=UsageSource.MEASURED,
        units=Decimal(1),
        amount=sum_,
        bound=sum_,
        price_id="",
    )
    intent = Intent(
        call_id=CALL,
        number=1,
        started=clock.now() - timedelta(hours=2, minutes=30),
        provider="aws",
        profile="",
        service="Rekognition",
        operation="vision.label",
        region=None,
        tags={},
        currency="USD",
        bound=sum_,
        unpriced=None,
    )
    settlement = Settlement(
        outcome=Outcome.AMBIGUOUS if lost else Outcome.DONE,
        billed=Billed.UNKNOWN if lost else Billed.YES,
        latency=0.1,
        counters=(),
        charges=lambda _: (line,),
        error="Unavailable" if lost else None,
        request_id=REQUEST if lost else None,
    )
    with Broker(runtime=clock) as broker:
        broker.ledger.settle(broker.ledger.announce(intent), settlement)


def test_the_example_stops_and_degrades() -> None:
    example = ROOT / "examples" / "budgets.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert (done.returncode, done.stderr) == (0, "")
    stops, _, degrades = done.stdout.partition("A budget that degrades:")
    assert stops.count("dear: Cat, $0.001") == 5
    assert "6. refused: budget 'demo' (all calls; month) allows $0.005" in stops
    assert "7. free: Animal, $0.00" in stops
    assert "spent $0.005 of $0.005" in stops
    assert degrades.count("instead of dear: budget 'demo'") == 2
    assert degrades.rstrip().endswith("dear: 2 attempts, $0.002")


def words(text: str) -> list[str]:
    """What is said, however the page or the terminal breaks its lines."""
    return text.split()


@pytest.mark.parametrize("number", range(len(TOML)))
def test_its_settings_are_settings(number: int, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(TOML[number])
    assert load_settings(str(file)).model_dump(exclude_unset=True)


def test_its_sessions_are_what_the_command_answers(
    cli: Any, settings: Callable[[str], None], clock: VirtualRuntime, tmp_path: Path, photo: bytes
) -> None:
    text = TOML[0]
    settings(text)
    (tmp_path / "cat.jpg").write_bytes(photo)
    cli.adapters(
        fake_provider(provider="aws", price=fake_price("0.0015", sku="aws.vision.label")), clock=clock
    )
    book(clock, "49.9975")
    book(clock, "0.0015", lost=True)
    run = 0
    for step in STEP.finditer(PAGE):
        if step["session"] is None:
            assert step["old"] in text
            text = text.replace(step["old"], step["new"])
            settings(text)
            continue
        for part in re.split(r"^\$ mlbroker ", step["session"], flags=re.MULTILINE)[1:]:
            command, _, told = part.partition("\n")
            refused = told.startswith("error: ")
            result = cli.run(*shlex.split(command), code=4 if refused else 0)
            assert words(result.stderr if refused else result.stdout) == words(told), command
            run += 1
    assert run == 5
