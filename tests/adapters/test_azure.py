"""The Azure adapter against a loopback Image Analysis and a loopback token service."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, FIXTURES, close, load, no_module, raised, recorded

from broker import errors
from broker.runtime.blocking import drive
from broker.testing.deadlines import ended_by_deadline
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.types import UsageSource
from broker_azure import AzureAdapter, AzureSettings

ROUTE = "/computervision/imageanalysis:analyze"
TOKEN_ROUTE = "/metadata/identity/oauth2/token"  # a path
TAG = {"name": "cat", "confidence": 0.98}


def tags(*values: Any) -> dict[str, Any]:
    return {
        "modelVersion": "2023-10-01",
        "metadata": {"width": 9, "height": 9},
        "tagsResult": {"values": values},
    }


@pytest.fixture
def azure(stub: VendorStub) -> Iterator[AzureAdapter]:
    adapter = AzureAdapter(AzureSettings(endpoint=f"{stub.url}/", key=CANARY))  # type: ignore[arg-type]
    yield adapter
    adapter.close()


def label(adapter: Any, request: Any, context: Any) -> Any:
    return drive(adapter.label(request, context))


@pytest.mark.parametrize("path", recorded("azure/vision/imageanalysis_4.0"))
def test_every_recorded_answer(path: Path, azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    said = load(path)
    usage = {"CSP-Billing-Usage": "CognitiveServices.ComputerVision.Transaction=1"}
    stub.on(ROUTE, Answer(body=path.read_bytes(), headers=usage))
    reply = label(azure, ask(raw=True), attempt())
    expected = said["tagsResult"]["values"]
    assert [each.name for each in reply.payload.labels] == [each["name"] for each in expected]
    for seen, each in zip(reply.payload.labels, expected, strict=True):
        assert close(seen.confidence.value, each["confidence"])
    assert reply.raw == said
    assert reply.model_version == said["modelVersion"]
    assert reply.request_id
    (billed,) = reply.usage
    assert (billed.sku, int(billed.quantity), billed.source) == (
        "azure.vision.group1",
        1,
        UsageSource.REPORTED,
    )


def test_what_is_sent(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, tags())
    request = ask(max_labels=1, min_confidence=0.9)
    reply = label(azure, request, attempt())
    assert (reply.payload.labels, reply.raw, reply.usage) == ((), None, ())
    (seen,) = stub.requests
    assert seen.params == {"api-version": "2023-10-01", "features": "tags"}
    assert seen.headers["content-type"] == "application/octet-stream"
    assert seen.headers["ocp-apim-subscription-key"] == CANARY
    assert "authorization" not in seen.headers
    assert seen.body == request.image.data


def test_language_and_model(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, tags())
    label(azure, ask(language="de", extensions={"azure_model_version": "2023-10-01"}), attempt())
    label(azure, ask(language="sr-Cyrl"), attempt())
    assert stub.requests[0].params["language"] == "de"
    assert stub.requests[0].params["model-version"] == "2023-10-01"
    assert stub.requests[1].params["language"] == "sr-Cryl"
    for wrong in (1, "newest", "2023-10-01&key=1", ""):
        request = ask(extensions={"azure_model_version": wrong})
        raised(lambda request=request: label(azure, request, attempt()), errors.BadInput)
    assert stub.count == 2


@pytest.mark.parametrize(
    ("said", "value", "raw", "clamped"),
    [
        (0.5, 0.5, 0.5, False),
        (1, 1.0, 1.0, False),
        ("0.5", 0.5, 0.5, False),
        (None, None, None, False),
        (1.5, 1.0, 1.5, True),
        (-1, 0.0, -1.0, True),
        (float("nan"), None, "NaN", True),
    ],
)
def test_confidences(
    said: Any, value: Any, raw: Any, clamped: bool, azure: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    body = json.dumps({**tags({"name": "cat", "confidence": said, "future": 1}), "future": {}}).encode()
    stub.on(ROUTE, Answer(body=body))
    (seen,) = label(azure, ask(), attempt()).payload.labels
    assert (seen.confidence.value, seen.confidence.raw, seen.confidence.clamped) == (value, raw, clamped)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(json={}),
        Answer(json={"tagsResult": None}),
        Answer(json={"tagsResult": {}}),
        Answer(json={"tagsResult": {"values": None}}),
        Answer(json={"tagsResult": []}),
        Answer(json=[]),
        Answer(json=tags("cat")),
        Answer(json=tags({"confidence": 0.5})),
        Answer(json=tags({"name": None})),
        Answer(json=tags({"name": "cat", "confidence": "high"})),
        Answer(json=tags({"name": "cat", "confidence": True})),
        Answer(json={"error": {"code": "InvalidRequest"}}),
        Answer(body=b'{"tagsResult"'),
        Fault.html(),
        Fault.empty(),
        Fault.truncated(),
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_empty(
    answer: Any, azure: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    stub.on(ROUTE, answer)
    error = raised(lambda: label(azure, ask(), attempt()), errors.MalformedReply)
    assert error.billed is not False
    assert stub.count == 1


def fault(code: Any, message: str = "no", inner: Any = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **({"innererror": inner} if inner else {})}}


CASES = [
    (400, fault("InvalidRequest"), errors.BadInput, "InvalidRequest"),
    (400, fault("InvalidRequest", "no", {"code": "InvalidImageSize", "message": "small"}), errors.BadInput, "InvalidImageSize"),
    (400, fault("InvalidRequest", "no", {"code": "InvalidImageFormat"}), errors.BadInput, "InvalidImageFormat"),
    (400, fault("InvalidRequest", "no", {"code": "NotSupportedLanguage"}), errors.BadInput, "NotSupportedLanguage"),
    (400, fault("InvalidRequest", "no", {"code": "NotSupportedImage"}), errors.ContentRefused, "NotSupportedImage"),
    (401, fault("401"), errors.AuthFailed, "401"),
    (401, fault("PermissionDenied"), errors.AuthFailed, "PermissionDenied"),
    (403, fault("403", "Access denied due to Virtual Network/Firewall rules."), errors.AuthFailed, "403"),
    (403, fault("403", "Out of call volume quota for ComputerVision F0."), errors.QuotaExhausted, "OutOfCallVolumeQuota"),
    (403, {"statusCode": 403, "message": "Out of call volume quota."}, errors.QuotaExhausted, "OutOfCallVolumeQuota"),
    (404, fault("404", "Resource not found"), errors.BadInput, "404"),
    (429, fault("429", "Requests have exceeded call rate limit"), errors.Throttled, "429"),
    (429, {"statusCode": 429, "message": "Rate limit is exceeded."}, errors.Throttled, "429"),
    (408, fault("Timeout"), errors.Unavailable, "Timeout"),
    (413, fault("413"), errors.BadInput, "413"),
    (415, fault("UnsupportedMediaType"), errors.BadInput, "UnsupportedMediaType"),
    (500, fault("InternalServerError"), errors.Unavailable, "InternalServerError"),
    (500, fault("FailedToProcess"), errors.Unavailable, "FailedToProcess"),
    (503, {"oops": 1}, errors.Unavailable, None),
    (504, [], errors.Unavailable, None),
    (599, fault("NeverHeardOf"), errors.ProviderFault, "NeverHeardOf"),
    (418, fault(None), errors.ProviderFault, None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code"), CASES, ids=str)
def test_errors(
    status: int, body: Any, kind: Any, code: Any, azure: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    stub.on(ROUTE, Answer(status, json=body))
    error = raised(lambda: label(azure, ask(), attempt()), kind)
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)
    assert error.request_id
    assert stub.count == 1


def test_the_recorded_refusal(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    path = FIXTURES / "azure/vision/errors/sdk-authentication-failure.json"
    if not path.exists():
        pytest.skip(f"no {path}; set MLBROKER_TEST_FIXTURES")
    stub.on(ROUTE, Answer(401, body=path.read_bytes()))
    error = raised(lambda: label(azure, ask(), attempt()), errors.AuthFailed)
    assert load(path)["error"]["message"][:60] in str(error)
    assert error.code == "401"


def test_retry_after(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, Answer(429, json=fault("429"), headers={"retry-after": "7"}))
    assert raised(lambda: label(azure, ask(), attempt()), errors.Throttled).retry_after == 7
    stub.on(ROUTE, Answer(403, json=fault("403", "wait"), headers={"retry-after": "86400"}))
    assert raised(lambda: label(azure, ask(), attempt()), errors.QuotaExhausted).retry_after == 86400


def test_a_redirect_is_not_followed(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, Fault.redirect())
    raised(lambda: label(azure, ask(), attempt()), errors.BadInput)
    assert stub.count == 1


def test_transport_errors_come_out_unwrapped(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, Fault.reset_after_body())
    error = raised(lambda: label(azure, ask(), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.AMBIGUOUS
    stub.close()
    error = raised(lambda: label(azure, ask(), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.NOT_SENT


def test_secrets_stay_inside(azure: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(ROUTE, Answer(401, json=fault("401", f"the key {CANARY} is wrong")))
    error = raised(lambda: label(azure, ask(), attempt()), errors.AuthFailed)
    shown = [str(error), repr(error), "".join(traceback.format_exception(error))]
    shown += [repr(azure), repr(azure._settings), repr(azure.setup())]
    assert CANARY not in "\n".join(shown)


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "",
        "http://example.com",
        "ftp://example.com",
        "example.com",
        "https://u:p@example.com",
        "https://e.com?k=1",
    ],
)
def test_wrong_endpoints(endpoint: Any, attempt: Any, ask: Any) -> None:
    adapter = AzureAdapter(AzureSettings(endpoint=endpoint, key="k"))  # type: ignore[arg-type]
    error = raised(lambda: label(adapter, ask(), attempt()), errors.NotConfigured)
    assert "endpoint" in str(error) or "https" in str(error)
    assert adapter.setup().configured is False


def test_regions() -> None:
    def region(**settings: Any) -> str | None:
        return AzureAdapter(AzureSettings(**settings)).region

    assert region(endpoint="https://westeurope.api.cognitive.microsoft.com/") == "westeurope"
    assert region(endpoint="https://mine.cognitiveservices.azure.com") is None
    assert region(endpoint="https://mine.cognitiveservices.azure.com", region="eastus") == "eastus"


def test_a_regional_endpoint_takes_no_token(attempt: Any, ask: Any) -> None:
    adapter = AzureAdapter(AzureSettings(endpoint="https://westeurope.api.cognitive.microsoft.com"))
    error = raised(lambda: label(adapter, ask(), attempt()), errors.NotConfigured)
    assert "<name>.cognitiveservices.azure.com" in str(error)


# ---------------------------------------------------------------------- tokens


@pytest.fixture
def managed(stub: VendorStub, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureAdapter]:
    """An adapter without a key, whose managed identity is the stub."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url))
    yield adapter
    adapter.close()


