"""What a caller can get wrong is answered before anything is sent, with the way out."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pipeline_support import GOOD, PICTURE, make, rows, seen

from broker import BadInput, BrokerError, DeadlineExceeded, Unsupported
from broker.contract import ImageLimits, OperationSpec
from broker.pipeline.build import ORDER, compose
from broker.pipeline.call import Call, Next, Services
from broker.testing.fake import fake_provider
from broker.types import Image


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_label": 3}, "did you mean 'max_labels'"),
        ({"min_confidense": 0.3}, "did you mean 'min_confidence'"),
        ({"providr": "aws"}, "did you mean 'provider'"),
        ({"qqq": 1}, "options: provider, deadline"),
        ({"image": b"x"}, "'image'"),
        ({"max_cost": 0.01}, "floats is never exact"),
        ({"max_cost": True}, "floats is never exact|Decimal or a text"),
        ({"max_cost": "1,50"}, "is no amount"),
        ({"max_cost": "-1"}, "0 or more"),
        ({"max_cost": Decimal("NaN")}, "0 or more"),
        ({"max_cost": "sNaN"}, "0 or more"),
        ({"max_cost": "Infinity"}, "0 or more"),
        ({"min_confidence": 50}, r"for 50 % write 0\.5"),
        ({"min_confidence": math.nan}, "ratio"),
        ({"min_confidence": "high"}, "must be a number"),
        ({"max_labels": 0}, "max_labels"),
        ({"max_labels": 2.5}, "max_labels"),
        ({"max_labels": "5"}, "max_labels"),
        ({"deadline": math.nan}, "deadline"),
        ({"deadline": math.inf}, "at most 86400 seconds"),
        ({"deadline": 10**400}, "at most 86400 seconds"),
        ({"deadline": timedelta.max}, "at most 86400 seconds"),
        ({"deadline": "5"}, "deadline"),
        ({"deadline": True}, "deadline"),
        ({"deadline": None}, "deadline"),
        ({"tags": {f"k{number}": "v" for number in range(17)}}, "at most 16 tags"),
        ({"tags": {"": "v"}}, "must start with a letter"),
        ({"tags": {"1a": "v"}}, "must start with a letter"),
        ({"tags": {"a=b": "v"}}, "must start with a letter"),
        ({"tags": {"a" * 65: "v"}}, "must start with a letter"),
        ({"tags": {"ä": "v"}}, "must start with a letter"),
        ({"tags": {"a": "v" * 257}}, "at most 256"),
        ({"tags": {"a": "line\nbreak"}}, "printable"),
        ({"tags": {"a": "\x1b[31m"}}, "printable"),
        ({"tags": {"a": "\ud800"}}, "printable"),
        ({"tags": {"a": 5}}, "printable text"),
        ({"tags": {5: "a"}}, "text keys"),
        ({"tags": "project"}, "tags must be a mapping"),
        ({"tags": ["a"]}, "tags must be a mapping"),
        ({"extensions": "fake_x"}, "extensions must be a mapping"),
        ({"extensions": {5: 1}}, "extensions must be a mapping"),
        ({"extensions": {"speed": 1}}, "must begin with a provider's name"),
        ({"extensions": {"fakespeed": 1}}, "must begin with a provider's name"),
        ({"language": 5}, "language must be"),
        ({"provider": 5}, "provider must be"),
        ({"provider": [5]}, "provider must be"),
        ({"provider": b"fake"}, "provider must be"),
        ({"provider": []}, "at least one"),
    ],
)
def test_a_slip_is_bad_input_and_nothing_is_sent(options: dict[str, Any], words: str) -> None:
    adapter = fake_provider()
    with make(adapter) as broker:
        with pytest.raises(BadInput, match=words):
            broker.vision.label(PICTURE, **options)
        assert seen(adapter) == 0
        assert rows() == []
        assert broker.vision.label(PICTURE).value.labels, "and the broker can be used afterwards"


@pytest.mark.parametrize("deadline", [0, -1, 0.0, -math.inf, timedelta(seconds=-5)])
def test_a_deadline_that_has_passed_is_told_before_anything_is_sent(deadline: Any) -> None:
    adapter = fake_provider()
    with make(adapter) as broker, pytest.raises(DeadlineExceeded, match="before the call began") as caught:
        broker.vision.label(PICTURE, deadline=deadline)
    assert caught.value.billed is False
    assert seen(adapter) == 0
    assert caught.value.call_id is not None
    assert caught.value.last_error is None


@pytest.mark.parametrize("deadline", [5, 5.0, timedelta(seconds=5)])
def test_the_adapter_is_told_how_long_it_has(deadline: Any) -> None:
    adapter = fake_provider()
    with make(adapter) as broker:
        broker.vision.label(PICTURE, deadline=deadline)
    assert [each.remaining() for each in adapter.play.seen] == [5.0]


def test_the_settings_give_deadline_and_tags_and_a_call_adds_its_own() -> None:
    adapter = fake_provider()
    with make(adapter, deadline=7, tags={"team": "x", "env": "dev"}) as broker:
        broker.vision.label(PICTURE, tags={"env": "prod"})
        broker.vision.label(PICTURE, tags=None)
    assert adapter.play.seen[0].remaining() == 7.0
    assert [row["tags"] for row in rows()] == ['{"team": "x", "env": "prod"}', '{"team": "x", "env": "dev"}']


LIMITED = OperationSpec(
    operation="vision.label",
    service="Fake",
    limits=ImageLimits(formats=("png",), max_bytes=1000, min_side=50, max_side=200),
    languages=("en", "pt-BR"),
    extensions=("fake_speed",),
)


def image(**changes: Any) -> Image:
    return Image(**{"data": b"x", "format": "png", "width": 100, "height": 100, **changes})


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (image(format="gif"), "only png; convert"),
        (image(data=bytes(1001)), "1,001 bytes is above the limit of 1,000"),
        (image(width=49), "49 x 100 pixels is below"),
        (image(height=201), "100 x 201 pixels is above"),
    ],
)
def test_a_providers_limits_are_checked_before_money_is_spent(picture: Image, words: str) -> None:
    adapter = fake_provider(spec=LIMITED)
    with make(adapter) as broker, pytest.raises(BadInput, match=words) as caught:
        broker.vision.label(picture)
    assert (caught.value.provider, caught.value.operation) == ("fake", "vision.label")
    assert seen(adapter) == 0
    assert rows() == []


@pytest.mark.parametrize("picture", [image(), image(data=bytes(1000)), image(width=50, height=200)])
def test_a_picture_at_a_limit_is_taken(picture: Image) -> None:
    with make(fake_provider(spec=LIMITED)) as broker:
        assert broker.vision.label(picture).value.labels


@pytest.mark.parametrize("language", ["en", "EN", "en-GB", "pt-br", "pt-BR"])
def test_a_language_that_is_offered_is_taken(language: str) -> None:
    with make(fake_provider(spec=LIMITED)) as broker:
        assert broker.vision.label(PICTURE, language=language).value.labels


@pytest.mark.parametrize(
    ("language", "said"),
    [(each, "it takes en, pt-BR") for each in ("fr", "", "e", "english")]
    + [("pt-PT", "it takes of it pt-BR")],
)
def test_a_language_that_is_not_offered_is_told_with_those_that_are(language: str, said: str) -> None:
    adapter = fake_provider(spec=LIMITED)
    with make(adapter) as broker, pytest.raises(Unsupported, match=said):
        broker.vision.label(PICTURE, language=language)
    assert seen(adapter) == 0


def test_an_operation_without_languages_says_to_leave_it_out() -> None:
    with make() as broker, pytest.raises(Unsupported, match="leave language out"):
        broker.vision.label(PICTURE, language="en")


def test_extensions_belong_to_the_provider_with_the_longest_name_that_fits() -> None:
    spec = OperationSpec(operation="vision.label", service="A", extensions=("acme_speed",))
    eu = OperationSpec(operation="vision.label", service="B", extensions=("acme_eu_speed",))
    adapters = [fake_provider(provider="acme", spec=spec), fake_provider(provider="acme_eu", spec=eu)]
    with make(*adapters) as broker:
        both: Any = {"acme_speed": 1, "acme_eu_speed": 2}
        assert broker.vision.label(PICTURE, provider="acme", extensions=both).value
        assert broker.vision.label(PICTURE, provider="acme_eu", extensions=both).value
        for provider, wrong in (("acme", "acme_sped"), ("acme_eu", "acme_eu_sped")):
            with pytest.raises(Unsupported, match=f"'{wrong}'"):
                broker.vision.label(PICTURE, provider=provider, extensions={wrong: 1})


def test_the_callers_own_mapping_is_not_kept() -> None:
    mine: dict[str, Any] = {"fake_speed": 1}
    adapter = fake_provider(spec=LIMITED)
    with make(adapter) as broker:
        broker.vision.label(PICTURE, extensions=mine)
        mine["fake_other"] = 2
        broker.vision.label(PICTURE, extensions=None)


def test_the_uniform_filter_is_applied_to_every_answer() -> None:
    with make(fake_provider([GOOD])) as broker:
        found = broker.vision.label(PICTURE, max_labels=1, min_confidence=0.4)
        assert [label.name for label in found.value.labels] == ["Cat"]
        assert len(broker.vision.label(PICTURE, min_confidence=0.4).value.labels) == 2


def test_a_result_cannot_be_changed() -> None:
    with make() as broker:
        result = broker.vision.label(PICTURE)
    for thing, name in (
        (result, "value"),
        (result.value, "labels"),
        (result.value.labels[0], "name"),
        (result.cost, "amount"),
        (result.attempts[0], "cost"),
        (result.provenance, "provider"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, None)
        with pytest.raises((AttributeError, TypeError)):
            thing.nonsense = 1


def test_raw_is_kept_only_on_the_result_and_not_in_its_repr() -> None:
    from dataclasses import replace

    with make(fake_provider([replace(GOOD, raw={"secret": "pixels"})])) as broker:
        result = broker.vision.label(PICTURE, raw=True)
    assert result.raw == {"secret": "pixels"}
    assert "pixels" not in repr(result)


def test_a_new_stage_is_one_function_and_one_line_in_the_order() -> None:
    told: list[str] = []

    async def stage(call: Call, services: Services, next_stage: Next) -> Any:
        told.append(f"before, {len(call.attempts)} attempts, target {call.target is not None}")
        reply = await next_stage(call)
        told.append(f"after, {len(call.attempts)} attempts")
        return reply

    def with_stage_behind(name: str) -> None:
        told.clear()
        place = [each.__name__ for each in ORDER].index(name) + 1
        with make(fake_provider()) as broker:
            core = broker._core
            core._run = compose(core.services, (*ORDER[:place], stage, *ORDER[place:]))
            broker.vision.label(PICTURE)

    with_stage_behind("validate")
    assert told == ["before, 0 attempts, target False", "after, 1 attempts"]
    with_stage_behind("cap")
    assert told == ["before, 0 attempts, target True", "after, 1 attempts"]


def test_an_order_without_an_end_or_out_of_order_is_told() -> None:
    routed = [each.__name__ for each in ORDER].index("fallback") + 1
    with make() as broker:
        core = broker._core
        for order, words in ((ORDER[:-1], "no stage answered"), (ORDER[routed:], "behind 'route'")):
            core._run = compose(core.services, order)
            with pytest.raises(BrokerError, match=words):
                broker.vision.label(PICTURE)


def test_ids_of_calls_sort_by_time_and_do_not_follow_the_programs_seed() -> None:
    import random

    from broker.core import new_id

    random.seed(1)
    before = random.getstate()
    ids = [new_id() for _ in range(1000)]
    assert random.getstate() == before, "the program's own random numbers are left alone"
    assert len(set(ids)) == 1000
    assert all(len(each) == 32 for each in ids)
    assert sorted(each[:12] for each in ids) == [each[:12] for each in ids]
