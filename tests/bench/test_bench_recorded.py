"""Answers recorded elsewhere beside a provider that is asked: what they may tell, and what stays unknown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from bench_support import Sitting, data_set, plan_of

from broker.bench.result import Origin
from broker.bench.runs import open_run
from broker.errors import BadInput
from broker.scoring import read_answer
from broker.testing.fake import fake_price, fake_provider, labels

ASKED = '[[provider]]\nprovider = "one"\n[run]\ncost_cap = "9"\n'
SEEN = {
    "binoculars": ["binoculars"],
    "collie": ["dog"],
    "collie_in_a_park": ["dog"],
    "corgi_and_ball": ["dog", "ball"],
    "corkscrew_pasta": ["pasta", "food"],
    "dutch_oven_pot": ["pot"],
    "fan": ["fan"],
    "fireplace": ["fireplace"],
    "front_door_bike": ["bicycle", "door"],
    "fruit": ["fruit", "food"],
    "hammocks": ["hammock"],
    "living_room": ["living room"],
    "photo_cow1": ["cow"],
    "toy_bus": ["bus", "toy"],
    "toy_car2": ["car", "toy"],
    "toy_cow1": ["cow", "toy"],
    "toy_train1": ["train", "toy"],
    "vegetables": ["vegetable", "food"],
    "wine_glasses": ["wine glass"],
}
"""What a person sees in the pictures."""
CONCEPTS = {
    "binoculars": ["binoculars"],
    "dog": [
        "dog",
        "collie",
        "corgi",
        "puppy",
        "dog breed",
        "scotch collie",
        "welsh corgi",
        "pembroke welsh corgi",
    ],
    "ball": ["ball", "soccer ball", "tennis ball"],
    "pasta": ["pasta", "fusilli", "rotini", "macaroni"],
    "food": ["food", "dish", "cuisine", "produce"],
    "pot": [
        "pot",
        "cookware and bakeware",
        "dutch oven",
        "cooking pot",
        "casserole",
        "stock pot",
        "crock pot",
    ],
    "fan": ["fan", "mechanical fan", "electric fan"],
    "fireplace": ["fireplace", "hearth", "fire"],
    "bicycle": ["bicycle", "bike", "mountain bike"],
    "door": ["door", "front door"],
    "fruit": ["fruit", "apple", "orange", "banana", "natural foods"],
    "hammock": ["hammock"],
    "living room": ["living room", "room", "couch", "sofa", "furniture"],
    "cow": ["cow", "cattle", "bull", "ox", "dairy cow"],
    "bus": ["bus", "school bus", "minibus"],
    "toy": ["toy", "model car", "toy vehicle"],
    "car": ["car", "automobile", "sports car"],
    "train": ["train", "locomotive", "steam engine"],
    "vegetable": ["vegetable", "broccoli", "cabbage", "cucumber", "produce"],
    "wine glass": ["wine glass", "stemware", "goblet", "red wine"],
}
READERS: dict[str, tuple[str, Callable[[Any], list[tuple[str, float]]]]] = {
    "aws": (
        "aws/rekognition/detect_labels",
        lambda said: [(x["Name"], x["Confidence"] / 100) for x in said["Labels"]],
    ),
    "gcp": (
        "gcp/vision/multi_feature",
        lambda said: [
            (x["description"], x["score"]) for x in said["responses"][0].get("labelAnnotations", ())
        ],
    ),
    "azure": ("azure/vision/analyze_1.0", lambda said: [(x["name"], x["confidence"]) for x in said["tags"]]),
}


def _recorded(fixtures: Path, folder: Path) -> None:
    """What three clouds answered in 2017, as tables; with the latency that was measured then."""
    index = (fixtures / "INDEX.md").read_text("utf-8")
    for cloud, (place, read) in READERS.items():
        rows = []
        for name in SEEN:
            path = f"{place}/cloudy-{name}.json"
            if not (fixtures / path).is_file():
                continue
            said = json.loads((fixtures / path).read_text("utf-8"))
            found = re.search(rf"\| {re.escape(path)} \|.*?response_time ([0-9.]+) s", index)
            answer = [{"name": word, "confidence": sure} for word, sure in read(said)]
            latency = float(found[1]) if found else None
            rows.append(
                json.dumps({"item": f"{name}.jpg", "provider": cloud, "answer": answer, "latency": latency})
            )
        (folder / f"{cloud}.jsonl").write_text("\n".join(rows), "utf-8")
    (folder / "concepts.toml").write_text(
        'version = "cloudy/1"\n'
        + "".join(
            f"[concepts.{json.dumps(name)}]\nany = {json.dumps(words)}\n" for name, words in CONCEPTS.items()
        ),
        "utf-8",
    )


@pytest.mark.local_models
def test_three_clouds_recorded_answers_beside_the_local_provider(
    fixtures_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra local-vision")
    from broker_local.adapter import LocalAdapter

    shutil.copytree(fixtures_folder / "inputs" / "cloudy_vision", tmp_path / "pictures")
    (tmp_path / "pictures" / "truth.jsonl").write_text(
        "\n".join(json.dumps({"id": f"{name}.jpg", "truth": seen}) for name, seen in SEEN.items()), "utf-8"
    )
    _recorded(fixtures_folder, tmp_path)
    replays = "".join(
        f'[[replay]]\nname = "{cloud}"\nprovider = "{cloud}"\nanswers = "{cloud}.jsonl"\nnote = "recorded in 2017"\nrecorded = 2017-03-01\n'
        for cloud in READERS
    )
    plan = plan_of(
        tmp_path,
        f'[[provider]]\nprovider = "local"\nmonthly_cost = "60"\n{replays}[run]\nconcurrency = 2\ncost_cap = "0"\n'
        '[scoring]\nconcept_map = "concepts.toml"\n',
        head='operations = "vision.label"\n[data]\npath = "pictures"\n',
    )
    done = Sitting(tmp_path, plan, [LocalAdapter])
    assert done.finished
    assert done.cost.free
    told = {each.lane.name: each for each in done.result.lanes}
    assert [each.lane.origin for each in done.result.lanes] == [Origin.ASKED, *[Origin.REPLAYED] * 3]
    assert told["local"].speed.throughput is not None
    assert told["local"].money is not None
    assert told["local"].money.known == 0
    for name in READERS:
        lane = told[name]
        assert lane.reliability.answered >= 15
        assert (lane.reliability.attempts, lane.speed.throughput, lane.speed.call) == (None, None, None)
        assert lane.speed.attempt is not None
        assert 0.3 < lane.speed.attempt.p50.point < 5.0, "the latency that was measured when it was recorded"
        assert lane.primary is not None
        assert lane.primary.metric == "concept-f1:cloudy/1"
        assert lane.primary.delivered.point is not None
        assert lane.primary.delivered.low is not None
        assert 0.0 < lane.primary.delivered.low <= lane.primary.delivered.point < 1.0
    assert len(done.result.pairings) == 6
    assert any("replayed" in note for note in done.result.notes)
    assert any("intervals are wide" in note for note in done.result.notes)
    _told_in_the_report(done)


def _told_in_the_report(done: Sitting) -> None:
    """Recorded answers are marked wherever they stand, and nothing is made of what they do not tell."""
    from broker.maturity.load import checklist, quotas
    from broker.report.build import build
    from broker.report.markdown import markdown
    from broker.report.samples import chosen

    with open_run(done.folder) as run:
        samples, count = chosen(run.items(), done.result, 5, run.plan().scoring.settings())
    manifests = [each.load().manifest for each in entry_points(group="broker.adapters")]
    report = build(
        done.result,
        manifests,
        checklist(),
        quotas(),
        done.result.run.ended.date(),
        samples=samples,
        samples_of=count,
    )
    assert (len(samples), count) == (5, len(SEEN))
    for place in report.operations[0].places:
        asked = place.name == "local"
        assert place.mark == ("" if asked else "replayed")
        assert place.maturity is not None
        assert "fewer than 100" in place.grey
        assert ("over 90 days ago" in place.grey) is not asked
        measured = {
            fit.ratio.value for fit in place.readiness.fits if fit.fact and fit.fact.kind.value == "measured"
        }
        assert ("success" in measured) is asked
    text = markdown(report)
    for name in READERS:
        rows = [line for line in text.splitlines() if line.startswith(f"| {name} ")]
        marked = (f"| {name} (replayed) ", f"| {name} against ", f"| {name} and ")
        bare = [row for row in rows if not row.startswith(marked) and "replayed, recorded" not in row]
        assert (bool(rows), bare) == (True, [])
        assert any("not in a recording" in row for row in rows)
    assert "made up" not in text
    pytest.importorskip("vl_convert", reason="the page needs the extra report")
    from broker.report.page import html

    page = html(report)
    assert page.count("data:image/") >= 5
    assert not re.search(r'(?:src|poster)="(?!data:)|<script|@import|url\((?!data:|#)', page)


def _table(folder: Path, *rows: dict[str, Any], name: str = "answers.jsonl") -> None:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), "utf-8")


def test_a_recording_tells_what_it_tells_and_nothing_else(tmp_path: Path) -> None:
    data_set(tmp_path, 4)
    _table(
        tmp_path,
        {"item": "item-000000", "answer": ["Cat"], "confidence": 0.9},
        {"item": "item-000001", "answer": '["Dog"]'},
        {"item": "item-000002", "answer": None},
        {"item": "item-000003", "answer": "", "failed": "true", "error": "Timeout"},
        {"item": "somebody else's", "answer": ["Cat"]},
    )
    one = fake_provider([labels("Cat")], provider="one")
    done = Sitting(
        tmp_path, plan_of(tmp_path, ASKED + '[[replay]]\nname = "old"\nanswers = "answers.jsonl"\n'), [one]
    )
    old = next(each for each in done.result.lanes if each.lane.name == "old")
    assert (old.reliability.answered, old.reliability.failed) == (2, 2)
    assert {each.kind for each in old.reliability.failures} == {"failed (recorded)", "Timeout"}
    assert (old.money, old.speed.attempt, old.reliability.error_rate) == (None, None, None)
    assert any("1 recorded answers are of items" in note for note in done.result.notes)
    assert next(each for each in done.result.curves if each.lane == "old").unknown is not None


def test_recorded_prices_are_summed_and_a_missing_one_is_not_zero(tmp_path: Path) -> None:
    data_set(tmp_path, 2)
    rows = [{"item": f"item-{number:06}", "answer": ["Cat"], "price": "0.002"} for number in range(2)]
    one = fake_provider([labels("Cat")], provider="one")
    plan = plan_of(tmp_path, ASKED + '[[replay]]\nname = "old"\nanswers = "answers.jsonl"\n')
    _table(tmp_path, *rows)
    money = Sitting(tmp_path, plan, [one]).result.lanes[1].money
    assert money is not None
    assert (money.known, money.per_1000, money.source) == (Decimal("0.004"), Decimal(2), "recording")
    del rows[1]["price"]
    _table(tmp_path, *rows)
    assert Sitting(tmp_path, plan, [one], restart=True).result.lanes[1].money is None


def test_a_recording_of_a_known_provider_costs_todays_list_price(tmp_path: Path) -> None:
    data_set(tmp_path, 3)
    _table(tmp_path, *({"item": f"item-{number:06}", "answer": ["Cat"]} for number in range(3)))
    one = fake_provider([labels("Cat")], provider="one")
    two = fake_provider([labels("Cat")], provider="two")
    plan = plan_of(
        tmp_path, ASKED + '[[replay]]\nname = "then"\nprovider = "two"\nanswers = "answers.jsonl"\n'
    )
    money = Sitting(tmp_path, plan, [one, two]).result.lanes[1].money
    assert money is not None
    assert (money.known, money.source, money.uses[0].sku) == (
        Decimal("0.003"),
        "list price",
        "two.vision.label",
    )
    assert not two.play.seen


def test_made_up_answers_say_so_and_take_the_plans_prices(tmp_path: Path) -> None:
    data_set(tmp_path, 3)
    _table(tmp_path, *({"item": f"item-{number:06}", "answer": ["Cat"]} for number in range(3)))
    replay = (
        '[[replay]]\nname = "cloud"\nanswers = "answers.jsonl"\nmade_up = true\n'
        'tiers = [{ up_to = 1000, price = "0.01" }, { price = "0.001" }]\n'
    )
    done = Sitting(tmp_path, plan_of(tmp_path, ASKED + replay), [fake_provider(provider="one")])
    cloud = done.result.lanes[1]
    assert cloud.lane.origin is Origin.MADE_UP
    assert "made up" in done.result.notes[0]
    assert cloud.money is not None
    assert cloud.money.per_1000 == 10
    curve = next(each for each in done.result.curves if each.lane == "cloud")
    assert [point.cost for point in curve.points if point.calls in (1000, 10_000)] == [
        Decimal(10),
        Decimal(19),
    ]
    assert [(each.calls, each.above) for each in done.result.break_evens] == []


def test_what_stands_for_a_free_provider_is_in_the_plans_currency(tmp_path: Path) -> None:
    data_set(tmp_path, 3)
    _table(tmp_path, *({"item": f"item-{number:06}", "answer": ["Cat"]} for number in range(3)))
    rest = (
        '[[provider]]\nprovider = "one"\nmonthly_cost = "60"\n[run]\ncurrency = "EUR"\n'
        '[[replay]]\nname = "cloud"\nanswers = "answers.jsonl"\ncurrency = "EUR"\ntiers = [{ price = "0.01" }]\n'
    )
    free = fake_provider([labels("Cat")], provider="one", price=fake_price(sku="one.vision.label", free=True))
    made = Sitting(tmp_path, plan_of(tmp_path, rest), [free]).result
    assert {each.currency for each in made.curves} == {"EUR"}
    assert (6001, "one") in [(each.calls, each.above) for each in made.break_evens]
    cloud = next(each for each in made.lanes if each.lane.name == "cloud")
    assert cloud.money is not None
    assert (cloud.money.currency, cloud.money.source) == ("EUR", "the plan")


@pytest.mark.parametrize(("said", "known"), [("", False), ('monthly_cost = "60"\n', True)])
def test_a_machine_of_one_s_own_costs_what_the_plan_says_and_is_never_free(
    tmp_path: Path, said: str, known: bool
) -> None:
    data_set(tmp_path, 3)
    _table(tmp_path, *({"item": f"item-{number:06}", "answer": ["Cat"]} for number in range(3)))
    rest = (
        f'[[provider]]\nprovider = "one"\n{said}'
        '[[replay]]\nname = "cloud"\nanswers = "answers.jsonl"\ntiers = [{ price = "0.01" }]\n'
    )
    price = replace(fake_price(sku="one.vision.label", free=True), free="local")
    own = fake_provider([labels("Cat")], provider="one", price=price)
    made = Sitting(tmp_path, plan_of(tmp_path, rest), [own]).result
    curve = next(each for each in made.curves if each.lane == "one")
    assert {point.cost is not None for point in curve.points} == {known}
    assert ("monthly_cost" in (curve.unknown or "")) is not known
    assert bool(made.break_evens) is known


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"item": "item-000000", "answer": ["Cat"]}] * 2, "row 2: a second answer"),
        ([{"item": "item-000000", "answer": 7}], "row 1: this is no answer of vision.label"),
        ([{"item": "item-000000", "answer": ["Cat"], "price": "-1"}], "row 1: a price is 0 or more"),
        ([{"item": "item-000000", "answer": ["Cat"], "latency": "fast"}], "row 1: latency is a number"),
        (
            [{"item": "item-000000", "answer": ["Cat"], "confidence": 90}],
            r"row 1: a confidence lies in 0\.\.1",
        ),
        ([{"item": "other", "answer": ["Cat"]}], "no row is of old"),
        ([{"item": "item-000000", "answer": {"format": 1, "operation": "x", "answer": {}}}], "row 1"),
    ],
)
def test_a_slip_in_a_recording_is_told_with_its_row(
    tmp_path: Path, rows: list[dict[str, Any]], words: str
) -> None:
    data_set(tmp_path, 2)
    _table(tmp_path, *rows)
    plan = plan_of(tmp_path, ASKED + '[[replay]]\nname = "old"\nanswers = "answers.jsonl"\n')
    with pytest.raises(BadInput, match=words):
        Sitting(tmp_path, plan, [fake_provider(provider="one")])


def test_csv_with_short_answers(tmp_path: Path) -> None:
    data_set(tmp_path, 2)
    (tmp_path / "answers.csv").write_text(
        "item,answer,price\nitem-000000,Cat; Zyx,0.1\nitem-000001,Dog,0.1\n", "utf-8"
    )
    plan = plan_of(tmp_path, ASKED + '[[replay]]\nname = "old"\nanswers = "answers.csv"\n')
    old = Sitting(tmp_path, plan, [fake_provider([labels("Cat")], provider="one")]).result.lanes[1]
    assert old.primary is not None
    assert old.primary.delivered.point == 0.5


@pytest.mark.parametrize(("cloud", "package"), [("aws", "boto3"), ("gcp", "google.cloud.vision_v1")])
def test_a_folder_of_what_a_vendor_sent_is_read_by_its_adapter(
    fixtures_folder: Path, tmp_path: Path, cloud: str, package: str
) -> None:
    pytest.importorskip(package, reason=f"needs the extra {cloud}")
    shutil.copytree(fixtures_folder / "inputs" / "cloudy_vision", tmp_path / "pictures")
    place, read = READERS[cloud]
    (tmp_path / "sent").mkdir()
    said = {}
    for name in SEEN:
        path = fixtures_folder / place / f"cloudy-{name}.json"
        if path.is_file():
            shutil.copy(path, tmp_path / "sent" / f"{name}.json")
            said[f"{name}.jpg"] = [word for word, _ in read(json.loads(path.read_text("utf-8")))]
    plan = plan_of(
        tmp_path,
        f'[[replay]]\nname = "{cloud}"\nprovider = "{cloud}"\nanswers = "sent"\n',
        head='operations = "vision.label"\n[data]\npath = "pictures"\n',
    )
    done = Sitting(tmp_path, plan, [])
    (lane,) = done.result.lanes
    assert (lane.lane.origin, lane.reliability.answered) == (Origin.REPLAYED, len(said))
    with open_run(done.folder) as run:
        for item in run.items():
            for answer in item.answers:
                payload = read_answer("vision.label", answer.answer or "")
                assert [each.name for each in payload.labels] == said[item.id]
                assert run.raw(item.number, answer.lane) is not None
    if cloud == "aws":  # its prices are by region, and none is set here
        assert lane.money is None
        assert "region" in (done.result.curves[0].unknown or "")
        settings = {"aws": {"region": "us-east-1"}}
        (lane,) = Sitting(tmp_path, plan, [], restart=True, providers=settings).result.lanes
    assert lane.money is not None
    assert (lane.money.source, lane.money.known > 0) == ("list price", True)


def test_what_an_adapter_cannot_read_again_is_told(fixtures_folder: Path, tmp_path: Path) -> None:
    data_set(tmp_path, 2)
    (tmp_path / "sent").mkdir()
    old = fixtures_folder / "azure" / "vision" / "analyze_1.0" / "cloudy-fan.json"
    shutil.copy(old, tmp_path / "sent" / "item-000000.json")
    plan = '[[replay]]\nname = "x"\nprovider = "{}"\nanswers = "sent"\n'
    with pytest.raises(BadInput, match=r"item-000000\.json: it cannot be read .* it has no tagsResult"):
        Sitting(tmp_path, plan_of(tmp_path, plan.format("azure")), [])
    with pytest.raises(BadInput, match="cannot be read again for one"):
        Sitting(tmp_path, plan_of(tmp_path, plan.format("one")), [fake_provider(provider="one")])
