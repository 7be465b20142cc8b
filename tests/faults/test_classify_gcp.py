"""Google: the 17 codes of google.rpc and the details behind them to error, outcome, billing, repetition, hint."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from google.api import error_reason_pb2
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2
from google.rpc import error_details_pb2 as details

from broker.errors import (
    LONGEST_HINT,
    AuthFailed,
    BadInput,
    ContentRefused,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker_gcp import faults
from broker_gcp.faults import Details

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NO, UNKNOWN = False, None
PLAIN = Details()


def reason(name: str) -> Details:
    return Details(reason=name)


# code, details, headers -> error, outcome, billed, repeated, seconds to wait
CASES: list[tuple[str, Details, dict[str, str], type[ProviderError], Outcome, bool | None, bool, float | None]] = [
    ("CANCELLED", PLAIN, {}, Unavailable, Outcome.AMBIGUOUS, UNKNOWN, False, None),
    ("UNKNOWN", PLAIN, {}, ProviderFault, Outcome.UNKNOWN, UNKNOWN, False, None),
    ("INVALID_ARGUMENT", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("DEADLINE_EXCEEDED", PLAIN, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),  # inside an answer
    ("NOT_FOUND", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("ALREADY_EXISTS", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("PERMISSION_DENIED", PLAIN, {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("RESOURCE_EXHAUSTED", PLAIN, {}, Throttled, Outcome.THROTTLED, NO, True, None),
    ("FAILED_PRECONDITION", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("ABORTED", PLAIN, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    ("OUT_OF_RANGE", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("UNIMPLEMENTED", PLAIN, {}, BadInput, Outcome.REJECTED, NO, False, None),
    ("INTERNAL", PLAIN, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    ("UNAVAILABLE", PLAIN, {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    ("DATA_LOSS", PLAIN, {}, Unavailable, Outcome.AMBIGUOUS, UNKNOWN, False, None),
    ("UNAUTHENTICATED", PLAIN, {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("99", PLAIN, {}, ProviderFault, Outcome.UNKNOWN, UNKNOWN, False, None),  # 32
    # 27: a rate with a pause, and a quota of the day
    ("RESOURCE_EXHAUSTED", Details(retry_after=2.5), {}, Throttled, Outcome.THROTTLED, NO, True, 2.5),
    ("RESOURCE_EXHAUSTED", PLAIN, {"grpc-retry-pushback-ms": "700"}, Throttled, Outcome.THROTTLED, NO, True, 0.7),
    ("RESOURCE_EXHAUSTED", Details(daily=True), {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    ("RESOURCE_EXHAUSTED", Details(daily=True, retry_after=9.0), {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, 9.0),
    ("RESOURCE_EXHAUSTED", reason("RATE_LIMIT_EXCEEDED"), {}, Throttled, Outcome.THROTTLED, NO, True, None),
    ("RESOURCE_EXHAUSTED", reason("RESOURCE_QUOTA_EXCEEDED"), {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    # 18: permission, API switched off, billing switched off, a bad key under another code
    ("PERMISSION_DENIED", reason("IAM_PERMISSION_DENIED"), {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("PERMISSION_DENIED", reason("SERVICE_DISABLED"), {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("PERMISSION_DENIED", reason("BILLING_DISABLED"), {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("INVALID_ARGUMENT", reason("API_KEY_INVALID"), {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("FAILED_PRECONDITION", reason("LOCATION_POLICY_VIOLATED"), {}, ContentRefused, Outcome.REJECTED, NO, False, None),
    # a reason nobody has heard of leaves what the code says
    ("PERMISSION_DENIED", reason("SOMETHING_NEW"), {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    ("UNAVAILABLE", reason("SOMETHING_NEW"), {"retry-after": "3"}, Unavailable, Outcome.SERVER, UNKNOWN, True, 3.0),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1].reason or ''}")
def test_the_verdict_on_a_refusal(case: Any) -> None:
    name, about, headers, error, outcome, billed, repeated, hint = case
    said = faults.verdict(name, about, headers, NOW)
    assert (said.error, said.outcome, said.billed, said.retryable, said.retry_after) == (
        error,
        outcome,
        billed,
        repeated,
        hint,
    )
    found = faults.mapped(name, "the words of Google", about, headers)
    assert (type(found), found.outcome, found.billed) == (error, outcome, billed)
    assert "the words of Google" in str(found)
    assert (about.reason or "") in str(found)


def test_all_seventeen_codes_are_in_the_table() -> None:
    names = set(code_pb2.Code.keys())
    assert len(names) == 17
    assert names == set(faults.NAMES)
    assert {case[0] for case in CASES if case[1] == PLAIN} >= names - {"OK"}
    assert [code_pb2.Code.Value(name) for name in faults.NAMES] == list(range(17))


def test_every_reason_that_google_publishes_is_in_the_table() -> None:
    published = set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}
    assert len(published) > 20
    assert published - set(faults.TABLE) == set()


# code, a connection was there, metadata came behind -> how far it got; None: Google itself spoke
@pytest.mark.parametrize(
    ("name", "reached", "trailing", "outcome"),
    [
        ("DEADLINE_EXCEEDED", False, False, Outcome.NOT_SENT),
        ("DEADLINE_EXCEEDED", True, False, Outcome.AMBIGUOUS),
        ("DEADLINE_EXCEEDED", None, True, Outcome.AMBIGUOUS),
        ("UNAVAILABLE", False, False, Outcome.NOT_SENT),
        ("UNAVAILABLE", False, True, Outcome.NOT_SENT),
        ("UNAVAILABLE", True, False, Outcome.AMBIGUOUS),
        ("UNAVAILABLE", None, False, Outcome.AMBIGUOUS),
        ("UNAVAILABLE", True, True, None),
        ("UNAVAILABLE", None, True, None),
        *[(name, reached, False, None) for name in ("INTERNAL", "CANCELLED", "UNAUTHENTICATED") for reached in (True, None)],
    ],
)  # fmt: skip
def test_how_far_a_call_got_that_grpc_ended(
    name: str, reached: bool | None, trailing: bool, outcome: Outcome | None
) -> None:
    assert faults.broken(name, reached=reached, trailing=trailing) is outcome


def packed(message: Any) -> Any:
    found = Packed()
    found.Pack(message)
    return found


VIOLATION = details.QuotaFailure.Violation


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], Details()),
        ([details.ErrorInfo(reason="X")], Details(reason="X")),
        ([details.RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))], Details(retry_after=2.5)),
        ([details.RetryInfo(retry_delay=Duration(seconds=-3))], Details(retry_after=0.0)),
        ([details.QuotaFailure(violations=[VIOLATION(description="Requests per day")])], Details(daily=True)),
        ([details.QuotaFailure(violations=[VIOLATION(description="Requests per minute")])], Details()),
        ([details.ErrorInfo(reason="R", metadata={"quota_limit": "RequestsPerDayPerProject"})], Details(reason="R", daily=True)),
        ([details.ErrorInfo(reason="R", metadata={"quota_unit": "1/d/{project}"})], Details(reason="R", daily=True)),
        ([details.ErrorInfo(reason="R", metadata={"quota_unit": "1/min/{project}"})], Details(reason="R")),
        ([details.Help(), details.ErrorInfo(reason="R")], Details(reason="R")),
        ([details.ErrorInfo(reason="R"), details.RetryInfo(retry_delay=Duration(seconds=1))], Details(reason="R", retry_after=1.0)),
    ],
)  # fmt: skip
def test_what_is_read_of_the_details(messages: list[Any], said: Details) -> None:
    assert faults.read_details([packed(message) for message in messages]) == said


def test_broken_and_unknown_details_are_passed_over() -> None:
    broken = Packed(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\xff")
    strange = Packed(type_url="type.example/other", value=b"\x00")
    assert faults.read_details([broken, strange, packed(details.ErrorInfo(reason="R"))]) == Details(
        reason="R"
    )


def test_a_permission_a_quota_and_an_api_switched_off_are_told_apart() -> None:
    said = [
        faults.verdict("PERMISSION_DENIED", reason("IAM_PERMISSION_DENIED"), {}, NOW),
        faults.verdict("RESOURCE_EXHAUSTED", Details(daily=True), {}, NOW),
        faults.verdict("PERMISSION_DENIED", reason("SERVICE_DISABLED"), {}, NOW),
    ]
    assert len({(each.error, each.advice) for each in said}) == 3
    assert "services enable" in said[2].advice


@pytest.mark.parametrize(
    ("code", "helps"),
    [
        ("UNAUTHENTICATED", True),
        ("ACCESS_TOKEN_EXPIRED", True),
        ("PERMISSION_DENIED", False),
        ("SERVICE_DISABLED", False),
        ("API_KEY_INVALID", False),
    ],
)
def test_another_token_is_asked_for_only_where_it_can_help(code: str, helps: bool) -> None:
    assert faults.stale_token(AuthFailed("no", code=code)) is helps


@pytest.mark.parametrize("reached", [False, True, None])
def test_a_deadline_that_went_into_connecting_is_told_apart(reached: bool | None) -> None:
    class Late:
        def code(self) -> Any:
            return SimpleNamespace(name="DEADLINE_EXCEEDED")

        def details(self) -> str:
            return ""

        def trailing_metadata(self) -> tuple[()]:
            return ()

    error = faults.rpc_error(Late(), reached)
    assert isinstance(error, DeadlineExceeded)
    assert error.unreached is (reached is False)


def test_a_pause_of_ages_is_a_month() -> None:
    pause = details.RetryInfo(retry_delay=Duration(seconds=9_000_000_000_000_000))
    error = faults.mapped("RESOURCE_EXHAUSTED", "slower", faults.read_details([packed(pause)]), {})
    assert isinstance(error, Throttled)
    assert error.retry_after == LONGEST_HINT
