"""A canary secret: in no message, traceback, log at DEBUG, ledger byte, repr, pickle or line of the command."""

from __future__ import annotations

import json
import logging
import pickle
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fault_support import (
    AZURE,
    BOTOCORE,
    CANARY,
    CLOUD,
    FACES,
    GRPC,
    HTTP,
    PICTURE,
    Caller,
    Family,
    everything_logged,
    shown,
)

from broker import AsyncBroker, Broker, BrokerError, ProviderError
from broker.testing.script import Answer
from broker.testing.vendors import aws_error

faces = pytest.mark.parametrize("face", FACES)
families = pytest.mark.parametrize("family", CLOUD, ids=lambda family: family.name)
SDKS = ("botocore", "boto3", "urllib3", "azure", "msal", "google", "grpc", "httpx", "httpcore", "broker")

# A canary as a vendor, a proxy or a logger may repeat it.
FORMS = (
    CANARY,
    quote(CANARY, safe=""),
    json.dumps(CANARY)[1:-1],
    CANARY.replace("/", "\\/"),
    b64encode(CANARY.encode()).decode(),
)


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


@pytest.fixture
def debug_everywhere() -> Iterator[list[str]]:
    """The program has switched DEBUG on for the root and for each SDK by its name."""
    levels = {name: logging.getLogger(name).level for name in SDKS}
    with everything_logged() as lines:
        for name in SDKS:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield lines
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def stub(request: pytest.FixtureRequest, family: Family) -> Any:
    return request.getfixturevalue("vision_grpc_stub" if family is GRPC else "vendor_stub")


def url_of(stub: Any, family: Family) -> str:
    return f"http://{stub.target}" if family is GRPC else str(stub.url)


def echo(stub: Any, family: Family, words: str, status: int) -> None:
    """The vendor refuses and repeats what it was sent."""
    if family is GRPC:
        import grpc
        from google.rpc import error_details_pb2 as details

        stub.error(
            grpc.StatusCode.UNAUTHENTICATED if status == 401 else grpc.StatusCode.INVALID_ARGUMENT,
            words,
            details=[details.ErrorInfo(reason=words)],
            trailing={"x-debug": words},
        )
    elif family is BOTOCORE:
        stub.on(BOTOCORE.route, default=aws_error(f"Odd{words[:60]}", words, status))
    else:
        body: Any = {"error": {"code": words[:60], "message": words}, "message": words}
        stub.on(family.route, default=Answer(status, json=body, headers={"x-debug": quote(words)}))


