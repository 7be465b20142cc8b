"""Folders of what vendors sent, as they sent it: texts, recordings and queries of three clouds, without a credential.

Every recorded answer of these kinds is tried. What it should say is counted here, in the JSON, by other means than the adapters'.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_support import nothing, plan_of

from broker.bench.runs import open_run
from broker.bench.session import Session, folder_for
from broker.client import Broker
from broker.errors import BadInput
from broker.scoring import read_answer
from jobs.job_support import sound
from recorded.recorded_support import proving

TEXT = "x" * 20_000
"""Every place that an answer names lies in it."""


def replayed(
    folder: Path,
    provider: str,
    operation: str,
    answers: dict[str, Any],
    text: str = TEXT,
    options: str = "",
    **settings: Any,
) -> str:
    """A benchmark of a folder of answers: the folder of its run."""
    vendor = folder / "vendor"
    vendor.mkdir()
    for name, body in answers.items():
        (vendor / f"{name}.json").write_text(json.dumps(body), "utf-8")
    kind = {"t": "text", "s": "query"}[operation[0]] if not operation.startswith("transc") else "audio"
    (folder / "talk.wav").write_bytes(sound(1))
    with open(folder / "items.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "path" if kind == "audio" else "text"])
        content = {"audio": "talk.wav", "text": text, "query": "nice hotels"}[kind]
        rows.writerows([name, content] for name in answers)
    replay = f'[[replay]]\nname = "kept"\nprovider = "{provider}"\nanswers = "vendor"\n[replay.options]\n{options}\n'
    head = f'operations = "{operation}"\n[data]\npath = "items.csv"\nkind = "{kind}"\n'
    plan = plan_of(folder, replay, head)
    with Broker(ledger={"path": str(folder / "ledger.db")}, providers={provider: settings}) as broker:
        place, _ = folder_for(plan, broker.core.services.runtime.now(), restart=True)
        session = Session(broker, plan, place, "a test")
        try:
            session.prepare("", nothing, again_unknown=False)
            session.cost(nothing)
            session.result(nothing)
        finally:
            session.close()
    return place


def kept(
    folder: Path,
    provider: str,
    operation: str,
    answers: dict[str, Any],
    text: str = TEXT,
    options: str = "",
    **settings: Any,
) -> dict[str, Any]:
    """What a benchmark has of a folder of answers, by item."""
    with open_run(replayed(folder, provider, operation, answers, text, options, **settings)) as run:
        found = {}
        for item in run.items():
            (answer,) = item.answers
            assert answer.ok
            assert answer.answer is not None
            assert json.loads(run.raw(item.number, answer.lane) or "") == answers[item.id]
            found[item.id] = read_answer(operation, answer.answer)
        return found


def recorded(provider: str, operation: str) -> dict[str, Any]:
    """Every recorded answer that proves an operation and is no refusal."""
    found: dict[str, Any] = {}
    for param in proving(provider, operation):
        (path,) = param.values
        if path is None:
            pytest.skip(str(param.marks[0].kwargs["reason"]))
        body = json.loads(Path(path).read_text("utf-8"))
        if isinstance(body, dict) and "error" not in body and "__type" not in body:
            found[f"{len(found):03}-{Path(path).stem}"] = body
    assert found
    return found


def documents(body: Any) -> list[dict[str, Any]]:
    return list(body.get("results", body)["documents"])


def one_each(bodies: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Azure answers several texts at once: each document as the answer to a request of its own."""
    for name, body in bodies.items():
        for number, document in enumerate(documents(body)):
            whole = {**body.get("results", body), "documents": [document], "errors": []}
            yield f"{name}-{number}", {**body, "results": whole} if "results" in body else whole


