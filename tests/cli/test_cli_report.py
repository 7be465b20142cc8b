"""``mlbroker report``: from a run to a page, Markdown and JSON, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless, png

from broker.errors import ContentRefused
from broker.report.page import html
from broker.testing.fake import fake_provider, labels

PLAN = """
operations = "vision.label"
[data]
path = "items.csv"
kind = "image"
[[provider]]
provider = "one"
[[provider]]
provider = "two"
[run]
cost_cap = "1"
[workload]
calls_per_month = 250000
budget = "500"
p95_limit = 1.0
"""


@pytest.fixture
def run(cli: Any, home: Path) -> str:
    """A run of two providers over 20 pictures; the second is right about half of them and refuses one."""
    (home / "one.png").write_bytes(png())
    rows = "".join(f"item-{number:03},one.png,cat\n" for number in range(20))
    (home / "items.csv").write_text(f"id,path,truth\n{rows}", "utf-8")
    (home / "plan.toml").write_text(PLAN, "utf-8")
    second = [labels("Dog"), labels("Cat"), ContentRefused("no"), labels(f"Cat {NASTY}")]
    cli.adapters(fake_provider([labels("Cat")], provider="one"), fake_provider(second, provider="two"))
    return str(cli.json("bench", "plan.toml")["run"])


def test_the_page_is_written_into_the_runs_folder(cli: Any, run: str) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    said = cli("report").stdout
    path = Path(run) / "report.html"
    assert f"{path.name}" in said.replace("\n", "")
    assert "opens offline" in said.replace("\n", " ")
    page = path.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    for said in (
        "vision.label",
        "two",
        "item-0",
        "not separated",
        "Content-Security-Policy",
        "benchmark made by",
    ):
        assert said in page
    assert not list(Path(run).glob("*.part"))


def test_items_on_which_providers_differ_come_first(cli: Any, run: str) -> None:
    samples = cli.json("report", "--items", "4")["report"]["samples"]
    assert len(samples) == 4
    for sample in samples:
        first, second = sample["answers"]
        assert first["score"] == 1.0
        assert second["error"] or second["score"] < 1
    assert any(sample["answers"][1]["error"] for sample in samples)
    found = cli.json("report", run, "--items", "0")["report"]
    assert found["samples"] == []
    assert "Left out by --items 0" in cli("report", run, "--items", "0", "--markdown").stdout


def test_json_and_markdown_and_page_agree(cli: Any, run: str, home: Path) -> None:
    found = cli.json("report", run)
    assert found["run"] == run
    text = cli("report", run, "--markdown").stdout
    for lane in found["report"]["result"]["lanes"]:
        delivered = lane["quality"][0]["delivered"]
        assert f"{delivered['point']:.3f}"[:5].rstrip("0") in text
    cli("report", run, "--markdown", "--out", "r.md")
    told = (home / "r.md").read_text("utf-8")
    assert told.split("report made by")[0] == text.split("report made by")[0]
    assert harmless(text.replace("\n", " "))


def test_a_result_file_will_do_and_weights_are_named(cli: Any, run: str) -> None:
    found = cli.json("report", f"{run}/result.json", "--weight", "sla=3", "--weights-by", "the buyers")[
        "report"
    ]
    assert found["weights"]["sla"] == 3.0
    assert found["weights_by"] == "the buyers"
    assert cli.json("report", run, "--weight", "sla=3")["report"]["weights_by"] == "whoever typed --weight"


def test_history_is_added_only_when_asked_for(cli: Any, run: str) -> None:
    found = cli.json("report", run)["report"]["history"]
    assert found["spend"] == []
    assert "not asked for" in found["nothing"]["spend"]
    found = cli.json("report", run, "--history", "7")["report"]["history"]
    assert {(line["provider"], line["operation"]) for line in found["spend"]} == {
        ("one", "vision.label"),
        ("two", "vision.label"),
    }
    assert sum(line["attempts"] for line in found["spend"]) >= 40
    assert found["nothing"]["spend"] is None
    assert "no quality store" in found["nothing"]["quality"]
    assert found["kpis"] == []
    assert "no use case" in found["nothing"]["kpis"]


def test_wrong_usage(cli: Any, run: str, home: Path) -> None:
    assert "choose one" in cli("report", run, "--json", "--markdown", code=2).stderr
    assert "add --weight" in cli("report", run, "--weights-by", "me", code=2).stderr
    assert "use >" in cli("report", run, "--json", "--out", "x", code=2).stderr
    assert "cannot be written" in cli("report", run, "--markdown", "--out", "absent/x.md", code=2).stderr
    assert "bench" in cli("report", "absent", "--markdown", code=1).stderr
    (home / "elsewhere").mkdir()
    assert cli("report", "elsewhere", "--markdown", code=1).stderr.startswith("error: ")


def test_the_extra_is_named_before_any_work(cli: Any, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "altair", None)
    assert "mlbroker[report]" in cli("report", run, code=3).stderr
    assert cli("report", run, "--markdown").stdout.startswith("# ")


def test_the_page_is_the_librarys(cli: Any, run: str) -> None:
    """What the command writes can be made in a program."""
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from datetime import date

    from broker.bench.runs import open_run
    from broker.maturity.load import checklist, quotas
    from broker.report.build import build
    from broker.report.samples import chosen

    with open_run(run) as opened:
        result = opened.result()
        samples, count = chosen(opened.items(), result, 3)
    made = build(result, [], checklist(), quotas(), date(2026, 11, 21), samples=samples, samples_of=count)
    page = html(made)
    assert "its adapter is not here" in page
    assert json.loads(json.dumps(made.title)) == made.title
    assert made._repr_html_().startswith("<div>")
