"""Answers that changed their shape: told, cut to scale or refused, by every family; and texts that attack."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import pytest
from fault_support import AZURE, BOTOCORE, CLOUD, FACES, GRPC, HTTP, REST, Caller, Family, by_turns

from broker import MalformedReply
from broker.testing.script import Answer

faces = pytest.mark.parametrize("face", FACES)
families = pytest.mark.parametrize("family", CLOUD, ids=lambda family: family.name)
http_families = pytest.mark.parametrize("family", HTTP, ids=lambda family: family.name)


class Vendor:
    """The stub of a family, told what to answer."""

    def __init__(self, request: pytest.FixtureRequest, family: Family) -> None:
        self._family = family
        self._stub: Any = request.getfixturevalue("vision_grpc_stub" if family is GRPC else "vendor_stub")

    @property
    def url(self) -> str:
        return f"http://{self._stub.target}" if self._family is GRPC else str(self._stub.url)

    @property
    def count(self) -> int:
        return int(self._stub.count)

    def says(self, document: Any) -> None:
        if self._family is GRPC:
            self._stub.reply(document)
        else:
            self.says_bytes(json.dumps(document).encode())

    def says_bytes(self, *bodies: bytes) -> None:
        if self._family is GRPC:
            from broker.testing.grpc_stub import GrpcBytes

            self._stub.script([GrpcBytes(body) for body in bodies])
        else:
            self._stub.on(self._family.route, *(Answer(body=body) for body in bodies))


@pytest.fixture
def vendor(request: pytest.FixtureRequest, family: Family) -> Vendor:
    return Vendor(request, family)


def one(family: Family, name: Any, confidence: Any) -> dict[str, Any]:
    """An answer with one label, its members as given; a member of None is left out."""
    keys = {
        REST: ("name", "score"),
        BOTOCORE: ("Name", "Confidence"),
        AZURE: ("name", "confidence"),
        GRPC: ("description", "score"),
    }[family]
    label = {key: value for key, value in zip(keys, (name, confidence), strict=True) if value is not LEFT_OUT}
    found = family.labels("x")
    holder: Any = {
        REST: lambda: found["labels"],
        BOTOCORE: lambda: found["Labels"],
        AZURE: lambda: found["tagsResult"]["values"],
        GRPC: lambda: found["responses"][0]["labelAnnotations"],
    }[family]()
    holder[0] = label
    return found


LEFT_OUT = object()


def refused(face: str, family: Family, vendor: Vendor, call: Caller) -> None:
    """Malformed: billed, one request, one row, never an empty result."""
    with pytest.raises(MalformedReply) as caught:
        call(face, family, vendor.url)
    assert caught.value.billed is True
    assert vendor.count == 1
    assert [(row["outcome"], row["billed"]) for row in call.rows()] == [("bad_reply", "yes")]


@faces
@http_families
def test_41_a_new_member_is_passed_over_and_kept_in_raw(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says({**family.labels("Cat"), "of_the_future": {"deep": [1, None, "x"]}})
    result = call(face, family, vendor.url, raw=True)
    assert [label.name for label in result.value.labels] == ["Cat"]
    assert result.raw["of_the_future"] == {"deep": [1, None, "x"]}


@faces
def test_41_a_new_field_of_a_message_is_passed_over(
    face: str, request: pytest.FixtureRequest, call: Caller
) -> None:
    """Field 999 of the answer, a text. What a message's JSON cannot name is not in raw either."""
    from google.cloud.vision_v1 import BatchAnnotateImagesResponse as Answers

    known = Answers.pb()(responses=[{"label_annotations": [{"description": "Cat", "score": 0.9}]}])
    vendor = Vendor(request, GRPC)
    vendor.says_bytes(known.SerializeToString() + b"\xba\x3e\x03new")
    result = call(face, GRPC, vendor.url, raw=True)
    assert [label.name for label in result.value.labels] == ["Cat"]


