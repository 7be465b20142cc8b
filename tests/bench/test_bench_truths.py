"""Truths that an operation cannot use are found before a question is paid for, and told with their place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from bench_support import Sitting, data_set, nothing, plan_of

from broker.bench.plan_writing import written_plan
from broker.bench.session import Session, folder_for
from broker.client import Broker
from broker.errors import BadDataset
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
