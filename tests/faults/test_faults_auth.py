"""Credentials that are absent, refused, expired, renewed or revoked; clocks that are wrong or jump."""

from __future__ import annotations

import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from fault_support import (
    ATTEMPTS,
    AZURE,
    BOTOCORE,
    CANARY,
    FACES,
    GRPC,
    HTTP,
    PICTURE,
    REST,
    THREADS,
    Caller,
    Family,
    in_threads,
    shown,
)

from broker import AuthFailed, Broker, DeadlineExceeded, NotConfigured, Unavailable
from broker.errors import Outcome
from broker.testing.deadlines import ended_by_deadline, until
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error

faces = pytest.mark.parametrize("face", FACES)
TOKEN_ROUTE = "/metadata/identity/oauth2/token"  # a path


@faces
@pytest.mark.parametrize("family", HTTP, ids=lambda family: family.name)
def test_17_a_fixed_key_has_no_other(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    refusal = aws_error("UnrecognizedClientException", "no", 400) if family is BOTOCORE else Answer(401)
    vendor_stub.on(family.route, default=refusal)
    with pytest.raises(AuthFailed) as caught:
        call(face, family, vendor_stub.url)
    assert vendor_stub.count == len(call.rows()) == 1
    assert CANARY not in shown(caught.value)


# ---------------------------------------------------------------------- botocore


def sts_answer(number: int, seconds: int = 3600) -> Answer:
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>ASIAROLE0000000{number}</AccessKeyId><SecretAccessKey>{CANARY}{number}</SecretAccessKey>"
        f"<SessionToken>session{number}</SessionToken><Expiration>{until}</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
    return Answer(body=body.encode(), headers={"content-type": "text/xml"}, delay=0.05)


class Role:
    """A role that STS gives keys for, and a Rekognition that takes all sessions but the revoked ones."""

    def __init__(self, stub: VendorStub, first_seconds: int = 3600) -> None:
        self.stub = stub
        self.assumed = 0
        self.revoked: set[str] = set()
        self._first_seconds = first_seconds
        stub.on("/", self._assume)
        stub.on(BOTOCORE.route, self._labels)

    def _assume(self, seen: Any) -> Answer:
        self.assumed += 1
        return sts_answer(self.assumed, self._first_seconds if self.assumed == 1 else 3600)

    def _labels(self, seen: Any) -> Answer:
        if seen.headers.get("x-amz-security-token") in self.revoked:
            return aws_error("ExpiredTokenException", "The security token included in the request is expired")
        return Answer(json=BOTOCORE.labels("Cat"))

    @property
    def asked(self) -> list[str]:
        return [
            seen.headers["x-amz-security-token"]
            for seen in self.stub.requests
            if seen.route == BOTOCORE.route
        ]


@pytest.fixture
def role_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor_stub: VendorStub) -> dict[str, Any]:
    (tmp_path / "aws.ini").write_text(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {CANARY}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws.ini"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none.ini"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", vendor_stub.url)

    def send(*_: Any) -> Any:
        raise AssertionError("botocore went to the network past the broker's transport")

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    return {"endpoint": vendor_stub.url, "region": "us-east-1", "profile": "work"}


@faces
def test_17_a_roles_expired_session_is_replaced_and_the_call_tried_once_more(
    face: str, role_profile: dict[str, Any], vendor_stub: VendorStub, call: Caller
) -> None:
    role = Role(vendor_stub)
    role.revoked.add("session1")
    result = call(face, BOTOCORE, vendor_stub.url, section=role_profile)
    assert role.asked == ["session1", "session2"]
    assert role.assumed == 2
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.REJECTED, Outcome.DONE]
    assert [row["billed"] for row in call.rows()] == ["no", "yes"]


def test_36_of_many_threads_with_an_expired_session_one_asks_for_the_next(
    role_profile: dict[str, Any], vendor_stub: VendorStub, call: Caller
) -> None:
    role = Role(vendor_stub)
    with Broker(**call.options(BOTOCORE, vendor_stub.url, section=role_profile)) as broker:
        broker.vision.label(PICTURE)
        role.revoked.add("session1")
        results = in_threads(lambda: broker.vision.label(PICTURE))
        spent = sum(row.attempts for row in broker.spend())
    assert role.assumed == 2
    assert all(result.attempts[-1].outcome is Outcome.DONE for result in results)
    assert spent == len(role.asked)