def token(value: str, seconds: int = 3600) -> dict[str, Any]:
    return {
        "access_token": value,
        "expires_in": str(seconds),
        "expires_on": str(int(time.time()) + seconds),
        "resource": "r",
        "token_type": "Bearer",
    }


def asked(stub: VendorStub) -> list[Any]:
    return [seen for seen in stub.requests if seen.path == TOKEN_ROUTE]


def test_a_token_is_kept(managed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TOKEN_ROUTE, token("t1"))
    stub.on(ROUTE, tags(TAG))
    for _ in range(3):
        assert len(label(managed, ask(), attempt()).payload.labels) == 1
    calls = [seen for seen in stub.requests if seen.path == ROUTE]
    assert {seen.headers["authorization"] for seen in calls} == {"Bearer t1"}
    assert all("ocp-apim-subscription-key" not in seen.headers for seen in calls)
    assert {seen.params["resource"] for seen in asked(stub)} == {"https://cognitiveservices.azure.com"}
    assert len([seen for seen in asked(stub) if seen.headers.get("metadata") == "true"]) == 1


def test_a_token_about_to_expire_is_renewed(managed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TOKEN_ROUTE, token("t1", 250))
    stub.on(ROUTE, tags(TAG))
    label(managed, ask(), attempt())
    before = len(asked(stub))
    label(managed, ask(), attempt())
    assert len(asked(stub)) >= before
    assert managed._resources.tokens.held() is None


