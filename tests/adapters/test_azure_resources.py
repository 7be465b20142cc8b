"""Azure's services: which address and which key each is called with, and that no key is ever shown."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from adapter_support import CANARY, picture, raised
from pydantic import SecretStr, ValidationError

from broker import errors
from broker.contract import redact
from broker.runtime.blocking import drive
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import ImageModerationRequest, LabelRequest
from broker_azure import AzureAdapter, AzureSettings

TAGS = "/computervision/imageanalysis:analyze"
IMAGE = "/contentsafety/image:analyze"
TOKEN = "/metadata/identity/oauth2/token"  # a path
SAFE = {"categoriesAnalysis": [{"category": "Hate", "severity": 0}]}
SEEN = {"modelVersion": "2023-10-01", "tagsResult": {"values": []}}
KEY = "ocp-apim-subscription-key"


@pytest.fixture
def other() -> Iterator[VendorStub]:
    with VendorStub() as server:
        yield server


def both(settings: dict[str, Any], attempt: Any) -> AzureAdapter:
    adapter = AzureAdapter(AzureSettings.model_validate(settings))
    drive(adapter.label(LabelRequest(image=picture()), attempt()))
    drive(adapter.moderate_image(ImageModerationRequest(image=picture()), attempt()))
    return adapter


def test_one_resource_serves_all(stub: VendorStub, attempt: Any) -> None:
    stub.on(TAGS, SEEN)
    stub.on(IMAGE, SAFE)
    both({"endpoint": stub.url, "key": "common-key-of-all"}, attempt)
    assert [(each.path, each.headers[KEY]) for each in stub.requests] == [
        (TAGS, "common-key-of-all"),
        (IMAGE, "common-key-of-all"),
    ]


def test_a_service_has_its_own_address_and_key(stub: VendorStub, other: VendorStub, attempt: Any) -> None:
    stub.on(TAGS, SEEN)
    other.on(IMAGE, SAFE)
    both(
        {
            "endpoint": stub.url,
            "key": "common-key-of-all",
            "endpoints": {"contentsafety": f"{other.url}/"},
            "keys": {"contentsafety": "own-key-of-safety"},
        },
        attempt,
    )
    assert [each.headers[KEY] for each in stub.requests] == ["common-key-of-all"]
    assert [each.headers[KEY] for each in other.requests] == ["own-key-of-safety"]


def test_a_service_without_any_key_takes_a_token(
    stub: VendorStub, other: VendorStub, attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    stub.on(TOKEN, {"access_token": "t1", "expires_in": "3600", "resource": "r", "token_type": "Bearer"})
    stub.on(TAGS, SEEN)
    other.on(IMAGE, SAFE)
    settings = {
        "endpoints": {"contentsafety": other.url, "vision": stub.url},
        "keys": {"contentsafety": "own-key-of-safety"},
    }
    adapter = both(settings, attempt)
    (tags,) = [each for each in stub.requests if each.path == TAGS]
    assert tags.headers["authorization"] == "Bearer t1"
    assert KEY not in tags.headers
    assert "authorization" not in other.requests[0].headers
    assert "managed identity" in adapter.setup().credential
    adapter.close()


def test_a_refused_token_is_renewed_only_for_the_service_that_took_it(
    stub: VendorStub, attempt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", stub.url)
    stub.on(TOKEN, {"access_token": "t2", "expires_in": "3600", "resource": "r", "token_type": "Bearer"})
    adapter = AzureAdapter(AzureSettings(endpoint=stub.url, keys={"contentsafety": SecretStr("own-key")}))
    refused = errors.AuthFailed("no", status=401)
    seen = {}
    for operation in ("vision.label", "vision.caption", "vision.moderate", "text.moderate"):
        seen[operation] = adapter.renew(refused, replace(attempt(), operation=operation))
    adapter.close()
    assert seen == {
        "vision.label": True,
        "vision.caption": True,
        "vision.moderate": False,
        "text.moderate": False,
    }


def test_a_service_without_an_address_says_what_to_set(stub: VendorStub, attempt: Any) -> None:
    adapter = AzureAdapter(AzureSettings(endpoints={"vision": stub.url}, key=SecretStr("k")))
    request = ImageModerationRequest(image=picture())
    error = raised(lambda: drive(adapter.moderate_image(request, attempt())), errors.NotConfigured)
    assert "endpoints.contentsafety" in str(error)
    setup = adapter.setup()
    assert setup.configured  # vision can be called
    assert setup.endpoint == stub.url
    assert stub.count == 0


def test_several_addresses_are_all_shown_and_checked(stub: VendorStub) -> None:
    key = SecretStr("k")
    both_good = AzureSettings(
        endpoint=stub.url, endpoints={"vision": "https://a.cognitiveservices.azure.com"}, key=key
    )
    assert (
        AzureAdapter(both_good).setup().endpoint
        == f"https://a.cognitiveservices.azure.com, {redact(stub.url)}"
    )
    one_bad = AzureSettings(endpoint=stub.url, endpoints={"language": "http://example.com"}, key=key)
    setup = AzureAdapter(one_bad).setup()
    assert not setup.configured
    assert "unencrypted" in setup.problem


def test_regions_of_several_addresses_must_agree() -> None:
    def region(**settings: Any) -> str | None:
        return AzureAdapter(AzureSettings(**settings)).region

    west, east = (f"https://{name}.api.cognitive.microsoft.com" for name in ("westeurope", "eastus"))
    assert region(endpoints={"vision": west}) == "westeurope"
    assert region(endpoint=west, endpoints={"vision": west}) == "westeurope"
    assert region(endpoint=west, endpoints={"vision": east}) is None
    assert region(endpoint=west, endpoints={"vision": east}, region="northeurope") == "northeurope"


@pytest.mark.parametrize("field", ["keys", "endpoints"])
def test_a_slip_in_a_service_name_is_refused(field: str) -> None:
    error = raised(lambda: AzureSettings.model_validate({field: {"vison": CANARY}}), ValidationError)
    assert "vision, language, contentsafety, speech" in str(error)
    assert "vison" in str(error)
    assert CANARY not in str(error)


def test_a_blank_key_is_no_key() -> None:
    settings = AzureSettings.model_validate({"keys": {"vision": ""}, "endpoints": {"vision": ""}, "key": "k"})
    assert (settings.keys, settings.endpoints) == ({}, {})


def test_keys_of_single_services_are_shown_nowhere(stub: VendorStub, attempt: Any) -> None:
    settings = AzureSettings.model_validate({"endpoint": stub.url, "keys": {"contentsafety": CANARY}})
    adapter = AzureAdapter(settings)
    stub.on(IMAGE, Answer(401, json={"error": {"code": "401", "message": f"the key {CANARY} is wrong"}}))
    request = ImageModerationRequest(image=picture())
    error = raised(lambda: drive(adapter.moderate_image(request, attempt())), errors.AuthFailed)
    shown = [str(error), repr(error), "".join(traceback.format_exception(error))]
    shown += [
        repr(settings),
        str(settings),
        json.dumps(settings.model_dump(mode="json")),
        settings.model_dump_json(),
    ]
    shown += [repr(adapter), repr(adapter.setup()), redact(f"someone repeats {CANARY}")]
    assert CANARY not in "\n".join(shown)
    assert stub.requests[0].headers[KEY] == CANARY
