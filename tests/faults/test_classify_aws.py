"""AWS: status and code to error, outcome, billing, repetition and hint; complete by the services' own models."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.retries import standard

from broker.contract import HttpReply
from broker.errors import (
    AuthFailed,
    BadInput,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker_aws import faults

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NO, UNKNOWN = False, None

# status, code, headers -> error, outcome, billed, repeated, seconds to wait
CASES: list[tuple[int | None, str | None, dict[str, str], type[ProviderError], Outcome, bool | None, bool, float | None]] = [
    # 31: throttling comes as HTTP 400 and is known by its code
    (400, "ThrottlingException", {}, Throttled, Outcome.THROTTLED, NO, True, None),
    (400, "ProvisionedThroughputExceededException", {}, Throttled, Outcome.THROTTLED, NO, True, None),
    (400, "ThrottlingException", {"x-amz-retry-after": "1500"}, Throttled, Outcome.THROTTLED, NO, True, 1.5),
    (429, None, {"retry-after": "7"}, Throttled, Outcome.THROTTLED, NO, True, 7.0),
    (503, "SlowDown", {}, Throttled, Outcome.THROTTLED, NO, True, None),
    # 18: a permission, a used-up quota, a service that is not switched on
    (400, "AccessDeniedException", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (400, "LimitExceededException", {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    (400, "ServiceQuotaExceededException", {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    (403, "OptInRequired", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    # 17, 36: keys that are wrong, and keys that are over
    (400, "UnrecognizedClientException", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (400, "ExpiredTokenException", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (401, None, {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (403, None, {"retry-after": "7"}, AuthFailed, Outcome.REJECTED, NO, False, 7.0),  # 25
    # 16, 19, 22
    (400, "InvalidParameterException", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (400, "ImageTooLargeException", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (400, "UnsupportedLanguageException", {}, Unsupported, Outcome.REJECTED, NO, False, None),
    (404, "UnknownOperationException", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (413, None, {}, BadInput, Outcome.REJECTED, NO, False, None),
    # 20, 26
    (408, "RequestTimeoutException", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (500, "InternalServerError", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (502, None, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (503, "ServiceUnavailableException", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (504, None, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    # 32: what nobody has heard of is not repeated; an unheard-of code does not change what its status says
    (599, "NeverHeardOf", {}, ProviderFault, Outcome.UNKNOWN, UNKNOWN, False, None),
    (None, "NeverHeardOf", {}, ProviderFault, Outcome.UNKNOWN, UNKNOWN, False, None),
    (400, "NeverHeardOf", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (418, None, {}, ProviderFault, Outcome.REJECTED, NO, False, None),
    (302, None, {}, BadInput, Outcome.REJECTED, NO, False, None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_verdict_on_a_refusal(case: Any) -> None:
    status, code, headers, error, outcome, billed, repeated, hint = case
    said = faults.verdict(status, code, headers, NOW)
    assert (said.error, said.outcome, said.billed, said.retryable, said.retry_after) == (
        error,
        outcome,
        billed,
        repeated,
        hint,
    )
    assert faults.verdict(status, code, headers, NOW) == said, "the same answer gives the same verdict"


@pytest.mark.parametrize("case", [case for case in CASES if case[0]], ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_error_says_what_the_verdict_says_and_keeps_the_vendors_facts(case: Any) -> None:
    status, code, headers, error, outcome, _, _, hint = case
    reply = HttpReply(status=status, headers={**headers, "x-amzn-requestid": "r-1"}, content=b"{}")
    said: Any = {"Error": {"Code": code or str(status), "Message": "the words of AWS"}}
    found = faults.refusal(ClientError(said, "DetectLabels"), reply)
    assert type(found) is error
    assert isinstance(found, ProviderError)
    assert (found.outcome, found.status, found.code, found.request_id) == (outcome, status, code, "r-1")
    assert found.retry_after == hint
    assert (found.retry_at is None) == (hint is None)
    assert ("the words of AWS" in str(found)) == (code is not None)


def test_a_permission_a_quota_and_a_service_not_switched_on_are_told_apart() -> None:
    said = [
        faults.verdict(403, code, {}, NOW)
        for code in ("AccessDeniedException", "ServiceQuotaExceededException", "OptInRequired")
    ]
    assert len({(each.error, each.advice) for each in said}) == 3
    assert all(each.advice for each in said)


@pytest.mark.parametrize(
    ("code", "status", "helps"),
    [
        ("ExpiredTokenException", 400, True),
        ("ExpiredToken", 403, True),
        ("UnrecognizedClientException", 400, True),
        ("AccessDeniedException", 400, False),
        ("OptInRequired", 403, False),
        ("InvalidSignatureException", 403, False),
        (None, 401, True),
        (None, 403, False),
    ],
)
def test_other_keys_are_asked_for_only_where_they_can_help(code: Any, status: int, helps: bool) -> None:
    assert faults.renewable(AuthFailed("no", code=code, status=status)) is helps


SERVICES = ("rekognition", "textract", "comprehend", "transcribe", "kendra", "bedrock-agent-runtime")
# Transcribe gives LimitExceeded for a file that is too long, others for an account's limit: neither passes in
# seconds, so it is a quota here, though botocore's list would repeat it.
OTHERWISE_THAN_BOTOCORE = {"LimitExceededException"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_error_of_the_services_model_has_a_row_that_fits(service: str) -> None:
    shapes = botocore.session.get_session().get_service_model(service).error_shapes
    assert shapes
    for shape in shapes:
        facts: dict[str, Any] = dict(shape.metadata)
        about = facts.get("error", {})
        code, status = about.get("code") or shape.name, about.get("httpStatusCode")
        assert code in faults.TABLE, f"{service}: {code}"
        said = faults.verdict(status, code, {}, NOW)
        if code in OTHERWISE_THAN_BOTOCORE:
            assert said.outcome is Outcome.QUOTA_DEAD, code
        elif status == 429 or "Throttl" in code:
            assert said.outcome is Outcome.THROTTLED, code
        elif facts.get("fault") or (status or 0) >= 500:
            assert said.outcome is Outcome.SERVER, code
        else:
            assert said.outcome is not Outcome.UNKNOWN, code


def test_every_code_that_botocore_repeats_is_known_here() -> None:
    throttled = set(standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    transient = set(standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES)
    assert throttled
    assert transient
    for code in throttled - OTHERWISE_THAN_BOTOCORE:
        assert faults.verdict(400, code, {}, NOW).outcome is Outcome.THROTTLED, code
    for code in transient:
        assert faults.verdict(400, code, {}, NOW).retryable, code
    for status in standard.TransientRetryableChecker._TRANSIENT_STATUS_CODES:
        assert faults.verdict(status, None, {}, NOW).outcome is Outcome.SERVER


def test_every_code_of_botocores_older_list_is_known_here() -> None:
    rules = botocore.session.get_session().get_component("data_loader").load_data("_retry")["definitions"]
    named = {
        (rule["applies_when"]["response"]["service_error_code"])
        for rule in rules.values()
        if "service_error_code" in rule.get("applies_when", {}).get("response", {})
    }
    assert named
    unknown = {code for code in named if code not in faults.TABLE}
    assert unknown == set()


def test_an_answer_that_the_sdk_cannot_read_is_told_by_its_status() -> None:
    assert AWSResponse  # what the SDK would have made of it
    reply = HttpReply(status=503, headers={"content-type": "text/html"}, content=b"<html>")
    found = faults.unread_refusal(reply)
    assert isinstance(found, Unavailable)
    assert "text/html" in str(found)
    assert json.dumps(None) not in str(found)