def test_a_refused_token_is_forgotten(managed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TOKEN_ROUTE, token("t1"))
    stub.on(ROUTE, Answer(401, json=fault("401")))
    raised(lambda: label(managed, ask(), attempt()), errors.AuthFailed)
    assert managed._resources.tokens.held() is None


def test_one_token_for_many_threads(managed: Any, stub: Any, attempt: Any) -> None:
    stub.on(TOKEN_ROUTE, Answer(json=token("t1"), delay=0.05))
    context, seen = attempt(), []
    threads = [
        threading.Thread(target=lambda: seen.append(managed._resources.tokens.get(context))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["t1"] * 8
    assert len([each for each in asked(stub) if each.headers.get("metadata") == "true"]) == 1


def test_no_credential(stub: Any, attempt: Any, ask: Any) -> None:
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url))
    setup = adapter.setup()
    assert setup.configured is False
    assert "az login" in setup.problem


def test_half_a_service_principal(stub: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)
    monkeypatch.setenv("AZURE_CLIENT_ID", "c")
    setup = AzureAdapter(AzureSettings(endpoint=stub.url)).setup()
    assert "AZURE_TENANT_ID" in setup.problem
    assert CANARY not in repr(setup)


def test_a_token_refused(managed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(
        TOKEN_ROUTE, Answer(400, json={"error": "invalid_request", "error_description": f"Identity {CANARY}"})
    )
    error = raised(lambda: label(managed, ask(), attempt()), (errors.NotConfigured, errors.AuthFailed))  # type: ignore[arg-type]
    assert CANARY not in "".join(traceback.format_exception(error))


@pytest.mark.realtime
def test_a_token_service_that_hangs(managed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TOKEN_ROUTE, Fault.hang())
    error = ended_by_deadline(lambda seconds: label(managed, ask(), attempt(seconds)), lambda: stub.count)
    assert type(error) is errors.DeadlineExceeded
    assert error.outcome is errors.Outcome.NOT_SENT


def test_missing_extra(stub: Any, attempt: Any, ask: Any, monkeypatch: Any) -> None:
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url))
    stub.on(ROUTE, tags(TAG))
    with no_module(monkeypatch, "azure.identity"):
        error = raised(lambda: label(adapter, ask(), attempt()), errors.NotConfigured)
        assert "mlbroker[azure]" in adapter.setup().problem
        keyed = AzureAdapter(AzureSettings(endpoint=stub.url, key="k"))  # type: ignore[arg-type]
        assert len(label(keyed, ask(), attempt()).payload.labels) == 1
    assert "pip install 'mlbroker[azure]'" in str(error)


