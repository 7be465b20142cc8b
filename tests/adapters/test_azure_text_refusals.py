"""Azure Language when it refuses, fails or hangs; its credentials, and many calls at once."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from adapter_support import CANARY, ROOT, no_module, raised
from azure_text_support import DOCUMENTS, METHODS, ROUTE, answer, ask, batch, find, section

from broker import Broker, errors
from broker.testing.deadlines import ended_by_deadline
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker_azure import AzureAdapter, AzureSettings

pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")

TOKEN_ROUTE = "/metadata/identity/oauth2/token"  # a path
CONTENT = "Wilhelmina Quackenbush"
"""A text that must appear in no message and no log."""


@pytest.fixture
def azure(stub: VendorStub) -> Iterator[AzureAdapter]:
    adapter = AzureAdapter(AzureSettings(endpoint=f"{stub.url}/", key=CANARY))  # type: ignore[arg-type]
    yield adapter
    adapter.close()


@pytest.fixture
def managed(stub: VendorStub, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureAdapter]:
    """An adapter without a key, whose managed identity is the stub."""
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url))
    yield adapter
    adapter.close()


def fault(code: Any, message: str = "no", inner: Any = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **({"innererror": inner} if inner else {})}}


def inner(code: str, message: str = "no") -> dict[str, Any]:
    return fault("InvalidRequest", "no", {"code": code, "message": message})


CASES = [
    (400, inner("InvalidDocumentBatch", "Max 5 records"), errors.BadInput, "InvalidDocumentBatch"),
    (400, inner("ModelVersionIncorrect"), errors.BadInput, "ModelVersionIncorrect"),
    (400, inner("InvalidRequestBodyFormat"), errors.BadInput, "InvalidRequestBodyFormat"),
    (400, inner("MissingInputDocuments"), errors.BadInput, "MissingInputDocuments"),
    (400, inner("EmptyRequest"), errors.BadInput, "EmptyRequest"),
    (400, fault("InvalidRequest", "no", {"code": "InvalidRequest", "innererror": {"code": "InvalidDocument"}}), errors.BadInput, "InvalidDocument"),
    (400, {"code": "InvalidArgument", "message": "no wrapper", "innerError": {"code": "InvalidCountryHint"}}, errors.BadInput, "InvalidCountryHint"),
    (401, fault("401", "Access denied due to invalid subscription key"), errors.AuthFailed, "401"),
    (401, fault("Unauthorized"), errors.AuthFailed, "Unauthorized"),
    (403, fault("Forbidden"), errors.AuthFailed, "Forbidden"),
    (403, fault("403", "Access denied due to Virtual Network/Firewall rules."), errors.AuthFailed, "403"),
    (403, fault("403", "Out of call volume quota for TextAnalytics F0 pricing tier. Please retry after 15 days."), errors.QuotaExhausted, "OutOfCallVolumeQuota"),
    (403, fault("QuotaExceeded"), errors.QuotaExhausted, "QuotaExceeded"),
    (404, fault("404", "Resource not found"), errors.BadInput, "404"),
    (408, fault("Timeout"), errors.Unavailable, "Timeout"),
    (413, fault("413"), errors.BadInput, "413"),
    (429, fault("429", "Requests to the Language API have exceeded call rate limit"), errors.Throttled, "429"),
    (429, fault("TooManyRequests"), errors.Throttled, "TooManyRequests"),
    (429, {"statusCode": 429, "message": "Rate limit is exceeded."}, errors.Throttled, "429"),
    (500, fault("InternalServerError"), errors.Unavailable, "InternalServerError"),
    (503, fault("ServiceUnavailable"), errors.Unavailable, "ServiceUnavailable"),
    (502, [], errors.Unavailable, None),
    (504, {"oops": 1}, errors.Unavailable, None),
    (599, fault("NeverHeardOf"), errors.ProviderFault, "NeverHeardOf"),
    (418, fault(None), errors.ProviderFault, None),
    (400, {"error": {"code": "InvalidRequest", "innererror": "none"}}, errors.BadInput, "InvalidRequest"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code"), CASES, ids=str)
def test_errors(status: int, body: Any, kind: Any, code: Any, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, Answer(status, json=body))
    for call in (
        lambda: azure.sentiment(ask("sentiment"), attempt()),
        lambda: azure.sentiment_batch(batch("sentiment", "Hi", "Ho"), attempt()),
    ):
        error = raised(call, kind)
        assert type(error) is kind
        assert (error.status, error.code) == (status, code)
        assert error.request_id
    assert stub.count == 2


@pytest.mark.parametrize("status", [403, 408, 429, 500, 503])
def test_nothing_is_repeated_and_no_hint_is_slept(status: int, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, Answer(status, json=fault(str(status)), headers={"retry-after": "30"}))
    start = time.monotonic()
    error = raised(lambda: azure.entities(ask("entities"), attempt()), errors.ProviderError)
    assert time.monotonic() - start < 20
    assert error.retry_after == 30
    assert stub.count == 1


def test_a_redirect_is_not_followed(azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, Fault.redirect())
    raised(lambda: azure.entities(ask("entities"), attempt()), errors.BadInput)
    assert stub.count == 1


def test_transport_errors_come_out_unwrapped(azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, Fault.reset_after_body())
    error = raised(lambda: azure.entities(ask("entities"), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.AMBIGUOUS
    stub.close()
    error = raised(lambda: azure.entities(ask("entities"), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.NOT_SENT


@pytest.mark.realtime
def test_a_deadline_holds(azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, Fault.hang())
    azure._language.get()  # loading the SDK takes longer than a short deadline
    error = ended_by_deadline(
        lambda seconds: azure.entities(ask("entities"), attempt(seconds)), lambda: stub.count
    )
    assert type(error) is errors.DeadlineExceeded
    assert error.outcome is errors.Outcome.AMBIGUOUS


def test_an_sdk_that_fails_before_sending(azure: Any, stub: Any, attempt: Any, monkeypatch: Any) -> None:
    azure._language.get()
    from azure.ai.textanalytics import TextAnalyticsClient

    def broken(*_: Any, **__: Any) -> None:
        raise TypeError(f"an SDK's own slip: {CONTENT}")

    monkeypatch.setattr(TextAnalyticsClient, "recognize_entities", broken)
    error = raised(lambda: azure.entities(ask("entities", CONTENT), attempt()), errors.ProviderFault)
    assert "azure-ai-textanalytics" in str(error)
    assert error.billed is False
    assert CONTENT not in "".join(traceback.format_exception(error))
    monkeypatch.setattr(TextAnalyticsClient, "recognize_entities", lambda *_, **__: None)
    raised(lambda: azure.entities(ask("entities"), attempt()), errors.MalformedReply)
    assert stub.count == 0


# ---------------------------------------------------------------------- secrets and content


def test_secrets_and_texts_stay_inside(azure: Any, stub: Any, attempt: Any, caplog: Any) -> None:
    for name in ("azure", "azure.core.pipeline.policies.http_logging_policy"):
        caplog.set_level(logging.DEBUG, name)
    with caplog.at_level(logging.DEBUG):
        stub.on(ROUTE, answer(DOCUMENTS["entities"]))
        azure.entities(ask("entities", CONTENT), attempt())
        stub.on(ROUTE, Answer(401, json=fault("401", f"the key {CANARY} is wrong")))
        error = raised(lambda: azure.entities(ask("entities", CONTENT), attempt()), errors.AuthFailed)
        stub.on(ROUTE, Fault.html())
        broken = raised(lambda: azure.entities(ask("entities", CONTENT), attempt()), errors.MalformedReply)
    shown = [str(each) + repr(each) for each in (error, broken)]
    shown += ["".join(traceback.format_exception(each)) for each in (error, broken)]
    shown += [repr(azure), repr(azure._settings), repr(azure.setup()), caplog.text]
    shown += [repr(vars(each)) for each in (error, broken)]
    assert CANARY not in "\n".join(shown)
    assert CONTENT not in "\n".join(shown)


# ---------------------------------------------------------------------- tokens and addresses


def token(value: str) -> dict[str, Any]:
    return {
        "access_token": value,
        "expires_in": "3600",
        "expires_on": str(int(time.time()) + 3600),
        "resource": "r",
        "token_type": "Bearer",
    }


def test_a_token_is_kept_and_a_refused_one_is_not(managed: Any, stub: Any, attempt: Any) -> None:
    stub.on(TOKEN_ROUTE, token("t1"))
    stub.on(ROUTE, answer(DOCUMENTS["key_phrases"]))
    for _ in range(2):
        managed.key_phrases(ask("key_phrases"), attempt())
    calls = [seen for seen in stub.requests if seen.path == ROUTE]
    assert [seen.headers["authorization"] for seen in calls] == ["Bearer t1"] * 2
    assert all("ocp-apim-subscription-key" not in seen.headers for seen in calls)
    stub.on(ROUTE, Answer(401, json=fault("401")))
    raised(lambda: managed.key_phrases(ask("key_phrases"), attempt()), errors.AuthFailed)
    assert managed._resources.tokens.held() is None


def test_a_refused_token_is_renewed_by_the_broker(stub: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    fresh = iter(["t1", "t2"])

    def given(seen: Any) -> Answer:
        # The probe, without the header, is not meant to be answered with a token.
        return Answer(json=token(next(fresh) if seen.headers.get("metadata") == "true" else "t0"))

    def said(seen: Any) -> Answer:
        if seen.headers["authorization"] == "Bearer t2":
            return Answer(json=answer(DOCUMENTS["key_phrases"]))
        return Answer(401, json=fault("401"))

    stub.on(TOKEN_ROUTE, given)
    stub.on(ROUTE, said)
    settings = {"provider": "azure", "providers": {"azure": {"endpoint": stub.url, "region": "eastus"}}}
    with Broker(**settings) as broker:  # type: ignore[arg-type]
        found = broker.text.key_phrases("Hi", language="en")
        assert [each.text for each in found.value.phrases] == ["Hi"]
        assert [each.outcome.value for each in found.attempts] == ["rejected", "done"]


def test_no_credential_and_no_address(attempt: Any, stub: Any) -> None:
    nobody = AzureAdapter(AzureSettings(endpoint=stub.url))
    error = raised(lambda: nobody.sentiment(ask("sentiment"), attempt()), errors.NotConfigured)
    assert "az login" in str(error)
    nowhere = AzureAdapter(AzureSettings(key="k"))  # type: ignore[arg-type]
    error = raised(lambda: nowhere.sentiment(ask("sentiment"), attempt()), errors.NotConfigured)
    assert "endpoint" in str(error)
    regional = AzureAdapter(AzureSettings(endpoint="https://westeurope.api.cognitive.microsoft.com"))
    error = raised(lambda: regional.sentiment(ask("sentiment"), attempt()), errors.NotConfigured)
    assert "<name>.cognitiveservices.azure.com" in str(error)
    assert stub.count == 0


def test_the_services_own_address_and_key_win(attempt: Any, stub: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["sentiment"]))
    adapter = AzureAdapter(
        AzureSettings(
            endpoint="https://vision.invalid",
            key="v" * 32,  # type: ignore[arg-type]
            endpoints={"language": stub.url},
            keys={"language": "l" * 32},  # type: ignore[dict-item]
        )
    )
    adapter.sentiment(ask("sentiment"), attempt())
    assert stub.requests[0].headers["ocp-apim-subscription-key"] == "l" * 32


@pytest.mark.parametrize("package", ["azure.ai.textanalytics", "azure.core"])
def test_missing_extra(package: str, azure: Any, attempt: Any, monkeypatch: Any, stub: Any) -> None:
    with monkeypatch.context() as ours, no_module(monkeypatch, package):
        for name in ("broker_azure.language_client", "broker_azure.transport"):
            ours.delitem(sys.modules, name, raising=False)
        error = raised(lambda: azure.sentiment(ask("sentiment"), attempt()), errors.NotConfigured)
    assert "pip install 'mlbroker[azure]'" in str(error)
    stub.on(ROUTE, answer(DOCUMENTS["sentiment"]))
    azure.sentiment(ask("sentiment"), attempt())  # installed meanwhile


# ---------------------------------------------------------------------- many at once, and the end


def echo(seen: Any) -> Answer:
    """Finds the whole of each text, a little later the longer it is."""
    sent = seen.json()["analysisInput"]["documents"]
    found = [
        {"id": each["id"], "entities": [find("Person", 0, len(each["text"]), each["text"])]} for each in sent
    ]
    return Answer(json=answer(*found), delay=0.001 * (len(sent[0]["text"]) % 7))


def test_calls_at_the_same_time_do_not_mix(stub: Any, attempt: Any) -> None:
    """One client serves them all: each takes its own attempt, answer and key."""
    stub.on(ROUTE, echo)
    adapters = [AzureAdapter(AzureSettings(endpoint=stub.url, key=name * 32)) for name in "ab"]  # type: ignore[arg-type]
    contexts = [attempt() for _ in range(32)]

    def call(number: int) -> None:
        text = f"{'n' * (number % 11)} number {number}"
        adapter = adapters[number % 2]
        if number % 3:
            (entity,) = adapter.entities(ask("entities", text), contexts[number % 32]).payload.entities
        else:
            reply = adapter.entities_batch(batch("entities", text, "other"), contexts[number % 32])
            item: Any = reply.payload.items[0]
            (entity,) = item.payload.entities
        assert (entity.text, entity.offset_ok) == (text, True)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(call, range(256)))
    for seen in stub.requests:
        text = seen.json()["analysisInput"]["documents"][0]["text"]
        key = "ab"[int(text.rpartition(" ")[2]) % 2]
        assert seen.headers["ocp-apim-subscription-key"] == key * 32
    for adapter in adapters:
        adapter.close()


def test_the_asynchronous_face_at_the_same_time(stub: Any) -> None:
    import asyncio

    from broker import AsyncBroker

    stub.on(ROUTE, echo)

    async def run() -> list[str]:
        async with AsyncBroker(**section(stub)) as broker:
            calls = [broker.text.entities(f"text {place}", language="en") for place in range(32)]
            return [result.value.entities[0].text for result in await asyncio.gather(*calls)]

    assert asyncio.run(run()) == [f"text {place}" for place in range(32)]


def test_closing_leaves_nothing_behind(stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["sentiment"]))
    before = {each.name for each in threading.enumerate()}
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url, key=CANARY))  # type: ignore[arg-type]
    adapter.close()  # before the first call
    adapter.sentiment(ask("sentiment"), attempt())
    adapter.close()
    adapter.close()
    left = {each.name for each in threading.enumerate()} - before
    assert not [name for name in left if "stub" not in name]


CHILD = """
import os, sys
from broker import Broker
broker = Broker(provider="azure", providers={{"azure": {{"endpoint": {url!r}, "key": "k" * 32, "region": "eastus"}}}})
assert broker.text.sentiment("Hi", language="en").value.label.value == "positive"
pid = os.fork()
if pid == 0:
    label = broker.text.sentiment("Hi", language="en").value.label.value
    broker.close()
    os._exit(0 if label == "positive" else 1)
_, status = os.waitpid(pid, 0)
assert broker.text.sentiment("Hi", language="en").value.label.value == "positive"
broker.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_calls_too(stub: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["sentiment"]))
    path = os.pathsep.join((str(ROOT), str(ROOT / "adapters")))
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", CHILD.format(url=stub.url)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert stub.count == 3


def test_every_operation_has_both_methods(azure: Any) -> None:
    for method in METHODS:
        assert callable(getattr(azure, method))
        assert callable(getattr(azure, f"{method}_batch"))
