"""People decide what was right: in the terminal, and in a file that goes out and comes back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, SEED, a_drawing, a_sample
from typer.testing import CliRunner

from broker.cli.main import app
from broker.ledger.sqlite import SqliteLedger
from broker.quality.recorded import read_run
from broker.quality.reference import Reference
from broker.quality.switch_state import State
from broker.samples.plan import Plan
from broker.samples.queue import Queue
from broker.samples.rows import Content, SampleQuery, SampleState, Shadow
from broker.samples.store import SampleStore
from broker.scoring.stored import stored_answer
from broker.sections_quality import UseCaseSettings
from broker.types.confidence import Confidence
from broker.types.sentiment import DocumentSentiment, Polarity, Sentiment

SETTINGS = {
    "operation": "text.sentiment",
    "sampling": {"design": "rate", "rate": 0.5},
    "content": "inputs",
    "consent": True,
}
Run = Callable[..., Any]


def answer(name: str) -> str:
    """A stored answer of this sentiment."""
    said = Sentiment(label=Polarity(name), confidence=Confidence.ratio(0.9))
    found = DocumentSentiment(document=said, language="en")
    return stored_answer("text.sentiment", found)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = SampleStore(str(tmp_path / "ledger.quality.db"))
    yield opened
    opened.close()


@pytest.fixture
def plan() -> Plan:
    settings = UseCaseSettings.model_validate(SETTINGS)
    assert settings.sampling is not None
    return Plan("shop", settings, settings.sampling, SEED)


def fill(store: SampleStore, count: int, *, said: str = "positive", kept: bool = True) -> list[int]:
    """Samples that wait for people, with what a second provider said."""
    until = AT + timedelta(days=365)
    samples = []
    for number in range(count):
        sample = a_sample(
            f"call-{number}", operation="text.sentiment", state=SampleState.WAITING, until=until,
            refer_probability=1.0, refer_least=1.0, refer_stratum="all",
        )  # fmt: skip
        contents = [
            Content(sample=0, part="input", kind="text/plain", value=f"=text {number}".encode(), until=until),
            Content(sample=0, part="answer", kind="application/json", value=answer(said).encode(), until=until),
            Content(sample=0, part="shadow:gcp", kind="application/json", value=answer("negative").encode(), until=until),
        ]  # fmt: skip
        samples.append((sample, contents if kept else []))
    ids = store.write({a_drawing(): (10 * count, count)}, {}, samples)
    for number in ids:
        second = Shadow(sample=number, provider="gcp", at=AT, same=False)
        store.add_shadows(
            number,
            [second],
            asked=1,
            agreeing=0,
            referred=(1.0, 1.0, "all"),
            state=SampleState.WAITING,
            until=until,
        )
    return ids


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    (tmp_path / "mlbroker.toml").write_text(
        f'[quality]\nseed = "{SEED.decode()}"\n[quality.use_cases.shop]\noperation = "text.sentiment"\n'
        'content = "inputs"\nconsent = true\nsampling = { design = "rate", rate = 0.5 }\n'
    )

    def ran(*words: str, code: int = 0, typed: str = "") -> Any:
        found = CliRunner().invoke(app, ["review", *words], input=typed)
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if "--json" in words else " ".join(found.output.split())

    return ran


def scored(store: SampleStore) -> list[tuple[int, float, Reference, str]]:
    return [
        (each.sample.id, each.score.parts[0], each.score.reference, each.score.source)
        for each in store.scored(SampleQuery(use_case="shop"), metric=("accuracy", 1))
    ]


def test_a_decision_is_scored_at_once_and_counts_as_reviewed(store: SampleStore, run: Run) -> None:
    fill(store, 2)
    told = run("--by", "ann", typed="positive\nq\n")
    assert "1 decision kept" in told
    ((_, right, reference, source),) = scored(store)
    assert (right, reference, source) == (1.0, Reference.REVIEWED, "ann")
    assert run("--json")["use_cases"][0]["waiting"] == 1


def test_reviewers_see_the_input_and_what_was_answered_by_nobodys_name(store: SampleStore, run: Run) -> None:
    fill(store, 1)
    told = run(typed="q\n")
    assert "=text 0" in told
    assert "positive" in told
    assert "negative" in told
    assert "aws" not in told
    assert "gcp" not in told


def test_the_order_of_what_was_answered_tells_nobody(store: SampleStore, plan: Plan) -> None:
    fill(store, 40)
    firsts = {str(each.candidates[0]) for each in Queue(store, plan).showings()}
    assert firsts == {"positive", "negative"}


def test_a_number_picks_what_was_answered(store: SampleStore, plan: Plan, run: Run) -> None:
    fill(store, 1)
    (showing,) = Queue(store, plan).showings()
    run(typed=f"{showing.candidates.index('negative') + 1}\n")
    assert scored(store)[0][1] == 0.0


def test_what_cannot_be_meant_is_asked_again(store: SampleStore, run: Run) -> None:
    fill(store, 1)
    told = run(typed="wonderful\npositive\n")
    assert "cannot be used" in told
    assert scored(store)[0][1] == 1.0


def test_who_cannot_tell_says_so_and_it_enters_no_figure(store: SampleStore, run: Run) -> None:
    (number,) = fill(store, 1)
    run(typed="?\n")
    assert scored(store) == []
    (sample,) = store.samples(SampleQuery(use_case="shop"))
    assert (sample.id, sample.state) == (number, SampleState.GIVEN_UP)
    assert run("--json")["use_cases"][0]["could_not_tell"] == 1


def test_a_file_goes_out_and_comes_back(store: SampleStore, run: Run, tmp_path: Path) -> None:
    fill(store, 5)
    run("--export", "out.csv")
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert all(row["truth"] == "" for row in rows)
    assert all(row["input"].startswith("'=text") for row in rows)  # no formula for a spreadsheet
    assert "aws" not in (tmp_path / "out.csv").read_text()
    for row, truth in zip(rows, ("positive", "negative", "?", "", "wonderful"), strict=True):
        row["truth"] = truth
    rows.append({**rows[0], "id": "999"})
    with open(tmp_path / "back.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    told = run("--import", "back.csv", "--by", "ben", "--json", code=1)
    assert (told["decided"], told["could_not_tell"], told["left_open"]) == (2, 1, 1)
    assert told["not_waiting"] == ["999"]
    assert [each["line"] for each in told["refused"]] == [6]
    assert sorted(each[1] for each in scored(store)) == [0.0, 1.0]
    again = run("--import", "back.csv", "--json", code=1)
    assert again["decided"] == 0
    assert len(again["not_waiting"]) == 4


def test_lines_of_json_go_out_and_come_back(store: SampleStore, run: Run, tmp_path: Path) -> None:
    fill(store, 2)
    run("--export", "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**row, "truth": "positive", "by": "cyd"}) + "\n" for row in rows)
    (tmp_path / "back.jsonl").write_text(text)
    assert run("--import", "back.jsonl", "--json")["decided"] == 2
    assert {each[3] for each in scored(store)} == {"cyd"}


def test_some_are_shown_twice_and_tell_how_far_reviewers_can_be_trusted(
    store: SampleStore, plan: Plan
) -> None:
    fill(store, 300)
    queue = Queue(store, plan)
    for place, showing in enumerate(queue.showings()):
        assert queue.decide(showing, "positive" if place % 2 else "negative", by="ann", at=AT)
    again = Queue(store, plan).showings()
    assert {each.turn for each in again} == {2}
    assert 5 <= len(again) <= 30  # about 5 % of 300
    before = scored(store)
    second = Queue(store, plan)
    for showing in second.showings():
        assert second.decide(showing, "positive", by="ben", at=AT)
    assert scored(store) == before  # a second decision is for comparison only
    trust = store.reviewers("shop")
    assert trust.pairs == len(again)
    assert trust.agreement is not None
    assert 0 < trust.agreement < 1
    assert Queue(store, plan).showings() == []


def test_two_reviewers_at_once_decide_it_once(store: SampleStore, plan: Plan) -> None:
    fill(store, 1)
    one, other = Queue(store, plan), Queue(store, plan)
    (first,), (second,) = one.showings(), other.showings()
    assert one.decide(first, "positive", by="ann", at=AT)
    assert not other.decide(second, "negative", by="ben", at=AT)
    assert scored(store)[0][1] == 1.0


def test_without_kept_answers_the_class_alone_decides(store: SampleStore, plan: Plan) -> None:
    from broker.samples.seen import class_token

    until = AT + timedelta(days=365)
    token = class_token(SEED, "shop", "positive")
    sample = a_sample(
        operation="text.sentiment", state=SampleState.WAITING, until=until, answer_token=token,
        refer_probability=1.0, refer_least=1.0, refer_stratum="all",
    )  # fmt: skip
    store.write({}, {}, [(sample, [])])
    queue = Queue(store, plan)
    (showing,) = queue.showings()
    assert showing.shown is None
    assert showing.candidates == ()
    assert queue.decide(showing, "positive", by="ann", at=AT)
    assert scored(store)[0][1] == 1.0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shup",), "no sampled use case 'shup'"),
        (("--export", "out.txt"), "ends with .csv or .jsonl"),
        (("--import", "nothing.csv"), "no .csv or .jsonl file"),
        (("--export", "a.csv", "--import", "b.csv"), "not both"),
    ],
)
def test_slips_are_wrong_usage(run: Run, words: tuple[str, ...], told: str) -> None:
    assert told in run(*words, code=2)


def test_enough_wrong_answers_reach_the_off_switch(store: SampleStore, run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "mlbroker.toml", "a", encoding="utf-8") as file:
        file.write("tolerance = { target = 0.9, tolerance = 0.05 }\n")
    fill(store, 60)
    run("--export", "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    text = "".join(json.dumps({**row, "truth": "negative"}) + "\n" for row in rows)
    (tmp_path / "back.jsonl").write_text(text)
    run("--import", "back.jsonl")
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        (row,) = ledger.switches()
        assert row.switch is not None
        assert row.switch.state is State.OPEN  # observed only: calls go on
    finally:
        ledger.close()


def test_what_was_sampled_becomes_a_table_that_other_commands_read(
    store: SampleStore, run: Run, tmp_path: Path
) -> None:
    fill(store, 3)
    run(typed="positive\nnegative\nq\n")
    found = CliRunner().invoke(app, ["quality", "export", "shop", "--out", "table.csv", "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["rows"], told["items"], told["with_truth"]) == (6, 3, 2)
    rows = read_run(str(tmp_path / "table.csv"))
    assert {(row.provider, row.answer) for row in rows} == {("aws", "positive"), ("gcp", "negative")}
    assert {row.truth for row in rows} == {"positive", "negative", None}
    assert {row.drawn.probability for row in rows} == {0.1}
    found = CliRunner().invoke(app, ["quality", "recorded", "table.csv", "--json"])
    aws = next(each for each in json.loads(found.stdout)["providers"] if each["provider"] == "aws")
    assert aws["judged"] == 2


def test_what_is_not_kept_cannot_be_written(store: SampleStore, run: Run, tmp_path: Path) -> None:
    text = (tmp_path / "mlbroker.toml").read_text().replace('content = "inputs"', 'content = "off"')
    (tmp_path / "mlbroker.toml").write_text(text)
    fill(store, 1, kept=False)
    found = CliRunner().invoke(app, ["quality", "export", "shop", "--out", "table.csv"])
    assert found.exit_code != 0
    assert "are not kept" in " ".join(found.output.split())


@pytest.mark.parametrize(
    ("delimiter", "coding", "name"),
    [(";", "utf-8-sig", str), ("\t", "utf-8", str), (",", "utf-8-sig", lambda each: f"{each}.0")],
)
def test_a_file_comes_back_as_spreadsheets_write_it(
    store: SampleStore,
    run: Run,
    tmp_path: Path,
    delimiter: str,
    coding: str,
    name: Callable[[str], str],
) -> None:
    fill(store, 2)
    run("--export", "out.csv")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")  # else umlauts are lost there
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as file:
        rows = [{**row, "id": name(row["id"]), "truth": "positive"} for row in csv.DictReader(file)]
    with open(tmp_path / "back.csv", "w", encoding=coding, newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    assert run("--import", "back.csv", "--json")["decided"] == 2


def test_a_long_text_comes_back_too(store: SampleStore, run: Run, tmp_path: Path) -> None:
    (number,) = fill(store, 1)
    until = AT + timedelta(days=365)
    store.keep([Content(sample=number, part="input", kind="text/plain", value=b"x" * 200_000, until=until)])
    run("--export", "out.csv")
    path = tmp_path / "out.csv"
    text = path.read_text(encoding="utf-8-sig").rstrip("\r\n")
    path.write_text(text + "positive\n", encoding="utf-8-sig")
    assert run("--import", "out.csv", "--json")["decided"] == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,use_case,truth\n1,shop,caf\xe9\n", "no UTF-8"),
        (b"id,truth\n1,positive\n", "lack use_case"),
        (b"PK\x03\x04\x14\x00\x06", "lack id"),
    ],
)
def test_a_file_that_is_none_is_told_in_plain_words(
    store: SampleStore, run: Run, tmp_path: Path, content: bytes, told: str
) -> None:
    fill(store, 1)
    (tmp_path / "back.csv").write_bytes(content)
    assert told in run("--import", "back.csv", code=2)


def test_who_comes_second_by_a_hair_changes_no_score(
    store: SampleStore, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 1)
    late = Queue(store, plan)
    (showing,) = late.showings()
    read = store.samples

    def overtaken(query: SampleQuery) -> Any:
        found = read(query)  # it waits still, and while this one looks somebody else decides
        monkeypatch.setattr(store, "samples", read)
        queue = Queue(store, plan)
        assert queue.decide(queue.showings()[0], "positive", by="ann", at=AT)
        return found

    monkeypatch.setattr(store, "samples", overtaken)
    assert not late.decide(showing, "negative", by="ben", at=AT)
    assert [each[1:] for each in scored(store)] == [(1.0, Reference.REVIEWED, "ann")]


def test_inputs_are_read_one_by_one(store: SampleStore, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 5)
    read: list[str] = []
    content = store.content

    def noted(number: int, part: str) -> Content | None:
        read.append(part)
        return content(number, part)

    monkeypatch.setattr(store, "content", noted)
    (first, *_) = Queue(store, plan).showings()
    assert "input" not in read
    assert first.shown is not None
    assert read.count("input") == 1
