"""AWS credentials, regions and endpoints: what is missing is told before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapter_support import raised

from broker import errors
from broker_aws import AwsAdapter, AwsSettings

TARGET = "RekognitionService.DetectLabels"
LABEL = {"Name": "Cat", "Confidence": 98.5}


def test_partial_keys_in_settings(attempt: Any, ask: Any) -> None:
    adapter = AwsAdapter(AwsSettings(region="us-east-1", access_key_id="AKIAIOSFODNN7EXAMPLE"))
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "secret_access_key" in str(error)
    assert adapter.setup().configured is False
    assert "secret_access_key" in adapter.setup().problem


def test_partial_keys_in_environment(attempt: Any, ask: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    adapter = AwsAdapter(AwsSettings(region="us-east-1"))
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "AWS_SECRET_ACCESS_KEY" in str(error)
    assert "AKIA" not in str(error)
    assert "AWS_SECRET_ACCESS_KEY" in adapter.setup().problem


def test_no_credential(attempt: Any, ask: Any) -> None:
    adapter = AwsAdapter(AwsSettings(region="us-east-1"))
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "AWS_ACCESS_KEY_ID" in str(error)
    assert adapter.setup().configured is False


def test_no_region(attempt: Any, ask: Any) -> None:
    adapter = AwsAdapter(AwsSettings())
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "AWS_REGION" in str(error)
    assert adapter.region is None


def test_region_from_the_environment(monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert AwsAdapter(AwsSettings()).region == "eu-west-2"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert AwsAdapter(AwsSettings()).region == "eu-west-1"
    assert AwsAdapter(AwsSettings(region="us-east-2")).region == "us-east-2"


def test_region_and_keys_from_a_profile(
    monkeypatch: Any, tmp_path: Path, stub: Any, attempt: Any, ask: Any
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[profile prod]\nregion = eu-central-1\n", encoding="utf-8")
    (tmp_path / ".aws/credentials").write_text(
        "[prod]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = abc\n", encoding="utf-8"
    )
    adapter = AwsAdapter(AwsSettings(profile="prod", endpoint=stub.url))
    stub.on(TARGET, {"Labels": [LABEL]})
    assert len(adapter.label(ask(), attempt()).payload.labels) == 1
    assert "eu-central-1" in stub.requests[0].headers["authorization"]
    assert adapter.setup().credential == "profile prod (keys)"
    assert adapter.region == "eu-central-1"
    unknown = AwsAdapter(AwsSettings(profile="nope", region="us-east-1"))
    assert "nope" in str(raised(lambda: unknown.label(ask(), attempt()), errors.NotConfigured))
    assert "nope" in unknown.setup().problem


def test_wrong_region_is_refused_before_sending(attempt: Any, ask: Any) -> None:
    keys: Any = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s"}
    for region in ("eu-north-1", "us-east-9", "not a region"):
        adapter = AwsAdapter(AwsSettings(region=region, **keys))
        error = raised(lambda adapter=adapter: adapter.label(ask(), attempt()), errors.NotConfigured)
        assert "region" in str(error).lower()


def test_plain_http_endpoint_is_refused(attempt: Any, ask: Any) -> None:
    keys: Any = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s"}
    for endpoint in ("http://example.com", "ftp://x", "nonsense"):
        adapter = AwsAdapter(AwsSettings(region="us-east-1", endpoint=endpoint, **keys))
        raised(lambda adapter=adapter: adapter.label(ask(), attempt()), errors.NotConfigured)