Count = Callable[[Any], object]
AWS: list[tuple[str, Count, Count]] = [
    ("text.sentiment", lambda x: x.document.name, lambda x: x["Sentiment"]),
    ("text.entities", lambda x: [y.text for y in x.entities], lambda x: [y["Text"] for y in x["Entities"]]),
    (
        "text.key_phrases",
        lambda x: [y.text for y in x.phrases],
        lambda x: [y["Text"] for y in x["KeyPhrases"]],
    ),
    (
        "text.detect_language",
        lambda x: [y.code for y in x.languages],
        lambda x: [y["LanguageCode"] for y in x["Languages"]],
    ),
    (
        "text.detect_pii",
        lambda x: [y.begin for y in x.entities],
        lambda x: [y["BeginOffset"] for y in x["Entities"]],
    ),
    ("text.redact", lambda x: len(x.entities), lambda x: len(x["Entities"])),
    ("transcription.transcribe", lambda x: x.text, lambda x: x["results"]["transcripts"][0]["transcript"]),
]
GCP: list[tuple[str, Count, Count]] = [
    ("text.sentiment", lambda x: x.document.score, lambda x: x["documentSentiment"].get("score", 0.0)),
    (
        "text.entities",
        lambda x: len(x.entities),
        lambda x: sum(len(y["mentions"]) for y in x["entities"]),
    ),
    (
        "text.detect_language",
        lambda x: [y.code for y in x.languages],
        lambda x: [y["languageCode"] for y in x["languages"]],
    ),
    (
        "transcription.transcribe",
        lambda x: " ".join(y.text for y in x.segments),
        lambda x: " ".join(_said(x)),
    ),
    ("search.query", lambda x: len(x.hits), lambda x: len(x.get("results", ()))),
]
AZURE: list[tuple[str, Count, Count]] = [
    ("text.sentiment", lambda x: x.document.name, lambda x: documents(x)[0]["sentiment"]),
    (
        "text.entities",
        lambda x: [y.text for y in x.entities],
        lambda x: [y["text"] for y in documents(x)[0]["entities"]],
    ),
    ("text.key_phrases", lambda x: [y.text for y in x.phrases], lambda x: documents(x)[0]["keyPhrases"]),
    (
        "text.detect_language",
        lambda x: [y.code for y in x.languages],
        lambda x: [documents(x)[0]["detectedLanguage"]["iso6391Name"]],
    ),
    (
        "text.detect_pii",
        lambda x: [y.begin for y in x.entities],
        lambda x: [y["offset"] for y in documents(x)[0]["entities"]],
    ),
    (
        "text.moderate",
        lambda x: len(x.labels),
        lambda x: len(x["categoriesAnalysis"]) + len(x.get("blocklistsMatch", ())),
    ),
    ("transcription.transcribe", lambda x: x.text, lambda x: "\n".join(_displayed(x))),
]


def _said(body: Any) -> list[str]:
    found = body.get("response", body)["results"]
    if isinstance(found, dict):
        (only,) = found.values()
        found = only["transcript"]["results"]
    texts = [each["alternatives"][0].get("transcript", "").strip() for each in found]
    return [each for each in texts if each]


def _displayed(body: Any) -> list[str]:
    return [
        each.get("text", each.get("display"))
        for each in body.get("combinedPhrases") or body["combinedRecognizedPhrases"]
    ]


@pytest.mark.parametrize(("operation", "ours", "theirs"), AWS, ids=[each[0] for each in AWS])
def test_amazon(tmp_path: Path, operation: str, ours: Count, theirs: Count) -> None:
    answers = recorded("aws", operation)
    found = kept(tmp_path, "aws", operation, answers)
    assert {name: ours(each) for name, each in found.items()} == {
        name: theirs(each) for name, each in answers.items()
    }


@pytest.mark.parametrize(("operation", "ours", "theirs"), GCP, ids=[each[0] for each in GCP])
def test_google(tmp_path: Path, operation: str, ours: Count, theirs: Count) -> None:
    pytest.importorskip("grpc", reason="needs the gcp extra")
    answers = recorded("gcp", operation)
    found = kept(tmp_path, "gcp", operation, answers)
    assert {name: ours(each) for name, each in found.items()} == {
        name: theirs(each) for name, each in answers.items()
    }


