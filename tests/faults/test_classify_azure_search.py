"""Azure AI Search: status, code and words to error, outcome, billing, repetition and hint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.contract import HttpReply
from broker.errors import (
    BILLED,
    RETRYABLE,
    AuthFailed,
    BadInput,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker_azure import faults, search_faults

# status, code, message, headers -> error, outcome, seconds to wait, advice
CASES: list[tuple[int, str, str, dict[str, str], type[ProviderError], Outcome, float | None, str]] = [
    (400, "", "Invalid expression: Could not find a property named 'x'.", {}, BadInput, Outcome.REJECTED, None, "shape"),
    (400, "InvalidRequestParameter", "The request is invalid.", {}, BadInput, Outcome.REJECTED, None, "shape"),
    (401, "", "", {}, AuthFailed, Outcome.REJECTED, None, "keys.search"),
    (403, "", "", {}, AuthFailed, Outcome.REJECTED, None, "Search Index Data Contributor"),
    (403, "Forbidden", "", {"retry-after": "9"}, AuthFailed, Outcome.REJECTED, 9.0, "keys.search"),
    (402, "", "the free plan's queries are used up", {}, QuotaExhausted, Outcome.REJECTED, None, "keyword"),
    (404, "", "The index 'x' for service 'y' was not found.", {}, BadInput, Outcome.REJECTED, None, "endpoints.search"),
    (404, "ResourceNotFound", "", {}, BadInput, Outcome.REJECTED, None, "endpoints.search"),
    (405, "", "", {}, BadInput, Outcome.REJECTED, None, "endpoints.search"),
    (408, "", "", {}, Unavailable, Outcome.SERVER, None, ""),
    (409, "", "", {}, BadInput, Outcome.REJECTED, None, ""),
    (413, "", "", {}, BadInput, Outcome.REJECTED, None, "16 MB"),
    (429, "", "Too many requests", {"retry-after": "3"}, Throttled, Outcome.THROTTLED, 3.0, ""),
    (429, "", "Document quota has been exceeded", {}, QuotaExhausted, Outcome.QUOTA_DEAD, None, "larger tier"),
    (500, "", "", {}, Unavailable, Outcome.SERVER, None, ""),
    (502, "", "", {}, Unavailable, Outcome.SERVER, None, ""),
    (503, "", "not enough resources were available to cover 100% of the index", {}, Unavailable, Outcome.SERVER, None, ""),
    (503, "ServiceUnavailable", "", {"retry-after-ms": "250"}, Unavailable, Outcome.SERVER, 0.25, ""),
    (599, "Unheard", "", {}, ProviderFault, Outcome.UNKNOWN, None, ""),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2][:12]}")
def test_the_verdict_on_a_refusal(case: Any) -> None:
    status, code, message, headers, error, outcome, hint, advice = case
    body = {"error": {"code": code, "message": f"words {message}"}}
    found = search_faults.refusal(
        HttpReply(status=status, headers={**headers, "request-id": "r-1"}, content=json.dumps(body).encode())
    )
    assert type(found) is error
    assert (found.outcome, found.status, found.request_id) == (outcome, status, "r-1")
    assert found.retry_after == hint
    assert found.billed is BILLED[outcome]
    assert (found.outcome in RETRYABLE) == (
        status in (408, 429, 500, 502, 503) and error is not QuotaExhausted
    )
    assert "words" in str(found)
    assert advice in str(found)
    assert found.code in (code or None, search_faults.FULL)


def test_nothing_of_another_services_advice_is_given() -> None:
    others = {faults.TABLE[status].advice for status in (401, 403, 404)}
    assert all(others)
    assert not others & {row.advice for row in search_faults.TABLE.values()}
    assert set(search_faults.TABLE) > set(faults.TABLE)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"5", b'{"error": null}', b'{"Message": "x"}'])
def test_refusals_without_words(content: bytes) -> None:
    for status in (400, 403, 404, 429, 503):
        found = search_faults.refusal(HttpReply(status=status, headers={}, content=content))
        assert found.status == status
        assert found.code is None


def test_the_innermost_known_code_decides_and_the_innermost_is_told() -> None:
    body = {
        "error": {"code": "TooManyRequests", "message": "a", "innererror": {"code": "Finer", "message": "b"}}
    }
    found = search_faults.refusal(HttpReply(status=400, headers={}, content=json.dumps(body).encode()))
    assert type(found) is Throttled
    assert found.code == "Finer"
