"""Answers that the clouds really gave, read by the adapters, score as somebody else's arithmetic says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import broker.quality
from broker.quality.metrics.metric import value
from broker.scoring import DEFAULTS, parse_truth, read_answer, same_answer, score, stored_answer
from broker.types.media import Image
from broker.types.search import QueryRequest

SHOWN = {
    "toy_bus": "bus;vehicle;toy",
    "collie_in_a_park": "dog;animal;grass;tree;plant",
    "photo_cow1": "cow;animal;grass",
    "fruit": "fruit;food",
    "living_room": "room;furniture;window;lamp;table",
    "front_door_bike": "bicycle;door;vehicle",
    "wine_glasses": "glass;drink",
}
TEXT = "Hello Zhang Wei, I am John. Your AnyCompany Financial Services, LLC credit card account 1111-0000-1111-0008 has a minimum payment of $24.53 that is due by July 31st."


def loaded(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def google(body: Any) -> Any:
    """As Google's own type."""
    vision = pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    from google.protobuf import json_format

    body = body[0] if isinstance(body, list) else body
    message = vision.AnnotateImageResponse.pb()()
    answer = body["responses"][0] if "responses" in body else body
    json_format.ParseDict(
        {"safeSearchAnnotation": answer} if "adult" in answer else answer, message, ignore_unknown_fields=True
    )
    return message


def answers(folder: Path, photo: bytes) -> Iterator[tuple[str, str, Any]]:
    """Every recorded answer that the pure readers read: operation, file, value."""
    from broker_aws import faces, kendra, labels, meanings, moderation, transcribe_answer, written
    from broker_gcp import vision_answer

    image = Image.load(photo)
    query = QueryRequest(text="?", top=100)
    readers: list[tuple[str, str, Callable[[Any], Any]]] = [
        ("vision.label", "aws/rekognition/detect_labels/*.json", labels.labels_of),
        (
            "vision.detect_objects",
            "aws/rekognition/detect_labels/*.json",
            lambda b: labels.objects_of(b, image),
        ),
        ("vision.detect_faces", "aws/rekognition/detect_faces/*.json", lambda b: faces.faces_of(b, image)),
        ("vision.moderate", "aws/rekognition/detect_moderation_labels/*.json", moderation.moderation_of),
        ("vision.detect_text", "aws/rekognition/detect_text/*.json", lambda b: written.scene_of(b, image)),
        (
            "vision.detect_text",
            "aws/textract/detect_document_text/*.json",
            lambda b: written.document_of(b, image),
        ),
        (
            "text.sentiment",
            "aws/comprehend/detect_sentiment/*.json",
            lambda b: meanings.sentiment_of(b, TEXT),
        ),
        ("text.entities", "aws/comprehend/detect_entities/*.json", lambda b: meanings.entities_of(b, TEXT)),
        (
            "text.key_phrases",
            "aws/comprehend/detect_key_phrases/*.json",
            lambda b: meanings.phrases_of(b, TEXT),
        ),
        (
            "text.detect_language",
            "aws/comprehend/detect_dominant_language/*.json",
            lambda b: meanings.languages_of(b, TEXT),
        ),
        ("text.detect_pii", "aws/comprehend/detect_pii_entities/*.json", lambda b: meanings.pii_of(b, TEXT)),
        (
            "transcription.transcribe",
            "aws/transcribe/transcript_result/*.json",
            transcribe_answer.transcript_of,
        ),
        ("search.query", "aws/kendra/query/*.json", lambda b: kendra.results_of(b, query)),
    ]
    for operation, pattern, read in readers:
        for path in sorted(folder.glob(pattern)):
            yield operation, path.stem, read(loaded(path))
    from broker.types.analysis import AnalyzeRequest

    names = ("label", "detect_objects", "detect_text", "detect_faces", "moderate")
    request = AnalyzeRequest(image=image, operations=names)
    for path in sorted(folder.glob("gcp/vision/multi_feature/*.json")):
        message = google(loaded(path))
        if not message.HasField("safe_search_annotation"):
            continue
        yield "vision.analyze", path.stem, vision_answer.analysis_in(message, request)