@faces
@families
def test_42_a_label_without_its_name_is_malformed(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says(one(family, LEFT_OUT, 0.5))
    refused(face, family, vendor, call)


@http_families
@by_turns("document", [{}, [], None, "text", 7, {"Labels": None, "labels": None, "tagsResult": None}])
def test_42_an_answer_without_its_list_is_malformed(
    document: Any, family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says(document)
    refused(face, family, vendor, call)


@faces
@families
def test_46_no_labels_is_an_answer(family: Family, face: str, vendor: Vendor, call: Caller) -> None:
    vendor.says(family.labels())
    result = call(face, family, vendor.url)
    assert result.value.labels == ()
    assert call.outcomes() == ["done"]


@faces
def test_43_an_unknown_category_is_kept_as_the_vendor_said_it(
    face: str, request: pytest.FixtureRequest, call: Caller
) -> None:
    vendor = Vendor(request, BOTOCORE)
    answer = BOTOCORE.labels("Cat")
    answer["Labels"][0]["Categories"] = [{"Name": "Never Heard Of"}, {"Nothing": 1}]
    vendor.says(answer)
    (label,) = call(face, BOTOCORE, vendor.url).value.labels
    assert label.categories == ("Never Heard Of",)


INFINITE = float("inf")
# What a vendor says on its own scale of 0 to top -> (value in 0..1, clamped); None: malformed
CONFIDENCES: list[tuple[str, Any, Any]] = [
    ("a number", lambda top: 0.5 * top, (0.5, False)),
    ("the top as a whole number", int, (1.0, False)),
    ("zero as a whole number", lambda top: 0, (0.0, False)),
    ("a number as a text", lambda top: str(0.5 * top), (0.5, False)),
    ("above the scale", lambda top: 1.5 * top, (1.0, True)),
    ("negative", lambda top: -0.25, (0.0, True)),
    ("NaN", lambda top: float("nan"), (None, True)),
    ("infinity", lambda top: INFINITE, (1.0, True)),
    ("minus infinity", lambda top: -INFINITE, (0.0, True)),
    ("null", lambda top: None, (None, False)),
    ("a word", lambda top: "VERY_LIKELY", None),
    ("an empty text", lambda top: "", None),
    ("a truth value", lambda top: True, None),
    ("a list", lambda top: [0.5], None),
    ("an object", lambda top: {"value": 0.5}, None),
    ("a number beyond all floats", lambda top: 10**400, None),
]


@http_families
@by_turns("said,expected", [each[1:] for each in CONFIDENCES], [each[0] for each in CONFIDENCES])
def test_44_45_a_confidence_is_read_by_the_table(
    said: Any, expected: Any, family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    top = 100 if family is BOTOCORE else 1
    vendor.says(one(family, "Cat", said(top)))
    if expected is None:
        refused(face, family, vendor, call)
        return
    (label,) = call(face, family, vendor.url).value.labels
    assert (label.confidence.value, label.confidence.clamped) == (pytest.approx(expected[0]), expected[1])


@faces
@pytest.mark.parametrize(
    ("said", "value", "clamped"),
    [(0.5, 0.5, False), (1.5, 1.0, True), (-0.5, 0.0, True), ("NaN", None, True), ("Infinity", 1.0, True), (LEFT_OUT, None, False)],
    ids=str,
)  # fmt: skip
def test_45_a_score_of_a_message_too(
    said: Any, value: Any, clamped: bool, face: str, request: pytest.FixtureRequest, call: Caller
) -> None:
    vendor = Vendor(request, GRPC)
    vendor.says(one(GRPC, "Cat", said))
    (label,) = call(face, GRPC, vendor.url).value.labels
    assert (label.confidence.value, label.confidence.clamped) == (value, clamped)


@http_families
@by_turns("name", [None, 7, True, {"text": "Cat"}, ["Cat"], ""])
def test_44_a_name_of_another_type_is_malformed(
    name: Any, family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says(one(family, name, 0.5))
    refused(face, family, vendor, call)


NASTY = [
    "nul \x00 in it",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202eevil\u2066",
    "lone \ud800 surrogate",
    "\ufeffmarked",
    "עברית and العربية",
    "=cmd|' /C calc'!A0",
    '</script><img src=x onerror="x">',
    "line\r\nbreak\u2028and\u2029others",
    "e\u0301" * 2000,
]


@faces
@http_families
def test_49_names_that_attack_stay_what_the_vendor_said_and_break_nothing(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says(family.labels(*NASTY))
    result = call(face, family, vendor.url, raw=True)
    assert [label.name for label in result.value.labels] == NASTY
    assert json.loads(json.dumps([dataclasses.asdict(label) for label in result.value.labels]))
    assert pickle.loads(pickle.dumps(result.value)) == result.value
    assert call.outcomes() == ["done"]


@faces
def test_49_names_of_a_message_too(face: str, request: pytest.FixtureRequest, call: Caller) -> None:
    """A protobuf text cannot hold a lone surrogate; see the invalid UTF-8 below."""
    names = [name for name in NASTY if "\ud800" not in name]
    vendor = Vendor(request, GRPC)
    vendor.says(GRPC.labels(*names))
    assert [label.name for label in call(face, GRPC, vendor.url).value.labels] == names


@faces
@families
def test_49_invalid_utf_8_is_malformed(family: Family, face: str, vendor: Vendor, call: Caller) -> None:
    if family is GRPC:  # responses { label_annotations { description: "\xff\xfe" } }
        vendor.says_bytes(b"\x0a\x06\x1a\x04\x12\x02\xff\xfe")
    else:
        vendor.says_bytes(json.dumps(family.labels("Cat")).encode().replace(b"Cat", b"\xff\xfe"))
    refused(face, family, vendor, call)


@faces
@http_families
def test_49_a_byte_order_mark_before_the_answer_is_passed_over(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says_bytes(b"\xef\xbb\xbf" + json.dumps(family.labels("Cat")).encode())
    assert [label.name for label in call(face, family, vendor.url).value.labels] == ["Cat"]


@http_families
@by_turns(
    "body",
    [b"[" * 200_000, b'{"a":' * 50_000, b"9" * 5_000, b'{"labels"', b"\x00"],
    ["open lists", "open objects", "digits", "cut", "nul"],
)
def test_42_json_that_breaks_readers_is_malformed(
    body: bytes, family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says_bytes(body)
    refused(face, family, vendor, call)


@faces
@pytest.mark.parametrize("family", [BOTOCORE, AZURE], ids=lambda family: family.name)
def test_50_a_new_model_version_is_recorded_with_each_attempt(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    key = "LabelModelVersion" if family is BOTOCORE else "modelVersion"
    versions = ["3.0", "3.1-preview", "bad\x00\u202e version \ud800"]
    vendor.says_bytes(*(json.dumps({**family.labels("Cat"), key: version}).encode() for version in versions))
    result = call(face, family, vendor.url, times=3)
    assert result.provenance.model_version is not None
    recorded = [row["model_version"] for row in call.rows()]
    assert recorded[:2] == versions[:2]
    assert recorded[2].isprintable()


@faces
@families
def test_48_labels_in_any_order_and_twice_are_kept_as_they_came(
    family: Family, face: str, vendor: Vendor, call: Caller
) -> None:
    vendor.says(family.labels("Dog", "Cat", "Dog"))
    assert [label.name for label in call(face, family, vendor.url).value.labels] == ["Dog", "Cat", "Dog"]
