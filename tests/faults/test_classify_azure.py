"""Azure: status, code and headers to error, outcome, billing, repetition and hint; complete by its SDK's enums."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from broker.contract import HttpReply
from broker.errors import (
    AuthFailed,
    BadInput,
    ContentRefused,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker_azure import faults

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NO, UNKNOWN = False, None

# status, code, message, headers -> error, outcome, billed, repeated, seconds to wait
CASES: list[tuple[int, str | None, str, dict[str, str], type[ProviderError], Outcome, bool | None, bool, float | None]] = [
    (400, "InvalidRequest", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (400, "InvalidImageSize", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (400, "NotSupportedImage", "", {}, ContentRefused, Outcome.REJECTED, NO, False, None),
    (400, "InvalidRequest", "The feature 'Caption' is not supported in this region", {}, Unsupported, Outcome.REJECTED, NO, False, None),
    (400, "InvalidRequestBody", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (400, "NeverHeardOf", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (401, "401", "", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (401, "PermissionDenied", "", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    # 18: a permission, a used-up quota, a way of signing in that is switched off
    (403, "403", "Virtual Network/Firewall rules", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (403, None, "", {}, AuthFailed, Outcome.REJECTED, NO, False, None),
    (403, "403", "Out of call volume quota for F0", {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    (403, "403", "wait", {"retry-after": "86400"}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, 86400.0),
    (403, "QuotaExceeded", "", {}, QuotaExhausted, Outcome.QUOTA_DEAD, NO, False, None),
    (403, "AuthenticationTypeDisabled", "", {"retry-after": "7"}, AuthFailed, Outcome.REJECTED, NO, False, 7.0),  # 25
    (404, "ResourceNotFound", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (408, "Timeout", "", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (409, "Conflict", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (413, None, "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    (415, "UnsupportedMediaType", "", {}, BadInput, Outcome.REJECTED, NO, False, None),
    # 23, 24
    (429, "429", "", {}, Throttled, Outcome.THROTTLED, NO, True, None),
    (429, None, "", {"x-ms-retry-after-ms": "250"}, Throttled, Outcome.THROTTLED, NO, True, 0.25),
    (429, "TooManyRequests", "", {"retry-after": "Sat, 21 Nov 2026 12:02:00 GMT"}, Throttled, Outcome.THROTTLED, NO, True, 120.0),
    (429, "429", "", {"retry-after": "-7"}, Throttled, Outcome.THROTTLED, NO, True, None),
    (429, "429", "", {"retry-after": "soon"}, Throttled, Outcome.THROTTLED, NO, True, None),
    (429, "429", "", {"retry-after": "1000000000"}, Throttled, Outcome.THROTTLED, NO, True, 31 * 86400.0),
    # 26, 32
    (500, "InternalServerError", "", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (500, "FailedToProcess", "", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (503, "ServerBusy", "", {}, Unavailable, Outcome.SERVER, UNKNOWN, True, None),
    (503, None, "", {"retry-after": "2"}, Unavailable, Outcome.SERVER, UNKNOWN, True, 2.0),
    (599, "NeverHeardOf", "", {}, ProviderFault, Outcome.UNKNOWN, UNKNOWN, False, None),
    (418, None, "", {}, ProviderFault, Outcome.REJECTED, NO, False, None),
    (307, None, "", {}, BadInput, Outcome.REJECTED, NO, False, None),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_verdict_on_a_refusal(case: Any) -> None:
    status, code, message, headers, error, outcome, billed, repeated, hint = case
    said = faults.verdict(status, code, message, headers, NOW)
    assert (said.error, said.outcome, said.billed, said.retryable, said.retry_after) == (
        error,
        outcome,
        billed,
        repeated,
        hint,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_the_error_says_what_the_verdict_says_and_keeps_the_vendors_facts(case: Any) -> None:
    status, code, message, headers, error, outcome, *_ = case
    body = {"error": {"code": code, "message": f"words {message}"}}
    found = faults.refusal(
        HttpReply(
            status=status,
            headers={**headers, "apim-request-id": "r-1"},
            content=json.dumps(body).encode(),
        )
    )
    assert type(found) is error
    assert (found.outcome, found.status, found.request_id) == (outcome, status, "r-1")
    assert found.code in (code, faults.QUOTA, faults.REGION)
    assert "words" in str(found)


def test_a_permission_a_quota_and_a_way_that_is_switched_off_are_told_apart() -> None:
    found = [
        faults.verdict(403, "403", "not from this network", {}, NOW),
        faults.verdict(403, "403", "Out of call volume quota", {}, NOW),
        faults.verdict(401, "401", "wrong key", {}, NOW),
    ]
    assert len({(each.error, each.advice) for each in found}) == 3


@pytest.mark.parametrize("enum", ["ErrorCode", "InnerErrorCode"])
def test_every_code_of_the_sdks_model_has_a_row(enum: str) -> None:
    models: Any = pytest.importorskip("azure.ai.textanalytics", reason="needs azure-ai-textanalytics")
    where = f"{models.__name__}._generated.v2023_04_01.models"
    codes = {each.value for each in getattr(import_module(where), enum)} - {"Warning"}
    assert codes
    assert codes - set(faults.TABLE) == set()


def recorded() -> list[Any]:
    root = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "azure"
    found = [path for path in sorted(root.glob("*/errors/*.json")) if ".request." not in path.name]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason="the given fixtures are not here"))]
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.mark.parametrize("path", recorded())
def test_every_recorded_refusal_is_told_by_its_innermost_code(path: Path) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    outer = inner = said.get("error", said)
    while inner.get("innererror"):
        inner = inner["innererror"]
    status = 401 if outer["code"] == "401" else 400
    found = faults.refusal(HttpReply(status=status, headers={}, content=path.read_bytes()))
    assert found.code == inner["code"]
    assert outer["code"] in faults.TABLE or outer["code"].isdecimal() or found.code in faults.TABLE
    assert inner["message"][:40] in str(found)
    assert type(found) is (AuthFailed if status == 401 else BadInput)
