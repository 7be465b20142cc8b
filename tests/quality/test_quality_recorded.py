"""Answers recorded elsewhere: what is read, and what is refused."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from broker.quality.choose import estimate
from broker.quality.metrics.metric import ACCURACY, delivery
from broker.quality.recorded import (
    Recorded,
    accuracy_scores,
    answers_by_item,
    by_provider,
    from_rows,
    read_run,
    spend,
    truths,
)

CSV = """item,provider,answer,confidence,truth,price,failed,cluster,extra
1,aws,cat,0.9,cat,0.001,,f1,x
1,gcp,dog,,cat,0.0015,,f1,x
2,aws,,0.2,dog,0.001,,f1,x
2,gcp,,,dog,,true,f2,x
"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["run.csv", "run.csv.gz"])
def test_a_table_is_read_with_its_failures(tmp_path: Path, name: str) -> None:
    rows = read_run(written(tmp_path, name, CSV))
    assert rows[0] == Recorded(
        item="1",
        provider="aws",
        answer="cat",
        confidence=0.9,
        truth="cat",
        price=Decimal("0.001"),
        drawn=rows[0].drawn,
    )
    assert rows[0].drawn.cluster == "f1"
    assert (rows[2].answer, rows[2].right) == ("", False)  # an empty answer is an answer
    assert (rows[3].answer, rows[3].right, rows[3].price) == (None, None, None)
    assert answers_by_item(rows) == {"1": {"aws": "cat", "gcp": "dog"}, "2": {"aws": ""}}
    assert truths(rows) == {"1": "cat", "2": "dog"}
    aws, gcp = (by_provider(rows)[each] for each in ("aws", "gcp"))
    assert (spend(aws).known, spend(aws).unknown) == (Decimal("0.002"), 0)
    assert spend(gcp).unknown == 1
    told = delivery(ACCURACY, accuracy_scores(gcp))
    assert (told.asked, told.failed, told.conditional) == (2, 1, 0.0)


def test_json_lines_are_read_and_json_stays_json(tmp_path: Path) -> None:
    lines = (
        '{"item": 7, "provider": "a", "answer": ["x", "y"], "price": 0.0001, "truth": "x", "probability": 0.25}\n\n'
        '{"item": 8, "provider": "a", "answer": null}\n'
    )
    rows = read_run(written(tmp_path, "run.jsonl", lines))
    assert (rows[0].item, rows[0].answer, rows[0].price) == ("7", '["x", "y"]', Decimal("0.0001"))
    assert rows[0].drawn.probability == 0.25
    assert rows[1].answer is None
    with pytest.raises(ValueError, match="has no truth"):
        _ = rows[1].right


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"provider": "a", "answer": "x"}, "row 1: column 'item'"),
        ({"item": "1", "answer": "x"}, "'provider'"),
        ({"item": "1", "provider": "a"}, "'answer'"),
        ({"item": "1", "provider": "a", "answer": "x", "confidence": "high"}, "confidence is no number"),
        ({"item": "1", "provider": "a", "answer": "x", "confidence": "nan"}, "confidence is no number"),
        ({"item": "1", "provider": "a", "answer": "x", "price": "-1"}, "0 or more"),
        ({"item": "1", "provider": "a", "answer": "x", "price": "free"}, "price is no number"),
        ({"item": "1", "provider": "a", "answer": "x", "failed": "perhaps"}, "true or false"),
        ({"item": "1", "provider": "a", "answer": "x", "probability": "0"}, "probability of being chosen"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row(row: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(from_rows([row]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,provider,answer\n1,a,x\n1,a,y\n", "two answers"),
        ("item,provider,answer,truth\n1,a,x,x\n1,b,y,z\n", "two truths"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_run(written(tmp_path, "run.csv", text))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("a.txt", "", "csv or .jsonl"), ("a.jsonl", "{]", "no JSON"), ("b.jsonl", "[1]", "object")],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_run(written(tmp_path, name, text))


def test_a_run_goes_all_the_way_to_an_interval(tmp_path: Path) -> None:
    lines = "item,provider,answer,truth\n" + "".join(
        f"{i},a,{'x' if i % 10 else 'y'},x\n" for i in range(200)
    )
    told = estimate(ACCURACY, accuracy_scores(read_run(written(tmp_path, "r.csv", lines))))
    assert (told.point, told.n, told.method) == (0.9, 200, "wilson/1")


def test_the_example_of_the_document_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text("utf-8")
    code = page.split("```python\n")[1].split("```")[0]
    rows = "".join(
        f"{i},{p},{'x' if i % k else 'y'},x\n" for i in range(300) for p, k in (("aws", 30), ("gcp", 4))
    )
    written(tmp_path, "run.csv", "item,provider,answer,truth\n" + rows)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/quality.md", "exec"), {})
    assert capsys.readouterr().out.split()[-1] == "Verdict.BETTER"
