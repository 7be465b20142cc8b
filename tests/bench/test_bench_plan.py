"""Plans: what is read, and slips told with their line."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from bench_support import data_set, plan_of, png

from broker.bench.plan import Plan, parse_plan, read_plan
from broker.bench.plan_lines import line_of
from broker.bench.plan_writing import written_plan
from broker.client import Broker
from broker.errors import BadDataset, BadInput
from broker.testing.fake import fake_provider

WHOLE = """
name = "shop"
operations = ["vision.label", "vision.moderate"]
keep = "runs"
[data]
path = "pictures"
limit = 10

[[provider]]
provider = "aws:prod"
name = "aws-top5"
operations = ["vision.label"]
[provider.options]
language = "en"
[provider.options."vision.label"]
max_labels = 5

[[replay]]
name = "old"
answers = "old.csv"
tiers = [{ up_to = 1000, price = "0.01" }, { price = "0.005" }]

[run]
cost_cap = "2.50"
[workload]
calls_per_month = 1000
budget = 20
"""


def _parsed(text: str, folder: str = "/plans") -> Plan:
    return parse_plan(text, "plan.toml", folder=folder)


def test_a_whole_plan() -> None:
    plan = _parsed(WHOLE)
    assert (plan.data.path, plan.keep, plan.replay[0].answers) == (
        "/plans/pictures",
        "/plans/runs",
        "/plans/old.csv",
    )
    (provider,) = plan.provider
    assert provider.title == "aws-top5"
    assert provider.options_of("vision.label") == {"language": "en", "max_labels": 5}
    assert provider.options_of("vision.moderate") == {"language": "en"}
    assert (plan.run.cost_cap, plan.workload.budget, plan.run.concurrency) == (
        Decimal("2.50"),
        Decimal(20),
        4,
    )
    with pytest.raises(ValueError, match="frozen"):
        plan.delta = 0.5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "limit = 10",
            "limt = 10",
            r"plan\.toml, line 7: data\.limt: there is no such setting; did you mean 'limit'",
        ),
        ("limit = 10", "limit = 0", r"line 7: data\.limit"),
        (
            '"vision.moderate"',
            '"vision.lable"',
            r"line 3: operations: there is no operation 'vision\.lable'; did you mean",
        ),
        ('"vision.moderate"', '"search.upsert"', "line 3: operations: search.upsert cannot be benchmarked"),
        (
            '"2.50"',
            "2.50",
            r'line 24: run\.cost_cap: money in floats is never exact; write it as a text \("2\.5"\)',
        ),
        ('name = "old"', 'name = "aws-top5"', "two lanes are called 'aws-top5'"),
        ('price = "0.005"', 'cost = "0.005"', r"line 21: replay\.1\.tiers\.2\.(price|cost)"),
        ('provider = "aws:prod"', 'provider = "AWS"', r"line 10: provider\.1\.provider"),
        ("[data]", "[daten]", "data: it is missing"),
        ("name = ", "name == ", "it is no TOML"),
        ('keep = "runs"', 'folder = "x"', "line 4: folder: there is no such setting"),
    ],
)
def test_a_slip_is_told_with_its_line(before: str, after: str, words: str) -> None:
    assert before in WHOLE
    with pytest.raises(BadInput, match=words):
        _parsed(WHOLE.replace(before, after, 1))


def test_nobody_to_ask() -> None:
    with pytest.raises(BadInput, match="name somebody"):
        _parsed('operations = "vision.label"\n[data]\npath = "x"\n')


def test_the_line_of_a_key_or_of_the_table_around_it() -> None:
    assert line_of(WHOLE, ("provider", 0, "options", "vision.label", "max_labels")) == 16
    assert line_of(WHOLE, ("provider", 0, "monthly_cost")) == 9
    assert line_of(WHOLE, ("nowhere",)) is None


def test_the_digest_is_of_the_questions_alone() -> None:
    plan = _parsed(WHOLE)
    same = _parsed(WHOLE.replace('"2.50"', '"9"').replace("calls_per_month = 1000", "calls_per_month = 7"))
    assert plan.digest == same.digest
    assert plan.digest != _parsed(WHOLE.replace("max_labels = 5", "max_labels = 6")).digest
    assert plan.digest != _parsed(WHOLE.replace("limit = 10", "limit = 11")).digest


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--init"):
        read_plan(str(tmp_path / "none.toml"))


def test_scoring_that_cannot_be_meant(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, '[[provider]]\nprovider = "one"\n[scoring]\nk = 0\n')
    with pytest.raises(BadInput, match="k is a whole number"):
        plan.scoring.settings()


def test_a_written_plan_is_one_and_fits_what_was_found(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(3):
        (pictures / f"{number}.png").write_bytes(png())
    (pictures / "truth.jsonl").write_text(
        "\n".join(json.dumps({"id": f"{number}.png", "truth": ["cat"]}) for number in range(3)), "utf-8"
    )
    one = fake_provider(provider="one")
    with Broker(adapters=[one]) as broker:
        text = written_plan(str(pictures), broker.registry, str(tmp_path))
    assert tomllib.loads(text)["operations"] == ["vision.label"]
    assert 'provider = "one"' in text
    commented = (
        text.replace("# limit", "limit").replace("# deadline", "deadline").replace("# calls_per", "calls_per")
    )
    plan = _parsed(commented, str(tmp_path))
    assert plan.data.path == str(pictures)
    assert (plan.data.limit, plan.run.deadline, plan.workload.calls_per_month) == (200, 30, 100_000)


def test_no_data_no_plan(tmp_path: Path) -> None:
    with Broker(adapters=[fake_provider(provider="one")]) as broker, pytest.raises(BadDataset):
        written_plan(str(tmp_path / "nothing"), broker.registry, str(tmp_path))


def test_an_operation_must_fit_the_data(tmp_path: Path) -> None:
    from bench_support import Sitting

    data_set(tmp_path, 2)
    plan = _parsed(
        'operations = "text.sentiment"\n[data]\npath = "items.csv"\nkind = "image"\n[[provider]]\nprovider = "one"\n',
        str(tmp_path),
    )
    with pytest.raises(BadInput, match="nobody of the plan offers"):
        Sitting(tmp_path, plan, [fake_provider(provider="one")])
