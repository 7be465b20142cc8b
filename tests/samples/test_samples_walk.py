"""Two months of a use case through the public client, on a virtual clock, and what a person then sees of them.

The program is ``examples/months.py``. What the commands and the report show is reckoned again here from what was really called.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import Broker
from broker.cli import output, standing
from broker.cli.main import app
from broker.quality.sampling import number_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "months.py"
UNTIL = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
DAYS, A_DAY, WORSE = 56, 16, 28
PLAN = """
operations = "text.sentiment"
[data]
path = "reviews.csv"
[[replay]]
name = "last-year"
answers = "recorded.csv"
made_up = true
tiers = [{ price = "0.001" }]
"""
Months = Any


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("months_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["months_example"] = found
    spec.loader.exec_module(found)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What was called, and how a person looks at it."""

    months: Months
    folder: Path
    made: list[Any]
    reviewed: list[dict[str, Any]]

    def run(self, *words: str) -> str:
        found = CliRunner().invoke(app, ["--config", str(self.folder / "mlbroker.toml"), *words])
        assert found.exit_code == 0, found.output
        return found.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def calls(self, use_case: str, provider: str, since: date, until: date) -> list[Any]:
        return [
            each
            for each in self.made
            if (each.use_case, each.provider) == (use_case, provider) and since <= each.day.date() <= until
        ]

    @property
    def fell(self) -> date:
        return (UNTIL - timedelta(days=DAYS - WORSE)).date()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("months")
    months = loaded()
    months.prepare(folder)
    reviewed: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", "150")
        patched.chdir(folder)

        def weekly(broker: Broker) -> None:
            """The file goes out, someone fills it in, and it comes back."""
            patched.setattr(standing, "now", broker._runtime.now)
            reviewed.append(by_file(months, folder))

        made = months.live(folder, UNTIL, days=DAYS, a_day=A_DAY, worse=WORSE, weekly=weekly)
    return Walk(months=months, folder=folder, made=made, reviewed=reviewed)


@pytest.fixture
def walk(walked: Walk, monkeypatch: pytest.MonkeyPatch) -> Walk:
    """On the day after the last call, in its folder."""
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(walked.folder / "ledger.db"))
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.chdir(walked.folder)
    monkeypatch.setattr(standing, "now", lambda: UNTIL)
    monkeypatch.setattr(output, "today", UNTIL.date)
    return walked


def by_file(months: Months, folder: Path) -> dict[str, Any]:
    def ran(*words: str) -> Any:
        found = CliRunner().invoke(app, ["--config", str(folder / "mlbroker.toml"), *words])
        assert found.exit_code == 0, found.output
        return found

    queue = folder / "queue.csv"
    ran("review", "desk", "--export", str(queue), "--inputs", str(folder / "inputs"))
    with queue.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with queue.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys() if rows else ("id", "use_case", "truth"))
        writer.writeheader()
        for row in rows:
            assert not {"cloud", "spare", "second"} & set(str(row).split("'"))  # reviewers are blind
            number = months.number_in(Path(row["input"]).read_bytes())
            writer.writerow({**row, "truth": months.shown(number)})
    found = json.loads(ran("review", "desk", "--import", str(queue), "--by", "ann", "--json").stdout)
    return dict(found)


def f1(calls: list[Any]) -> float:
    """Of answers with one label each: a wrong one adds what is not there and misses what is, a failed one misses it."""
    right = sum(each.right for each in calls)
    failed = sum(each.failed for each in calls)
    wrong = len(calls) - right - failed
    return 2 * right / (2 * right + wrong + wrong + failed)


def month_of(day: date) -> tuple[date, date]:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day.replace(day=1), following - timedelta(days=1)