def test_every_recorded_answer_is_kept_and_read_back(fixtures_folder: Path, photo: bytes) -> None:
    pytest.importorskip("boto3", reason="needs the aws extra")
    seen: dict[str, int] = {}
    for operation, name, answer in answers(fixtures_folder, photo):
        text = stored_answer(operation, answer)
        assert read_answer(operation, text) == answer, (operation, name)
        agreed = same_answer(operation, answer, read_answer(operation, text), providers=("aws", "aws"))
        assert agreed.share in (1.0, None), (operation, name)
        seen[operation] = seen.get(operation, 0) + 1
    assert len(seen) == 13
    assert min(seen.values()) >= 1


def everyday() -> dict[str, dict[str, list[str]]]:
    path = Path(broker.quality.__path__[0]) / "data" / "concepts.toml"
    found: dict[str, dict[str, list[str]]] = tomllib.loads(path.read_text("utf-8"))["concepts"]
    return found


def plain(word: str) -> str:
    return "".join(
        " " if mark in "-/" else mark for mark in word.lower() if mark.isalnum() or mark in " -/"
    ).strip()


def meant(words: list[str], provider: str) -> set[str]:
    said = {plain(word) for word in words}
    return {
        concept
        for concept, lists in everyday().items()
        if said & {plain(word) for word in lists.get("any", []) + lists.get(provider, [])}
    }


def words_of(folder: Path, provider: str, picture: str) -> list[str]:
    """The labels of the recording, without any reader of ours."""
    if provider == "aws":
        body = loaded(folder / f"aws/rekognition/detect_labels/cloudy-{picture}.json")
        return [label["Name"] for label in body["Labels"]]
    body = loaded(folder / f"gcp/vision/multi_feature/cloudy-{picture}.json")
    return [label["description"] for label in body["responses"][0]["labelAnnotations"]]


@pytest.mark.parametrize("provider", ["aws", "gcp"])
def test_labels_of_the_same_pictures_score_as_sets_say(fixtures_folder: Path, provider: str) -> None:
    from broker_aws.labels import labels_of
    from broker_gcp.vision_answer import label_set

    scores = []
    hits = false = missed = 0
    for picture, shown in SHOWN.items():
        if provider == "aws":
            answer = labels_of(
                loaded(fixtures_folder / f"aws/rekognition/detect_labels/cloudy-{picture}.json")
            )
        else:
            answer = label_set(
                google(loaded(fixtures_folder / f"gcp/vision/multi_feature/cloudy-{picture}.json"))
            )
        truth = parse_truth("vision.label", shown)
        (metric, item), (_, known) = score("vision.label", answer, truth, item=picture, provider=provider)
        there, found = set(shown.split(";")), meant(words_of(fixtures_folder, provider, picture), provider)
        assert item.parts == (len(there & found), len(found - there), len(there - found)), picture
        words = words_of(fixtures_folder, provider, picture)
        assert known.parts == (sum(bool(meant([word], provider)) for word in words), len(words))
        scores.append(item)
        hits, false, missed = (
            hits + len(there & found),
            false + len(found - there),
            missed + len(there - found),
        )
    assert metric.id == "concept-f1:everyday/1"
    assert hits > 0
    assert value(metric, scores) == pytest.approx(2 * hits / (2 * hits + false + missed))


def test_a_transcript_scores_as_jiwer_says(fixtures_folder: Path) -> None:
    jiwer = pytest.importorskip("jiwer", reason="the oracle of word error rates")
    from broker_aws.transcribe_answer import transcript_of

    for path in sorted(fixtures_folder.glob("aws/transcribe/transcript_result/*.json")):
        answer = transcript_of(loaded(path))
        words = "".join(mark for mark in answer.text.lower() if mark.isalnum() or mark == " ").split()
        if len(words) < 10 or any(mark in answer.text for mark in "-–/_|\\"):
            continue  # only texts that need no rule of a normaliser
        said = [*words[3:8], "surplus", *words[8:]]
        truth = parse_truth("transcription.transcribe", " ".join(said))
        found = {
            m.id: s for m, s in score("transcription.transcribe", answer, truth, item="a", provider="aws")
        }
        theirs = jiwer.process_words(" ".join(said), " ".join(words))
        errors, length = found["wer:plain/1"].parts
        assert errors == theirs.substitutions + theirs.deletions + theirs.insertions
        assert errors / length == pytest.approx(theirs.wer)
        return
    pytest.fail("no transcript without special marks was found")