def test_36_keys_that_are_about_to_expire_are_renewed_by_one_of_many_threads(
    role_profile: dict[str, Any], vendor_stub: VendorStub, call: Caller
) -> None:
    role = Role(vendor_stub, first_seconds=60)
    with Broker(**call.options(BOTOCORE, vendor_stub.url, section=role_profile)) as broker:
        in_threads(lambda: broker.vision.label(PICTURE))
    assert role.assumed == 2
    assert role.asked == ["session2"] * THREADS


@pytest.mark.realtime
@faces
def test_36_an_sts_that_hangs_ends_with_the_deadline_and_nothing_is_billed(
    face: str, role_profile: dict[str, Any], vendor_stub: VendorStub, call: Caller
) -> None:
    vendor_stub.on("/", Fault.hang())
    error = ended_by_deadline(
        lambda seconds: call(face, BOTOCORE, vendor_stub.url, section=role_profile, deadline=seconds),
        lambda: vendor_stub.count,
    )
    assert type(error) is DeadlineExceeded
    assert error.billed is False
    assert [row["outcome"] for row in call.rows() if row["call_id"] == error.call_id] == ["not_sent"]
    assert vendor_stub.requests[-1].path == "/", "STS was asked"


@pytest.mark.realtime
@faces
def test_36_a_login_helper_that_hangs_ends_with_the_deadline(
    face: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor_stub: VendorStub, call: Caller
) -> None:
    """``credential_process`` has no time-out of its own."""
    helper, begun = tmp_path / "helper", tmp_path / "begun"
    helper.write_text(f"#!/bin/sh\necho >> {begun}\nexec sleep 40\n", encoding="utf-8")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "aws.ini").write_text(f"[default]\ncredential_process = {helper}\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws.ini"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none.ini"))
    section = {"endpoint": vendor_stub.url, "region": "us-east-1"}
    error = ended_by_deadline(
        lambda seconds: call(face, BOTOCORE, vendor_stub.url, section=section, deadline=seconds),
        lambda: len(begun.read_text()) if begun.exists() else 0,
    )
    assert type(error) is DeadlineExceeded
    assert error.billed is False
    assert vendor_stub.count == 0


@faces
def test_39_rotated_keys_of_a_file_are_read_anew(
    face: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor_stub: VendorStub, call: Caller
) -> None:
    keys = tmp_path / "keys.ini"

    def write(number: int) -> None:
        keys.write_text(
            f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPL{number}\naws_secret_access_key = {CANARY}\n",
            encoding="utf-8",
        )

    def labels(seen: Any) -> Answer:
        if f"AKIAIOSFODNN7EXAMPL{revoked}" in seen.headers["authorization"]:
            return aws_error("UnrecognizedClientException", "The security token is invalid")
        return Answer(json=BOTOCORE.labels("Cat"))

    revoked = 9
    write(1)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none.ini"))
    vendor_stub.on(BOTOCORE.route, labels)

    def rotate() -> None:
        nonlocal revoked
        revoked = 1
        write(2)

    section = {"endpoint": vendor_stub.url, "region": "us-east-1"}
    result = call(face, BOTOCORE, vendor_stub.url, section=section, times=2, between=rotate)
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.REJECTED, Outcome.DONE]
    assert call.outcomes() == ["done", "rejected", "done"]


# ---------------------------------------------------------------------- Google


# ---------------------------------------------------------------------- absent, skewed, revoked


