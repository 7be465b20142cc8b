"""How a search service is reached: its own address, its own key or a token of its own, and what its indexes look like."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from azure_search_peer import INDEX, SECTION
from pydantic import ValidationError

from broker import AsyncBroker, Broker
from broker.errors import AuthFailed, NotConfigured
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker_azure import AzureAdapter, AzureSettings, token

NOTHING = Answer(json={"value": []})
SEARCH = f"/indexes('{INDEX}')/docs/search.post.search"
AI = "https://mine.cognitiveservices.azure.com"


def query(section: dict[str, Any]) -> Any:
    with Broker(provider="azure", providers={"azure": {"index": INDEX, **section}}, max_attempts=2) as broker:
        return broker.search.query("x")


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"endpoints": "{}", "keys": {"search": "own"}}, "own"),
        ({"endpoints": "{}", "keys": {"search": "own"}, "endpoint": AI, "key": "common"}, "own"),
        ({"endpoints": "{}", "key": "common"}, "common"),
        ({"endpoint": "{}", "key": "common"}, "common"),
        ({"endpoint": "{}", "key": "common", "keys": {"search": "own"}}, "own"),
    ],
)
def test_the_key_goes_in_its_own_header(section: dict[str, Any], key: str, vendor_stub: VendorStub) -> None:
    vendor_stub.on(SEARCH, default=NOTHING)
    made = {
        name: ({"search": vendor_stub.url} if name == "endpoints" else vendor_stub.url)
        if value == "{}"
        else value
        for name, value in section.items()
    }
    query(made)
    (request,) = vendor_stub.requests
    assert request.headers["api-key"] == key
    assert "ocp-apim-subscription-key" not in request.headers
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "endpoint",
    [AI, "https://x.services.ai.azure.com/", "https://eastus.api.cognitive.microsoft.com", "https://x.openai.azure.com"],
)  # fmt: skip
def test_an_ai_resource_is_never_taken_for_a_search_service(endpoint: str) -> None:
    section = {"endpoint": endpoint, "key": "common"}
    with pytest.raises(NotConfigured, match=r"endpoints\.search"):
        query(section)
    settings = AzureSettings.model_validate(section)
    assert "search" not in settings.reachable
    assert settings.key_for("search") is None
    assert settings.key_for("vision") is not None
    adapter = AzureAdapter(settings)
    assert adapter.setup().endpoint == endpoint.rstrip("/")
    adapter.close()


class Credential:
    """Gives one token after another."""

    scopes: list[str]

    def __init__(self) -> None:
        self.scopes = []

    def get_token(self, scope: str) -> Any:
        self.scopes.append(scope)
        return SimpleNamespace(token=f"token-{len(self.scopes)}-of-a-test", expires_on=4e9)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def credential(monkeypatch: pytest.MonkeyPatch) -> Credential:
    pytest.importorskip("azure.identity", reason="needs the azure extra")
    made = Credential()
    monkeypatch.setattr(token, "_make", lambda _: made)
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "x")
    return made


def test_without_a_key_a_token_for_search_is_sent(credential: Credential, vendor_stub: VendorStub) -> None:
    vendor_stub.on(SEARCH, default=NOTHING)
    query({"endpoints": {"search": vendor_stub.url}, "endpoint": AI, "key": "of another resource"})
    (request,) = vendor_stub.requests
    assert request.headers["authorization"] == "Bearer token-1-of-a-test"
    assert "api-key" not in request.headers
    assert credential.scopes == ["https://search.azure.com/.default"]


def test_a_refused_token_is_renewed_once(credential: Credential, vendor_stub: VendorStub) -> None:
    vendor_stub.on(SEARCH, Answer(401), default=NOTHING)
    query({"endpoints": {"search": vendor_stub.url}})
    assert [request.headers["authorization"][7:14] for request in vendor_stub.requests] == [
        "token-1",
        "token-2",
    ]
    vendor_stub.on(SEARCH, default=Answer(401))
    with pytest.raises(AuthFailed):
        query({"endpoints": {"search": vendor_stub.url}})


@pytest.mark.parametrize(
    "shape",
    [
        {"id": ""},
        {"id": "a-b"},
        {"content": ""},
        {"title": "x') or ('"},
        {"highlight": ["a b"]},
        {"vector_fields": ["a,b"]},
        {"vector_fields": [f"v{number}" for number in range(11)]},
        {"suggester": "a b"},
        {"key": "id"},
    ],
)
def test_slips_in_a_shape_are_told_when_it_is_read(shape: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AzureSettings.model_validate({"shape": shape})
    with pytest.raises(ValidationError):
        AzureSettings.model_validate({"shapes": {"x": shape}})


def test_which_shape_an_index_has() -> None:
    settings = AzureSettings.model_validate(
        {"index": "main", "shapes": {"main": {"id": "a"}, "other": {"id": "b"}}, "shape": {"id": "c"}}
    )
    assert [settings.shape_of(name).id for name in (None, "main", "other", "third")] == ["a", "a", "b", "c"]
    only = AzureSettings.model_validate({"indexes": {"one": "x"}, "shapes": {"one": {"id": "a"}}})
    assert only.shape_of(None).id == "a"
    assert AzureSettings().shape_of(None).id == "id"


def asked(request: Any) -> Answer:
    """Answers by what was asked."""
    word = request.json()["search"]
    return Answer(json={"value": [{"@search.score": 1.0, "id": word, "content": word}]})


def test_one_broker_for_many_threads(vendor_stub: VendorStub) -> None:
    vendor_stub.on(SEARCH, asked)
    section = {"endpoints": {"search": vendor_stub.url}, **SECTION}
    with Broker(provider="azure", providers={"azure": section}) as broker, ThreadPoolExecutor(16) as pool:
        words = [f"w{number}" for number in range(100)]
        found = list(pool.map(lambda word: broker.search.query(word).value.ids, words))
    assert found == [(word,) for word in words]


def test_one_event_loop_after_another(vendor_stub: VendorStub) -> None:
    import asyncio

    vendor_stub.on(SEARCH, asked)
    section = {"endpoints": {"search": vendor_stub.url}, **SECTION}

    async def run() -> list[Any]:
        async with AsyncBroker(provider="azure", providers={"azure": section}) as broker:
            return [
                each.value.ids
                for each in await asyncio.gather(*(broker.search.query(f"w{number}") for number in range(20)))
            ]

    due = [(f"w{number}",) for number in range(20)]
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(run()))) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [due, due, due]
    assert asyncio.run(run()) == asyncio.run(run()) == due


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_searches_on(vendor_stub: VendorStub) -> None:
    vendor_stub.on(SEARCH, asked)
    section = {"endpoints": {"search": vendor_stub.url}, **SECTION}
    with Broker(provider="azure", providers={"azure": section}) as broker:

        def check(word: str) -> bool:
            return broker.search.query(word, deadline=10.0).value.ids == (word,)

        assert check("parent")
        pid = _fork(lambda: check("child"))
        assert check("parent")
        assert os.waitpid(pid, 0)[1] == 0


def _fork(work: Callable[[], bool]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return pid
