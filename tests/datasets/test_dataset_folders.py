"""Items out of folders, and truths that stand apart from them."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dataset_support import items, jsonl, opened, truths, written

from broker.datasets import DatasetSnapshot, Kind, open_dataset
from broker.errors import BadDataset

SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n{\\an8}there,\nyou\n"
)
VTT = "WEBVTT\n\nNOTE said by nobody\n\n1\n00:01.000 --> 00:02.500 align:start\n<v Ada>Hello</v> there,\n\n00:03.000 --> 00:04.000\nyou\n"


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        written(folder / name, name)
    return folder


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(BadDataset) as caught:
        items(path, **options)
    return str(caught.value)


def test_files_are_named_by_their_path_in_one_order(tmp_path: Path) -> None:
    folder = pictures(
        tmp_path / "set", "b.PNG", "a/2.jpg", "a/1.jpg", "a b.gif", ".hidden.jpg", ".git/x.jpg", "notes.pdf"
    )
    found = items(folder)
    assert [item.id for item in found] == ["a b.gif", "a/1.jpg", "a/2.jpg", "b.PNG"]
    assert {item.kind for item in found} == {Kind.IMAGE}
    assert {item.truth for item in found} == {None}
    assert opened(folder).snapshot().ignored == ((".pdf", 1),)


def test_a_folder_of_texts_gives_their_words(tmp_path: Path) -> None:
    (item,) = items(pictures(tmp_path / "set", "a.txt"))
    assert (item.kind, item.input) == (Kind.TEXT, "a.txt")
    (tmp_path / "set" / "a.txt").write_bytes(b"\xff\xff")
    assert "not written in UTF-8" in refusal(tmp_path / "set")


def test_what_leaves_a_doubt_is_asked_for(tmp_path: Path) -> None:
    both = pictures(tmp_path / "set", "a.jpg", "a.wav")
    with pytest.raises(BadDataset, match="say which with kind"):
        open_dataset(both)
    assert [item.id for item in items(both, kind="audio")] == ["a.wav"]
    with pytest.raises(BadDataset, match="no pictures"):
        open_dataset(pictures(tmp_path / "other", "a.pdf"))
    assert "there is no item" in refusal(both, kind="text")
    assert "queries are read from a table" in refusal(both, kind="query")
    with pytest.raises(BadDataset, match="columns are of a table"):
        opened(both, kind="audio", id="x")
    with pytest.raises(BadDataset, match="truth of a folder is"):
        opened(both, kind="audio", truth="label")


def test_folders_name_classes_only_when_asked(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "train/cat/1.jpg", "train/dog/2.jpg")
    assert set(truths(folder).values()) == {None}
    assert truths(folder, truth="folder-name") == {"train/cat/1.jpg": "cat", "train/dog/2.jpg": "dog"}
    pictures(folder, "top.jpg")
    assert "lies in no sub-folder" in refusal(folder, truth="folder-name")


@pytest.mark.parametrize("name", ["truth.csv", "labels.csv"])
def test_a_table_of_truths_in_the_folder_is_found(tmp_path: Path, name: str) -> None:
    folder = pictures(tmp_path / "set", "a/1.jpg", "2.jpg", "3.jpg")
    written(folder / name, "file,label\n./a/1.jpg,cat\n2.jpg,\n")
    assert truths(folder) == {"2.jpg": None, "3.jpg": None, "a/1.jpg": "cat"}
    assert truths(folder, truth="none") == dict.fromkeys(["2.jpg", "3.jpg", "a/1.jpg"])


def test_truths_of_no_item_are_counted_and_all_of_none_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "1.jpg")
    jsonl(folder / "truth.jsonl", {"id": "1.jpg", "truth": ["cat"]}, {"id": "9.jpg", "truth": []})
    assert opened(folder).snapshot().left_over == 1
    jsonl(folder / "truth.jsonl", {"id": "set/1.jpg", "truth": ["cat"]})
    assert "no item has a truth" in refusal(folder)


def test_two_truths_of_one_item_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "1.jpg")
    path = written(folder / "truth.csv", "file,label\n1.jpg,cat\n1.jpg,dog\n")
    assert f"{path}, line 3: its item has a truth already" in refusal(folder)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,label\n1.jpg,cat\n", "line 2: no column names the item"),
        ("file,colour\n1.jpg,red\n", "line 2: no column holds the truth"),
        ("file,label,spans\n1.jpg,cat,[]\n", "line 2: each of label, spans could be the truth"),
        ("file,label\n,cat\n", "line 2: column file names no item"),
    ],
)
def test_a_table_of_truths_that_is_none_is_refused(tmp_path: Path, text: str, says: str) -> None:
    folder = pictures(tmp_path / "set", "1.jpg")
    written(folder / "truth.csv", text)
    assert says in refusal(folder)


def test_a_truth_of_a_strange_name_is_of_no_item(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "1.jpg")
    written(folder / "truth.jsonl", '{"id": "\\ud83d", "truth": 1}\n{"id": "1.jpg", "truth": 2}\n')
    assert truths(folder) == {"1.jpg": 2}


def test_another_thread_may_read_on(tmp_path: Path) -> None:
    stream = iter(opened(jsonl(tmp_path / "t.jsonl", {"text": "x"}, {"text": "y"})).items())
    next(stream)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(next, stream).result().id == "row-2"
    stream.close()  # type: ignore[attr-defined] # it is a generator


def test_its_truth_column_can_be_named(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "1.jpg")
    written(folder / "facts.csv", "file,colour\n1.jpg,red\n")
    assert truths(folder, truth="facts.csv", truth_column="colour") == {"1.jpg": "red"}
    assert "the file with the truth is not there" in refusal(folder, truth="nowhere.csv")


def test_truths_beside_files(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "a.wav", "b.wav", "c.wav", "d.wav", "e.wav")
    written(folder / "a.txt", "hello there\n")
    written(folder / "b.srt", SRT)
    written(folder / "c.vtt", VTT)
    written(folder / "d.json", '{"text": "x"}')
    assert truths(folder, truth="beside") == {
        "a.wav": "hello there",
        "b.wav": "Hello there, you",
        "c.wav": "Hello there, you",
        "d.wav": {"text": "x"},
        "e.wav": None,
    }
    written(folder / "a.srt", SRT)
    assert "a.txt and a.srt are both beside it" in refusal(folder, truth="beside")
    assert truths(folder, truth="beside:.srt")["a.wav"] == "Hello there, you"
    written(folder / "d.json", "{")
    assert "this is no JSON" in refusal(folder, truth="beside:.json")


def test_a_text_is_not_its_own_truth(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "a.txt", "b.txt")
    written(folder / "a.json", '"positive"')
    assert truths(folder, truth="beside") == {"a.txt": "positive", "b.txt": None}


def test_judged_documents_of_trec(tmp_path: Path) -> None:
    queries = jsonl(
        tmp_path / "queries.jsonl",
        {"id": "1", "query": "x"},
        {"id": "10", "query": "y"},
        {"id": "2", "query": "z"},
    )
    written(tmp_path / "qrels.txt", "1 0 d1 2\n10 0 d1 -1\n1 0 d2 0\n9 0 d3 1\n")
    assert truths(queries, truth="qrels.txt") == {"1": {"d1": 2, "d2": 0}, "10": {"d1": 0}, "2": None}
    assert opened(queries, truth="qrels.txt").snapshot().left_over == 1
    written(tmp_path / "qrels.txt", "1 0 d1 2\n1 0 d1 1\n")
    assert "line 2: this document was judged twice" in refusal(queries, truth="qrels.txt")
    for wrong in ("1 0 d1\n", "1 0 d1 high\n", "1 0 d 1 1\n"):
        written(tmp_path / "qrels.txt", wrong)
        assert "line 1: a line is: query, 0, document" in refusal(queries, truth="qrels.txt")


def test_judged_documents_of_beir(tmp_path: Path) -> None:
    queries = jsonl(tmp_path / "queries.jsonl", {"_id": "q1", "text": "x"}, {"_id": "q2", "text": "y"})
    written(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n")
    assert truths(queries, kind="query", truth="qrels/test.tsv") == {"q1": {"d1": 1, "d2": 0}, "q2": None}
    written(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tmuch\n")
    assert "line 2: a row has query-id, corpus-id, score" in refusal(
        queries, kind="query", truth="qrels/test.tsv"
    )


def test_a_table_may_take_its_truths_from_another(tmp_path: Path) -> None:
    table = jsonl(tmp_path / "t.jsonl", {"id": "a/../b", "text": "x"}, {"id": "b", "text": "y"})
    jsonl(tmp_path / "gold.jsonl", {"id": "b", "truth": "pos"})
    assert truths(table, truth="gold.jsonl") == {"a/../b": None, "b": "pos"}


def test_a_snapshot_is_what_anyone_can_reckon(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "b.jpg", "a.jpg")
    written(folder / "truth.csv", "file,label\na.jpg,cat\n")

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    lines = f"a.jpg\t{sha('a.jpg')}\t{sha(chr(34) + 'cat' + chr(34))}\nb.jpg\t{sha('b.jpg')}\t{sha('')}\n"
    assert opened(folder).snapshot() == DatasetSnapshot(
        id=f"set@{sha(lines)[:12]}",
        kind=Kind.IMAGE,
        count=2,
        with_truth=1,
        sha256=sha(lines),
        ignored=((".csv", 1),),
    )


def test_the_digest_knows_content_and_truth_and_no_order(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "x", "truth": {"p": 1, "q": 2}}, {"id": "b", "text": "y"}]

    def digest(*given: object) -> str:
        return (
            opened(jsonl(tmp_path / "t.jsonl", *given), truth="truth" if given == tuple(rows[:1]) else None)
            .snapshot()
            .sha256
        )

    same = digest(*rows)
    assert digest(*reversed(rows)) == same
    assert digest({"id": "a", "text": "x", "truth": {"q": 2, "p": 1}}, rows[1]) == same
    assert digest({"id": "a", "text": "x!", "truth": {"p": 1, "q": 2}}, rows[1]) != same
    assert digest({"id": "a", "text": "x", "truth": {"p": 1, "q": 3}}, rows[1]) != same
    assert digest(rows[0], {"id": "c", "text": "y"}) != same


def test_a_snapshot_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[int] = []
    opened(pictures(tmp_path / "set", "a.jpg", "b.jpg")).snapshot(seen.append)
    assert seen == [1, 2]


def test_what_only_looks_like_a_picture_is_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "a.jpg")
    (folder / "b.jpg").symlink_to(folder / "nowhere.jpg")
    assert "b.jpg: this is no file that can be read" in refusal(folder)
    (folder / "b.jpg").unlink()
    os.mkfifo(folder / "b.jpg")  # who opens it waits for ever
    assert "b.jpg: this is no file that can be read" in refusal(folder)
    (folder / "b.jpg").unlink()
    (folder / "b.jpg").symlink_to(folder / "a.jpg")
    assert [item.id for item in items(folder)] == ["a.jpg", "b.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_names_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set", "a\n.jpg")
    assert "cannot be shown" in refusal(folder)
    (folder / "a\n.jpg").unlink()
    try:
        (folder / os.fsdecode(b"\xff.jpg")).write_text("x")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    assert "cannot be shown" in refusal(folder)
