"""Google over REST: where it goes, and with what credential."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, Contexts, no_module, raised
from gcp_text_support import GOOD, PATHS, SPECS, Web, ask_over, over, refused, reply
from test_gcp_credentials import service_account

from broker import errors
from broker.contract import HttpReply
from broker_gcp import GcpAdapter, GcpSettings

ALL = sorted(PATHS)

TOKEN_HOST = "oauth2.example.com"


def everywhere(*hosts: str) -> Web:
    merged = {**GOOD["sentiment"], **GOOD["entities"], **GOOD["detect_language"], **GOOD["detect_pii"]}
    merged |= {"moderationCategories": [], "data": {"detections": [[]]}}
    return Web({host: lambda: reply(merged) for host in hosts})


@pytest.mark.parametrize(
    ("settings", "method", "url"),
    [
        ({}, "sentiment", "https://language.googleapis.com/v2/documents:analyzeSentiment"),
        ({}, "entities", "https://language.googleapis.com/v2/documents:analyzeEntities"),
        ({}, "moderate_text", "https://language.googleapis.com/v2/documents:moderateText"),
        ({"region": "global"}, "sentiment", "https://language.googleapis.com/v2/documents:analyzeSentiment"),
        ({"region": "eu"}, "sentiment", "https://eu-language.googleapis.com/v2/documents:analyzeSentiment"),
        (
            {"endpoint": "us-vision.googleapis.com"},
            "sentiment",
            "https://us-language.googleapis.com/v2/documents:analyzeSentiment",
        ),
        ({}, "detect_pii", "https://dlp.googleapis.com/v2/projects/p/locations/global/content:inspect"),
        ({"region": "us"}, "redact", "https://dlp.googleapis.com/v2/projects/p/locations/us/content:inspect"),
        ({}, "detect_language", "https://translation.googleapis.com/language/translate/v2/detect"),
        (
            {"endpoint": "https://proxy.example.com:444"},
            "sentiment",
            "https://proxy.example.com:444/v2/documents:analyzeSentiment",
        ),
        (
            {"endpoint": "proxy.example.com", "endpoints": {"dlp": "https://private.example.com/dlp/"}},
            "detect_pii",
            "https://private.example.com/dlp/v2/projects/p/locations/global/content:inspect",
        ),
        (
            {"endpoints": {"dlp": "https://private.example.com"}},
            "sentiment",
            "https://language.googleapis.com/v2/documents:analyzeSentiment",
        ),
    ],
)
def test_addresses(settings: Any, method: str, url: str, attempt: Contexts) -> None:
    web = everywhere(
        "language.googleapis.com",
        "eu-language.googleapis.com",
        "us-language.googleapis.com",
        "dlp.googleapis.com",
        "translation.googleapis.com",
        "proxy.example.com",
        "private.example.com",
    )
    adapter = GcpAdapter(GcpSettings(**{"project": "p", "api_key": CANARY, **settings}))
    ask_over(adapter, method, over(web, attempt()))
    ((seen, headers, _),) = web.seen
    assert seen == url
    assert headers["x-goog-api-key"] == CANARY
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    "settings",
    [
        {"endpoint": "http://example.com"},
        {"endpoint": "ftp://example.com"},
        {"endpoint": "example.com:port"},
        {"endpoints": {"language": "http://example.com"}},
        {"endpoints": {"language": "https://example.com/?a=b"}},
        {"endpoints": {"language": "https://user@example.com"}},
        {"endpoints": {"language": "https://"}},
        {"region": "us-east-1"},
        {"credentials_file": "f"},
    ],
    ids=str,
)
def test_what_cannot_be_gone_to(settings: Any, attempt: Contexts) -> None:
    adapter = GcpAdapter(GcpSettings(**{"api_key": "k", "project": "p", **settings}))
    web = Web({})
    raised(lambda: ask_over(adapter, "sentiment", over(web, attempt())), errors.NotConfigured)
    assert web.seen == []


def test_an_endpoint_of_no_service_is_refused() -> None:
    with pytest.raises(ValueError, match="vision, language, translate, dlp"):
        GcpSettings(endpoints={"langauge": "https://example.com"})


def test_visions_own_endpoint_leaves_texts_alone(attempt: Contexts) -> None:
    settings = GcpSettings(endpoints={"vision": "127.0.0.1:5"}, api_key="k")  # type: ignore[arg-type]
    adapter = GcpAdapter(settings)
    assert adapter.setup().endpoint == "127.0.0.1:5"
    web = everywhere("language.googleapis.com")
    ask_over(adapter, "sentiment", over(web, attempt()))
    assert len(web.seen) == 1


def test_no_credential_goes_to_a_plain_port(asked: Any, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    asked.settings["credentials_file"] = service_account(tmp_path, "https://oauth2.example.com/token")
    asked.answers(GOOD["sentiment"])
    asked("sentiment")
    assert "authorization" not in asked.stub.requests[0].headers


# ---------------------------------------------------------------------- with what credential


def signed(tmp_path: Path, **settings: Any) -> GcpAdapter:
    pytest.importorskip("cryptography")
    account = service_account(tmp_path, f"https://{TOKEN_HOST}/token")
    return GcpAdapter(GcpSettings(credentials_file=account, **settings))


def tokens(web: Web, *names: str) -> None:
    left = list(names)
    web.hosts = {
        **web.hosts,
        TOKEN_HOST: lambda: reply({"access_token": left.pop(0), "expires_in": 3600, "token_type": "Bearer"}),
    }


def test_a_token_is_fetched_once_and_carried(tmp_path: Path, attempt: Contexts) -> None:
    adapter = signed(tmp_path, project="bill")
    web = everywhere("language.googleapis.com")
    tokens(web, "t1")
    for _ in range(3):
        ask_over(adapter, "sentiment", over(web, attempt()))
    assert web.blocked == 1, "off the event loop, and only when none is held"
    assert [seen[0].split("/")[2] for seen in web.seen] == [TOKEN_HOST] + ["language.googleapis.com"] * 3
    for _, headers, _ in web.seen[1:]:
        assert headers["authorization"] == "Bearer t1"
        assert headers["x-goog-user-project"] == "bill"


@pytest.mark.parametrize(
    ("method", "scope"),
    [
        ("sentiment", "cloud-language"),
        ("detect_language", "cloud-translation"),
        ("detect_pii", "cloud-platform"),
    ],
)
def test_a_token_allows_one_service_only(
    method: str, scope: str, tmp_path: Path, attempt: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from google.oauth2 import service_account as accounts

    seen: list[Any] = []
    made = accounts.Credentials.from_service_account_info

    def spy(data: Any, **options: Any) -> Any:
        seen.append(options.get("scopes"))
        return made(data, **options)

    monkeypatch.setattr(accounts.Credentials, "from_service_account_info", spy)
    web = everywhere("language.googleapis.com", "translation.googleapis.com", "dlp.googleapis.com")
    tokens(web, "t1")
    ask_over(signed(tmp_path), method, over(web, attempt()))
    assert seen == [[f"https://www.googleapis.com/auth/{scope}"]]


def test_the_project_of_the_credential_is_used(tmp_path: Path, attempt: Contexts) -> None:
    adapter = signed(tmp_path)
    web = everywhere("dlp.googleapis.com", "translation.googleapis.com")
    tokens(web, "t1", "t2")
    ask_over(adapter, "detect_pii", over(web, attempt()))
    ask_over(adapter, "detect_language", over(web, attempt()))
    assert web.seen[1][0] == "https://dlp.googleapis.com/v2/projects/p/locations/global/content:inspect"
    assert (
        web.seen[3][0] == "https://translation.googleapis.com/v3/projects/p/locations/global:detectLanguage"
    )


@pytest.mark.parametrize("method", ALL)
def test_a_refused_token_is_renewed(method: str, tmp_path: Path, attempt: Contexts) -> None:
    hosts = {
        "detect_language": "translation.googleapis.com",
        "detect_pii": "dlp.googleapis.com",
        "redact": "dlp.googleapis.com",
    }
    adapter = signed(tmp_path)
    said: list[HttpReply] = [reply(refused(401, "UNAUTHENTICATED"), 401), reply(GOOD[method])]
    web = Web({hosts.get(method, "language.googleapis.com"): lambda: said.pop(0)})
    tokens(web, "t1", "t2")
    context = over(web, attempt(), SPECS[method])
    refusal = raised(lambda: ask_over(adapter, method, context), errors.AuthFailed)
    assert adapter.renew(refusal, context) is True
    assert len(web.seen) == 3, "one token, one refusal, and another token for the same service"
    ask_over(adapter, method, context)
    assert web.seen[-1][1]["authorization"] == "Bearer t2"
    assert len(web.seen) == 4


def test_what_another_token_cannot_help_is_not_renewed(tmp_path: Path, attempt: Contexts) -> None:
    adapter = signed(tmp_path)
    web = Web({"language.googleapis.com": lambda: reply(refused(403, "PERMISSION_DENIED"), 403)})
    tokens(web, "t1")
    context = over(web, attempt())
    refusal = raised(lambda: ask_over(adapter, "sentiment", context), errors.AuthFailed)
    assert adapter.renew(refusal, context) is False
    keyed = GcpAdapter(GcpSettings(api_key="k"))  # type: ignore[arg-type]
    web.hosts = {"language.googleapis.com": lambda: reply(refused(401, "UNAUTHENTICATED"), 401)}
    refusal = raised(lambda: ask_over(keyed, "sentiment", context), errors.AuthFailed)
    assert keyed.renew(refusal, context) is False


def test_no_credential(attempt: Contexts) -> None:
    error = raised(
        lambda: ask_over(GcpAdapter(GcpSettings()), "sentiment", over(Web({}), attempt())),
        errors.NotConfigured,
    )
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(error)


def test_a_key_needs_nothing_of_googles(attempt: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = GcpAdapter(GcpSettings(api_key="k"))  # type: ignore[arg-type]
    web = everywhere("language.googleapis.com")
    with no_module(
        monkeypatch, "google.auth", "grpc", "google.cloud.vision_v1", "google.protobuf", "google.rpc"
    ):
        ask_over(adapter, "sentiment", over(web, attempt()))
        web.hosts = {"language.googleapis.com": lambda: reply(refused(400, "INVALID_ARGUMENT"), 400)}
        raised(lambda: ask_over(adapter, "sentiment", over(web, attempt())), errors.BadInput)


def test_secrets_and_texts_stay_inside(asked: Any) -> None:
    text = "nobody shall read this"
    asked.settings["api_key"] = CANARY
    asked.answers(refused(400, "INVALID_ARGUMENT", message=f"the key {CANARY} is not valid"), status=400)
    for method in ALL:
        if method == "detect_language":
            continue
        error = raised(lambda method=method: asked(method, text), errors.BadInput)
        assert asked.stub.requests[-1].headers["x-goog-api-key"] == CANARY
        shown = "".join(traceback.format_exception(error)) + repr(error)
        assert CANARY not in shown
        assert text not in shown
    asked.answers({"error": json.dumps(text)})
    for method in ALL:
        error = raised(lambda method=method: asked(method, text), errors.MalformedReply)
        assert text not in "".join(traceback.format_exception(error))
