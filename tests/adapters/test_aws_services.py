"""All of AWS's services: what is sent is valid by AWS's own models, and no unusable answer becomes an empty result."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import raised
from aws_support import EVERY, KEYS, PICTURES, TEXT, TEXTS, Cell, adapter, checked
from pydantic import ValidationError

from broker import errors
from broker.contract import Batch, Support
from broker.contract.operations import OPERATIONS
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker_aws import AwsAdapter, AwsSettings
from broker_aws.clients import _check_protocol
from broker_aws.faults import TABLE
from broker_aws.settings import SERVICES, STREAMS

CELLS = pytest.mark.parametrize("cell", EVERY, ids=str)


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[AwsAdapter, VendorStub]]:
    """One adapter for all tests of the file: boto3 takes its time to make a client."""
    with VendorStub() as server:
        made = adapter(server.url)
        yield made, server
        made.close()


@pytest.fixture
def stub(account: tuple[AwsAdapter, VendorStub]) -> VendorStub:
    account[1].reset()
    return account[1]


@pytest.fixture
def aws(account: tuple[AwsAdapter, VendorStub]) -> AwsAdapter:
    return account[0]


def call(aws: AwsAdapter, cell: Cell, attempt: Any, **options: Any) -> Any:
    import dataclasses

    request = dataclasses.replace(cell.request(), **options)
    return getattr(aws, cell.method)(request, attempt())


@CELLS
def test_what_is_sent_is_valid_by_the_vendors_own_model(
    cell: Cell, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(cell.target, Answer(json=cell.empty))
    call(aws, cell, attempt)
    (seen,) = stub.requests
    sent = checked(seen)
    service = cell.target.partition(".")[0].removesuffix("Service").partition("_")[0].lower()
    assert f"us-east-1/{service}/aws4_request" in seen.headers["authorization"]
    assert seen.headers["content-type"] == "application/x-amz-json-1.1"
    if cell in PICTURES:
        holder = "Document" if service == "textract" else "Image"
        assert sent[holder] == {"Bytes": cell.request().image.data}
        assert list(sent[holder]) == ["Bytes"]
    else:
        shown = sent.get("Text") or sent.get("TextList") or [each["Text"] for each in sent["TextSegments"]]
        assert shown in (TEXT, [TEXT], [TEXT, "Second.", "Third."]), "as it was given, whatever its alphabet"


@pytest.mark.parametrize("cell", [cell for cell in EVERY if cell.found is not None], ids=str)
def test_nothing_found_is_empty_and_not_malformed(
    cell: Cell, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(cell.target, Answer(json=cell.empty))
    reply = call(aws, cell, attempt, raw=True)
    assert list(cell.found(reply.payload)) == []
    assert reply.raw == cell.empty
    assert reply.request_id


UNUSABLE = {
    "no member": lambda cell: Answer(json={}),
    "null": lambda cell: Answer(json={cell.member: None}),
    "another type": lambda cell: Answer(json={cell.member: 7}),
    "an object": lambda cell: Answer(json={cell.member: {}}),
    "items of another type": lambda cell: Answer(json={cell.member: ["x"]}),
    "items without members": lambda cell: Answer(json={cell.member: [{}]}),
    "a list": lambda cell: Answer(json=[]),
    "cut": lambda cell: Answer(body=b'{"%s": [{' % cell.member.encode()),
    "html": lambda cell: Fault.html(),
    "empty": lambda cell: Fault.empty(),
    "202": lambda cell: Answer(202, json=cell.empty),
}


@CELLS
@pytest.mark.parametrize("how", UNUSABLE)
def test_an_unusable_answer_is_malformed_and_counted_as_billed(
    cell: Cell, how: str, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(cell.target, UNUSABLE[how](cell))
    batch = cell.method.endswith("_batch") and how.startswith("items")
    if batch and cell.method != "moderate_text_batch":  # what cannot be put to a text leaves gaps
        if how == "items of another type":
            raised(lambda: call(aws, cell, attempt), errors.MalformedReply)
            return
        payload: Batch[Any] = call(aws, cell, attempt).payload
        assert [type(item) for item in payload.items] == [errors.MalformedReply] * 3
        return
    error = raised(lambda: call(aws, cell, attempt), errors.MalformedReply)
    assert error.billed is True
    assert error.request_id
    assert stub.count == 1


@pytest.mark.parametrize("cell", [*PICTURES, *TEXTS], ids=str)
def test_a_missing_permission_names_the_action(
    cell: Cell, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(cell.target, Answer(400, json={"__type": "AccessDeniedException", "Message": "no"}))
    error = raised(lambda: call(aws, cell, attempt), errors.AuthFailed)
    prefix, operation = cell.target.split(".")
    service = prefix.removesuffix("Service").partition("_")[0].lower()
    assert f"allow {service}:{operation} for this user or role" in str(error)


@pytest.mark.parametrize("service", SERVICES)
def test_every_code_of_the_installed_models_has_a_row(service: str, aws: AwsAdapter) -> None:
    names = {shape.name for shape in aws._clients.of(service).client.meta.service_model.error_shapes}
    assert names
    assert sorted(names - set(TABLE)) == []


def test_each_cell_of_the_support_table_has_its_method_or_its_reason() -> None:
    manifest = AwsAdapter.manifest
    assert set(manifest.by_name) == set(OPERATIONS)
    for name, operation in OPERATIONS.items():
        spec = manifest.by_name[name]
        assert hasattr(AwsAdapter, operation.method) is (spec.support is Support.YES and spec.direct), name
        assert hasattr(AwsAdapter, "transcription_jobs") or spec.job is None
        assert hasattr(AwsAdapter, f"{operation.method}_batch") is (spec.batch is not None), name
        assert spec.service in (*SERVICES, STREAMS)
        if spec.support is not Support.YES:
            assert spec.reason
        elif spec.limits is not None:
            assert spec.limits.source.startswith("https://docs.aws.amazon.com/")
    assert [name for name, spec in manifest.by_name.items() if spec.support is not Support.YES] == [
        "vision.caption",
        "search.suggest",
    ]


# ---------------------------------------------------------------------- addresses and regions


def by_method(method: str) -> Cell:
    return next(cell for cell in EVERY if cell.method == method)


def test_a_service_may_have_an_address_of_its_own(attempt: Any) -> None:
    with VendorStub() as general, VendorStub() as own:
        made = adapter(general.url, endpoints={"comprehend": own.url})
        label, sentiment = by_method("label"), by_method("sentiment")
        general.on(label.target, Answer(json=label.empty))
        own.on(sentiment.target, Answer(json=sentiment.empty))
        call(made, label, attempt)
        call(made, sentiment, attempt)
        assert (general.count, own.count) == (1, 1)
        made.close()


def test_an_address_of_ones_own_is_told_whatever_the_service() -> None:
    told = [
        AwsAdapter(AwsSettings(region="us-east-1", **KEYS, **options)).setup().endpoint
        for options in (
            {},
            {"endpoint": "https://a.example"},
            {"endpoints": {"comprehend": "https://b.example"}},
        )
    ]
    assert told == ["https://rekognition.us-east-1.amazonaws.com", "https://a.example", "https://b.example"]


def test_the_sdks_own_variables_are_honoured(stub: VendorStub, attempt: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COMPREHEND", stub.url)
    made = AwsAdapter(AwsSettings(region="us-east-1", **KEYS))
    cell = by_method("entities")
    stub.on(cell.target, Answer(json=cell.empty))
    call(made, cell, attempt)
    assert stub.count == 1
    made.close()


def test_an_unknown_service_among_the_addresses_is_refused() -> None:
    with pytest.raises(ValidationError, match="no service 'comprehent'"):
        AwsSettings(endpoints={"comprehent": "https://x.example"})


def test_a_region_without_the_service_is_refused_before_sending(attempt: Any) -> None:
    made = AwsAdapter(AwsSettings(region="eu-north-1", **KEYS))
    for method, name in (("label", "Rekognition"), ("sentiment", "Comprehend")):
        error = raised(lambda method=method: call(made, by_method(method), attempt), errors.NotConfigured)
        assert f"Amazon {name} has no region 'eu-north-1'" in str(error)
        assert "us-east-1" in str(error)


def test_unencrypted_addresses_are_refused_for_each_service(attempt: Any) -> None:
    made = adapter("https://proxy.example", endpoints={"comprehend": "http://comprehend.example"})
    error = raised(lambda: call(made, by_method("sentiment"), attempt), errors.NotConfigured)
    assert "unencrypted" in str(error)


def test_services_share_one_credential_and_have_a_client_each(aws: AwsAdapter) -> None:
    accounts = [aws._clients.of(name) for name in SERVICES]
    assert len({id(account.held) for account in accounts}) == 1
    assert len({id(account.client) for account in accounts}) == len(SERVICES)
    assert [account.service for account in accounts] == list(SERVICES)


def test_closing_before_and_after_use(stub: VendorStub) -> None:
    made = adapter(stub.url)
    made.close()
    first = made._clients.of("textract")
    made.close()
    assert made._clients.of("textract") is not first
    made.close()


def test_a_botocore_that_would_not_speak_json_is_refused(aws: AwsAdapter) -> None:
    for name in SERVICES:
        assert aws._clients.of(name).client.meta.service_model.resolved_protocol in ("json", "rest-json")

    class Model:
        resolved_protocol = "smithy-rpc-v2-cbor"

    class Client:
        class meta:
            service_model = Model

    error = raised(lambda: _check_protocol(Client), errors.NotConfigured)
    assert "smithy-rpc-v2-cbor" in str(error)


def test_the_picture_goes_into_a_document_too() -> None:
    from broker_aws import wire

    token = wire.CURRENT.set(wire.Exchange(None, b"page"))  # type: ignore[arg-type]
    try:
        params = {"body": b'{"Document":{"Bytes":""}}'}
        wire.put_picture(params)
    finally:
        wire.CURRENT.reset(token)
    assert params["body"] == b'{"Document": {"Bytes": "%b"}}' % base64.b64encode(b"page")
