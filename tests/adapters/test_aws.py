"""The AWS adapter against a loopback Rekognition, boto3 in between."""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, FIXTURES, close, load, no_module, raised, recorded
from botocore.exceptions import ClientError

from broker import errors
from broker.contract import Describable, ImageLimits
from broker.testing.deadlines import ended_by_deadline, until
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker_aws import AwsAdapter, AwsSettings, wire
from broker_aws.faults import TABLE

TARGET = "RekognitionService.DetectLabels"
LABEL = {"Name": "Cat", "Confidence": 98.5}


@pytest.fixture
def aws(stub: VendorStub) -> Iterator[AwsAdapter]:
    adapter = AwsAdapter(
        AwsSettings(
            region="us-east-1",
            endpoint=stub.url,
            access_key_id="AKIAIOSFODNN7EXAMPLE",  # type: ignore[arg-type]
            secret_access_key=CANARY,  # type: ignore[arg-type]
            session_token=CANARY,  # type: ignore[arg-type]
        )
    )
    yield adapter
    adapter.close()


@pytest.mark.parametrize("path", recorded("aws/rekognition/detect_labels"))
def test_every_recorded_answer(path: Path, aws: AwsAdapter, stub: VendorStub, attempt: Any, ask: Any) -> None:
    said = load(path)
    stub.on(TARGET, Answer(body=path.read_bytes()))
    reply = aws.label(ask(raw=True), attempt())
    assert [label.name for label in reply.payload.labels] == [each["Name"] for each in said["Labels"]]
    for label, each in zip(reply.payload.labels, said["Labels"], strict=True):
        assert label.confidence.raw == each["Confidence"]
        assert close(label.confidence.value, each["Confidence"] / 100)
        assert label.parents == tuple(parent["Name"] for parent in each.get("Parents", ()))
    assert reply.raw == said
    assert reply.model_version == said.get("LabelModelVersion")
    assert reply.request_id


def test_what_is_sent(aws: AwsAdapter, stub: VendorStub, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, {"Labels": []})
    request = ask(max_labels=1, min_confidence=0.9)
    assert aws.label(request, attempt()).payload.labels == ()
    (seen,) = stub.requests
    body: Any = seen.json()
    assert base64.b64decode(body["Image"]["Bytes"]) == request.image.data
    assert (body["MaxLabels"], body["MinConfidence"]) == (1000, 0)
    assert seen.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    assert "us-east-1/rekognition/aws4_request" in seen.headers["authorization"]


def test_a_body_written_differently_gets_its_picture_too() -> None:
    token = wire.CURRENT.set(wire.Exchange(None, b"picture"))  # type: ignore[arg-type]
    try:
        params = {"body": b'{"Image":{"Bytes":""},"MaxLabels":1000}'}
        wire.put_picture(params)
    finally:
        wire.CURRENT.reset(token)
    body = json.loads(params["body"])
    assert body == {"Image": {"Bytes": base64.b64encode(b"picture").decode()}, "MaxLabels": 1000}


def test_relations_and_unknown_members(aws: AwsAdapter, stub: VendorStub, attempt: Any, ask: Any) -> None:
    label = {
        **LABEL,
        "Parents": [{"Name": "Pet"}, {"Name": "Animal"}],
        "Aliases": [{"Name": "Kitty"}],
        "Categories": [{"Name": "Animals and Pets"}],
        "Instances": [],
        "Novelty": {"A": 1},
    }
    stub.on(TARGET, {"Labels": [label], "ImageProperties": {}, "Future": [1]})
    reply = aws.label(ask(raw=True), attempt())
    (cat,) = reply.payload.labels
    assert (cat.parents, cat.aliases, cat.categories) == (
        ("Pet", "Animal"),
        ("Kitty",),
        ("Animals and Pets",),
    )
    assert isinstance(reply.raw, dict)
    assert reply.raw["Future"] == [1]
    assert aws.label(ask(), attempt()).raw is None