@faces
@families
@pytest.mark.parametrize("status", [400, 401])
def test_what_the_vendor_repeats_of_the_secret_is_cut_out_everywhere(
    status: int,
    family: Family,
    face: str,
    stub: Any,
    call: Caller,
    debug_everywhere: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    echo(stub, family, " and ".join(FORMS), status)
    with pytest.raises(ProviderError) as caught:
        call(face, family, url_of(stub, family))
    error = caught.value
    assert "[redacted]" in str(error)
    assert leaks(shown(error)) == []
    assert leaks(repr(pickle.dumps(error))) == []
    assert leaks("\n".join(debug_everywhere)) == []
    assert leaks(call.bytes().decode("latin-1")) == []
    printed = capfd.readouterr()
    assert leaks(printed.out + printed.err) == []
    if family is not GRPC:
        assert stub.count == len(call.rows())


@faces
@families
def test_an_unusable_answer_that_repeats_the_secret_does_not_tell_it(
    family: Family, face: str, stub: Any, call: Caller, debug_everywhere: list[str]
) -> None:
    if family is GRPC:
        from broker.testing.grpc_stub import GrpcBytes

        stub.script([GrpcBytes(CANARY.encode())])
    else:
        text = (
            json.dumps(family.labels("Cat"))
            .replace("0.9", json.dumps(CANARY))
            .replace("90.0", json.dumps(CANARY))
        )
        stub.on(family.route, default=Answer(body=text.encode()))
    with pytest.raises(BrokerError) as caught:
        call(face, family, url_of(stub, family))
    assert leaks(shown(caught.value)) == []
    assert leaks("\n".join(debug_everywhere)) == []
    assert leaks(call.bytes().decode("latin-1")) == []


@faces
@families
def test_a_good_call_at_debug_logs_neither_the_secret_nor_what_it_signs(
    family: Family, face: str, stub: Any, call: Caller, debug_everywhere: list[str]
) -> None:
    if family is GRPC:
        stub.reply(GRPC.labels("Cat"))
    else:
        stub.on(family.route, default=Answer(json=family.labels("Cat")))
    result = call(face, family, url_of(stub, family))
    log = "\n".join(debug_everywhere)
    assert leaks(log + repr(result) + call.bytes().decode("latin-1")) == []
    assert leaks(repr(pickle.dumps(result))) == []
    if family is BOTOCORE:
        assert "botocore" in log, "the SDK does log at DEBUG"
        signature = stub.requests[0].headers["authorization"].rpartition("Signature=")[2]
        assert signature not in log
        assert b64encode(PICTURE.data[:60]).decode()[:60] not in log


@pytest.mark.parametrize("face", FACES)
def test_a_session_token_from_the_environment_is_not_logged_or_told(
    face: str, vendor_stub: Any, call: Caller, debug_everywhere: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "short" + CANARY  # too short and too plain for any pattern
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY[::-1])
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    words = f"The Canonical String should have been x-amz-security-token:{token} or just {token}"
    vendor_stub.on(BOTOCORE.route, default=aws_error("InvalidSignatureException", words, 403))
    section = {"endpoint": vendor_stub.url, "region": "us-east-1"}
    with pytest.raises(ProviderError) as caught:
        call(face, BOTOCORE, vendor_stub.url, section=section)
    seen = shown(caught.value) + "\n".join(debug_everywhere) + call.bytes().decode("latin-1")
    assert token not in seen
    assert CANARY not in seen
    assert CANARY[::-1] not in seen
    assert vendor_stub.requests[0].headers["x-amz-security-token"] == token


def test_a_fetched_token_is_not_logged_or_told(
    vendor_stub: Any, call: Caller, debug_everywhere: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "opaque " + CANARY
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", vendor_stub.url)
    body = {"access_token": token, "expires_in": "3600", "expires_on": "4000000000", "token_type": "Bearer"}
    vendor_stub.on("/metadata/identity/oauth2/token", default=Answer(json={**body, "resource": "r"}))
    vendor_stub.on(AZURE.route, default=Answer(400, json={"error": {"code": "x", "message": f"bad {token}"}}))
    with pytest.raises(ProviderError) as caught:
        call("sync", AZURE, vendor_stub.url, section={"endpoint": vendor_stub.url, "region": "eastus"})
    assert CANARY not in shown(caught.value) + "\n".join(debug_everywhere)


@pytest.mark.parametrize("family", CLOUD, ids=lambda family: family.name)
def test_no_repr_of_broker_settings_or_adapter_tells_it(family: Family, call: Caller) -> None:
    options = call.options(family, "http://127.0.0.1:1")
    with Broker(**options) as broker:
        adapter = broker.registry.adapter(family.provider)
        setup = broker.registry.setup(family.provider)
        seen = [broker, broker.settings, broker.registry, adapter, vars(adapter), setup, broker.ledger]
        assert leaks("\n".join(repr(each) + str(each) for each in seen)) == []
    assert leaks(repr(AsyncBroker(**options))) == []


def test_the_command_with_debug_does_not_tell_it(
    vendor_stub: Any, call: Caller, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from broker.cli import main

    family = HTTP[0]
    echo(vendor_stub, family, " and ".join(FORMS), 401)
    options = call.options(family, vendor_stub.url)
    monkeypatch.setattr(main, "make_broker", lambda **more: Broker(**{**options, **more}))
    picture = tmp_path / "cat.jpg"
    picture.write_bytes(PICTURE.data)
    for arguments in (["--debug", "label", str(picture)], ["--debug", "label", "--json", str(picture)]):
        result = CliRunner().invoke(main.app, arguments)
        assert result.exit_code == 1
        assert "redacted" in result.output
        assert leaks(result.output) == []
    assert vendor_stub.count == 2


def test_a_settings_error_does_not_repeat_it(call: Caller) -> None:
    family = AZURE
    section = {"endpoint": "http://127.0.0.1:1", "key": [CANARY], "keys": CANARY}
    with Broker(**call.options(family, "", section=section)) as broker, pytest.raises(BrokerError) as caught:
        broker.vision.label(PICTURE)
    assert leaks(shown(caught.value)) == []