@pytest.mark.parametrize(("operation", "ours", "theirs"), AZURE, ids=[each[0] for each in AZURE])
def test_azure(tmp_path: Path, operation: str, ours: Count, theirs: Count) -> None:
    answers = recorded("azure", operation)
    if operation.startswith("text.") and operation != "text.moderate":
        answers = dict(one_each(answers))
    found = kept(tmp_path, "azure", operation, answers)
    assert {name: ours(each) for name, each in found.items()} == {
        name: theirs(each) for name, each in answers.items()
    }


def test_azure_search_by_the_fields_that_the_settings_name(tmp_path: Path) -> None:
    answers = recorded("azure", "search.query")
    for number, (name, body) in enumerate(answers.items()):
        names = [each for each in (body["value"] or [{}])[0] if each.lower().endswith(("id", "key"))]
        folder = tmp_path / str(number)
        folder.mkdir()
        if not names:
            with pytest.raises(BadInput, match=r"set shape\.id in the settings of provider azure"):
                kept(folder, "azure", "search.query", {name: body})
            continue
        found = kept(folder, "azure", "search.query", {name: body}, shape={"id": names[0]})
        assert [each.id for each in found[name].hits] == [each[names[0]] for each in body["value"]]


def test_kendra(tmp_path: Path) -> None:
    answers = recorded("kendra", "search.query")
    found = kept(tmp_path, "kendra", "search.query", answers)
    for name, body in answers.items():
        hits = [
            x for x in body.get("ResultItems") or () if x.get("Type") not in ("ANSWER", "QUESTION_ANSWER")
        ]
        assert len(found[name].hits) == len(hits) + len(body.get("FeaturedResultsItems") or ())


LONG = "This is one of many sentences. " * 5_000
PART = {"Entities": [{"Type": "OTHER", "Text": "This", "BeginOffset": 0, "EndOffset": 4, "Score": 0.9}]}


def test_a_text_that_was_sent_in_parts_is_read_with_its_places_shifted(tmp_path: Path) -> None:
    """As a run keeps the answers to a long text: a list of them. Amazon takes 100,000 bytes at a time."""
    found = kept(tmp_path, "aws", "text.entities", {"long": [PART, PART]}, LONG)["long"]
    first, second = found.entities
    assert first.begin == 0
    assert 90_000 < second.begin < 100_000
    assert LONG[second.begin : second.end] == "This"
    assert (first.offset_ok, second.offset_ok) == (True, True)


def test_a_text_that_would_be_cut_otherwise_today_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="answers to 3 parts of a text that is sent in 2 today"):
        kept(tmp_path, "aws", "text.entities", {"long": [PART, PART, PART]}, LONG)


@pytest.mark.parametrize(
    ("provider", "operation", "body", "why"),
    [
        ("aws", "text.sentiment", {"Entities": []}, "it has no Sentiment"),
        ("aws", "text.entities", {"ResultList": [{}, {}]}, "answers 2 texts at once"),
        ("aws", "transcription.transcribe", {"TranscriptionJob": {}}, "it has no results"),
        ("aws", "search.query", {"results": []}, "it has no retrievalResults"),
        ("kendra", "search.query", {"hits": []}, "it has no ResultItems"),
        ("gcp", "text.sentiment", {"sentences": []}, "documentSentiment"),
        ("gcp", "text.detect_pii", {"findings": []}, "it has no result"),
        ("gcp", "transcription.transcribe", {}, "neither results nor metadata"),
        ("gcp", "transcription.transcribe", {"name": "x", "done": False, "metadata": {}, "response": None}, "response"),
        ("gcp", "search.query", {"hits": []}, "it has none of results"),
        ("gcp", "search.query", {"error": {"code": 404}}, "it is a refusal"),
        ("azure", "text.sentiment", {"documents": [{"id": "1"}, {"id": "2"}]}, "answers 2 texts at once"),
        ("azure", "text.key_phrases", {"tasks": {"items": []}}, "0 results of KeyPhraseExtraction"),
        ("azure", "transcription.transcribe", {"text": "hello"}, "it has no phrases"),
        ("azure", "search.query", {"hits": []}, "it has no value"),
        ("azure", "text.sentiment", [], "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_such_answer_is_refused_with_its_file_and_the_reason(
    tmp_path: Path, provider: str, operation: str, body: Any, why: str
) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        kept(tmp_path, provider, operation, {"one": body})
    assert "one.json" in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "body", "count"),
    [
        ("transcription.transcribe", {"totalBilledTime": "3s"}, 0),
        ("transcription.transcribe", {"results": [{"alternatives": [{"transcript": "hello"}]}]}, 1),
        (
            "transcription.transcribe",
            {
                "operation": {"done": True, "response": {"results": {"gs://b/f": {"uri": "gs://b/o.json"}}}},
                "result": {"results": [{"alternatives": [{"transcript": "hello"}]}]},
            },
            1,
        ),
        (
            "transcription.transcribe",
            {"results": {"gs://b/f": {"inlineResult": {"transcript": {"results": [{"alternatives": [{"transcript": "hello"}]}]}}}}},
            1,
        ),
    ],
)  # fmt: skip
def test_every_way_in_which_google_gives_a_transcript(
    tmp_path: Path, operation: str, body: Any, count: int
) -> None:
    found = kept(tmp_path, "gcp", operation, {"one": body})
    assert [each.text for each in found["one"].segments] == ["hello"] * count