def test_months_are_what_was_called(walk: Walk) -> None:
    found = walk.json("kpi", "--months", "3")
    seen = 0
    for case in found["use_cases"]:
        for month in case["months"]:
            first, last = month_of(date.fromisoformat(f"{month['month']}-01"))
            calls = walk.calls(case["use_case"], month["provider"], first, last)
            assert month["calls"] == len(calls)
            assert Decimal(month["spend"]) == sum((each.cost for each in calls), Decimal(0))
            assert month["answered"] == sum(not each.failed for each in calls)
            at_risk = sum(each.failed for each in calls) * Decimal(walk.months.PRICES[month["provider"]])
            assert Decimal(month["at_risk"]) == at_risk
            seen += len(calls)
    assert seen == len(walk.made)


def test_quality_and_return_of_a_month_in_which_every_call_has_its_truth(walk: Walk) -> None:
    """Nobody was tried again beside users' calls in it."""
    case = next(each for each in walk.json("kpi", "shop", "--months", "3")["use_cases"])
    month = next(each for each in case["months"] if (each["provider"], each["month"]) == ("cloud", "2026-10"))
    calls = walk.calls("shop", "cloud", date(2026, 10, 1), date(2026, 10, 31))
    assert len(calls) > 300
    right, failed = sum(each.right for each in calls), sum(each.failed for each in calls)
    wrong = len(calls) - right - failed
    told = month["kpis"]
    asked = (len(calls) - failed) * Decimal(walk.months.PRICES["second"])
    assert Decimal(month["sampling"]) == asked
    assert told["delivered"]["n"] == len(calls)
    assert told["delivered"]["point"] == pytest.approx(f1(calls), abs=1e-9)
    value = Decimal("0.004") * right - Decimal("0.006") * wrong - Decimal("0.001") * failed
    paid = sum((each.cost for each in calls), Decimal(0)) + asked
    assert float(told["roi"]["gross"]["point"]) == pytest.approx(float(100 * value / paid), rel=1e-6)
    assert told["delivered"]["low"] < told["delivered"]["point"] < told["delivered"]["high"]
    latency = told["p50"]["point"]
    assert 0.2 <= latency <= 0.5


def test_the_report_shows_quality_where_it_was(walk: Walk) -> None:
    found = report(walk)["history"]
    windows = [each for each in found["quality"] if each["stream"].startswith("shop, cloud")]
    assert windows[0]["since"] == str((UNTIL - timedelta(days=DAYS - 1)).date())
    for each in windows:
        first, last = date.fromisoformat(each["since"]), date.fromisoformat(each["day"])
        calls = walk.calls("shop", "cloud", first, last)
        if last < walk.fell:
            assert each["n"] == len(calls)
            assert each["point"] == pytest.approx(f1(calls), abs=1e-9)
            assert not each["alarmed"]
    after = [each for each in windows if date.fromisoformat(each["since"]) > walk.fell]
    assert after
    assert max(each["point"] for each in after) < min(
        each["point"] for each in windows if date.fromisoformat(each["day"]) < walk.fell
    )
    assert any(each["alarmed"] for each in after)
    assert any("shop, cloud: quality fell below" in each for each in found["alarms"])
    assert [each for each in found["switches"] if each["to"] == "open"]
    spend = {each["provider"]: each for each in found["spend"]}
    called = sum((each.cost for each in walk.made if each.provider == "spare"), Decimal(0))
    assert Decimal(spend["spare"]["known"]) == called
    answered = sum(each.use_case == "shop" and not each.failed for each in walk.made)
    assert spend["second"]["attempts"] == answered
    assert Decimal(spend["second"]["known"]) == answered * Decimal(walk.months.PRICES["second"])


def test_the_off_switch_opens_after_the_fall_and_calls_go_to_whom_it_degrades_to(walk: Walk) -> None:
    events = [
        each for each in walk.json("switch", "log")["events"] if each["scope"] == {"use_case": "shop", "operation": "vision.label", "provider": "cloud"}
    ]  # fmt: skip
    opened = min(each["at"] for each in events if each["after"] == "open")
    assert min(each["at"] for each in events)[:10] >= str(walk.fell)
    at = datetime.fromisoformat(opened)
    assert at.date() - walk.fell < timedelta(days=20)
    shop = [each for each in walk.made if each.use_case == "shop"]
    assert {each.provider for each in shop if each.day < at} == {"cloud"}
    assert {each.provider for each in shop if each.day > at} == {"spare"}
    assert {each.provider for each in walk.made if each.use_case == "desk"} == {"cloud"}  # it only observes


