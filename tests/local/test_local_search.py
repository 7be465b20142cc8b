"""The local index: what it finds, in which order and where; what it keeps; who may read it."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker import Broker
from broker.contract import Context
from broker.errors import BadInput, BrokerError, DeadlineExceeded, NotConfigured, Unsupported
from broker.testing.filters import HOSTILE, holds
from broker.types import (
    Filter,
    MetadataValue,
    QueryRequest,
    ScoreKind,
    SearchMode,
    UpsertRequest,
    where,
)
from broker_local import LocalSettings, index_files, index_query, index_write, search
from filter_support import FILTERS, METADATA, WORDS

ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(provider="local", providers={"local": {"search_folder": str(tmp_path / "ix")}}) as made:
        yield made
    search.pool.close()


WEATHER = [
    {
        "id": "storm",
        "title": "Storms in Bergen",
        "content": "A storm is coming from the west. Storms last a day.",
        "url": "https://example.com/1",
        "metadata": {"year": 2024, "tags": ["weather", "news"], "lang": "en"},
    },
    {"id": "calm", "content": "A calm day, no storm at all, says everybody.", "metadata": {"year": 2023}},
    {"id": "sun", "title": "Sun", "content": "Sunshine.", "metadata": {"year": 2024, "lang": "en"}},
]


def test_words_are_found_in_all_their_forms_best_first_with_a_total(broker: Broker) -> None:
    assert broker.search.upsert(WEATHER).value.searchable
    result = broker.search.query("storming")
    value = result.value
    assert value.ids == ("storm", "calm")
    assert (value.total, value.total_exact, value.page) == (2, True, None)
    assert value.mode is SearchMode.KEYWORD
    first = value.hits[0]
    assert (first.rank, first.title, first.url) == (1, "Storms in Bergen", "https://example.com/1")
    assert first.metadata == {"year": 2024, "tags": ("weather", "news"), "lang": "en"}
    assert first.score.scale.kind is ScoreKind.UNBOUNDED
    assert first.score.value is not None
    assert value.hits[1].score.value is not None
    assert first.score.value > value.hits[1].score.value
    assert [first.title[each.begin : each.end] for each in first.title_highlights if first.title] == [
        "Storms"
    ]
    assert first.snippet is not None
    assert [first.snippet.text[each.begin : each.end] for each in first.snippet.highlights] == [
        "storm",
        "Storms",
    ]
    assert result.cost.amount == 0


def test_words_that_say_nothing_are_left_out_unless_there_are_no_others(broker: Broker) -> None:
    broker.search.upsert(WEATHER)
    assert broker.search.query("what is a storm").value.ids == ("storm", "calm")
    assert "calm" in broker.search.query("no at all").value.ids
    assert broker.search.query("?!").value.ids == ()
    assert broker.search.query("?!", facets=["year"]).value.facets[0].values == ()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "text",
    [
        "Les cafés résumés élèves",
        "Tiếng Việt đường",
        "한국어 문서",
        "οδός",
        "İstanbul",
        "हिन्दी भाषा",
        "ภาษาไทย",
        "a\ue000b",
        "½",
    ],
)
def test_words_are_found_however_their_accents_are_written(broker: Broker, text: str, form: Any) -> None:
    broker.search.upsert([{"id": "1", "content": text}, {"id": "2", "content": "storm"}])
    for word in unicodedata.normalize(form, text).split():
        for asked in (word, word.lower()):
            value = broker.search.query(asked).value
            assert value.ids == ("1",), asked
            assert value.hits[0].snippet is not None
            assert value.hits[0].snippet.highlights


def test_a_whole_word_of_signs_is_looked_for_and_not_each_letter(broker: Broker) -> None:
    broker.search.upsert([{"id": "1", "content": "हिन्दी"}, {"id": "2", "content": "दीन"}])
    assert broker.search.query("हिन्दी").value.ids == ("1",)
    assert broker.search.query("\u0301 storm").value.ids == ()


def test_a_time_that_was_a_text_before_is_a_change(broker: Broker) -> None:
    at = datetime(2024, 1, 1, tzinfo=UTC)
    broker.search.upsert({"id": "1", "content": "storm", "metadata": {"on": at.isoformat()}})
    broker.search.upsert({"id": "1", "content": "storm", "metadata": {"on": at}})
    assert broker.search.query("storm", filter=where("on").equals(at)).value.ids == ("1",)


def test_putting_in_again_replaces_and_deleting_leaves_nothing(broker: Broker) -> None:
    broker.search.upsert(WEATHER)
    broker.search.upsert({"id": "storm", "content": "Fog.", "metadata": {"year": 1999}})
    assert broker.search.query("storm").value.ids == ("calm",)
    assert broker.search.query("fog", filter="year = 1999").value.ids == ("storm",)
    assert broker.search.query("fog", filter="year = 2024").value.ids == ()
    assert broker.search.delete(["storm", "nobody"]).value.ok
    assert broker.search.query("fog").value.ids == ()
    assert [each.state.value for each in broker.search.status(["storm", "sun"]).value.statuses] == [
        "absent",
        "done",
    ]
    assert broker.search.wait_until_indexed(["sun"]).value.searchable


def test_the_index_holds_together_after_all_kinds_of_writes(broker: Broker, tmp_path: Path) -> None:
    for turn in range(3):
        broker.search.upsert(
            [
                {"id": str(n), "content": f"word{(n + turn) % 7} text", "metadata": {"n": n + turn}}
                for n in range(50)
            ]
        )
        broker.search.delete([str(n) for n in range(0, 50, 5 + turn)])
    with sqlite3.connect(tmp_path / "ix" / "main.search.db") as connection:
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        documents = connection.execute("SELECT count(*) FROM document").fetchone()
        assert connection.execute("SELECT count(*) FROM fact").fetchone() == documents
    connection.close()


def test_facets_count_all_that_is_found_not_only_the_page(broker: Broker) -> None:
    broker.search.upsert(
        [
            {
                "id": str(n),
                "content": "cat",
                "metadata": {
                    "even": n % 2 == 0,
                    "tags": ["a", "b"][: n % 3],
                    "on": datetime(2024, 1, 1 + n % 2, tzinfo=UTC),
                },
            }
            for n in range(9)
        ]
    )
    even, tags, on, none = broker.search.query(
        "cat", top=1, facets=["even", "tags", "on", "none"]
    ).value.facets
    assert [(each.value, each.count) for each in even.values] == [(True, 5), (False, 4)]
    assert [(each.value, each.count) for each in tags.values] == [("a", 6), ("b", 3)]
    assert [each.count for each in on.values] == [5, 4]
    assert on.values[0].value == datetime(2024, 1, 1, tzinfo=UTC)
    assert (none.values, none.exact) == ((), True)
    filtered = broker.search.query("cat", facets=["tags"], filter=where("even").equals(True)).value
    assert sum(each.count for each in filtered.facets[0].values) < 9


def test_pages_follow_each_other_without_gaps(broker: Broker) -> None:
    broker.search.upsert([{"id": f"{n:03}", "content": "cat " * (1 + n % 7)} for n in range(57)])
    whole = broker.search.query("cat", top=100).value.ids
    found: list[str] = []
    page = None
    while True:
        value = broker.search.query("cat", top=10, page=page).value
        assert [hit.rank for hit in value.hits] == list(
            range(len(found) + 1, len(found) + 1 + len(value.hits))
        )
        assert value.total == 57
        found += value.ids
        page = value.page
        if page is None:
            break
    assert tuple(found) == whole
    assert len(set(found)) == 57


def test_a_page_token_of_somebody_elses_making_is_refused(broker: Broker) -> None:
    broker.search.upsert([{"id": str(n), "content": "cat"} for n in range(5)])
    page = broker.search.query("cat", top=2).value.page
    assert page is not None
    from dataclasses import replace

    for token in ("-1", "1; DROP TABLE document", "9" * 30, "٣"):
        with pytest.raises(BadInput, match="not given by the local provider"):
            broker.search.query("cat", top=2, page=replace(page, token=token))


def test_suggestions_are_titles_that_begin_so(broker: Broker) -> None:
    broker.search.upsert(
        [
            {"id": str(n), "title": each, "content": "x"}
            for n, each in enumerate(["Storm", "stormy seas", "Sto%rm", "Sun"])
        ]
    )
    found = broker.search.suggest("sto").value.suggestions
    assert [each.text for each in found] == ["Sto%rm", "Storm", "stormy seas"]
    assert [each.text for each in broker.search.suggest("Sto%").value.suggestions] == ["Sto%rm"]
    assert len(broker.search.suggest("s", top=2).value.suggestions) == 2
    assert broker.search.suggest("'").value.suggestions == ()


# --- filters -------------------------------------------------------------------------------------------------------


@ANY
@given(FILTERS, st.lists(METADATA, min_size=1, max_size=4))
def test_a_filter_finds_exactly_those_for_which_it_holds(
    tmp_path_factory: pytest.TempPathFactory, whole: Filter, documents: list[dict[str, MetadataValue]]
) -> None:
    connection = _memory()
    given_ones = [_document(str(n), "cat", metadata) for n, metadata in enumerate(documents)]
    index_write.upsert(connection, given_ones, {}, None)
    found = index_query.by_words(connection, ["cat"], whole, 100)
    keys = {
        connection.execute("SELECT id FROM document WHERE place = ?", (each.place,)).fetchone()[0]
        for each in found
    }
    assert keys == {each.id for each in given_ones if holds(whole, each.metadata)}
    assert index_query.total(connection, ["cat"], whole) == len(keys)
    connection.close()


@ANY
@given(WORDS, WORDS)
def test_no_text_becomes_part_of_a_statement(value: str, text: str) -> None:
    connection = _memory()
    index_write.upsert(
        connection,
        [_document("1", "cat", {"a": value, "t": (value,)}), _document("2", "cat", {"a": f"{value}x"})],
        {},
        None,
    )
    for whole in (where("a").equals(value), where("a").one_of([value]), where("t").contains(value)):
        assert [each.place for each in index_query.by_words(connection, ["cat"], whole, 10)] == [1]
        assert [each.place for each in index_query.by_words(connection, ["cat"], ~whole, 10)] == [2]
    index_query.by_words(connection, index_query.words_of(text), None, 10)
    index_query.titles(connection, text, 10)
    assert connection.execute("SELECT count(*) FROM document").fetchone() == (2,)
    connection.close()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_are_words(broker: Broker, text: str) -> None:
    broker.search.upsert([{"id": "1", "content": f"cat {text} dog", "metadata": {"m": text}}])
    asked = text if text.strip() else "cat"
    found = broker.search.query(f"{asked} cat"[:10_000]).value
    assert found.ids == ("1",)
    assert broker.search.query("cat", filter=where("m").equals(text)).value.ids == ("1",)
    assert broker.search.query("cat", filter=where("m").equals(text + "'")).value.ids == ()
    (hit,) = found.hits
    assert hit.metadata == {"m": text}
    _check_offsets(hit)


def test_a_range_over_many_is_one_look_and_not_one_for_each(broker: Broker) -> None:
    broker.search.upsert([{"id": str(n), "content": "cat", "metadata": {"n": n}} for n in range(3000)])
    started = time.perf_counter()
    value = broker.search.query("cat", filter="n >= 10", top=3).value
    assert value.total == 2990
    assert time.perf_counter() - started < 5.0  # asked anew for each it took minutes


# --- offsets --------------------------------------------------------------------------------------------------------

_TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "cat",
                "Cats",
                "CAT,",
                "dog",
                "\U0001f600",
                "é",
                "e\u0301",
                "ﬁ",
                "İ",
                "中文",
                "\x00",
                "\ufdd0",
                "a-cat",
            ]
        ),
        st.text(st.characters(codec="utf-8"), max_size=6),
    ),
    min_size=1,
    max_size=200,
).map(" ".join)


@ANY
@given(_TEXTS, st.one_of(st.none(), _TEXTS))
def test_highlights_are_offsets_in_code_points(content: str, title: str | None) -> None:
    connection = _memory()
    title = title[:4000] if title else None
    if not content.strip():
        return
    index_write.upsert(connection, [_document("1", content, {}, title)], {}, None)
    marked = index_query.snippets(connection, ["cat"], [1])[1]
    snippet = marked.snippet
    assert snippet.text in content
    for each in snippet.highlights:
        assert 0 <= each.begin < each.end <= len(snippet.text)
        assert "cat" in snippet.text[each.begin : each.end].lower()
    for each in marked.title:
        assert "cat" in (title or "")[each.begin : each.end].lower()
    plain = "\x00" not in content and not any(mark in content for mark in index_query._MARKS)
    if plain and any(word.lower() == "cat" for word in content.split(" ")):
        assert snippet.highlights
    connection.close()


def test_the_snippet_is_where_most_matches() -> None:
    content = "word " * 500 + "one cat here " + "word " * 500 + "a cat, a cat and a cat " + "word " * 500
    connection = _memory()
    index_write.upsert(connection, [_document("1", content, {})], {}, None)
    snippet = index_query.snippets(connection, ["cat"], [1])[1].snippet
    assert len(snippet.highlights) == 3
    assert len(snippet.text) <= index_query.SNIPPET
    assert snippet.text.startswith("word")
    connection.close()


def _check_offsets(hit: Any) -> None:
    for snippet in hit.snippets:
        for each in snippet.highlights:
            assert 0 <= each.begin < each.end <= len(snippet.text)


# --- files, processes, threads -------------------------------------------------------------------------------------


def test_the_folder_and_files_are_this_users_alone(broker: Broker, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        broker.search.upsert(WEATHER)
    finally:
        os.umask(before)
    folder = tmp_path / "ix"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    folder.chmod(0o777)
    with pytest.raises(NotConfigured, match="chmod 700"):
        broker.search.upsert(WEATHER, index="another")
    search.pool.close()
    with pytest.raises(NotConfigured, match="chmod 700"):
        broker.search.query("storm")
    folder.chmod(0o700)


def test_an_index_there_is_not_is_told_with_those_there_are(broker: Broker) -> None:
    with pytest.raises(BadInput, match=r"no local index 'main' \(indexes: none\)"):
        broker.search.query("storm")
    broker.search.upsert(WEATHER, index="a")
    with pytest.raises(BadInput, match=r"no local index 'b' \(indexes: a\)"):
        broker.search.query("storm", index="b")
    for bad in ("../a", "a/b", ".hidden", "a\\b", "-a", "a b"):
        with pytest.raises(BadInput):
            broker.search.upsert(WEATHER, index=bad)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"this is no database at all" * 100), "no index|SQLITE_NOTADB"),
        (lambda path: _sql(path, "PRAGMA user_version=99"), "newer mlbroker"),
        (lambda path: (path.unlink(), _sql(path, "CREATE TABLE other (x)")), "another program"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "no file of this user"),
        (lambda path: path.chmod(0o666), "chmod 600"),
    ],
)
def test_a_file_that_is_no_index_of_ours_is_not_touched(
    broker: Broker, tmp_path: Path, spoil: Any, words: str
) -> None:
    broker.search.upsert(WEATHER)
    search.pool.close()
    path = tmp_path / "ix" / "main.search.db"
    for each in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)
    spoil(path)
    with pytest.raises(NotConfigured, match=words):
        broker.search.upsert(WEATHER)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM document", "UPDATE document SET metadata = '{'", "UPDATE document SET metadata = '[1]'"],
)
def test_what_does_not_fit_together_is_told_as_damage(broker: Broker, tmp_path: Path, statement: str) -> None:
    broker.search.upsert(WEATHER)
    search.pool.close()
    _sql(tmp_path / "ix" / "main.search.db", statement)
    with pytest.raises(NotConfigured, match="damaged; remove it and put the documents in again"):
        broker.search.query("storm")
    if "metadata" in statement:
        with pytest.raises(NotConfigured, match="damaged"):
            broker.search.delete("storm")


def test_an_index_whose_file_was_removed_by_hand_is_begun_anew(broker: Broker, tmp_path: Path) -> None:
    broker.search.upsert(WEATHER)
    path = tmp_path / "ix" / "main.search.db"
    assert path.with_name(path.name + "-wal").exists()
    path.unlink()  # its log stays
    broker.search.upsert({"id": "fog", "content": "Fog and storm."})
    assert broker.search.query("storm").value.ids == ("fog",)
    search.pool.close()
    assert broker.search.query("storm").value.ids == ("fog",)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def _sql(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    path.chmod(0o600)


def test_an_index_that_was_removed_is_not_answered_from_memory(broker: Broker, tmp_path: Path) -> None:
    broker.search.upsert(WEATHER)
    for path in (tmp_path / "ix").iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="no local index"):
        broker.search.query("storm")
    broker.search.upsert(WEATHER[1:])
    assert broker.search.query("storm").value.ids == ("calm",)


_KILLED = """
import sys
from broker import Broker
with Broker(provider="local", providers={"local": {"search_folder": sys.argv[1]}}, ledger={"path": sys.argv[2]}) as broker:
    number = 0
    while True:
        number += 1
        broker.search.upsert([{"id": f"{number}-{n}", "content": f"cat number {n}"} for n in range(20)])
        print(number, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill_and_half_a_write_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "ix"
    writer = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder), str(tmp_path / "killed.db")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    last = 0
    while last < 12:
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    last = max([last, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    with Broker(provider="local", providers={"local": {"search_folder": str(folder)}}) as broker:
        total = broker.search.query("cat", top=1).value.total
        assert total is not None
        assert total % 20 == 0
        assert total >= 20 * last
        assert broker.search.upsert(WEATHER).value.ok
    search.pool.close()
    with sqlite3.connect(folder / "main.search.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    connection.close()


_WRITER = """
import sys
from broker import Broker
who = sys.argv[3]
with Broker(provider="local", providers={"local": {"search_folder": sys.argv[1]}}, ledger={"path": sys.argv[2]}) as broker:
    for number in range(15):
        report = broker.search.upsert([{"id": f"{who}-{number}-{n}", "content": "cat"} for n in range(10)]).value
        assert report.searchable
        assert broker.search.query("cat", top=1).value.total >= 10 * (number + 1)
"""


def test_several_processes_write_and_read_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "ix"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), str(tmp_path / f"{who}.db"), str(who)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in range(3)
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=100)
        assert writer.returncode == 0, said
    with Broker(provider="local", providers={"local": {"search_folder": str(folder)}}) as broker:
        assert broker.search.query("cat", top=1).value.total == 450
    search.pool.close()


def test_threads_share_an_index(broker: Broker) -> None:
    failed: list[BaseException] = []

    def work(who: int) -> None:
        try:
            for number in range(10):
                broker.search.upsert([{"id": f"{who}-{number}", "content": "cat"}])
                assert broker.search.query("cat").value.hits
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failed
    assert broker.search.query("cat", top=1).value.total == 60


def test_a_forked_child_has_connections_of_its_own(broker: Broker) -> None:
    broker.search.upsert(WEATHER)
    assert search.pool._idle
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        code = 1
        try:
            assert not search.pool._idle
            broker.search.upsert({"id": "child", "content": "storm child"})
            code = 0 if "child" in broker.search.query("storm").value.ids else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "child" in broker.search.query("storm").value.ids


def test_a_query_ends_at_its_deadline(broker: Broker, tmp_path: Path) -> None:
    broker.search.upsert([{"id": str(n), "content": "cat dog bird " * 20} for n in range(3000)])
    looks = 0

    def remaining() -> float:
        nonlocal looks
        looks += 1
        return 1.0 if looks < 3 else 0.0  # it passes while SQLite is at work

    context = Context(call_id="c", attempt=1, operation="search.query", http=None, remaining=remaining)  # type: ignore[arg-type]
    request = QueryRequest(text="cat dog bird", facets=("a", "b", "c"))
    local = LocalSettings(search_folder=str(tmp_path / "ix"))
    with pytest.raises(DeadlineExceeded):
        search.query(request, context, local)
    assert looks < 30
    assert broker.search.query("cat").value.total == 3000


def test_a_writer_that_holds_the_index_is_waited_for_until_the_deadline(
    broker: Broker, tmp_path: Path
) -> None:
    broker.search.upsert(WEATHER)
    other = sqlite3.connect(tmp_path / "ix" / "main.search.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(BrokerError) as caught:
            broker.search.upsert(WEATHER[0] | {"content": "new"}, deadline=0.3)
        assert "index" in str(caught.value) or "deadline" in str(caught.value)
        assert broker.search.query("storm").value.ids  # reading goes on
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert broker.search.upsert(WEATHER[0] | {"content": "new"}).value.ok


# --- by meaning -----------------------------------------------------------------------------------------------------


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Broker]:
    if not search.index_vectors.installed():
        pytest.skip("needs the extra local-search")
    section = {"search_folder": str(tmp_path / "both"), "vectors": True}
    with Broker(provider="local", providers={"local": section}, deadline=120) as made:
        yield made
    search.pool.close()


PETS = [
    {"id": "dog", "content": "The puppy barked at the postman.", "metadata": {"n": 1}},
    {"id": "tax", "content": "The ministry raises the duty on tobacco.", "metadata": {"n": 2}},
    {"id": "rain", "content": "Heavy rain floods the valley.", "metadata": {"n": 3}},
]


@pytest.mark.local_models
def test_meaning_finds_what_words_do_not(both: Broker) -> None:
    both.search.upsert(PETS)
    value = both.search.query("a dog makes noise").value
    assert value.mode is SearchMode.HYBRID
    assert value.ids[0] == "dog"
    assert both.search.query("a dog makes noise", mode="keyword").value.ids == ()
    score = value.hits[0].score
    assert score.scale.kind is ScoreKind.FUSED
    assert [each.scale.name for each in score.others] == ["local.cosine"]
    assert both.search.query("a dog makes noise", filter="n >= 2").value.ids[0] != "dog"
    assert both.search.query("a dog makes noise", filter="n > 9").value.ids == ()


@pytest.mark.local_models
def test_vectors_that_take_too_long_leave_documents_for_later(
    both: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, made = 100.0, []
    packed = search.index_vectors.packed

    def slow(text: str) -> bytes:
        nonlocal left
        left -= 30.0
        made.append(text)
        return packed(text)

    monkeypatch.setattr(search.index_vectors, "packed", slow)
    context = Context(
        call_id="c",
        attempt=1,
        operation="search.upsert",
        http=None,  # type: ignore[arg-type]
        remaining=lambda: left,
    )
    local = LocalSettings(search_folder=str(tmp_path / "both"), vectors=True)
    documents = tuple(_document(str(number), f"A dog of the number {number}.", {}) for number in range(5))
    states = [
        each.state.value
        for each in search.upsert(UpsertRequest(documents=documents), context, local).payload.statuses
    ]
    assert states == ["done"] * 3 + ["not_sent"] * 2
    assert both.search.query("dog", mode="keyword").value.total == 3
    left, count = 100.0, len(made)
    report = search.upsert(UpsertRequest(documents=documents), context, local).payload
    assert report.searchable
    assert len(made) - count == 2, "what the index has with its vector needs no other"


@pytest.mark.local_models
def test_facets_of_a_hybrid_query_count_words_only_and_say_so(both: Broker) -> None:
    both.search.upsert(PETS)
    (facet,) = both.search.query("puppy", facets=["n"]).value.facets
    assert [(each.value, each.count) for each in facet.values] == [(1, 1)]
    assert not facet.exact
    assert both.search.query("puppy", facets=["n"], mode="keyword").value.facets[0].exact


@pytest.mark.local_models
def test_vectors_follow_what_is_written_also_by_others(both: Broker, tmp_path: Path) -> None:
    both.search.upsert(PETS)
    assert both.search.query("a dog makes noise", top=1).value.ids == ("dog",)
    both.search.delete("dog")
    assert "dog" not in both.search.query("a dog makes noise").value.ids
    both.search.upsert({"id": "rain", "content": "A hound howls in the night."})
    assert both.search.query("a dog makes noise", top=1).value.ids == ("rain",)
    section = {"search_folder": str(tmp_path / "both"), "vectors": True}
    with Broker(provider="local", providers={"local": section}, deadline=120) as other:
        other.search.upsert({"id": "wolf", "content": "A dog makes noise."})
    assert both.search.query("a dog makes noise", top=1).value.ids == ("wolf",)
    page = both.search.query("a dog makes noise", top=1).value.page
    assert both.search.query("a dog makes noise", top=1, page=page).value.hits[0].rank == 2


@pytest.mark.local_models
def test_equal_vectors_stand_in_one_order_whenever_they_were_read(both: Broker) -> None:
    connection, numbers = _memory(), search.index_vectors.packed("Rain.")
    kept = search.index_vectors.Vectors()
    for step in range(3):
        for number in range(step, 600, 3):
            index_write.upsert(connection, [_document(str(number), "x", {})], {str(number): numbers}, "m")
        kept.nearest(connection, "x", "rain", 5, None)
        index_write.delete(connection, [str(number) for number in range(step, 600, 7)])
    for most in (1, 50, 200):
        fresh = search.index_vectors.Vectors().nearest(connection, "x", "rain", most, None)
        assert kept.nearest(connection, "x", "rain", most, None) == fresh
        places = [place for place, _ in fresh]
        assert places == sorted(places)
        (first,) = connection.execute("SELECT min(place) FROM document").fetchone()
        assert places[0] == first
    connection.close()


@pytest.mark.local_models
def test_vectors_of_an_index_that_was_made_anew_are_not_the_old_ones(both: Broker, tmp_path: Path) -> None:
    both.search.upsert(PETS)
    assert both.search.query("a dog makes noise", top=1).value.ids == ("dog",)
    search.pool.close()
    for path in (tmp_path / "both").iterdir():
        path.unlink()
    both.search.upsert([PETS[2], {"id": "cat", "content": "The kitten sleeps."}])
    assert set(both.search.query("a dog makes noise").value.ids) == {"rain", "cat"}


@pytest.mark.local_models
def test_vectors_that_another_read_later_show_nothing_that_is_not_there(both: Broker, tmp_path: Path) -> None:
    both.search.upsert(PETS)
    path = tmp_path / "both" / "main.search.db"
    early = sqlite3.connect(path, isolation_level=None)
    early.execute("BEGIN")
    early.execute("SELECT * FROM state").fetchone()  # its view begins here
    both.search.upsert({"id": "wolf", "content": "A dog makes noise."})
    assert both.search.query("a dog makes noise", top=1).value.ids == ("wolf",)
    request = QueryRequest(text="a dog makes noise")
    found = index_query.by_both(early, path, request, ["dog"])
    assert len(found) == 3
    early.close()


@pytest.mark.local_models
def test_an_index_has_vectors_for_all_or_none(both: Broker, tmp_path: Path) -> None:
    both.search.upsert(PETS[:1])
    section = {"search_folder": str(tmp_path / "both")}
    with Broker(provider="local", providers={"local": section}, deadline=120) as plain:
        with pytest.raises(NotConfigured, match="has vectors"):
            plain.search.upsert(PETS)
        plain.search.upsert(PETS, index="words")
        with pytest.raises(Unsupported, match="no vectors"):
            plain.search.query("dog", index="words", mode="hybrid")
    # Put in again with vectors, the same documents get theirs.
    both.search.upsert(PETS, index="words")
    assert both.search.query("a dog makes noise", index="words", top=1).value.ids == ("dog",)


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    index_files._make_tables(connection)
    return connection


def _document(key: str, content: str, metadata: Any, title: str | None = None) -> Any:
    from broker.types import Document

    return Document(id=key, content=content, metadata=metadata, title=title)