def test_a_task_of_a_job_of_azures(tmp_path: Path) -> None:
    task = {
        "kind": "KeyPhraseExtractionLROResults",
        "results": {"documents": [{"id": "7", "keyPhrases": ["a cat"]}]},
    }
    found = kept(tmp_path, "azure", "text.key_phrases", {"one": {"tasks": {"items": [task]}}})
    assert [each.text for each in found["one"].phrases] == ["a cat"]


def test_kept_answers_are_read_by_the_options_of_their_calls(tmp_path: Path) -> None:
    """Google numbers channels only where they were asked for by themselves."""
    body = {"results": [{"alternatives": [{"transcript": "hello"}], "channelTag": 2}]}
    channels = []
    for name, options in (("mixed", ""), ("apart", "channels = true")):
        (tmp_path / name).mkdir()
        found = kept(tmp_path / name, "gcp", "transcription.transcribe", {"one": body}, options=options)
        channels.append(found["one"].segments[0].channel)
    assert channels == [None, 1]


def test_options_that_no_call_takes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"options of kept for text\.key_phrases"):
        replayed(tmp_path, "azure", "text.key_phrases", {"one": {}}, options="colour = 1")


@pytest.mark.parametrize(
    ("provider", "operation", "body", "kind"),
    [
        (
            "azure",
            "text.entities",
            {"documents": [], "errors": [{"id": "1", "error": {"code": "InvalidDocument", "message": "no"}}]},
            "BadInput",
        ),
        (
            "gcp",
            "transcription.transcribe",
            {"done": True, "error": {"code": 8, "message": "no more"}},
            "Throttled",
        ),
    ],
)
def test_what_the_vendor_refused_within_an_answer_is_a_failure_of_its_item(
    tmp_path: Path, provider: str, operation: str, body: Any, kind: str
) -> None:
    place = replayed(tmp_path, provider, operation, {"one": body})
    with open_run(place) as run:
        (item,) = run.items()
        (answer,) = item.answers
        assert (answer.ok, answer.error_kind) == (False, kind)
        (lane,) = run.result().lanes
        assert (lane.reliability.answered, lane.reliability.failed) == (0, 1)


def test_an_id_with_a_full_stop_is_not_taken_for_a_file_name(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "v1.json").write_text('{"Sentiment": "POSITIVE"}', "utf-8")
    (tmp_path / "items.csv").write_text("id,text\nv1.2,fine\n", "utf-8")
    plan = plan_of(
        tmp_path,
        '[[replay]]\nname = "kept"\nprovider = "aws"\nanswers = "vendor"\n',
        'operations = "text.sentiment"\n[data]\npath = "items.csv"\nkind = "text"\n',
    )
    with Broker(ledger={"path": str(tmp_path / "ledger.db")}) as broker:
        session = Session(broker, plan, str(tmp_path / "run"), "a test")
        try:
            with pytest.raises(BadInput, match="it holds no answer to an item"):
                session.prepare("", nothing, again_unknown=False)
        finally:
            session.close()
