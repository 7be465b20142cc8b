"""mlbroker search: index, query, compare, delete, as people type them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless

from broker.cli.search_journal import Journal
from broker.cli.search_overlap import jaccard, rbo
from broker.cli.search_sources import source_of
from broker.contract import Reply, WriteLimits
from broker.errors import BadInput, NotConfigured, Outcome, Unavailable
from broker.types import UpsertRequest, WriteReport
from broker_local import search as local_search
from search_support import Engine, engine_adapter


@pytest.fixture
def folder(home: Path) -> str:
    place = home / "texts"
    (place / "sub").mkdir(parents=True)
    (place / "a.md").write_text("# Storm warning\n\nA storm is coming.")
    (place / "sub" / "b.txt").write_text("Calm seas and no storm.")
    (place / "picture.png").write_bytes(b"\x89PNG")
    (place / ".hidden.txt").write_text("never")
    (place / "latin.txt").write_bytes(b"caf\xe9")
    (place / "empty.txt").write_text(" ")
    return str(place)


@pytest.fixture
def lines(home: Path) -> str:
    rows: list[Any] = [
        {"id": "1", "text": "A storm is coming.", "title": "One", "author": "Smith", "year": 1958},
        {"id": 2, "content": "No storm.", "metadata": {"year": 1999, "tags": ["x"]}},
        {"id": "3", "content": "Sun."},
    ]
    path = home / "docs.jsonl"
    path.write_text("\n".join([*map(json.dumps, rows), "", "[1]", "{broken", '{"content": "no id"}']) + "\n")
    return str(path)


def words(cli: Any, engine: Engine, **more: Any) -> None:
    cli.adapters(engine_adapter(engine, **more))


def settings(home: Path, *providers: str) -> None:
    (home / "mlbroker.toml").write_text(
        "".join(f'[providers.{each}]\nindex = "main"\n' for each in providers)
    )


def test_a_folder_goes_in_is_found_and_goes_out(cli: Any, folder: str) -> None:
    found = cli.json("search", "index", folder, "-p", "local", code=1)
    assert found["documents"] == {"read": 4, "acknowledged": 2, "before": 0, "failed": 2}
    assert {each["document"] for each in found["failures"]} == {"latin.txt", "empty.txt"}
    assert found["provider"] == "local"
    hits = cli.json("search", "query", "storms", "-p", "local")
    assert [each["id"] for each in hits["hits"]] == ["a.md", "sub/b.txt"]
    first = hits["hits"][0]
    assert first["title"] == "Storm warning"
    (snippet,) = first["snippets"]
    assert [snippet["text"][m["begin"] : m["end"]] for m in snippet["highlights"]] == ["Storm", "storm"]
    assert hits["total"] == 2
    assert hits["page"] is None
    out = cli("search", "query", "storm", "-p", "local").stdout
    assert "Storm warning" in out
    assert "2 hits" in out
    gone = cli.json("search", "delete", "a.md", "nobody", "-p", "local")
    assert [each["state"] for each in gone["statuses"]] == ["done", "done"]
    assert cli.json("search", "query", "storm", "-p", "local")["total"] == 1
    local_search.pool.close()


def test_lines_of_json_go_in_with_what_else_they_say_as_metadata(cli: Any, lines: str) -> None:
    found = cli.json("search", "index", lines, "-p", "local", "-i", "facts", code=1)
    assert found["documents"] == {"read": 6, "acknowledged": 3, "before": 0, "failed": 3}
    assert [each["document"] for each in found["failures"]] == ["line 5", "line 6", "line 7"]
    hits = cli.json(
        "search", "query", "storm", "-p", "local", "-i", "facts", "--filter", "year < 1990", "--facet", "year"
    )
    assert [each["id"] for each in hits["hits"]] == ["1"]
    assert hits["hits"][0]["metadata"] == {"author": "Smith", "year": 1958}
    assert hits["facets"][0]["values"] == [{"value": 1958, "count": 1, "low": None, "high": None}]
    local_search.pool.close()


def test_a_page_is_asked_for_by_its_token(cli: Any, lines: str) -> None:
    cli("search", "index", lines, "-p", "local", code=1)
    first = cli.json("search", "query", "storm", "-p", "local", "--top", "1")
    assert first["hits"][0]["rank"] == 1
    second = cli.json("search", "query", "storm", "-p", "local", "--top", "1", "--page", first["page"])
    assert second["hits"][0]["rank"] == 2
    assert "--page p1." in cli("search", "query", "storm", "-p", "local", "--top", "1").stdout
    local_search.pool.close()


def test_an_interrupted_indexing_goes_on_without_sending_again_what_was_acknowledged(
    cli: Any, home: Path
) -> None:
    settings(home, "words")
    path = home / "many.jsonl"
    path.write_text("\n".join(json.dumps({"id": str(n), "content": f"text {n}"}) for n in range(20)))
    down = True

    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if down and number == 4:
            raise KeyboardInterrupt
        return None

    engine = Engine(wrote)
    words(cli, engine, write_limits=WriteLimits(max_items=3))
    found = cli.json("search", "index", str(path), "-j", "1", code=130)
    assert found["interrupted"] is True
    assert found["documents"]["acknowledged"] == 9
    down, before = False, len(engine.upserts)
    # One of them has changed meanwhile, one that was not sent too.
    rows = [{"id": str(n), "content": "new" if n in (2, 15) else f"text {n}"} for n in range(20)]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = cli.json("search", "index", str(path), "-j", "1")
    assert found["documents"] == {"read": 20, "acknowledged": 12, "before": 8, "failed": 0}
    sent = [key for keys in engine.upserts[before:] for key in keys]
    assert sent == ["2", *map(str, range(9, 20))]
    assert len(engine.kept["main"]) == 20
    # Done is done: the next run is about the index as it then is.
    engine.kept.clear()
    found = cli.json("search", "index", str(path), "-j", "1")
    assert found["documents"] == {"read": 20, "acknowledged": 20, "before": 0, "failed": 0}


def test_what_failed_is_sent_again_and_nothing_else(cli: Any, home: Path) -> None:
    settings(home, "words")
    path = home / "many.jsonl"
    path.write_text("\n".join(json.dumps({"id": str(n), "content": f"text {n}"}) for n in range(9)))
    failing = True

    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if failing and "4" in request.keys:
            raise Unavailable("it broke off", outcome=Outcome.AMBIGUOUS)
        return None

    engine = Engine(wrote)
    words(cli, engine, write_limits=WriteLimits(max_items=3))
    found = cli.json("search", "index", str(path), "-j", "1", code=1)
    assert found["documents"] == {"read": 9, "acknowledged": 6, "before": 0, "failed": 3}
    failing = False
    found = cli.json("search", "index", str(path), "-j", "1")
    assert found["documents"] == {"read": 9, "acknowledged": 3, "before": 6, "failed": 0}
    assert engine.upserts[-1] == ("3", "4", "5")


def test_what_was_taken_out_is_sent_again(cli: Any, home: Path) -> None:
    settings(home, "words", "other")
    path = home / "two.jsonl"
    path.write_text('{"id": "1", "content": "a"}\n{"id": "2", "content": "b"}\n{"id": "3"}\n')
    engine = Engine()
    words(cli, engine)
    cli("search", "index", str(path), "-p", "words", code=1)
    cli("search", "delete", "2", "-p", "words")
    found = cli.json("search", "index", str(path), "-p", "words", code=1)
    assert found["documents"] == {"read": 3, "acknowledged": 1, "before": 1, "failed": 1}
    assert set(engine.kept["main"]) == {"1", "2"}


def test_another_index_in_the_settings_is_another_run(cli: Any, home: Path) -> None:
    settings(home, "words")
    path = home / "two.jsonl"
    path.write_text('{"id": "1", "content": "a"}\n{"id": "3"}\n')
    engine = Engine()
    words(cli, engine)
    cli("search", "index", str(path), code=1)
    (home / "mlbroker.toml").write_text('[providers.words]\nindex = "second"\n')
    assert cli.json("search", "index", str(path), code=1)["documents"]["acknowledged"] == 1
    assert set(engine.kept["second"]) == {"1"}


def test_an_id_that_stands_twice_is_told_and_the_first_one_holds(cli: Any, home: Path) -> None:
    settings(home, "words")
    path = home / "twice.jsonl"
    path.write_text("".join(json.dumps({"id": str(n % 3), "content": f"text {n}"}) + "\n" for n in range(5)))
    engine = Engine()
    words(cli, engine)
    assert len(cli.json("search", "index", str(path), "--dry-run")["estimates"]) == 1
    found = cli.json("search", "index", str(path), code=1)
    assert [each["document"] for each in found["failures"]] == ["line 4", "line 5"]
    assert found["failures"][1]["error"]["message"].startswith("line 2 has the same id")
    assert engine.kept["main"]["1"].content == "text 1"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("array.jsonl", '[{"id": "1", "content": "x"}]', "jq -c"),
        ("pretty.jsonl", '\n{\n  "id": "1",\n  "content": "x"\n}', "jq -c"),
        ("text.txt", "A storm is coming.", "by the folder they are in"),
        ("picture.png", "\x89PNG", "no file of JSON lines"),
        ("empty.jsonl", "\n\n", "nothing in this file"),
        ("folder/picture.png", "", "no text in this folder"),
    ],
)
def test_what_is_no_source_is_refused_as_a_whole(
    cli: Any, home: Path, name: str, content: str, words: str
) -> None:
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    source = path.parent if path.parent != home else path
    assert words in cli("search", "index", str(source), "-p", "local", code=1).stderr


def test_a_byte_order_mark_and_a_long_line_stop_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.cli.search_sources.MOST_BYTES", 100)
    path = home / "odd.jsonl"
    long = json.dumps({"id": "long", "content": "x" * 5000})
    path.write_text("\ufeff" + '{"id": "1", "content": "a"}\n' + long + '\n{"id": "2", "content": "b"}')
    found = list(source_of(str(path)).documents())
    assert [name for name, _ in found] == ["line 1", "line 2", "line 3"]
    assert [getattr(each, "id", None) for _, each in found] == ["1", None, "2"]


def test_a_folder_that_cannot_be_read_is_told(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def closed(path: str) -> Any:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    found = dict(source_of(folder).documents())
    assert "cannot be read" in str(found["sub"])
    assert getattr(found["a.md"], "id", None) == "a.md"


def test_a_pipe_is_not_waited_for(folder: str) -> None:
    os.mkfifo(Path(folder) / "pipe.txt")
    found = dict(source_of(folder).documents())
    assert "no ordinary file" in str(found["pipe.txt"])


def test_what_would_stop_all_of_them_stops_at_the_first_and_says_so(cli: Any, home: Path) -> None:
    settings(home, "words")
    path = home / "many.jsonl"
    path.write_text("\n".join(json.dumps({"id": str(n), "content": f"text {n}"}) for n in range(9)))
    full = True

    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if full and number > 1:
            raise NotConfigured("the disk is full")
        return None

    engine = Engine(wrote)
    words(cli, engine, write_limits=WriteLimits(max_items=3))
    found = cli("search", "index", str(path), "-j", "1", code=3)
    assert "stopped at line 4: the disk is full" in found.stderr
    assert "stopped: the same command goes on from here" in " ".join(found.stdout.split())
    full = False
    assert cli.json("search", "index", str(path))["documents"]["before"] == 3


def test_an_index_that_is_not_there_is_told_once(cli: Any, home: Path) -> None:
    def wrote(_request: UpsertRequest, _number: int) -> None:
        raise BadInput("there is no such index", status=404, misaddressed=True)

    engine = Engine(wrote)
    words(cli, engine, write_limits=WriteLimits(max_items=10))
    settings(home, "words")
    path = home / "many.jsonl"
    path.write_text("".join(json.dumps({"id": str(n), "content": "x"}) + "\n" for n in range(300)))
    found = cli.json("search", "index", str(path), "-p", "words", "--jobs", "1", code=1)
    assert found["documents"]["acknowledged"] == 0
    (failure,) = found["failures"]
    assert "no such index" in failure["error"]["message"]
    assert len(engine.upserts) <= 3  # what was on its way


@pytest.mark.parametrize(
    ("setting", "option", "seconds"), [("", (), 300), ("deadline = 7\n", (), 7), ("", ("--deadline", "9"), 9)]
)
def test_documents_have_longer_than_a_query_unless_a_deadline_is_set(
    cli: Any, home: Path, setting: str, option: tuple[str, ...], seconds: float
) -> None:
    (home / "mlbroker.toml").write_text(f'{setting}[providers.words]\nindex = "main"\n')
    (home / "one.txt").write_text("A storm.")
    words: Any = engine_adapter(Engine())
    had = []
    upsert = words.upsert_documents

    def looked(self: Any, request: Any, context: Any) -> Any:
        had.append(context.remaining())
        return upsert(self, request, context)

    words.upsert_documents = looked
    cli.adapters(words)
    cli("search", "index", str(home), *option)
    assert seconds - 5 < had[0] <= seconds


def test_restart_sends_everything(cli: Any, home: Path) -> None:
    settings(home, "words")
    path = home / "two.jsonl"
    path.write_text('{"id": "1", "content": "a"}\n{"id": "2"}\n')
    engine = Engine()
    words(cli, engine)
    assert cli.json("search", "index", str(path), code=1)["documents"]["acknowledged"] == 1
    assert cli.json("search", "index", str(path), code=1)["documents"]["before"] == 1
    assert cli.json("search", "index", str(path), "--restart", code=1)["documents"]["acknowledged"] == 1


def test_the_journal_is_private_and_by_run(home: Path) -> None:
    one, other = (
        Journal(str(home / "j" / "ledger.db"), "one"),
        Journal(str(home / "j" / "ledger.db"), "other"),
    )
    for number in range(1200):
        one.add(str(number), "ab" * 32)
    assert one.count() == 1000
    one.flush()
    assert one.count() == 1200
    assert one.has("7", "ab" * 32)
    assert not one.has("7", "cd" * 32)
    assert not other.has("7", "ab" * 32)
    assert Path(one.path).stat().st_mode & 0o077 == 0
    one.begin_anew()
    assert one.count() == 0
    one.close()
    other.close()
    assert Path(one.path).stat().st_size < 20_000
    Path(one.path).write_bytes(b"no database" * 1000)
    with pytest.raises(NotConfigured, match="cannot be kept"):
        Journal(str(home / "j" / "ledger.db"), "one")


def test_waiting_until_queries_find_them(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.waiting.FIRST_SECONDS", 0.001)
    settings(home, "words")
    path = home / "two.jsonl"
    path.write_text('{"id": "1", "content": "a"}\n{"id": "2", "content": "b"}\n')
    engine = Engine(later=2)
    words(cli, engine)
    assert cli.json("search", "index", str(path))["searchable"] is None
    assert "still at work" in cli("search", "index", str(path)).stdout
    assert cli.json("search", "index", str(path), "--wait", "30")["searchable"] is True
    assert len(engine.questions) >= 3
    engine.later = 10**9
    found = cli.json("search", "index", str(path), "--wait", "1", code=1)
    assert found["searchable"] is False
    assert "--wait" in found["failures"][0]["error"]["message"]


def test_waiting_is_for_those_of_an_earlier_run_too(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.waiting.FIRST_SECONDS", 0.001)
    settings(home, "words")
    path = home / "two.jsonl"
    path.write_text('{"id": "1", "content": "a"}\n{"id": "2"}\n')
    engine = Engine(later=2)
    words(cli, engine)
    cli("search", "index", str(path), code=1)
    found = cli.json("search", "index", str(path), "--wait", "30", code=1)
    assert (found["documents"]["before"], found["searchable"]) == (1, True)
    assert len(engine.questions) == 3


def test_engines_side_by_side_with_how_alike_they_are(cli: Any, home: Path) -> None:
    settings(home, "words", "other")
    one, other = Engine(), Engine()
    cli.adapters(engine_adapter(one), engine_adapter(other, "other"))
    path = home / "docs.jsonl"
    path.write_text("\n".join(json.dumps({"id": f"{n}", "content": "cat " * (n + 1)}) for n in range(4)))
    cli("search", "index", str(path), "-p", "words")
    path.write_text("\n".join(json.dumps({"id": f"{n}", "content": "cat " * (9 - n)}) for n in range(2, 6)))
    cli("search", "index", str(path), "-p", "other")
    found = cli.json("search", "compare", "cat")
    assert [each["provider"] for each in found["engines"]] == ["words", "other"]
    assert [each["id"] for each in found["engines"][0]["hits"]] == ["3", "2", "1", "0"]
    (pair,) = found["overlap"]
    assert pair["jaccard"] == pytest.approx(2 / 6)
    assert pair["rbo"] == pytest.approx(rbo(["3", "2", "1", "0"], ["2", "3", "4", "5"]))
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.002", "may_be_owed": "0"}]
    out = cli("search", "compare", "cat", "--top", "2").stdout
    assert "rank-biased overlap" in out
    assert "= 2" in out
    planned = cli.json("search", "compare", "cat", "--dry-run")
    assert planned["amount"] == "0.002"
    assert len(planned["estimates"]) == 2


def test_an_engine_that_fails_is_told_beside_the_others(cli: Any, home: Path) -> None:
    settings(home, "words")
    one = Engine()
    cli.adapters(engine_adapter(one), engine_adapter(Engine(), "other"))
    found = cli.json("search", "compare", "cat", code=3)
    assert [each["ok"] for each in found["engines"]] == [True, False]
    assert "which index" in found["engines"][1]["error"]["message"]
    assert found["overlap"] == []


def test_dry_runs_send_nothing(cli: Any, home: Path, lines: str) -> None:
    settings(home, "words")
    engine = Engine()
    words(cli, engine)
    assert cli.json("search", "index", lines, "--dry-run")["amount"] == "0.0003"
    assert cli.json("search", "query", "cat", "--dry-run")["amount"] == "0.001"
    assert cli.json("search", "delete", "1", "2", "--dry-run")["amount"] == "0.0002"
    assert "nothing was sent" in cli("search", "index", lines, "--dry-run").stdout
    assert engine.upserts == engine.queries == engine.deletes == []


def test_nothing_in_a_document_steers_the_terminal(cli: Any, home: Path) -> None:
    path = home / "bad.jsonl"
    path.write_text(
        json.dumps({"id": "1", "title": NASTY, "content": f"storm {NASTY}", "url": NASTY, "tag": NASTY})
        + "\n"
    )
    cli("search", "index", str(path), "-p", "local")
    found = cli("search", "query", "storm", "-p", "local", "--facet", "tag")
    assert harmless(found.stdout + found.stderr)
    found = cli("search", "compare", "storm", "-p", "local")
    assert harmless(found.stdout + found.stderr)
    local_search.pool.close()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("index", "nowhere"), 1, "no such folder or file"),
        (("query", "cat", "--filter", "a >"), 1, "cannot be read at character"),
        (("query", "cat", "--mode", "best"), 1, "mode must be one of"),
        (("query", "cat", "--top", "0"), 2, "top"),
        (("query", "cat", "--page", "x"), 1, "page must be"),
        (("query", "cat", "-i", "nowhere"), 1, "no local index 'nowhere'"),
        (("query",), 2, "WORDS"),
        (("compare", "cat", "--by", "score"), 2, "id or url"),
        (("delete",), 2, "ID"),
        (("index", ".", "-p", "aws"), 3, "no engine takes documents"),
    ],
)
def test_slips_are_told(cli: Any, home: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    (home / "a.txt").write_text("a")
    more = () if "-p" in arguments or arguments[0] == "compare" else ("-p", "local")
    found = cli("search", *arguments, *more, code=code)
    assert words in found.stderr


def test_rank_biased_overlap_is_that_of_its_definition() -> None:
    for p in (0.5, 0.9, 0.98):
        assert rbo(list("abcde"), list("abcde"), p) == pytest.approx(1.0)
        assert rbo(list("abc"), list("xyz"), p) == 0.0
    # Worked by hand: agreements 0, 1/2 at depths 1, 2; (1-p)/p * (p^2 / 2) + p^2 / 2, for ["a", "b"] and ["c", "a"].
    assert rbo(["a", "b"], ["c", "a"], 0.5) == pytest.approx(0.125 + 0.125)
    assert rbo([], [], 0.9) is None
    assert rbo(["a"], [], 0.9) == 0.0
    assert rbo(["a"], ["a", "b", "c"], 0.9) == pytest.approx(1.0)
    top = rbo(list("abcdefgh"), list("bacdefgh"))
    tail = rbo(list("abcdefgh"), list("abcdefhg"))
    assert top is not None
    assert tail is not None
    assert top < tail < 1.0
    assert rbo(list("ab"), list("bca")) == rbo(list("bca"), list("ab"))
    assert jaccard(list("abc"), list("cbd"), 3) == 0.5
    assert jaccard([], [], 3) is None


def test_sources_say_how_many_there_are(folder: str, lines: str, home: Path) -> None:
    assert source_of(folder).total == 4
    assert source_of(lines).total == 7
    with pytest.raises(BadInput):
        source_of(str(home / "none"))
