"""Google's personal data: all finds with their places, or none at all."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import raised
from gcp_text_support import GOOD, PATHS
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import errors
from broker.runtime.blocking import drive
from broker.types import PiiKind, PiiRequest, RedactRequest, Scale
from broker_gcp import dlp
from broker_gcp.pii_map import INFO_TYPES, kind_of

BOTH = ["detect_pii", "redact"]


def find(name: str, begin: Any, end: Any, quote: str | None = None, **more: Any) -> dict[str, Any]:
    """As Google writes it: places in both units, as strings, a start of 0 left out."""
    places: dict[str, Any] = {"end": end} if begin is None else {"start": begin, "end": end}
    said = {"infoType": {"name": name}, "likelihood": "LIKELY", **more}
    said["location"] = {"byteRange": {"start": "7", "end": "9"}, "codepointRange": places}
    return said if quote is None else {**said, "quote": quote}


def found(*finds: Any, **more: Any) -> dict[str, Any]:
    return {"result": {"findings": list(finds), **more}}


def test_finds_and_their_places(asked: Any) -> None:
    text = "👍 a@b.de or 0171"
    asked.answers(
        found(
            find(
                "EMAIL_ADDRESS",
                "2",
                "8",
                "a@b.de",
                likelihood="VERY_LIKELY",
                createTime="2026-01-01T00:00:00Z",
            ),
            find("PHONE_NUMBER", "12", "16", "0171", likelihood="VERY_UNLIKELY"),
        )
    )
    answer = asked("detect_pii", text, raw=True)
    first, second = answer.payload.entities
    assert (first.text, first.begin, first.end, first.offset_ok) == ("a@b.de", 2, 8, True)
    assert (first.kind, first.category) == (PiiKind.EMAIL, "EMAIL_ADDRESS")
    assert (second.kind, second.offset_ok) == (PiiKind.PHONE, True)
    assert [each.confidence.raw for each in answer.payload.entities] == ["VERY_LIKELY", "VERY_UNLIKELY"]
    assert [each.confidence.ordinal for each in answer.payload.entities] == [5, 1]
    assert all(each.confidence.value is None for each in answer.payload.entities), "a word is no probability"
    assert {each.confidence.scale for each in answer.payload.entities} == {Scale.LIKELIHOOD}
    assert answer.raw["result"]["findings"][0]["createTime"] == "2026-01-01T00:00:00Z"


def test_what_is_sent(asked: Any) -> None:
    asked.answers(GOOD["detect_pii"])
    asked("detect_pii", "Ärger")
    assert asked.stub.requests[0].path == PATHS["detect_pii"]
    assert asked.sent == {
        "item": {"value": "Ärger"},
        "inspectConfig": {
            "infoTypes": [{"name": name} for name in INFO_TYPES],
            "minLikelihood": "VERY_UNLIKELY",
            "includeQuote": True,
        },
    }


def test_the_list_asked_for() -> None:
    assert len(set(INFO_TYPES)) == len(INFO_TYPES) <= 150, "Google's limit of a request"
    assert {"PERSON_NAME", "EMAIL_ADDRESS", "CREDIT_CARD_NUMBER", "US_SOCIAL_SECURITY_NUMBER"} <= set(
        INFO_TYPES
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("PERSON_NAME", PiiKind.PERSON),
        ("LAST_NAME", PiiKind.PERSON),
        ("US_SOCIAL_SECURITY_NUMBER", PiiKind.NATIONAL_ID),
        ("PASSPORT", PiiKind.PASSPORT),
        ("ZAMBIA_PASSPORT", PiiKind.PASSPORT),
        ("IBAN_CODE", PiiKind.BANK_ACCOUNT),
        ("AWS_CREDENTIALS", PiiKind.CREDENTIAL),
        ("BLOOD_TYPE", PiiKind.OTHER),
        ("", PiiKind.OTHER),
    ],
)
def test_kinds(name: str, kind: PiiKind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("method", BOTH)
def test_options_narrow(method: str, asked: Any) -> None:
    asked.answers(GOOD[method])
    asked(method, extensions={"gcp_info_types": ["AGE", "MY_CUSTOM"], "gcp_min_likelihood": "LIKELY"})
    assert asked.sent["inspectConfig"]["infoTypes"] == [{"name": "AGE"}, {"name": "MY_CUSTOM"}]
    assert asked.sent["inspectConfig"]["minLikelihood"] == "LIKELY"
    for wrong in (
        {"gcp_info_types": []},
        {"gcp_info_types": "AGE"},
        {"gcp_info_types": [1]},
        {"gcp_min_likelihood": "likely"},
        {"gcp_min_likelihood": 4},
        {"gcp_min_likelihood": None},
    ):
        raised(lambda wrong=wrong: asked(method, extensions=wrong), errors.BadInput)
    assert asked.stub.count == 1


@pytest.mark.parametrize("method", BOTH)
def test_a_part_of_the_finds_does_not_pass_for_all(method: str, asked: Any) -> None:
    asked.answers(found(find("AGE", "0", "1", "x"), findingsTruncated=True))
    error = raised(lambda: asked(method, "x"), errors.MalformedReply)
    assert error.billed is True
    assert "findingsTruncated" in str(error)
    asked.answers(found(find("AGE", "0", "1", "x"), findingsTruncated=False))
    asked(method, "x")


def test_redaction_masks_by_place(asked: Any) -> None:
    text = "Ada 👩‍👩‍👧 a@b.de, a@b.de"
    begin = text.index("a@b.de")
    asked.answers(
        found(
            find("EMAIL_ADDRESS", begin, begin + 6, "a@b.de"),
            find("PERSON_NAME", None, "3", "Ada"),
            find("PERSON_NAME", begin, begin + 3, "a@b", likelihood="VERY_UNLIKELY"),
        )
    )
    masked = asked("redact", text).payload
    assert masked.text == "*** 👩‍👩‍👧 ******, a@b.de"
    assert masked.vendor_text is None
    assert len(masked.entities) == 3
    assert asked("redact", text, mask="kind").payload.text == "[PERSON] 👩‍👩‍👧 [EMAIL], a@b.de"


@pytest.mark.parametrize("places", [(1, 4), (0, 99), (2, 2)])
def test_nothing_is_masked_by_places_that_do_not_hold(places: Any, asked: Any) -> None:
    asked.answers(found(find("PERSON_NAME", *places, "Ada")))
    assert asked("detect_pii", "Ada was here").payload.entities[0].offset_ok is False
    assert raised(lambda: asked("redact", "Ada was here"), errors.MalformedReply).billed is True


def test_a_long_find_has_no_quote(asked: Any) -> None:
    asked.answers(found(find("ENCRYPTION_KEY", "2", "5")))
    (only,) = asked("detect_pii", "k=abc").payload.entities
    assert (only.text, only.offset_ok, only.kind) == ("abc", True, PiiKind.CREDENTIAL)
    assert asked("redact", "k=abc").payload.text == "k=***"


@pytest.mark.parametrize(
    ("said", "raw"), [("SOMEWHAT", "SOMEWHAT"), ("LIKELIHOOD_UNSPECIFIED",) * 2, (None, None)]
)
def test_unknown_likelihoods_survive(said: Any, raw: Any, asked: Any) -> None:
    asked.answers(found(find("AGE", None, 1, likelihood=said)))
    (only,) = asked("detect_pii", "7").payload.entities
    assert (only.confidence.raw, only.confidence.ordinal) == (raw, None)


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"findings": []},
        {"result": None},
        {"result": []},
        {"result": {"findings": {}}},
        {"result": {"findings": ["x"]}},
        found({}),
        found(find("AGE", "0", None)),
        found(find("AGE", "0", "one")),
        found(find("AGE", "-1", "1")),
        found(find("AGE", "0", "1.5")),
        found(find("AGE", "0", True)),
        found({"infoType": {"name": "AGE"}, "location": {"byteRange": {"end": "1"}}}),
        found({**find("AGE", "0", "1"), "infoType": {}}),
        found({**find("AGE", "0", "1"), "location": None}),
        found({**find("AGE", "0", "1"), "quote": 7}),
        found({**find("AGE", "0", "1"), "likelihood": [4]}),
        {"result": {"findings": [], "findingsTruncated": "no"}},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_clean(method: str, answer: Any, asked: Any) -> None:
    asked.answers(answer)
    assert raised(lambda: asked(method, "x"), errors.MalformedReply).billed is True


@pytest.mark.parametrize("answer", [{"result": {}}, {"result": {"findings": []}}])
def test_nothing_found_is_an_answer(answer: Any, asked: Any) -> None:
    asked.answers(answer)
    assert asked("detect_pii", "x").payload.entities == ()
    assert asked("redact", "x").payload.text == "x"


def test_no_project(asked: Any) -> None:
    asked.settings = {"endpoint": asked.stub.url, "api_key": "k"}
    error = raised(lambda: asked("detect_pii"), errors.NotConfigured)
    assert "MLBROKER_PROVIDERS__GCP__PROJECT" in str(error)
    assert asked.stub.count == 0


@pytest.mark.parametrize(("region", "location"), [(None, "global"), ("eu", "europe"), ("us", "us")])
def test_the_region_says_where(region: Any, location: str, asked: Any) -> None:
    asked.settings |= {"region": region, "project": "example.com:mine"}
    asked.answers(GOOD["detect_pii"])
    asked("detect_pii")
    assert (
        asked.stub.requests[0].path == f"/v2/projects/example.com:mine/locations/{location}/content:inspect"
    )


class Canned:
    """A service that says one thing."""

    def __init__(self, body: Any) -> None:
        self.body = body

    async def post(self, path: str, body: Any, context: Any) -> Any:
        return self.body

    async def parent(self, context: Any) -> str:
        return "projects/p/locations/global"


LETTERS = st.text(st.sampled_from("aß東👍\u0301ש\u200d\n "), min_size=1, max_size=30)


@given(LETTERS, st.data())
@settings(max_examples=60)
def test_what_is_masked_is_what_was_found(text: str, data: Any) -> None:
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    said = found(find("PERSON_NAME", str(begin), str(end), text[begin:end]))
    service: Any = Canned(said)
    context: Any = None
    seen, _ = drive(dlp.findings(service, PiiRequest(text=text), context))
    assert [text[each.begin : each.end] for each in seen.entities] == [text[begin:end]]
    masked, _ = drive(dlp.findings(service, RedactRequest(text=text), context))
    assert masked == seen