ABSENT: list[tuple[Family, dict[str, str], str]] = [
    (BOTOCORE, {}, "AWS_ACCESS_KEY_ID"),
    (BOTOCORE, {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "AWS_SECRET_ACCESS_KEY"),
    (AZURE, {}, "AZURE_TENANT_ID"),
    (AZURE, {"AZURE_CLIENT_SECRET": CANARY, "AZURE_CLIENT_ID": "c"}, "AZURE_TENANT_ID"),
    (GRPC, {}, "GOOGLE_APPLICATION_CREDENTIALS"),
    (GRPC, {"GOOGLE_APPLICATION_CREDENTIALS": "/no/such/file.json"}, "GOOGLE_APPLICATION_CREDENTIALS"),
]


@faces
@pytest.mark.parametrize(("family", "variables", "named"), ABSENT, ids=str)
def test_37_an_absent_or_half_set_credential_is_told_at_once_by_name(
    family: Family,
    variables: dict[str, str],
    named: str,
    face: str,
    vendor_stub: VendorStub,
    call: Caller,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(tmp_path))  # no az, azd or gcloud of this machine
    url = "https://127.0.0.1:1" if family is GRPC else vendor_stub.url
    section = {"endpoint": url} | ({"region": "us-east-1"} if family is BOTOCORE else {})
    started = time.monotonic()
    with pytest.raises(NotConfigured, match=named) as caught:
        call(face, family, vendor_stub.url, section=section)
    assert time.monotonic() - started < 25.0
    assert CANARY not in shown(caught.value)
    assert caught.value.billed is False
    assert vendor_stub.count == 0
    assert set(call.outcomes()) <= {"not_sent"}


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("seconds", "error"),
    [(0.4, DeadlineExceeded), (90.0, NotConfigured)],
    ids=["short", "long"],
)
def test_37_a_metadata_service_that_is_not_there_holds_nobody_up(
    seconds: float,
    error: Any,
    vendor_stub: VendorStub,
    call: Caller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With time enough the chain's own second is the limit, and then it is told what to set."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", vendor_stub.url)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none.ini"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none.ini"))
    vendor_stub.script([], default=Fault.hang())
    section = {"endpoint": vendor_stub.url, "region": "us-east-1"}
    others = set(threading.enumerate())  # of tests before, whose helpers hang for minutes
    started = time.monotonic()
    with pytest.raises(error) as caught:
        call("sync", BOTOCORE, vendor_stub.url, section=section, deadline=seconds)
    assert time.monotonic() - started < 30.0
    assert caught.value.billed is False
    assert not [seen for seen in vendor_stub.requests if seen.route == BOTOCORE.route]
    # Who was left behind must not go on in the next test's world, where the real address is the metadata service's.
    assert until(
        lambda: (
            not [
                each
                for each in threading.enumerate()
                if each.name.startswith("while ") and each not in others
            ]
        )
    )


@faces
@pytest.mark.parametrize(("minutes", "side"), [(20, "behind"), (-20, "ahead")])
def test_38_a_wrong_clock_is_named_and_not_the_permission(
    minutes: int, side: str, face: str, vendor_stub: VendorStub, call: Caller
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    refusal = Answer(403, json={"__type": "InvalidSignatureException"}, headers={"date": date})
    vendor_stub.on(BOTOCORE.route, default=refusal)
    with pytest.raises(AuthFailed, match=f"s {side} of AWS's") as caught:
        call(face, BOTOCORE, vendor_stub.url)
    assert date in str(caught.value)
    assert "timedatectl" in str(caught.value)
    assert vendor_stub.count == len(call.rows()) == 1


def test_39_a_revoked_key_stops_its_own_provider_only(vendor_stub: VendorStub, call: Caller) -> None:
    vendor_stub.on(REST.route, Answer(json=REST.labels("Cat")), Answer(401))
    vendor_stub.on(AZURE.route, default=Answer(json=AZURE.labels("Cat")))
    options = call.options(REST, vendor_stub.url)
    options["adapters"] = [REST.adapter, AZURE.adapter]
    options["providers"]["azure"] = AZURE.section(vendor_stub.url)
    with Broker(**options) as broker:
        broker.vision.label(PICTURE)
        for _ in range(3):
            with pytest.raises(AuthFailed):
                broker.vision.label(PICTURE)
            found = broker.vision.label(PICTURE, provider="azure")
            assert [label.name for label in found.value.labels] == ["Cat"]
        spent = sum(row.attempts for row in broker.spend())
    assert spent == vendor_stub.count


@pytest.mark.parametrize("days", [-2.0, 2.0])
def test_40_a_wall_clock_that_jumps_moves_no_deadline(days: float) -> None:
    from broker.runtime.virtual import VirtualRuntime
    from broker.testing.fake import fake_provider, labels

    class Jumping(VirtualRuntime):
        def now(self) -> datetime:
            jumped = timedelta(days=days) if self.slept else timedelta()
            return super().now() + jumped

    runtime = Jumping()
    down = Unavailable("it is down")
    adapter = fake_provider([down, down, labels("Cat")])
    with Broker(adapters=[adapter], provider="fake", runtime=runtime, max_attempts=ATTEMPTS) as broker:
        result = broker.vision.label(PICTURE, deadline=30)
    assert len(result.attempts) == 3
    assert result.latency == pytest.approx(sum(runtime.slept))
    assert all(attempt.latency >= 0 and attempt.started.tzinfo is UTC for attempt in result.attempts)
    assert abs(result.attempts[2].started - result.attempts[0].started) > timedelta(days=1)
