"""Items out of CSV, JSONL and Parquet: what is read, what is refused, and at which line."""

from __future__ import annotations

import gzip
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dataset_support import items, jsonl, opened, truths, written

from broker.datasets import Item, Kind, ReadOptions, open_dataset
from broker.errors import BadDataset, NotConfigured


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(BadDataset) as caught:
        items(path, **options)
    return str(caught.value)


def test_a_csv_of_texts_gives_items_in_its_order(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", 'id,text,label,lang\na,"one, two",pos,en\nb,three,,de\n')
    one, two = items(path, cluster="lang", tags=("label",))
    assert (one.id, one.kind, one.input, one.truth, one.cluster) == ("a", Kind.TEXT, "one, two", "pos", "en")
    assert (two.truth, two.tags) == (None, (("label", ""),))
    assert one.where == f"{path}, line 2"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_ends_of_lines_and_marks_of_byte_order_make_no_difference(
    tmp_path: Path, ending: str, mark: str
) -> None:
    path = written(tmp_path / "t.csv", mark + ending.join(["id,text", "a,x", ""]))
    assert [(item.id, item.input) for item in items(path)] == [("a", "x")]


def test_lines_are_counted_where_cells_have_several(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", 'id,text\na,"one\ntwo\nthree"\nb,x,too many\n')
    assert f"{path}, line 5: 3 cells" in refusal(path)


def test_jsonl_keeps_truths_as_they_are(tmp_path: Path) -> None:
    spans = [{"begin": 0, "end": 3, "kind": "person"}]
    path = jsonl(
        tmp_path / "t.jsonl",
        {"id": 7, "text": "Ada", "truth": spans},
        {"id": "b", "text": "none", "truth": []},
    )
    assert truths(path) == {"7": spans, "b": []}


def test_zipped_tables_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "x"}\n'))
    assert [item.id for item in items(path)] == ["row-1"]
    path.write_bytes(gzip.compress(b'{"text": "x"}\n')[:-9])
    assert "cannot be read" in refusal(path)
    path.write_bytes(b"no gzip")
    assert "cannot be read" in refusal(path)


def test_tabs_part_the_cells_of_a_tsv(tmp_path: Path) -> None:
    assert items(written(tmp_path / "t.tsv", "id\ttext\na\tx, y\n"))[0].input == "x, y"


def test_parquet_reads_as_the_same_items(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    from pyarrow import parquet

    rows = [
        {"id": "a", "text": "Ada", "truth": [{"begin": 0, "end": 3, "kind": "person"}]},
        {"id": "b", "text": "x", "truth": []},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    lines = jsonl(tmp_path / "t.jsonl", *rows)
    assert truths(tmp_path / "t.parquet") == truths(lines)
    assert opened(tmp_path / "t.parquet").snapshot().sha256 == opened(lines).snapshot().sha256
    parquet.write_table(
        pyarrow.Table.from_pylist([{"id": 1, "text": "x", "truth": Decimal("1.5")}]), tmp_path / "d.parquet"
    )
    assert truths(tmp_path / "d.parquet") == {"1": "1.5"}
    parquet.write_table(pyarrow.Table.from_pylist([{"image": b"\xff\xd8"}]), tmp_path / "p.parquet")
    assert "named by their path" in refusal(tmp_path / "p.parquet", kind="image")
    written(tmp_path / "no.parquet", "no")
    assert "no Parquet" in refusal(tmp_path / "no.parquet", kind="text")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotConfigured, match=r"mlbroker\[parquet\]"):
        items(written(tmp_path / "t.parquet", ""), kind="text")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("t.csv", "", "it is empty"),
        ("t.csv", "id,text\n", "there is no item in it"),
        ("t.csv", "id,id\na,b\n", "line 1: its first line must name each column once"),
        ("t.csv", "id,,text\na,b,c\n", "line 1: its first line must name each column once"),
        ("t.csv", "id,text\na\n", "line 2: 1 cells"),
        ("t.csv", 'id,text\na,"never closed\n', "no CSV"),
        ("t.csv", "id,text\na,x\nb,\n", "line 3: column text is empty"),
        ("t.csv", "id,text\na,x\na,y\n", "line 3: its id is that of an item before it"),
        ("t.csv", "id,text\n,x\n", "line 2: column id holds no id"),
        ("t.csv", "id,text\na\x07b,x\n", "line 2: an id is 1 to"),
        ("t.csv", "id,text\na,x\x00y\n", "line 2: there is a NUL"),
        ("t.jsonl", '{"id": 1, "text": "x"}\n{"id": 2, "text": \n', "line 2: this line is no JSON"),
        ("t.jsonl", '["x"]\n', "line 1: each line is an object"),
        ("t.jsonl", "\n\n", "there is no item in it"),
        ("t.jsonl", '{"id": 1, "text": NaN}\n', "line 1: this line is no JSON"),
        ("t.jsonl", '{"id": true, "text": "x"}\n', "line 1: column id holds no id"),
        ("t.jsonl", '{"id": "a", "text": ["x"]}\n', "line 1: column text is empty or no text"),
        ("t.jsonl", '{"id": "a", "text": 7}\n', "line 1: column text is empty or no text"),
        ("t.jsonl", "[" * 100_000 + "\n", "line 1: this line is no JSON"),
        ("t.jsonl", '{"id": "\\ud83d", "text": "x"}\n', "line 1: an id is 1 to"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    said = refusal(written(tmp_path / name, text), kind="text")
    assert says in said
    assert str(tmp_path / name) in said


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,text\na,Übung\n".encode("latin-1"))
    assert "not written in UTF-8" in refusal(path)


def test_content_is_not_repeated_in_errors(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "id,text\na,SECRET\na,SECRET\n")
    assert "SECRET" not in refusal(path)


def test_files_are_found_beside_the_table_and_named_by_their_path(tmp_path: Path) -> None:
    written(tmp_path / "set" / "a" / "1.jpg", "x")
    table = written(tmp_path / "set" / "t.csv", "file,truth\na/1.jpg,cat\n")
    (item,) = items(table)
    assert (item.id, item.kind, item.truth) == ("a/1.jpg", Kind.IMAGE, "cat")
    assert item.input == str(tmp_path / "set" / "a" / "1.jpg")
    elsewhere = written(tmp_path / "t.csv", "file,truth\n1.jpg,cat\n")
    assert items(elsewhere, root="set/a")[0].id == "1.jpg"


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/hostname", "a/../../secret.jpg"])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    written(tmp_path / "secret.jpg", "x")
    table = written(tmp_path / "set" / "t.csv", f"file,truth\n{name},cat\n")
    assert "line 2: the path leads out" in refusal(table, kind="image")


def test_a_file_that_is_not_there_is_named_by_its_line(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "file,truth\n1.jpg,cat\n")
    assert "line 2: the file that it names is not there" in refusal(table)
    table = jsonl(tmp_path / "t.jsonl", {"file": "a\0b.jpg"})
    assert "is not there" in refusal(table, kind="image")


def test_one_file_is_one_item(tmp_path: Path) -> None:
    written(tmp_path / "1.jpg", "x")
    table = written(tmp_path / "t.csv", "file,truth\n1.jpg,cat\n./1.jpg,dog\n")
    assert "line 3: its id is that of an item before it" in refusal(table)


def test_kinds_are_seen_from_columns_and_endings_or_asked_for(tmp_path: Path) -> None:
    def kind(name: str, row: dict[str, object]) -> Kind:
        return open_dataset(jsonl(tmp_path / name, row)).kind

    assert kind("a.jsonl", {"image": "x.png"}) is Kind.IMAGE
    assert kind("b.jsonl", {"file": "x.wav", "text": "hello"}) is Kind.AUDIO
    assert kind("c.jsonl", {"query": "x", "text": "y"}) is Kind.QUERY
    assert kind("d.jsonl", {"sentence": "x"}) is Kind.TEXT
    with pytest.raises(BadDataset, match="say kind"):
        kind("e.jsonl", {"file": "x.bin"})
    with pytest.raises(BadDataset, match="say kind"):
        kind("f.jsonl", {"words": "x"})
    with pytest.raises(BadDataset, match="kind is one of"):
        ReadOptions(kind="smell")  # type: ignore[arg-type]


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "t.jsonl", {"key": 1, "body": "x", "class": "a", "part": 3})
    (item,) = items(path, kind="text", id="key", input="body", truth="class", stratum="part")
    assert (item.id, item.input, item.truth, item.stratum) == ("1", "x", "a", "3")
    assert "there is no column 'nope'" in refusal(path, kind="text", input="body", truth="nope")
    assert "there is no column 'nope'" in refusal(path, kind="text", input="nope")
    assert "there is no column 'nope'" in refusal(path, kind="text", input="body", id="nope")
    assert "there is no column 'nope'" in refusal(path, kind="text", input="body", tags=("nope",))
    assert "no column is called text" in refusal(path, kind="text")


def test_two_columns_that_could_be_the_truth_are_not_guessed_between(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "t.jsonl", {"text": "x", "label": "a", "spans": []})
    assert "label, spans could be the truth" in refusal(path)
    assert items(path, truth="label")[0].truth == "a"
    assert items(path, truth="none")[0].truth is None
    both = jsonl(tmp_path / "u.jsonl", {"text": "x", "label": "a", "truth": "b"})
    assert items(both)[0].truth == "b"


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    for wrong in ({"truth": ""}, {"id": 7}, {"tags": "lang"}):
        with pytest.raises(BadDataset):
            opened(tmp_path, **wrong)
    with pytest.raises(BadDataset, match="no such file"):
        opened(tmp_path / "nowhere.csv")
    with pytest.raises(BadDataset, match="a data set is a folder or a file"):
        opened(written(tmp_path / "notes.docx", "x"))


def test_conll_gives_sentences_with_their_mentions(tmp_path: Path) -> None:
    path = written(
        tmp_path / "t.conll",
        "-DOCSTART- O\n\nAda I-PER\nLovelace I-PER\nin O\nLondon B-LOC\nUK B-LOC\n\nJuan NNP I-ORG\nX NNP I-PER\n",
    )
    one, two = items(path)
    assert one.input == "Ada Lovelace in London UK"
    assert one.truth == [
        {"begin": 0, "end": 12, "kind": "PER"},
        {"begin": 16, "end": 22, "kind": "LOC"},
        {"begin": 23, "end": 25, "kind": "LOC"},
    ]
    assert two.truth == [{"begin": 0, "end": 4, "kind": "ORG"}, {"begin": 5, "end": 6, "kind": "PER"}]
    assert two.where.endswith("line 9")
    assert "line 1: a line is a token and a tag" in refusal(written(tmp_path / "u.conll", "alone\n"))


def test_digests_are_those_of_the_content(tmp_path: Path) -> None:
    import hashlib

    text = Item(id="a", kind=Kind.TEXT, input="Ü", truth={"b": 1, "a": "ü"})
    assert text.digest() == hashlib.sha256("Ü".encode()).hexdigest()
    assert text.truth_digest() == hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest()
    gone = Item(id="a", kind=Kind.IMAGE, input=str(tmp_path / "gone.jpg"))
    with pytest.raises(BadDataset, match="cannot be read"):
        gone.digest()
    assert json.dumps(text.truth)


def test_a_table_of_headers_alone_holds_no_item(tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text("text,label\n", "utf-8")
    with pytest.raises(BadDataset, match="there is no item in it"):
        open_dataset(tmp_path / "texts.csv")
