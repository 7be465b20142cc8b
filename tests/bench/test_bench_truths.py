"""Truths that an operation cannot use are found before a question is paid for, and told with their place."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from bench_support import Sitting, data_set, nothing, plan_of

from broker.bench import between
from broker.bench.kept import StoredItem
from broker.bench.plan_writing import written_plan
from broker.bench.runs import open_run
from broker.bench.session import Session, folder_for
from broker.bench.store import Store
from broker.bench.truths_ahead import unusable_truths
from broker.client import Broker
from broker.errors import BadDataset
from broker.scoring import DEFAULTS
from broker.testing.fake import fake_provider, labels

ONE = '[[provider]]\nprovider = "one"\n[run]\ncost_cap = "9"\n'


def test_truths_of_which_none_can_be_used_stop_the_run_before_it_costs(tmp_path: Path) -> None:
    data_set(tmp_path, 5, truth="no-such-concept")
    one = fake_provider([labels("Cat")], provider="one")
    with pytest.raises(BadDataset, match=r"items\.csv, line 2: .*truth = \"none\""):
        Sitting(tmp_path, plan_of(tmp_path, ONE), [one])
    assert not one.play.seen
    assert not list((tmp_path / "bench-runs").glob("*"))
    named = ONE + '[scoring]\nnames = { no-such-concept = "cat" }\n'
    assert Sitting(tmp_path, plan_of(tmp_path, named), [one]).finished


def test_some_that_cannot_be_used_are_counted_before_anything_is_sent(tmp_path: Path) -> None:
    data_set(tmp_path, 5)
    table = tmp_path / "items.csv"
    table.write_text(table.read_text("utf-8").replace("item-000003,one.png,cat", "item-000003,one.png,catt"))
    one = fake_provider([labels("Cat")], provider="one")
    plan = plan_of(tmp_path, ONE)
    with Broker(adapters=[one], ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        folder, _ = folder_for(plan, broker.core.services.runtime.now(), restart=False)
        session = Session(broker, plan, folder, "")
        try:
            session.prepare("", nothing, again_unknown=False)
            (found,) = session.unusable
        finally:
            session.close()
    assert (found.operation, found.unusable, found.truths) == ("vision.label", 1, 5)
    assert "items.csv, line 5" in found.first
    assert "catt" not in str(found)
    assert not one.play.seen


def _plan_for(folder: Path, rows: Sequence[str], header: str = "text,label") -> str:
    (folder / "texts.csv").write_text("\n".join([header, *rows]), "utf-8")
    with Broker(adapters=[fake_provider(provider="one")]) as broker:
        return written_plan(str(folder / "texts.csv"), broker.registry, str(folder))


def test_one_misspelt_label_does_not_make_a_plan_ask_something_else(tmp_path: Path) -> None:
    text = _plan_for(tmp_path, ["fine phone,postive", "it broke,negative", "good,positive", "so so,neutral"])
    assert 'operations = ["text.sentiment"]' in text
    assert "1 of the first 4 truths does not fit text.sentiment" in text
    assert "texts.csv, line 2" in text


def test_key_phrases_are_not_made_of_classes(tmp_path: Path) -> None:
    assert 'operations = ["text.key_phrases"]' in _plan_for(
        tmp_path, ["Ada wrote it,first program;Ada", "a machine,difference engine"]
    )


def test_columns_that_may_be_the_truth_are_named(tmp_path: Path) -> None:
    text = _plan_for(tmp_path, ["fine phone,positive"], "text,sentiment")
    assert "no truth was found" in text
    assert "columns: text, sentiment" in text


TWO = 'operations = ["text.sentiment", "text.detect_language"]\n[data]\npath = "items.{0}"\nkind = "text"\n'
REPLAY = '[[replay]]\nname = "one"\nprovider = "x"\nanswers = "one.jsonl"\n'


def _told_by_operation(folder: Path, kind: str, truths: Sequence[object]) -> Sitting:
    """A data set whose truths are objects, beside a recording that is right about everything."""
    rows = [{"id": f"i{n}", "text": f"text {n}", "truth": truth} for n, truth in enumerate(truths)]
    with open(folder / f"items.{kind}", "w", encoding="utf-8", newline="") as file:
        if kind == "jsonl":
            file.writelines(json.dumps(row) + "\n" for row in rows)
        else:
            table = csv.writer(file)
            table.writerow(["id", "text", "truth"])
            table.writerows([row["id"], row["text"], json.dumps(row["truth"])] for row in rows)
    with open(folder / "one.jsonl", "w", encoding="utf-8") as file:
        for row in rows:
            file.writelines(
                json.dumps({"item": row["id"], "operation": name, "answer": answer}) + "\n"
                for name, answer in (("text.sentiment", "positive"), ("text.detect_language", "en"))
            )
    return Sitting(folder, plan_of(folder, REPLAY, TWO.format(kind)), [])


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_truths_told_by_operation_are_scored_each_by_its_own(tmp_path: Path, kind: str) -> None:
    both = {"text.sentiment": "positive", "text.detect_language": "en"}
    made = _told_by_operation(tmp_path, kind, [both] * 4 + [{"text.sentiment": "negative"}])
    found = {
        (lane.lane.operation, each.metric): (each.delivered.point, each.delivered.n)
        for lane in made.result.lanes
        for each in lane.quality
    }
    assert found["text.sentiment", "accuracy"] == (0.8, 5)
    assert found["text.detect_language", "accuracy"] == (1.0, 4)
    assert not any("cannot use" in note for note in made.result.notes)
    with open_run(made.folder) as run:
        (sentiment, _) = between.changes(run, run)
        assert sentiment.comparison is not None
        assert sentiment.comparison.n == 5


def test_truths_by_operation_are_read_ahead_each_by_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "run"), create=True)
    truths = [
        '{"text.sentiment": "positive"}',
        '{"text.detect_language": "en"}',
        '{"text.sentiment": "good"}',
    ]
    store.put_items(
        StoredItem(
            number=n,
            id=f"i{n}",
            kind="text",
            input="some text",
            truth=truth,
            stratum=None,
            cluster=None,
            tags="{}",
            source=f"line {n}",
        )
        for n, truth in enumerate(truths, 1)
    )
    try:
        (found,) = unusable_truths(store, ["text.sentiment", "text.detect_language"], DEFAULTS, nothing)
        assert (found.operation, found.unusable, found.truths) == ("text.sentiment", 1, 2)
        with pytest.raises(BadDataset, match=r"the truths are of other operations than text\.entities"):
            unusable_truths(store, ["text.entities"], DEFAULTS, nothing)
    finally:
        store.close()
