"""Draws beside the ledger: what a killed program took with it is seen, and said with every figure; what cannot be told is unknown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import BadInput, Broker, BrokerError
from broker.cli import standing
from broker.cli.main import app
from broker.errors import Outcome, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.samples.recorded import Recorded, Records
from broker.samples.rows import Drawing
from broker.samples.store import SampleStore
from broker.sections_quality import UseCaseSettings
from broker.switches.use_cases import UseCases
from broker.testing.fake import fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
CASE: dict[str, Any] = {
    "operation": "vision.label",
    "tags": {"team": "shop"},
    "sampling": {"design": "rate", "rate": 0.5},
}
SHOP = {"team": "shop"}
DAY = timedelta(days=1)


class World:
    """Programs that share a ledger, and what the draws know of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualRuntime()
        self.path = str(folder / "ledger.db")
        self.store = SampleStore(str(folder / "ledger.quality.db"))
        self.answers: list[Any] = []
        self.brokers: list[Broker] = []

    def broker(self, *, sampled: bool = True, **settings: Any) -> Broker:
        def answer(*_: Any) -> Any:
            found = self.answers.pop(0) if self.answers else labels("Cat")
            if isinstance(found, BaseException):
                raise found
            return found

        case = CASE if sampled else {key: each for key, each in CASE.items() if key != "sampling"}
        given: dict[str, Any] = {
            "adapters": [fake_provider(answer, provider=name) for name in ("first", "second")],
            "provider": "first",
            "runtime": self.clock,
            "ledger": {"path": self.path},
            "limits": {"breaker": False},
            "quality": {"use_cases": {"shop": case}},
        }
        made = Broker(**{**given, **settings})
        self.brokers.append(made)
        return made

    def recorded(self, days: int = 3) -> dict[str, Recorded]:
        """Two minutes later, so that nothing is on its way."""
        for each in self.brokers:
            assert each.quality.flush(30)
        now = self.clock.now() + timedelta(minutes=2)
        records = Records(self.path, self.store, UseCases({"shop": UseCaseSettings.model_validate(CASE)}))
        return dict(records.of("shop", (now - days * DAY).date(), now.date(), now))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for each in made.brokers:
        each.close()
    made.store.close()


def busy() -> Unavailable:
    return Unavailable("busy", outcome=Outcome.SERVER)


def test_all_draws_are_there(world: World) -> None:
    broker = world.broker()
    for _ in range(20):
        broker.vision.label(PICTURE, tags=SHOP)
        world.clock.advance(3600)
    (found,) = world.recorded().values()
    assert (found.share, found.calls, found.missing) == (1.0, 20, 0)