def test_the_event_loop_is_not_blocked(managed: Any, stub: Any, ask: Any) -> None:
    """Under the asynchronous runtime a token is fetched in a worker while the loop goes on."""
    from broker.contract import Context
    from broker.runtime.asynchronous import AsyncRuntime

    ticked = threading.Event()

    def when_the_loop_went_on(_: object) -> Answer:
        assert ticked.wait(30), "the loop stands still"
        return Answer(json=token("t1"))

    stub.on(TOKEN_ROUTE, when_the_loop_went_on)
    stub.on(ROUTE, tags(TAG))

    async def run() -> int:
        runtime, ticks = AsyncRuntime(), 0
        deadline = runtime.monotonic() + 60.0
        context = Context(
            call_id="c",
            attempt=1,
            operation="vision.label",
            http=runtime.http(deadline),
            remaining=lambda: deadline - runtime.monotonic(),
        )
        work = asyncio.ensure_future(managed.label(ask(), context))
        while not work.done():
            await asyncio.sleep(0.01)
            ticks += 1
            if ticks > 5 and stub.count:
                ticked.set()
        assert len(work.result().payload.labels) == 1
        closing: Any = getattr(runtime, "aclose", None)
        if closing is not None:
            await closing()
        return ticks

    assert asyncio.run(run()) > 5


# ---------------------------------------------------------------------- the transport beneath other SDKs


def test_the_transport_carries_a_modern_sdk(stub: Any, attempt: Any) -> None:
    analysis = pytest.importorskip("azure.ai.vision.imageanalysis")
    from azure.core.credentials import AzureKeyCredential
    from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError

    from broker_azure.transport import BrokerTransport, broker_error

    context = attempt()
    failures: list[Any] = []
    client = analysis.ImageAnalysisClient(
        stub.url,
        AzureKeyCredential("k"),
        transport=BrokerTransport(lambda: context, lambda error, url: failures.append((error, url))),
        retry_total=0,
    )
    stub.on(ROUTE, tags(TAG))
    with client:
        result = client.analyze(b"\xff\xd8\xff", [analysis.models.VisualFeatures.TAGS])
        assert [(tag.name, tag.confidence) for tag in result.tags.list] == [("cat", 0.98)]
        stub.on(ROUTE, Answer(401, json=fault("401", "wrong key")))
        refused = raised(
            lambda: client.analyze(b"\xff", [analysis.models.VisualFeatures.TAGS]), ClientAuthenticationError
        )
        assert "wrong key" in str(refused)
        stub.close()
        failed = raised(
            lambda: client.analyze(b"\xff", [analysis.models.VisualFeatures.TAGS]), ServiceRequestError
        )
    ours = broker_error(failed)
    assert isinstance(ours, errors.Unavailable)
    assert ours.outcome is errors.Outcome.NOT_SENT
    assert [error for error, _ in failures] == [ours]


def test_the_transport_carries_azure_identity(stub: Any, attempt: Any, monkeypatch: Any) -> None:
    from azure.identity import ManagedIdentityCredential

    from broker_azure.transport import BrokerTransport

    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    stub.on(TOKEN_ROUTE, token("t9"))
    context = attempt()
    with ManagedIdentityCredential(transport=BrokerTransport(lambda: context)) as credential:
        assert credential.get_token("https://cognitiveservices.azure.com/.default").token == "t9"


def test_an_sdk_cannot_sleep_past_the_deadline(attempt: Any) -> None:
    from broker_azure.transport import BrokerTransport

    context = attempt(30)
    transport = BrokerTransport(lambda: context)
    transport.sleep(0)
    raised(lambda: transport.sleep(70), errors.DeadlineExceeded)


def test_manifest(azure: AzureAdapter) -> None:
    spec = azure.manifest.spec("vision.label")
    assert spec.sku == "azure.vision.group1"
    assert spec.lifecycle.on == date(2028, 9, 25)
    assert len(spec.languages) == 52 == len(set(spec.languages))
    refused = raised(lambda: azure.manifest.spec("vision.detect_faces"), errors.Unsupported)
    assert "Limited Access" in str(refused)
    setup = azure.setup()
    assert setup.configured
    assert setup.credential == "key of the settings"
    assert setup.data_use