def test_figures_of_sampled_calls_are_those_of_the_calls_that_were_drawn(walk: Walk) -> None:
    """At the desk six in ten are taken, by their id; what people said of them by file is all that counts."""
    (desk,) = walk.json("quality", "status", "desk", "--days", "28")["use_cases"]
    (cloud,) = desk["providers"]
    seed = b"drawn from this, so that the example is always the same"
    since = (UNTIL - timedelta(days=27)).date()
    calls = walk.calls("desk", "cloud", since, UNTIL.date())
    taken = [each for each in calls if number_of(seed, each.call_id) < 0.6]
    assert (cloud["calls"], cloud["failed"]) == (len(calls), sum(each.failed for each in calls))
    assert cloud["sampled"] == len(taken)
    answered = [each for each in taken if not each.failed]
    assert cloud["waiting"] == 0  # the last week ended with the last day
    assert cloud["scored"] >= len(answered)
    assert cloud["conditional"]["n"] == len(answered)
    assert cloud["conditional"]["point"] == pytest.approx(
        sum(each.right for each in answered) / len(answered), abs=1e-9
    )
    assert cloud["success"]["point"] == pytest.approx(1 - cloud["failed"] / len(calls))


def test_people_decided_by_file(walk: Walk) -> None:
    assert len(walk.reviewed) == DAYS // 7
    assert all(not each["refused"] and not each["not_waiting"] for each in walk.reviewed)
    decided = sum(each["decided"] for each in walk.reviewed)
    (desk,) = walk.json("review", "desk", "--status")["use_cases"]
    assert 0 < desk["decided"] <= decided  # some are shown a second time
    assert desk["waiting"] == 0
    assert "ann" not in walk.run("quality", "status", "desk")


def test_what_a_person_reads(walk: Walk) -> None:
    assert "evidence of" in walk.run("quality", "status")
    shown = walk.run("quality", "alarms")
    assert "quality fell below" in shown
    assert "a week's answers against the four weeks before" in shown
    kpi = walk.run("kpi", "shop", "--months", "3")
    assert "switched off" in kpi
    assert "shadow calls" in kpi
    assert "\nsecond " not in kpi  # what it was asked is the cost of those beside whom it was
    log = walk.run("switch", "log")
    assert "half_open" in log


def report(walk: Walk) -> Any:
    """Of a small benchmark beside it, as there is no report without one."""
    if not (walk.folder / "bench-runs").exists():
        texts = [("good", "positive"), ("bad", "negative"), ("so so", "neutral"), ("lovely", "positive")]
        for name, head in (("reviews.csv", ("id", "text", "truth")), ("recorded.csv", ("item", "answer"))):
            with (walk.folder / name).open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(head)
                rows.writerows((n, *each) if len(head) == 3 else (n, each[1]) for n, each in enumerate(texts))
        (walk.folder / "plan.toml").write_text(PLAN)
        walk.run("bench", "plan.toml")
    return walk.json("report", "--history", str(DAYS))["report"]


def test_the_report_s_page_and_markdown_say_the_same(walk: Walk) -> None:
    found = report(walk)["history"]
    text = walk.run("report", "--history", str(DAYS), "--markdown").replace("\u00a0", " ")
    for line in found["kpis"]:
        assert line["value"].replace("$", r"\$").replace("_", r"\_").replace("\u00a0", " ") in text, line
    for alarm in found["alarms"]:
        assert alarm.replace("\u00a0", " ") in text
    assert text.count("figures of the month**") == len({each["scope"] for each in found["kpis"]})
    pytest.importorskip("vl_convert", reason="needs the extra report")
    walk.run("report", "--history", str(DAYS), "--out", "page.html")
    page = (walk.folder / "page.html").read_text("utf-8")
    for line in found["kpis"]:
        assert line["value"] in page, line
    assert "▼ alarm" in page
