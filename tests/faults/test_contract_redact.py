"""What is cut out of a text, whoever wrote it, and what is left alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes, SecretStr

from broker.contract import AdapterSettings, guard_loggers, plain, protect, redact

HIDDEN = "[redacted]"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("x-amz-security-token:IQoJb3Jp next", f"x-amz-security-token:{HIDDEN} next"),
        ("Authorization: Bearer abc.def", f"Authorization: {HIDDEN}"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=A/b, Signature=ab", f"Authorization: {HIDDEN}"),
        ("{'X-Amz-Security-Token': b'abc/def', 'y': 1}", f"{{'X-Amz-Security-Token': b'{HIDDEN}', 'y': 1}}"),
        ('{"access_token": "abc", "n": 1}', f'{{"access_token": "{HIDDEN}", "n": 1}}'),
        ("Ocp-Apim-Subscription-Key=abc&x=1", f"Ocp-Apim-Subscription-Key={HIDDEN}&x=1"),
        ("https://u:p@host/x", f"https://{HIDDEN}@host/x"),
        ("?key=AIzaSy&x=1", f"?key={HIDDEN}&x=1"),
        ("AKIAIOSFODNN7EXAMPLE is unknown", f"{HIDDEN} is unknown"),
    ],
)
def test_what_looks_like_a_secret_is_replaced(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "the picture has 320 x 240 pixels; send a larger one",
        "no Azure credential was found; set key in the settings of provider azure, or AZURE_TENANT_ID",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (made by 'aws configure')",
        "request 8c1a7a2e-5b0c-4f2e-9d3e-0123456789ab failed",
        "arn:aws:iam::123456789012:role/reader is not authorized to perform: rekognition:DetectLabels",
        "the token is over",
    ],
)
def test_plain_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


def test_a_configured_secret_is_replaced_whatever_it_looks_like() -> None:
    class Settings(AdapterSettings):
        key: SecretStr
        blob: SecretBytes | None = None
        name: str = ""

    Settings(key=SecretStr("correct horse battery"), blob=SecretBytes(b"stapled-bytes"), name="visible-name")
    assert redact("no: correct horse battery, stapled-bytes, visible-name") == (
        f"no: {HIDDEN}, {HIDDEN}, visible-name"
    )
    assert "horse" not in redact("bad correct%20horse%20battery and correct+horse+battery")
    assert "horse" not in redact("cut " + "x" * 280 + " correct horse battery")


def test_a_secret_too_short_to_tell_is_not_looked_for() -> None:
    protect("abc", "", None)
    assert redact("abcdef abc") == "abcdef abc"


def test_a_longer_secret_wins_over_one_that_it_begins_with() -> None:
    protect("overlapping", "overlapping-more")
    assert redact("it was overlapping-more") == f"it was {HIDDEN}"


def test_only_the_last_secrets_are_kept() -> None:
    protect(*(f"rotated-token-{number:05d}" for number in range(600)))
    assert redact("rotated-token-00599") == HIDDEN
    assert redact("rotated-token-00000") == "rotated-token-00000"


@given(st.text(max_size=2000))
def test_what_comes_out_is_bounded_and_can_be_shown_and_stored(text: str) -> None:
    out = redact(text, 100)
    assert len(out) <= 100
    assert out == plain(out)
    out.encode("utf-8")


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


@pytest.fixture
def sdk() -> Any:
    """A logger tree of an SDK that nobody has, with a handler of the program's."""
    lines = Lines()
    child = logging.getLogger("someones_sdk.auth")
    top = logging.getLogger("someones_sdk")
    top.addHandler(lines)
    yield top, child, lines
    top.removeHandler(lines)
    top.setLevel(logging.NOTSET)
    for each in (top, child):
        each.filters.clear()


def test_an_sdks_logger_is_quiet_at_debug_unless_it_is_named(sdk: Any) -> None:
    top, child, lines = sdk
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        guard_loggers("someones_sdk")
        child.debug("Authorization: Bearer abc")
        logging.getLogger("someones_sdk.later").debug("Authorization: Bearer abc")
        child.warning("refused: Authorization: Bearer abc")
        top.setLevel(logging.DEBUG)
        child.debug("sent %s", {"Authorization": "Bearer abc"})
    finally:
        root.setLevel(before)
    assert lines.seen == [
        f"refused: Authorization: {HIDDEN}",
        f"sent {{'Authorization': '{HIDDEN}'}}",
    ]


def test_a_level_of_the_programs_own_is_left_and_the_filter_hangs_once(sdk: Any) -> None:
    top, child, _ = sdk
    top.setLevel(logging.ERROR)
    guard_loggers("someones_sdk")
    guard_loggers("someones_sdk")
    assert top.level == logging.ERROR
    assert len(top.filters) == len(child.filters) == 1


def test_a_broken_log_call_and_a_traceback_do_not_get_past_it(sdk: Any) -> None:
    _, child, lines = sdk
    guard_loggers("someones_sdk")
    child.warning("%d items", "key=abc")
    child.warning("failed", exc_info=ValueError("secret inside: ?key=abc"))
    assert lines.seen == ["%d items", "failed (ValueError)"]
