"""Helpers of the tests of Google's text services: adapters on a stub, calls driven to their end, Google's own types."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from adapter_support import Contexts

from broker.contract import Context, HttpReply
from broker.runtime.blocking import drive
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import (
    EntityRequest,
    LanguageRequest,
    PiiRequest,
    RedactRequest,
    Request,
    SentimentRequest,
    TextModerationRequest,
)
from broker_gcp import GcpAdapter, GcpSettings

REQUESTS: dict[str, type[Any]] = {
    "sentiment": SentimentRequest,
    "entities": EntityRequest,
    "moderate_text": TextModerationRequest,
    "detect_language": LanguageRequest,
    "detect_pii": PiiRequest,
    "redact": RedactRequest,
}
SPECS = {
    "moderate_text": "text.moderate",
    **{name: f"text.{name}" for name in REQUESTS if name != "moderate_text"},
}
PATHS = {
    "sentiment": "/v2/documents:analyzeSentiment",
    "entities": "/v2/documents:analyzeEntities",
    "moderate_text": "/v2/documents:moderateText",
    "detect_language": "/v3/projects/p/locations/global:detectLanguage",
    "detect_pii": "/v2/projects/p/locations/global/content:inspect",
    "redact": "/v2/projects/p/locations/global/content:inspect",
}
GOOD: dict[str, dict[str, Any]] = {
    "sentiment": {
        "documentSentiment": {"magnitude": 0.9, "score": 0.9},
        "languageCode": "en",
        "sentences": [
            {"text": {"content": "Fine.", "beginOffset": 0}, "sentiment": {"magnitude": 0.9, "score": 0.9}}
        ],
        "languageSupported": True,
    },
    "entities": {
        "entities": [
            {
                "name": "Rome",
                "type": "LOCATION",
                "metadata": {},
                "mentions": [
                    {"text": {"content": "Rome", "beginOffset": 0}, "type": "PROPER", "probability": 0.9}
                ],
            }
        ],
        "languageCode": "en",
        "languageSupported": True,
    },
    "moderate_text": {
        "moderationCategories": [{"name": "Toxic", "confidence": 0.25, "severity": 0.5}],
        "languageCode": "en",
        "languageSupported": True,
    },
    "detect_language": {"languages": [{"languageCode": "it", "confidence": 1}]},
    "detect_pii": {"result": {"findings": []}},
    "redact": {"result": {}},
}


class Asked:
    """Asks one adapter on a stub; ``answers`` sets what every route says."""

    def __init__(self, stub: VendorStub, attempt: Contexts) -> None:
        self.stub = stub
        self.attempt = attempt
        self.settings: dict[str, Any] = {"endpoint": stub.url, "project": "p"}

    def answers(self, json: Any = None, **how: Any) -> None:
        self.stub.script([], default=Answer(json=json, **how))

    def __call__(self, method: str, text: str = "Fine.", **options: Any) -> Any:
        adapter = GcpAdapter(GcpSettings(**self.settings))
        return drive(getattr(adapter, method)(REQUESTS[method](text=text, **options), self.attempt()))

    @property
    def sent(self) -> Any:
        return self.stub.requests[-1].json()


class Web:
    """An ``Http`` that answers by host, for addresses that are not on this machine."""

    def __init__(self, hosts: Mapping[str, Callable[[], HttpReply]]) -> None:
        self.hosts = hosts
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.blocked = 0

    def send_blocking(self, method: str, url: str, **more: Any) -> HttpReply:
        assert method == "POST"
        self.seen.append((url, dict(more.get("headers") or {}), more.get("content", b"")))
        return self.hosts[urlsplit(url).hostname or ""]()

    async def send(self, method: str, url: str, **more: Any) -> HttpReply:
        return self.send_blocking(method, url, **more)

    async def run_blocking(self, function: Callable[[], Any]) -> Any:
        self.blocked += 1
        return function()


def reply(body: Any, status: int = 200) -> HttpReply:
    return HttpReply(
        status=status, headers={"content-type": "application/json"}, content=json.dumps(body).encode()
    )


def over(web: Web, context: Context, operation: str = "text.sentiment") -> Context:
    """The same attempt over another network."""
    return replace(context, http=web, operation=operation)


def ask_over(adapter: GcpAdapter, method: str, context: Context, text: str = "Fine.", **options: Any) -> Any:
    request: Request = REQUESTS[method](text=text, **options)
    return drive(getattr(adapter, method)(request, context))


def refused(status: int, name: str | None, *details: Any, message: str = "no", **more: Any) -> dict[str, Any]:
    """The body of a refusal, as google.rpc.Status in JSON."""
    said: dict[str, Any] = {"code": status, "message": message, **more}
    if name is not None:
        said["status"] = name
    if details:
        said["details"] = list(details)
    return {"error": said}
