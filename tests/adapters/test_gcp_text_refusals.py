"""Google over REST: what each refusal means, and each success that is none."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import FIXTURES, load, raised
from gcp_text_support import GOOD, PATHS, refused, reply

from broker import errors
from broker.testing.script import Answer, Fault
from broker_gcp.rest import refusal

ALL = sorted(PATHS)
API = "language.googleapis.com"


def info(reason: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }


def retry(delay: Any) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(**violation: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}


O = errors.Outcome  # noqa: E741 # short in a table
REFUSALS: list[tuple[int, Any, type[errors.ProviderError], errors.Outcome, float | None, str]] = [
    (400, refused(400, "INVALID_ARGUMENT"), errors.BadInput, O.REJECTED, None, "no"),
    (
        400,
        refused(400, "INVALID_ARGUMENT", info("API_KEY_INVALID")),
        errors.AuthFailed,
        O.REJECTED,
        None,
        "api_key",
    ),
    (400, refused(400, "FAILED_PRECONDITION"), errors.BadInput, O.REJECTED, None, "no"),
    (401, refused(401, "UNAUTHENTICATED"), errors.AuthFailed, O.REJECTED, None, "gcloud"),
    (
        401,
        refused(401, "UNAUTHENTICATED", info("ACCESS_TOKEN_EXPIRED")),
        errors.AuthFailed,
        O.REJECTED,
        None,
        "gcloud",
    ),
    (403, refused(403, "PERMISSION_DENIED"), errors.AuthFailed, O.REJECTED, None, "serviceUsageConsumer"),
    (
        403,
        refused(403, "PERMISSION_DENIED", info("SERVICE_DISABLED", service=API)),
        errors.AuthFailed,
        O.REJECTED,
        None,
        f"gcloud services enable {API}",
    ),
    (
        403,
        refused(403, "PERMISSION_DENIED", info("BILLING_DISABLED")),
        errors.AuthFailed,
        O.REJECTED,
        None,
        "billing",
    ),
    (
        403,
        refused(403, "PERMISSION_DENIED", info("NEW_REASON")),
        errors.AuthFailed,
        O.REJECTED,
        None,
        "NEW_REASON",
    ),
    # Translation answers its quotas with 403 and a reason of the older kind.
    (
        403,
        refused(403, None, errors=[{"domain": "usageLimits", "reason": "userRateLimitExceeded"}]),
        errors.Throttled,
        O.THROTTLED,
        None,
        "",
    ),
    (
        403,
        refused(403, "PERMISSION_DENIED", errors=[{"reason": "dailyLimitExceeded"}]),
        errors.QuotaExhausted,
        O.QUOTA_DEAD,
        None,
        "quota",
    ),
    (
        403,
        refused(403, None, errors=[{"reason": "accessNotConfigured"}]),
        errors.AuthFailed,
        O.REJECTED,
        None,
        API,
    ),
    (404, refused(404, "NOT_FOUND"), errors.BadInput, O.REJECTED, None, "endpoint"),
    (429, refused(429, "RESOURCE_EXHAUSTED"), errors.Throttled, O.THROTTLED, None, ""),
    (429, refused(429, "RESOURCE_EXHAUSTED", retry("2.5s")), errors.Throttled, O.THROTTLED, 2.5, "2.5 s"),
    (429, refused(429, "RESOURCE_EXHAUSTED", retry("soon")), errors.Throttled, O.THROTTLED, None, ""),
    (429, refused(429, "RESOURCE_EXHAUSTED", retry(7)), errors.Throttled, O.THROTTLED, None, ""),
    (
        429,
        refused(
            429, "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED", quota_limit="RequestsPerMinutePerProject")
        ),
        errors.Throttled,
        O.THROTTLED,
        None,
        "",
    ),
    (
        429,
        refused(
            429, "RESOURCE_EXHAUSTED", info("RATE_LIMIT_EXCEEDED", quota_limit="RequestsPerDayPerProject")
        ),
        errors.QuotaExhausted,
        O.QUOTA_DEAD,
        None,
        "next day",
    ),
    (
        429,
        refused(429, None, quota(subject="project:p", description="Requests per day")),
        errors.QuotaExhausted,
        O.QUOTA_DEAD,
        None,
        "next day",
    ),
    (
        429,
        refused(429, "RESOURCE_EXHAUSTED", quota(quotaId="PerMinute")),
        errors.Throttled,
        O.THROTTLED,
        None,
        "",
    ),
    (499, refused(499, "CANCELLED"), errors.Unavailable, O.AMBIGUOUS, None, ""),
    (500, refused(500, "INTERNAL"), errors.Unavailable, O.SERVER, None, ""),
    (501, refused(501, "UNIMPLEMENTED"), errors.BadInput, O.REJECTED, None, ""),
    (503, refused(503, "UNAVAILABLE", retry("1s")), errors.Unavailable, O.SERVER, 1.0, ""),
    (504, refused(504, "DEADLINE_EXCEEDED"), errors.Unavailable, O.SERVER, None, ""),
    # What is no error of Google's, goes by the status.
    (502, {"oops": 1}, errors.Unavailable, O.SERVER, None, "not an error of Google's"),
    (503, [], errors.Unavailable, O.SERVER, None, ""),
    (429, {"error": "slow down"}, errors.Throttled, O.THROTTLED, None, ""),
    (
        403,
        [refused(403, "PERMISSION_DENIED", info("SERVICE_DISABLED"))],
        errors.AuthFailed,
        O.REJECTED,
        None,
        API,
    ),
    (418, {}, errors.ProviderFault, O.REJECTED, None, ""),
    (599, refused(599, "SOMETHING"), errors.ProviderFault, O.UNKNOWN, None, ""),
    (400, refused(400, 7, {"@type": 7}, "x", message=None), errors.BadInput, O.REJECTED, None, ""),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(
    ("status", "body", "kind", "outcome", "wait", "words"),
    REFUSALS,
    ids=[f"{row[0]}-{number}" for number, row in enumerate(REFUSALS)],
)
def test_refusals(
    status: int, body: Any, kind: Any, outcome: Any, wait: float | None, words: str, asked: Any
) -> None:
    asked.answers(body, status=status)
    error = raised(lambda: asked("sentiment"), kind)
    assert type(error) is kind, error
    assert (error.outcome, error.retry_after, error.status) == (outcome, wait, status)
    assert words in str(error)
    assert asked.stub.count == 1


def test_the_published_error() -> None:
    """An answer with status and message only, as a third party published it."""
    path = FIXTURES / "gcp/vision/errors/losant-400-api-key-invalid.json"
    if not path.exists():
        pytest.skip(f"no {path}; set MLBROKER_TEST_FIXTURES")
    error = refusal(reply(load(path), 400), API)
    assert isinstance(error, errors.BadInput)
    assert "API key not valid" in str(error)


@pytest.mark.parametrize("method", ALL)
def test_a_service_that_is_off_is_named(method: str, asked: Any) -> None:
    asked.answers(refused(403, "PERMISSION_DENIED", info("SERVICE_DISABLED")), status=403)
    error = raised(lambda: asked(method), errors.AuthFailed)
    apis = {"detect_language": "translate", "detect_pii": "dlp", "redact": "dlp"}
    assert f"gcloud services enable {apis.get(method, 'language')}.googleapis.com" in str(error)


def test_a_header_says_when_to_come_back(asked: Any) -> None:
    asked.answers(refused(503, "UNAVAILABLE"), status=503, headers={"Retry-After": "3"})
    assert raised(lambda: asked("sentiment"), errors.Unavailable).retry_after == 3.0


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"}),
        Answer(body=b""),
        Answer(body=b'{"documentSentiment": {'),
        Answer(json=[GOOD["sentiment"]]),
        Answer(body=b"null"),
        Answer(204),
        Answer(206, json=GOOD["sentiment"]),
    ],
    ids=["html", "empty", "cut", "list", "null", "204", "206"],
)
def test_a_success_without_an_answer_is_malformed(method: str, answer: Answer, asked: Any) -> None:
    asked.stub.script([], default=answer)
    assert raised(lambda: asked(method), errors.MalformedReply).billed is True


def test_a_redirect_is_not_followed(asked: Any) -> None:
    asked.answers(status=302, headers={"Location": f"{asked.stub.url}/elsewhere"})
    assert "redirect" in str(raised(lambda: asked("sentiment"), errors.BadInput))
    assert asked.stub.count == 1


def test_a_connection_that_breaks_may_have_been_billed(asked: Any) -> None:
    asked.stub.fault(Fault.reset_after_body())
    error = raised(lambda: asked("sentiment"), errors.Unavailable)
    assert error.outcome is errors.Outcome.AMBIGUOUS
    asked.stub.close()
    assert raised(lambda: asked("sentiment"), errors.Unavailable).outcome is errors.Outcome.NOT_SENT