def test_mentions_score_by_their_places(fixtures_folder: Path) -> None:
    from broker_aws.meanings import entities_of

    body = loaded(fixtures_folder / "aws/comprehend/detect_entities/awscli-detect-entities-1.json")
    letters = [" "] * 1000  # the text itself is not recorded; its mentions are, with their places
    for each in body["Entities"]:
        letters[each["BeginOffset"] : each["EndOffset"]] = each["Text"]
    answer = entities_of(body, "".join(letters))
    kinds = {"PERSON": "PER", "ORGANIZATION": "ORG", "LOCATION": "GPE", "OTHER": "MISC"}
    spans = [
        {
            "start": each["BeginOffset"],
            "end": each["EndOffset"],
            "type": kinds.get(each["Type"], each["Type"]),
        }
        for each in body["Entities"]
    ]
    perfect = parse_truth("text.entities", spans)
    strict, partial = score("text.entities", answer, perfect, item="a", provider="aws")
    count = sum(each["EndOffset"] - each["BeginOffset"] == len(each["Text"]) for each in body["Entities"])
    assert count == len(spans) - 1  # the last one's text was changed for print, so its offsets do not hold
    assert strict[1].parts == partial[1].parts == (count, 1, 1)
    spans[0] = {**spans[0], "type": "LOC"}
    spans[1] = {**spans[1], "end": spans[1]["end"] - 1}
    spans.append({"start": 0, "end": 5, "type": "PER"})
    truth = parse_truth("text.entities", spans)
    strict, partial = score("text.entities", answer, truth, item="a", provider="aws")
    assert strict[1].parts == (count - 2, 2 + 1, 3 + 1)
    assert partial[1].parts == (count - 0.5, 0.5 + 1, 1.5 + 1)


def test_hits_of_kendra_score_as_ir_measures_says(fixtures_folder: Path) -> None:
    ir = pytest.importorskip("ir_measures", reason="the oracle of rankings")
    from broker_aws.kendra import results_of

    body = loaded(fixtures_folder / "aws/kendra/query/jprag-2023-05-22-e9e1d4.json")
    answer = results_of(body, QueryRequest(text="?", top=100))
    documents = [each["DocumentId"] for each in body["ResultItems"] if each["Type"] == "DOCUMENT"]
    judged = {documents[1]: 3, documents[0]: 0, documents[4]: 1, "elsewhere": 2}
    found = {
        metric.id: item.parts[0]
        for metric, item in score(
            "search.query", answer, parse_truth("search.query", judged), item="q", provider="aws"
        )
    }
    run = {id: -float(rank) for rank, id in enumerate(dict.fromkeys(answer.ids))}
    names = {id: f"d{number}" for number, id in enumerate({**judged, **run})}  # its ids have no strange marks
    qrels = {"q": {names[id]: grade for id, grade in judged.items()}}
    oracles = {"mrr@10": ir.RR @ 10, "recall@10": ir.R @ 10, "judged@10": ir.Judged @ 10, "bpref": ir.Bpref}
    ranked = {"q": {names[id]: at for id, at in run.items()}}
    told = ir.calc_aggregate(list(oracles.values()), qrels, ranked)
    gained = {"q": {id: 2**grade - 1 for id, grade in qrels["q"].items()}}
    told["ndcg@10"] = ir.calc_aggregate([ir.nDCG @ 10], gained, ranked)[ir.nDCG @ 10]
    expected = {"ndcg@10": told["ndcg@10"], **{name: told[measure] for name, measure in oracles.items()}}
    assert found == {name: pytest.approx(share) for name, share in expected.items()}


def test_safe_search_stops_what_is_likely(fixtures_folder: Path) -> None:
    from broker_gcp.vision_things import harms_in

    words = ["UNKNOWN", "VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY"]
    for path in sorted(fixtures_folder.glob("gcp/vision/safe_search/*.json")):
        body = loaded(path)
        body = body[0] if isinstance(body, list) else body
        said = body.get("safeSearchAnnotation", body)
        stopped = any(words.index(each) >= 4 for each in said.values() if each in words)
        answer = harms_in(google(body), None)  # type: ignore[arg-type] # it looks at the answer only
        harmless, harmful = parse_truth("vision.moderate", []), parse_truth("vision.moderate", "violence")
        costs = [
            score("vision.moderate", answer, truth, item="a", provider="gcp", settings=DEFAULTS)[0][1].parts[
                0
            ]
            for truth in (harmless, harmful)
        ]
        assert costs == [float(stopped), float(not stopped)], path.name