@pytest.mark.parametrize(
    ("said", "value", "raw", "clamped"),
    [
        (98.5, 0.985, 98.5, False),
        (100, 1.0, 100.0, False),
        ("98.5", 0.985, 98.5, False),
        (None, None, None, False),
        (100.5, 1.0, 100.5, True),
        (-1, 0.0, -1.0, True),
        (float("nan"), None, "NaN", True),
    ],
)
def test_confidences(
    said: object, value: float | None, raw: object, clamped: bool, aws: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    stub.on(TARGET, Answer(body=json.dumps({"Labels": [{"Name": "Cat", "Confidence": said}]}).encode()))
    (label,) = aws.label(ask(), attempt()).payload.labels
    assert label.confidence.value == pytest.approx(value)
    assert (label.confidence.raw, label.confidence.clamped) == (raw, clamped)


def test_missing_confidence_is_unknown(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, {"Labels": [{"Name": "Cat", "Parents": None, "Aliases": None}]})
    (label,) = aws.label(ask(), attempt()).payload.labels
    assert (label.confidence.value, label.confidence.raw) == (None, None)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(json={}),
        Answer(json={"Labels": None}),
        Answer(json={"Labels": {}}),
        Answer(json={"Labels": ["Cat"]}),
        Answer(json={"Labels": [{"Confidence": 9}]}),
        Answer(json={"Labels": [{"Name": None, "Confidence": 9}]}),
        Answer(json={"Labels": [{"Name": 7, "Confidence": 9}]}),
        Answer(json={"Labels": [{"Name": "Cat", "Confidence": "high"}]}),
        Answer(json={"Labels": [{"Name": "Cat", "Confidence": True}]}),
        Answer(json={"Labels": [{"Name": "Cat", "Confidence": {}}]}),
        Answer(json={"Labels": [{**LABEL, "Parents": "Pet"}]}),
        Answer(json=[LABEL]),
        Answer(body=b'{"Labels": [{"Name": "Cat"'),
        Answer(body=b"\xff\xfe"),
        Answer(
            json={
                "Output": {"__type": "com.amazon.coral.service#UnknownOperationException"},
                "Version": "1.0",
            }
        ),
        Fault.html(),
        Fault.empty(),
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_empty(
    answer: Any, aws: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    stub.on(TARGET, answer)
    error = raised(lambda: aws.label(ask(), attempt()), errors.MalformedReply)
    assert error.outcome is errors.Outcome.BAD_REPLY
    assert error.billed is True
    assert stub.count == 1


KINDS = [
    ("ThrottlingException", 400, errors.Throttled),
    ("ThrottlingException", 500, errors.Throttled),
    ("ProvisionedThroughputExceededException", 400, errors.Throttled),
    ("TooManyRequestsException", 429, errors.Throttled),
    ("LimitExceededException", 400, errors.QuotaExhausted),
    ("ServiceQuotaExceededException", 400, errors.QuotaExhausted),
    ("AccessDeniedException", 400, errors.AuthFailed),
    ("UnrecognizedClientException", 400, errors.AuthFailed),
    ("ExpiredTokenException", 400, errors.AuthFailed),
    ("InvalidSignatureException", 403, errors.AuthFailed),
    ("InvalidImageFormatException", 400, errors.BadInput),
    ("ImageTooLargeException", 400, errors.BadInput),
    ("InvalidParameterException", 400, errors.BadInput),
    ("InvalidS3ObjectException", 400, errors.BadInput),
    ("InternalServerError", 500, errors.Unavailable),
    ("ServiceUnavailableException", 503, errors.Unavailable),
    ("NeverHeardOf", 599, errors.ProviderFault),
    ("NeverHeardOf", 400, errors.BadInput),
]


@pytest.mark.parametrize(("code", "status", "kind"), KINDS)
def test_codes(
    code: str, status: int, kind: type[Exception], aws: Any, stub: Any, attempt: Any, ask: Any
) -> None:
    stub.on(TARGET, Answer(status, json={"__type": f"com.amazonaws.rekognition#{code}", "Message": "no"}))
    error = raised(lambda: aws.label(ask(), attempt()), kind)
    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert error.request_id
    assert isinstance(error.__cause__, ClientError)
    assert stub.count == 1


@pytest.mark.parametrize("service", ["rekognition", "textract", "comprehend"])
def test_every_code_of_the_recorded_service_model_has_a_row(service: str) -> None:
    path = FIXTURES / f"aws/{service}/errors/_botocore_error_shapes.json"
    if not path.exists():
        pytest.skip(f"no {path}; set MLBROKER_TEST_FIXTURES")
    assert sorted(set(load(path)["exceptions"]) - set(TABLE)) == []


def test_every_code_of_the_installed_service_model_has_a_row(aws: AwsAdapter) -> None:
    model = aws._clients.of("rekognition").client.meta.service_model
    names = {shape.name for shape in model.error_shapes}
    assert names
    assert sorted(names - set(TABLE)) == []


def test_status_without_code(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, Answer(503, body=b"<html>busy</html>", headers={"content-type": "text/html"}))
    error = raised(lambda: aws.label(ask(), attempt()), errors.Unavailable)
    assert "text/html" in str(error)
    stub.on(TARGET, Fault.redirect())
    raised(lambda: aws.label(ask(), attempt()), errors.BadInput)
    for body in (b"[]", b"7", b'"x"', b"", b"\xff\xfe", b'{"__type": 7}', b'{"message": {}}'):
        stub.on(TARGET, Answer(503, body=body))
        raised(lambda: aws.label(ask(), attempt()), errors.Unavailable)
    assert stub.count == 9


def test_retry_hint_in_milliseconds(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(
        TARGET, Answer(400, json={"__type": "ThrottlingException"}, headers={"x-amz-retry-after": "1500"})
    )
    assert raised(lambda: aws.label(ask(), attempt()), errors.Throttled).retry_after == 1.5


@pytest.mark.parametrize(("minutes", "side"), [(20, "behind"), (-20, "ahead")])
def test_clock_skew_is_named(minutes: int, side: str, aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    stub.on(TARGET, Answer(403, json={"__type": "InvalidSignatureException"}, headers={"date": date}))
    error = raised(lambda: aws.label(ask(), attempt()), errors.AuthFailed)
    assert f"s {side} of AWS's" in str(error)
    assert "timedatectl" in str(error)


def test_transport_errors_come_out_unwrapped(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, Fault.reset_after_body())
    error = raised(lambda: aws.label(ask(), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.AMBIGUOUS
    assert stub.count == 1
    stub.close()
    error = raised(lambda: aws.label(ask(), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.NOT_SENT


@pytest.mark.realtime
def test_a_dripping_server_cannot_pass_the_deadline(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, {"Labels": []}, default=Fault.drip(0.1, {"long": "x" * 1000}))
    aws.label(ask(), attempt())  # the first call loads boto3 and makes its client
    error = ended_by_deadline(lambda seconds: aws.label(ask(), attempt(seconds)), lambda: stub.count)
    assert type(error) is errors.DeadlineExceeded
    assert error.billed is None


def test_secrets_stay_inside(aws: Any, stub: Any, attempt: Any, ask: Any, caplog: Any) -> None:
    # AWS repeats the canonical request, token included, when it refuses a signature.
    words = f"The Canonical String should have been x-amz-security-token:{CANARY}"
    stub.on(TARGET, Answer(403, json={"__type": "InvalidSignatureException", "message": words}))
    with caplog.at_level(logging.INFO):
        error = raised(lambda: aws.label(ask(), attempt()), errors.AuthFailed)
    shown = [str(error), repr(error), "".join(traceback.format_exception(error)), repr(vars(error.__cause__))]
    shown += [repr(aws), repr(aws._settings), repr(aws.setup()), caplog.text]
    assert CANARY not in "\n".join(shown)
    assert error.__cause__.__traceback__ is None


def test_missing_extra(attempt: Any, ask: Any, monkeypatch: Any) -> None:
    adapter = AwsAdapter(AwsSettings(region="us-east-1"))
    with no_module(monkeypatch, "boto3", "botocore"):
        error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
        assert "mlbroker[aws]" in adapter.setup().problem
    assert "pip install 'mlbroker[aws]'" in str(error)


@pytest.mark.parametrize(
    "options",
    [
        {"aws_max_labels": "10"},
        {"aws_max_labels": 0},
        {"aws_max_labels": True},
        {"aws_min_confidence": 101},
        {"aws_min_confidence": "50"},
        {"aws_features": "GENERAL_LABELS"},
        {"aws_features": ["IMAGE_PROPERTIES"]},
        {"aws_features": ["GENERAL_LABELS", "FACES"]},
        {"aws_features": [1]},
        {"aws_features": []},
        {"aws_settings": []},
        {"aws_settings": {"GeneralLabels": {"LabelInclusionFilters": "Cat"}}},
    ],
)
def test_wrong_options(options: dict[str, Any], aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    raised(lambda: aws.label(ask(extensions=options), attempt()), errors.BadInput)
    assert stub.count == 0


def test_options_narrow(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, {"Labels": []})
    options = {
        "aws_max_labels": 5,
        "aws_min_confidence": 70,
        "aws_features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"],
        "aws_settings": {"GeneralLabels": {"LabelInclusionFilters": ["Cat"]}},
        "gcp_model": "builtin/latest",
    }
    request = ask(extensions=options)
    aws.label(request, attempt())
    body = stub.requests[0].json()
    assert (body["MaxLabels"], body["MinConfidence"]) == (5, 70)
    assert body["Settings"]["GeneralLabels"]["LabelInclusionFilters"] == ["Cat"]
    skus = [usage.sku for usage in aws.manifest.spec("vision.label").meter(request)]
    assert skus == ["", "aws.rekognition.image_properties"]


def test_threads_share_one_client(aws: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on(TARGET, lambda seen: Answer(json={"Labels": [{"Name": seen.headers["content-length"]}]}))
    context, failures, names = attempt(10), [], []

    def work(size: int) -> None:
        from broker.types import Image, LabelRequest

        image = Image(data=bytes(size), format="jpeg", width=100, height=100)
        try:
            for _ in range(5):
                names.append((size, aws.label(LabelRequest(image=image), context).payload.labels[0].name))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(300 * size,)) for size in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({name for _, name in names}) == 6
    assert all(len({name for size, name in names if size == wanted}) == 1 for wanted, _ in names)


def test_a_forked_child_makes_its_own_client(aws: Any) -> None:
    mine, held = aws._clients.of("rekognition"), aws._clients.held()
    assert aws._clients.of("rekognition") is mine
    for each in (aws._clients._accounts["rekognition"], aws._clients._login):
        each._lock.acquire()  # held by a thread that does not exist in the child
        each._pid = os.getpid() + 1
    assert aws._clients.of("rekognition") is not mine
    assert aws._clients.held() is not held


def test_manifest(aws: AwsAdapter) -> None:
    assert isinstance(aws, Describable)
    spec = aws.manifest.spec("vision.label")
    assert spec.sku == "aws.rekognition.group2"
    assert isinstance(spec.limits, ImageLimits)
    assert spec.limits.max_bytes == 5_242_880
    setup = aws.setup()
    assert setup.configured
    assert setup.credential == "access_key_id of the settings"
    assert "OPT_OUT" in setup.data_use


_PROCESS = "[profile p]\ncredential_process = /bin/echo "


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("[profile p]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = gone\n", errors.NotConfigured),
        ("[profile p]\nrole_arn = arn:aws:iam::1:role/x\n", errors.NotConfigured),
        ("[profile p]\ncredential_process = /bin/false\n", errors.AuthFailed),
        ("[profile p]\ncredential_process = /bin/echo no json\n", errors.NotConfigured),
        (_PROCESS + '\'{"Version":1,"AccessKeyId":"a"}\'\n', errors.AuthFailed),
        (
            "[profile p]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n",
            errors.BrokerError,
        ),
    ],
)
def test_a_chain_that_cannot_give_keys_costs_nothing_and_says_what_to_do(
    config: str, kind: Any, stub: Any, attempt: Any, ask: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(config, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    adapter = AwsAdapter(AwsSettings(region="us-east-1", endpoint=stub.url, profile="p"))
    error = raised(lambda: adapter.label(ask(), attempt()), kind)
    assert error.billed is False
    assert stub.count == 0
    assert set(vars(error.__cause__ or error)) <= {"response", "operation_name", *vars(error)}
    adapter.close()


def test_what_a_login_helper_printed_is_not_kept(
    stub: Any, attempt: Any, ask: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    text = f"[profile p]\ncredential_process = /bin/echo 'SecretAccessKey {CANARY[:12]} and no json'\n"
    (tmp_path / "config").write_text(text, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    adapter = AwsAdapter(AwsSettings(region="us-east-1", endpoint=stub.url, profile="p"))
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    shown = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(vars(error.__cause__))
    assert CANARY[:12] not in shown


def test_keys_that_live_a_while_longer_are_renewed_beside_the_calls(attempt: Any) -> None:
    """In the last minutes botocore would renew inline; here a call goes on with what is still good."""
    from broker_aws.credentials import Held

    class Source:
        """As botocore's refreshable credentials."""

        def __init__(self) -> None:
            self.seconds = 700.0
            self.fetched = 0
            self.gate = threading.Event()

        def refresh_needed(self, refresh_in: float = 900.0) -> bool:
            return self.seconds < refresh_in

        def get_frozen_credentials(self) -> Any:
            if self.refresh_needed():
                self.gate.wait(30.0)
                self.fetched += 1
                self.seconds = 3600.0
            return clients_keys(self.fetched)

    def clients_keys(number: int) -> Any:
        from botocore.credentials import ReadOnlyCredentials

        return ReadOnlyCredentials(f"key{number}", f"secret-{number:08d}", None)

    exchange = wire.Exchange(attempt(), b"")
    held = Held(AwsSettings(), lambda: exchange, lambda **_: None)
    source = Source()
    held._keep(source, clients_keys(0))
    assert [held.get_frozen_credentials().access_key for _ in range(3)] == ["key0"] * 3
    assert exchange.used.access_key == "key0"
    source.gate.set()
    assert until(lambda: held.get_frozen_credentials().access_key == "key1")
    assert source.fetched == 1
