"""Content Safety: severities of pictures and texts, blocklists, limits, and what is refused before it costs."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import CANARY, picture, raised
from azure_support import MODERATE_IMAGE, MODERATE_TEXT, call

from broker import Broker, errors
from broker.testing.script import Answer, Fault, SeenRequest
from broker.types import Harm, Image, ImageModerationRequest, Scale, TextModerationRequest
from broker_azure import AzureAdapter

TEXT = "You are an idiot"
NAMES = ("Hate", "SelfHarm", "Sexual", "Violence")


def judged(*severities: Any, **members: Any) -> dict[str, Any]:
    pairs = zip(NAMES, severities, strict=False)
    return {"categoriesAnalysis": [{"category": name, "severity": each} for name, each in pairs], **members}


def image(**options: Any) -> ImageModerationRequest:
    return ImageModerationRequest(image=picture(), **options)


def text(content: str = TEXT, **options: Any) -> TextModerationRequest:
    return TextModerationRequest(text=content, **options)


CALLS = [("moderate_image", image(), MODERATE_IMAGE), ("moderate_text", text(), MODERATE_TEXT)]


def test_a_picture_is_sent_in_base64_and_all_categories_are_asked_for(stub: Any, attempt: Any) -> None:
    stub.on(MODERATE_IMAGE, judged(0, 0, 0, 0))
    call(stub, attempt(), "moderate_image", image())
    (sent,) = stub.requests
    assert (sent.method, sent.params) == ("POST", {"api-version": "2024-09-01"})
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["ocp-apim-subscription-key"] == CANARY
    body = sent.json()
    assert base64.b64decode(body["image"]["content"], validate=True) == picture().data
    assert (set(body), set(body["image"])) == ({"image", "outputType"}, {"content"})
    assert body["outputType"] == "FourSeverityLevels"


def test_a_text_is_sent_as_it_is(stub: Any, attempt: Any) -> None:
    stub.on(MODERATE_TEXT, judged(0, 0, 0, 0))
    content = 'naïve "quotes" \\ 日本 👩‍👩‍👧 \u202e\n'
    call(stub, attempt(), "moderate_text", text(content, language="ja"))
    (sent,) = stub.requests
    assert sent.params == {"api-version": "2024-09-01"}
    assert sent.json() == {"text": content, "outputType": "FourSeverityLevels"}


def test_options_of_a_text(stub: Any, attempt: Any) -> None:
    stub.on(MODERATE_TEXT, judged(7, 0, 1, 3))
    extensions: dict[str, Any] = {
        "azure_output_type": "EightSeverityLevels",
        "azure_blocklists": ["mine-1", "b.2"],
    }
    reply = call(stub, attempt(), "moderate_text", text(extensions=extensions))
    assert stub.requests[0].json() == {
        "text": TEXT,
        "outputType": "EightSeverityLevels",
        "blocklistNames": ["mine-1", "b.2"],
        "haltOnBlocklistHit": False,
    }
    assert [each.confidence.ordinal for each in reply.payload.labels] == [7, 0, 1, 3]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("azure_output_type", "SixLevels"),
        ("azure_output_type", 4),
        ("azure_output_type", None),
        ("azure_output_type", []),
        ("azure_blocklists", "mine"),
        ("azure_blocklists", []),
        ("azure_blocklists", ["a b"]),
        ("azure_blocklists", [1]),
        ("azure_blocklists", [""]),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_before_anything_is_sent(
    name: str, value: Any, stub: Any, attempt: Any
) -> None:
    error = raised(
        lambda: call(stub, attempt(), "moderate_text", text(extensions={name: value})), errors.BadInput
    )
    assert name in str(error)
    assert stub.count == 0


@pytest.mark.parametrize(("method", "request_", "route"), CALLS, ids=["image", "text"])
def test_severities_are_kept_as_severities(
    method: str, request_: Any, route: str, stub: Any, attempt: Any
) -> None:
    stub.on(route, judged(0, 2, 4, 6))
    reply = call(stub, attempt(), method, request_)
    labels = reply.payload.labels
    assert [(each.harm, each.name) for each in labels] == [
        (Harm.HATE, "Hate"),
        (Harm.SELF_HARM, "SelfHarm"),
        (Harm.SEXUAL, "Sexual"),
        (Harm.VIOLENCE, "Violence"),
    ]
    assert [each.confidence.raw for each in labels] == [0, 2, 4, 6]
    assert {each.confidence.scale for each in labels} == {Scale.SEVERITY}
    assert {each.confidence.value for each in labels} == {None}
    assert [each.confidence.shown for each in labels][-1] == "severity 6"
    assert reply.request_id
    assert (reply.raw, reply.usage, reply.model_version) == (None, (), None)


@pytest.mark.parametrize(("method", "request_", "route"), CALLS, ids=["image", "text"])
def test_a_category_that_nobody_knows_survives_with_its_name(
    method: str, request_: Any, route: str, stub: Any, attempt: Any
) -> None:
    stub.on(route, {"categoriesAnalysis": [{"category": "Gambling2", "severity": 5, "x": 1}], "y": {}})
    (label,) = call(stub, attempt(), method, request_).payload.labels
    assert (label.harm, label.name, label.confidence.raw) == (Harm.OTHER, "Gambling2", 5)


def test_a_severity_that_was_not_given_is_unknown_and_not_safe(stub: Any, attempt: Any) -> None:
    stub.on(
        MODERATE_IMAGE,
        {"categoriesAnalysis": [{"category": "Hate"}, {"category": "Sexual", "severity": None}]},
    )
    for label in call(stub, attempt(), "moderate_image", image()).payload.labels:
        assert (label.confidence.raw, label.confidence.ordinal) == (None, None)
        assert label.confidence.shown == "unknown"


def test_a_blocklist_that_was_hit_is_a_label_once(stub: Any, attempt: Any) -> None:
    hits = [
        {"blocklistName": "mine", "blocklistItemId": "1", "blocklistItemText": "k*ll"},
        {"blocklistName": "mine", "blocklistItemId": "2", "blocklistItemText": "h*te"},
        {"blocklistName": "yours", "blocklistItemId": "3", "blocklistItemText": "x"},
    ]
    stub.on(MODERATE_TEXT, judged(2, blocklistsMatch=hits))
    reply = call(stub, attempt(), "moderate_text", text(raw=True))
    assert [(each.harm, each.name, each.parents) for each in reply.payload.labels] == [
        (Harm.HATE, "Hate", ()),
        (Harm.OTHER, "mine", ("blocklistsMatch",)),
        (Harm.OTHER, "yours", ("blocklistsMatch",)),
    ]
    assert reply.payload.labels[1].confidence.raw is None
    raw: Any = reply.raw
    assert raw["blocklistsMatch"] == hits


@pytest.mark.parametrize("said", [{}, {"blocklistsMatch": None}, {"blocklistsMatch": []}], ids=str)
def test_no_blocklist_and_no_category_are_empty(said: dict[str, Any], stub: Any, attempt: Any) -> None:
    stub.on(MODERATE_TEXT, judged(**said))
    assert call(stub, attempt(), "moderate_text", text()).payload.labels == ()


UNUSABLE = [
    Answer(json={}),
    Answer(json={"categoriesAnalysis": None}),
    Answer(json={"categoriesAnalysis": {}}),
    Answer(json={"categoriesAnalysis": ["Hate"]}),
    Answer(json={"categoriesAnalysis": [{"severity": 2}]}),
    Answer(json=judged("2")),
    Answer(json=judged(True)),
    Answer(json=judged(-1)),
    Answer(json=judged(2.5)),
    Answer(json={"hateResult": {"category": "Hate", "severity": 2}}),  # the shape of the previews of 2023
    Answer(json={"error": {"code": "InternalError"}}),
    Answer(json=[]),
    Answer(202, json=judged(0)),
    Fault.html(),
    Fault.empty(),
    Fault.truncated(),
]


@pytest.mark.parametrize("answer", UNUSABLE, ids=str)
@pytest.mark.parametrize(("method", "request_", "route"), CALLS, ids=["image", "text"])
def test_unusable_answers_are_malformed_never_safe(
    method: str, request_: Any, route: str, answer: Any, stub: Any, attempt: Any
) -> None:
    stub.on(route, answer)
    error = raised(lambda: call(stub, attempt(), method, request_), errors.MalformedReply)
    assert error.billed is not False
    assert stub.count == 1


@pytest.mark.parametrize("hits", [{}, ["mine"], [{"blocklistItemId": "1"}]], ids=str)
def test_a_malformed_list_of_hits_is_not_passed_over(hits: Any, stub: Any, attempt: Any) -> None:
    stub.on(MODERATE_TEXT, judged(0, blocklistsMatch=hits))
    raised(lambda: call(stub, attempt(), "moderate_text", text()), errors.MalformedReply)


FAILURES = [
    (400, "InvalidRequestBody", errors.BadInput),
    (400, "InvalidResourceName", errors.BadInput),
    (401, "401", errors.AuthFailed),
    (401, "PermissionDenied", errors.AuthFailed),
    (404, "ResourceNotFound", errors.BadInput),
    (429, "TooManyRequests", errors.Throttled),
    (500, "InternalError", errors.Unavailable),
    (503, "ServerBusy", errors.Unavailable),
]


@pytest.mark.parametrize("wrapped", [True, False], ids=["wrapped", "bare"])
@pytest.mark.parametrize(("status", "code", "kind"), FAILURES, ids=str)
@pytest.mark.parametrize(("method", "request_", "route"), CALLS, ids=["image", "text"])
def test_each_documented_code(
    method: str, request_: Any, route: str, status: int, code: str, kind: Any, wrapped: bool, stub: Any, attempt: Any
) -> None:  # fmt: skip
    said: Any = {"code": code, "message": "words of the service"}
    stub.on(route, Answer(status, json={"error": said} if wrapped else said))
    error = raised(lambda: call(stub, attempt(), method, request_), kind)
    assert (type(error), error.status, error.code) == (kind, status, code)
    assert "words of the service" in str(error)
    assert TEXT not in str(error)
    assert stub.count == 1


# ---------------------------------------------------------------------- through the public client


def opened(url: str) -> Broker:
    section = {"endpoint": url, "key": "k" * 32, "region": "eastus2"}
    return Broker(provider="azure", providers={"azure": section})


def test_a_long_text_is_cut_by_code_points_each_part_paid_and_the_worst_kept(stub: Any) -> None:
    def answer(request: SeenRequest) -> Answer:
        content = request.json()["text"]  # type: ignore[index, call-overload]
        return Answer(json=judged(6 if "knife" in str(content) else 0, 2, 0, 0))

    stub.on(MODERATE_TEXT, answer)
    kind, bad = "A kind word 🌷. ", "He took a knife. "
    content = kind * 700 + bad
    with opened(stub.url) as broker:
        result = broker.text.moderate(content)
    parts = [request.json()["text"] for request in stub.requests]
    assert len(parts) == 2
    assert all(len(part) <= 10_000 for part in parts)
    assert "".join(parts) == content
    assert [(label.name, label.confidence.raw) for label in result.value.labels] == [
        ("Hate", 6),
        ("SelfHarm", 2),
        ("Sexual", 0),
        ("Violence", 0),
    ]
    assert result.value.aggregated
    records = sum(-(-len(part) // 1000) for part in parts)
    assert result.cost.amount == Decimal("0.000375") * records


def test_ten_thousand_emoji_are_one_request(stub: Any) -> None:
    stub.on(MODERATE_TEXT, judged(0, 0, 0, 0))
    with opened(stub.url) as broker:
        result = broker.text.moderate("🌷" * 10_000)
    assert stub.count == 1
    assert not result.value.aggregated
    assert result.cost.amount == Decimal("0.00375")


def test_a_ratio_cannot_be_asked_of_a_severity(stub: Any, photo: bytes) -> None:
    with opened(stub.url) as broker:
        for ask in (
            lambda: broker.vision.moderate(photo, min_confidence=0.5),
            lambda: broker.text.moderate(TEXT, min_confidence=0.5),
        ):
            error = raised(ask, errors.Unsupported)
            assert "severity" in str(error)
    assert stub.count == 0


def test_a_language_that_is_not_moderated_is_refused(stub: Any) -> None:
    stub.on(MODERATE_TEXT, judged(0, 0, 0, 0))
    with opened(stub.url) as broker:
        broker.text.moderate(TEXT, language="de-AT")
        raised(lambda: broker.text.moderate(TEXT, language="tlh"), errors.Unsupported)
    assert stub.count == 1
    assert "language" not in stub.requests[0].json()


SIZES = [
    (49, 400, "jpeg", 1000, "smallest side of 50"),
    (400, 7_201, "jpeg", 1000, "longest side of 7200"),
    (400, 400, "jpeg", 4 * 1024 * 1024 + 1, "4,194,304"),
    (400, 400, "ico", 1000, "ico"),
]


@pytest.mark.parametrize(("width", "height", "kind", "size", "words"), SIZES)
def test_a_picture_beyond_the_limits_is_refused_before_it_costs(
    width: int, height: int, kind: str, size: int, words: str, stub: Any
) -> None:
    large = Image(data=bytes(size), format=kind, width=width, height=height)
    with opened(stub.url) as broker:
        error = raised(lambda: broker.vision.moderate(large), errors.BadInput)
    assert words in str(error)
    assert stub.count == 0


def test_a_picture_at_the_limits_is_sent(stub: Any) -> None:
    stub.on(MODERATE_IMAGE, judged(0, 0, 0, 0))
    fits = Image(data=bytes(4 * 1024 * 1024), format="jpeg", width=50, height=7_200)
    with opened(stub.url) as broker:
        result = broker.vision.moderate(fits)
    assert len(result.value.labels) == 4
    assert str(result.cost.amount) == "0.000750000000"
    assert stub.count == 1


def test_the_cells_of_content_safety() -> None:
    for name in ("vision.moderate", "text.moderate"):
        spec = AzureAdapter.manifest.spec(name)
        assert (spec.service, spec.scale, spec.lifecycle.status) == ("contentsafety", Scale.SEVERITY, "ga")
    languages = AzureAdapter.manifest.spec("text.moderate").languages
    assert {"en", "he", "zh"} <= set(languages)
    assert "iw" not in languages
