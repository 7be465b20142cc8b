"""Vertex AI Search: which host it goes to, with a token of which scope, and what follows a refused one."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from adapter_support import Contexts, raised
from gcp_text_support import over, refused, reply
from test_gcp_credentials import service_account

from broker import errors
from broker.contract import HttpReply
from broker.runtime.blocking import drive
from broker.types import DeleteRequest, Document, QueryRequest, StatusRequest, SuggestRequest, UpsertRequest
from broker_gcp import GcpAdapter, GcpSettings

pytest.importorskip("google.auth", reason="needs the gcp extra")
pytest.importorskip("cryptography", reason="needs the gcp extra")

TOKEN_HOST = "oauth2.example.com"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
SERVING = "https://www.googleapis.com/auth/discoveryengine.serving.readwrite"
REQUESTS: dict[str, Any] = {
    "query": QueryRequest(text="storm"),
    "suggest": SuggestRequest(text="sto"),
    "upsert_documents": UpsertRequest(documents=(Document(id="1", content="x"),)),
    "delete_documents": DeleteRequest(ids=("1",)),
    "document_status": StatusRequest(ids=("1",)),
}
GOOD = {"attributionToken": "t", "id": "1"}


class Web:
    """An ``Http`` that gives tokens, and answers of the service."""

    def __init__(self, *answers: HttpReply) -> None:
        self.answers = list(answers) or [reply(GOOD)]
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.scopes: list[str] = []

    def send_blocking(self, method: str, url: str, **more: Any) -> HttpReply:
        if urlsplit(url).hostname == TOKEN_HOST:
            (assertion,) = parse_qs(more["content"].decode())["assertion"]
            claims = assertion.split(".")[1]
            self.scopes.append(json.loads(base64.urlsafe_b64decode(claims + "=="))["scope"])
            return reply(
                {"access_token": f"token{len(self.scopes)}", "expires_in": 3600, "token_type": "Bearer"}
            )
        self.seen.append((method, url, dict(more.get("headers") or {})))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def send(self, method: str, url: str, **more: Any) -> HttpReply:
        return self.send_blocking(method, url, **more)

    async def run_blocking(self, function: Any) -> Any:
        return function()


def adapter(tmp_path: Path, **settings: Any) -> GcpAdapter:
    account = service_account(tmp_path, f"https://{TOKEN_HOST}/token")
    return GcpAdapter(
        GcpSettings(**{"credentials_file": account, "project": "p", "index": "docs", **settings})
    )


def ask(asked: GcpAdapter, method: str, web: Any, attempt: Contexts) -> Any:
    operation = {"upsert_documents": "upsert", "delete_documents": "delete", "document_status": "status"}
    context = over(web, attempt(), f"search.{operation.get(method, method)}")
    return drive(getattr(asked, method)(REQUESTS[method], context))


@pytest.mark.parametrize(
    ("settings", "host", "location"),
    [
        ({}, "discoveryengine.googleapis.com", "global"),
        ({"region": "global"}, "discoveryengine.googleapis.com", "global"),
        ({"region": "eu"}, "eu-discoveryengine.googleapis.com", "eu"),
        ({"region": "us"}, "us-discoveryengine.googleapis.com", "us"),
        (
            {"endpoints": {"discoveryengine": "https://private.example.com/de"}},
            "private.example.com",
            "global",
        ),
        (
            {"region": "eu", "index": "projects/other/locations/eu/dataStores/docs"},
            "eu-discoveryengine.googleapis.com",
            "eu",
        ),
    ],
)
@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_addresses_and_scopes(
    settings: dict[str, Any], host: str, location: str, method: str, tmp_path: Path, attempt: Contexts
) -> None:
    web = Web()
    made = adapter(tmp_path, **settings)
    ask(made, method, web, attempt)
    ((_, url, headers),) = web.seen
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname) == ("https", host)
    project = "other" if "other" in str(settings) else "p"
    prefix = "/de" if host == "private.example.com" else ""
    assert parts.path.startswith(
        f"{prefix}/v1/projects/{project}/locations/{location}/collections/default_collection/dataStores/docs"
    )
    assert headers["authorization"] == "Bearer token1"
    assert headers["x-goog-user-project"] == "p"
    assert web.scopes == [SERVING if method == "query" else CLOUD]
    assert made.region == (settings.get("region") or "global")


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_a_refused_token_is_renewed(method: str, tmp_path: Path, attempt: Contexts) -> None:
    web = Web(reply(refused(401, "UNAUTHENTICATED"), 401), reply(GOOD))
    made = adapter(tmp_path)
    error = raised(lambda: ask(made, method, web, attempt), errors.AuthFailed)
    name = {"upsert_documents": "upsert", "delete_documents": "delete", "document_status": "status"}
    context = over(web, attempt(), f"search.{name.get(method, method)}")
    assert made.renew(error, context) is True
    ask(made, method, web, attempt)
    assert [headers["authorization"] for _, _, headers in web.seen] == ["Bearer token1", "Bearer token2"]


def test_a_region_that_google_has_not(tmp_path: Path, attempt: Contexts) -> None:
    web = Web()
    error = raised(
        lambda: ask(adapter(tmp_path, region="europe-west1"), "query", web, attempt), errors.NotConfigured
    )
    assert "eu or us" in str(error)
    assert web.seen == []


@pytest.mark.parametrize(
    ("code", "status", "name", "error", "words"),
    [
        (403, "PERMISSION_DENIED", None, errors.AuthFailed, "roles/discoveryengine.viewer"),
        (
            403,
            "PERMISSION_DENIED",
            "IAM_PERMISSION_DENIED",
            errors.AuthFailed,
            "roles/discoveryengine.viewer",
        ),
        (
            403,
            "PERMISSION_DENIED",
            "SERVICE_DISABLED",
            errors.AuthFailed,
            "gcloud services enable discoveryengine.googleapis.com",
        ),
        (404, "NOT_FOUND", None, errors.BadInput, "check index, project and region"),
        (400, "FAILED_PRECONDITION", None, errors.BadInput, "no"),
        (429, "RESOURCE_EXHAUSTED", None, errors.Throttled, "wait"),
        (503, "UNAVAILABLE", None, errors.Unavailable, "try later"),
        (500, "INTERNAL", None, errors.Unavailable, "try later"),
    ],
)
def test_refusals(
    code: int,
    status: str,
    name: str | None,
    error: type[Exception],
    words: str,
    tmp_path: Path,
    attempt: Contexts,
) -> None:
    details = [] if name is None else [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": name}]
    web = Web(reply(refused(code, status, *details), code))
    found = raised(lambda: ask(adapter(tmp_path), "query", web, attempt), error)
    assert words in str(found)


def test_other_services_keep_their_own_advice() -> None:
    from broker_gcp import faults

    assert "discoveryengine" not in str(faults.table_of("dlp.googleapis.com"))
    assert "serviceUsageConsumer" in faults.table_of("dlp.googleapis.com")["PERMISSION_DENIED"].advice


def test_settings() -> None:
    with pytest.raises(ValueError, match="search_edition"):
        GcpSettings(search_edition="basic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="search_store"):
        GcpSettings(search_store="both")  # type: ignore[arg-type]
    assert "discoveryengine" in str(raised(lambda: GcpSettings(endpoints={"search": "x"}), ValueError))
