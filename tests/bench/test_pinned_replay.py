"""A pinned set asked again: what was lost and gained, alarms with a known rate of false ones, and what follows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench_support import data_set
from typer.testing import CliRunner

from broker.cli import main
from broker.client import Broker
from broker.errors import LedgerUnavailable
from broker.ledger.sqlite import SqliteLedger
from broker.quality.drift.plan import Watch
from broker.quality.switch_state import State
from broker.samples.store import SampleStore
from broker.testing.fake import fake_price, fake_provider, labels

Run = Callable[..., Any]
ITEMS = 80


class Model:
    """A provider that is right for some of the items, by their order."""

    def __init__(self) -> None:
        self.right = ITEMS
        self.asked = 0

    def answer(self, *_: Any) -> Any:
        self.asked += 1
        return labels("Cat") if (self.asked - 1) % ITEMS < self.right else labels("Dog")


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("COLUMNS", "160")
    data_set(tmp_path, ITEMS)
    (tmp_path / "concepts.toml").write_text("")
    (tmp_path / "pinned.toml").write_text(
        'operations = "vision.label"\n[data]\npath = "items.csv"\nkind = "image"\n'
        '[run]\nconcurrency = 1\nwarm_up = 0\n[[provider]]\nprovider = "fake"\n'
    )
    (tmp_path / "mlbroker.toml").write_text(
        '[quality.use_cases.shop]\noperation = "vision.label"\npinned = "pinned.toml"\n'
        "[quality.use_cases.shop.tolerance]\ntarget = 0.9\ntolerance = 0.05\n"
    )
    kind = fake_provider(model.answer, price=fake_price("0.0001"))
    monkeypatch.setattr(
        main,
        "make_broker",
        lambda **options: Broker(adapters=[kind], **{k: v for k, v in options.items() if v}),
    )

    def ran(*words: str, code: int = 0) -> Any:
        found = CliRunner().invoke(main.app, ["quality", "replay", "shop", *words])
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if "--json" in words else " ".join(found.output.split())

    return ran


def test_the_first_run_has_nothing_to_be_compared_with(run: Run, model: Model) -> None:
    assert "first run of the set" in run()
    assert model.asked == ITEMS


def test_the_same_answers_are_as_before(run: Run) -> None:
    run()
    found = run("--json")
    (change,) = found["changes"]
    assert (change["worse"], change["flipped"], change["lost"], change["judged"]) == (False, 0, 0, ITEMS)
    assert change["tokens"][0] == change["tokens"][1]
    assert change["cause"] == "nothing"


def test_a_model_that_fell_raises_an_alarm_a_warning_and_a_cause(
    run: Run, model: Model, tmp_path: Path
) -> None:
    run()
    model.right = ITEMS // 2
    found = run("--json", code=1)
    (change,) = found["changes"]
    assert (change["before"], change["after"], change["lost"], change["gained"]) == (1.0, 0.5, ITEMS // 2, 0)
    assert change["worse"]
    assert change["cause"] == "model"
    store = SampleStore(str(tmp_path / "ledger.quality.db"))
    try:
        (alarm,) = store.alarms("shop")
        assert alarm.watch is Watch.PINNED
        assert len(store.replays("shop", "fake")) == 1
    finally:
        store.close()
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        (row,) = ledger.switches()
        assert row.switch is not None
        assert row.switch.state is State.WARN  # one alarm alone opens nothing
    finally:
        ledger.close()


def test_looking_again_tells_it_again_and_asks_nobody(run: Run, model: Model, tmp_path: Path) -> None:
    run()
    model.right = 0
    run(code=1)
    asked = model.asked
    (change,) = run("--no-ask", "--json", code=1)["changes"]
    assert change["new"] is False
    assert model.asked == asked
    store = SampleStore(str(tmp_path / "ledger.quality.db"))
    try:
        assert len(store.alarms("shop")) == 1
    finally:
        store.close()


def test_a_few_flips_are_no_fall_but_are_told(run: Run, model: Model) -> None:
    run()
    model.right = ITEMS - 2
    (change,) = run("--json")["changes"]
    assert (change["worse"], change["flipped"], change["lost"]) == (False, 2, 2)
    assert "answers to the pinned set changed, but no worse" in change["because"]


def test_a_set_that_was_changed_is_another_set_before_anything_is_paid_for(
    run: Run, tmp_path: Path, model: Model
) -> None:
    run()
    data_set(tmp_path, ITEMS, truth="dog")
    assert "a pinned set never changes" in run(code=1)
    assert model.asked == ITEMS


def test_a_dry_run_asks_nobody(run: Run, model: Model) -> None:
    run("--dry-run")
    assert model.asked == 0


def test_a_use_case_without_a_set_is_told_how_to_get_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mlbroker.toml").write_text('[quality.use_cases.shop]\noperation = "vision.label"\n')
    assert "mlbroker bench --init DATA" in run(code=3)


def test_what_the_switch_could_not_be_told_is_told_the_next_time(
    run: Run, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    model.right = ITEMS // 2

    def locked(*_: Any, **__: Any) -> Any:
        raise LedgerUnavailable("locked")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteLedger, "step_switch", locked)
        run(code=4)
    asked = model.asked
    (change,) = run("--no-ask", "--json", code=1)["changes"]
    assert change["new"] is True
    assert model.asked == asked
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        assert [row.switch.state for row in ledger.switches() if row.switch] == [State.WARN]
    finally:
        ledger.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("[[provider]]", '[[provider]]\nprovider = "fake"\nname = "again"\n[[provider]]'),
            "fake more than once",
        ),
        (
            ('operations = "vision.label"', 'operations = ["vision.label", "vision.moderate"]'),
            "is of vision.label",
        ),
    ],
)
def test_a_set_whose_lanes_could_not_be_told_apart_is_refused_before_it_is_paid_for(
    run: Run, model: Model, tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    plan = tmp_path / "pinned.toml"
    plan.write_text(plan.read_text().replace(*change))
    assert told in run(code=1)
    assert model.asked == 0
