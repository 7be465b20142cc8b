"""Google's answers in the other ways that they may be written: errors without a wrapper, text without words."""

from __future__ import annotations

from typing import Any

import pytest
from gcp_text_support import refused, reply
from gcp_vision_support import asked as request_for
from gcp_vision_support import pixels, texts

from broker import errors
from broker.types import Confidence
from broker_gcp.rest import refusal

API = "translate.googleapis.com"


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (403, {"errors": [{"reason": "userRateLimitExceeded", "domain": "usageLimits"}]}, errors.Throttled),
        (400, {"status": "INVALID_ARGUMENT"}, errors.BadInput),
        (
            400,
            {
                "status": "INVALID_ARGUMENT",
                "details": [
                    {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
                ],
            },
            errors.AuthFailed,
        ),
    ],
)
def test_a_status_without_its_wrapper_means_the_same(status: int, said: dict[str, Any], kind: type) -> None:
    bare = {"code": status, "message": "no", **said}
    for body in ({"error": bare}, bare, [{"error": bare}], {"error": None, **bare}):
        error = refusal(reply(body, status), API)
        assert type(error) is kind, body
        assert "no" in str(error)
        assert "not an error of Google's" not in str(error)


def test_what_is_no_status_is_not_taken_for_one() -> None:
    for body in ({"error": "invalid_grant"}, {"code": 7}, {"message": "hello"}, [], {"error": []}):
        assert "not an error of Google's" in str(refusal(reply(body, 502), API)), body
    assert "not an error" not in str(refusal(reply(refused(400, "INVALID_ARGUMENT"), 400), API))


def test_a_text_is_not_lost_where_its_blocks_hold_no_words() -> None:
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    from google.cloud.vision_v1 import AnnotateImageResponse
    from google.protobuf.json_format import ParseDict

    from broker_gcp.vision_text import text_in

    place = pixels((1, 1), (9, 1), (9, 9), (1, 9))
    picture = {"blockType": "PICTURE", "boundingBox": place}

    def read(whole: str, *flat: str) -> Any:
        said = {
            "fullTextAnnotation": {
                "text": whole,
                "pages": [{"width": 640, "height": 480, "blocks": [picture]}],
            },
            "textAnnotations": [{"description": each, "boundingPoly": place} for each in flat],
        }
        return text_in(ParseDict(said, AnnotateImageResponse.pb()()), request_for("detect_text"))

    found = read("Hi there", "Hi there", "Hi", "there")
    assert texts(found.lines) == ["Hi there"]
    assert [word.text for word in found.words] == ["Hi", "there"]
    empty = read("")
    assert (empty.lines, [block.kind for block in empty.blocks]) == ((), ["picture"])


def test_a_word_in_place_of_a_confidence_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="str is no confidence") as caught:
        Confidence.ratio("Anna Smith")
    assert "Anna" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "method", ["sentiment", "entities", "moderate_text", "detect_language", "detect_pii"]
)
def test_names_of_the_proto_files_and_enums_as_numbers_are_read_the_same(method: str, asked: Any) -> None:
    from google.protobuf import json_format
    from test_gcp_text_schema import ANSWERS, TEXT, kinds

    _, answer = kinds(method)
    message = answer.pb(answer(ANSWERS[method]))
    found = []
    hows: tuple[dict[str, Any], ...] = (
        {},
        {"preserving_proto_field_name": True, "use_integers_for_enums": True},
    )
    for how in hows:
        body = json_format.MessageToDict(message, **how)
        asked.answers(body)
        reply_of = asked(method, TEXT, raw=True)
        assert reply_of.raw == body
        found.append(reply_of.payload)
    assert found[0] == found[1]


def test_the_words_by_number_are_googles() -> None:
    language = pytest.importorskip("google.cloud.language_v2.types", reason="needs the test group")
    dlp = pytest.importorskip("google.cloud.dlp_v2.types", reason="needs the test group")
    from broker_gcp.dlp import _WORDS
    from broker_gcp.entity_map import ENTITY_TYPES
    from broker_gcp.language import _MENTIONS

    for kind, words in (
        (language.Entity.Type, ENTITY_TYPES),
        (language.EntityMention.Type, _MENTIONS),
        (dlp.Likelihood, _WORDS),
    ):
        assert {number: name for number, name in enumerate(words) if name} == {
            int(each): each.name for each in kind
        }