def test_what_a_killed_program_had_not_written_is_missing(world: World, tmp_path: Path) -> None:
    broker = world.broker()
    for _ in range(5):
        broker.vision.label(PICTURE, tags=SHOP)
    code = f"""
import os, sys
from broker import Broker
from broker.samples import sampler
from broker.testing.fake import fake_provider, labels
from broker.types import Image
sampler.PAUSE = 60
picture = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
broker = Broker(adapters=[fake_provider([labels("Cat")], provider="first")], provider="first", ledger={{"path": {world.path!r}}},
    quality={{"use_cases": {{"shop": {CASE!r}}}}})
for _ in range(7):
    broker.vision.label(picture, tags={SHOP!r})
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    now = datetime.now(UTC) + timedelta(minutes=2)
    records = Records(world.path, world.store, UseCases({"shop": UseCaseSettings.model_validate(CASE)}))
    since = min(now, world.clock.now()) - DAY
    assert broker.quality.flush(30)
    found = records.of("shop", since.date(), max(now, world.clock.now()).date(), now)["first"]
    assert (found.calls, found.missing) == (12, 7)
    assert found.share == pytest.approx(5 / 12)


def test_estimates_say_what_was_not_drawn(world: World) -> None:
    for sampled in (True, False):
        broker = world.broker(sampled=sampled)
        for _ in range(10):
            broker.vision.label(PICTURE, tags=SHOP)
    world.clock.advance(120)
    assert world.brokers[0].quality.flush(30)
    found = world.brokers[0].quality.figures("shop", "first")
    assert found.recorded is not None
    assert found.recorded.share == 0.5
    assert "10 of 20 calls in the ledger were not drawn" in found.success.notes
    assert found.success.covered == 0.5
    assert found.success.partial
    assert found.conditional.covered == 0.5


@pytest.mark.parametrize("tags", [{}, {"team": "atlas"}, {"team": "shop", "use_case": "another"}])
def test_calls_of_others_are_not_asked_for(world: World, tags: dict[str, str]) -> None:
    broker = world.broker()
    broker.vision.label(PICTURE, tags=SHOP)
    broker.vision.label(PICTURE, tags=tags)
    (found,) = world.recorded().values()
    assert (found.calls, found.missing) == (1, 0)


def test_what_nobody_draws_is_not_missed(world: World) -> None:
    """Wrong requests, and calls that their caller gave up."""
    broker = world.broker()
    broker.vision.label(PICTURE, tags=SHOP)
    for error in (BadInput("no picture", outcome=Outcome.REJECTED), KeyboardInterrupt()):
        world.answers.append(error)
        with pytest.raises((BadInput, KeyboardInterrupt)):
            broker.vision.label(PICTURE, tags=SHOP)
    (found,) = world.recorded().values()
    assert (found.calls, found.missing, found.share) == (1, 0, 1.0)


def test_a_call_counts_once_for_each_provider_that_was_asked(world: World) -> None:
    broker = world.broker(provider=["first", "second"], max_attempts=2)
    world.answers += [busy(), busy()]
    broker.vision.label(PICTURE, tags=SHOP)
    world.answers += [busy()] * 4
    with pytest.raises(BrokerError):
        broker.vision.label(PICTURE, tags=SHOP)
    found = world.recorded()
    assert {name: (each.calls, each.missing) for name, each in found.items()} == {
        "first": (2, 0), "second": (2, 0),
    }  # fmt: skip


def test_calls_before_anything_was_sampled_are_not_missed(world: World) -> None:
    before = world.broker(sampled=False)
    for _ in range(3):
        before.vision.label(PICTURE, tags=SHOP)
        world.clock.advance(60)
    after = world.broker()
    after.vision.label(PICTURE, tags=SHOP)
    (found,) = world.recorded().values()
    assert (found.calls, found.missing) == (1, 0)


def test_calls_that_end_at_midnight_are_not_missed(world: World) -> None:
    """Drawn on the day after, by a moment."""
    broker = world.broker()
    day = world.clock.now().date() + DAY
    for _ in range(4):
        broker.vision.label(PICTURE, tags=SHOP)
    assert broker.quality.flush(30)
    (drawn,) = world.store.drawn("shop")
    moved = Drawing(**{**_fields(drawn.drawing), "day": day.isoformat()})
    world.store.write({drawn.drawing: (-1, 0), moved: (1, 0)}, {})
    world.clock.advance(DAY.total_seconds())
    (found,) = world.recorded().values()
    assert (found.missing, found.share) == (0, 1.0)


def _fields(drawing: Drawing) -> dict[str, Any]:
    return {name: getattr(drawing, name) for name in Drawing.__slots__}


def test_batches_are_unknown(world: World) -> None:
    world.broker().vision.label(PICTURE, tags=SHOP)
    assert world.brokers[0].quality.flush(30)
    (drawn,) = world.store.drawn("shop")
    world.store.write({drawn.drawing: (30, 0)}, {})
    (found,) = world.recorded().values()
    assert found.share is None
    assert "than the ledger has calls of" in found.unknown


def test_without_a_ledger_it_is_unknown(world: World) -> None:
    world.broker().vision.label(PICTURE, tags=SHOP)
    assert world.brokers[0].quality.flush(30)
    now = world.clock.now()
    for path in (None, world.path + "-of-another"):
        records = Records(path, world.store, UseCases({"shop": UseCaseSettings.model_validate(CASE)}))
        (found,) = records.of("shop", now.date(), now.date(), now).values()
        assert (found.share, found.unknown) == (None, "this ledger cannot be asked")
    assert not Path(world.path + "-of-another").exists()


def test_draws_that_are_not_written_yet_are_not_called_lost(world: World) -> None:
    broker = world.broker()
    broker.vision.label(PICTURE, tags=SHOP)
    now = world.clock.now()
    records = Records(world.path, world.store, UseCases({"shop": UseCaseSettings.model_validate(CASE)}))
    (found,) = records.of("shop", now.date(), now.date(), now).values()
    assert (found.calls, found.missing) == (1, 0)


def test_status_shows_it(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for sampled in (True, False):
        broker = world.broker(sampled=sampled)
        for _ in range(3 if sampled else 1):
            broker.vision.label(PICTURE, tags=SHOP)
    assert world.brokers[0].quality.flush(30)
    (tmp_path / "mlbroker.toml").write_text(
        f'[ledger]\npath = {world.path!r}\n[quality.use_cases.shop]\noperation = "vision.label"\n'
        'tags = { team = "shop" }\nsampling = { design = "rate", rate = 0.5 }\n'
    )
    days = str((datetime.now(UTC).date() - world.clock.now().date()).days + 5)
    monkeypatch.setattr(standing, "now", lambda: world.clock.now() + timedelta(minutes=2))

    def run(*words: str) -> str:
        asked = ["quality", "status", "--days", days, *words]
        return CliRunner().invoke(app, asked, env={"COLUMNS": "140"}, catch_exceptions=False).output

    assert "75.0%" in run()
    assert "first: 1 call of 4 in the ledger was not drawn" in run()
    (provider,) = json.loads(run("--json"))["use_cases"][0]["providers"]
    assert provider["recorded"]["share"] == 0.75
    assert provider["recorded"]["missing"] == 1
    assert provider["success"]["covered"] == 0.75
