"""What the Google adapter says of itself without network: which of its services can be called, and what stops others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from adapter_support import no_module

from broker_gcp import GcpAdapter, GcpSettings


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any credential of Google's."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST", "K_SERVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


def setup(**settings: Any) -> Any:
    return GcpAdapter(GcpSettings(**settings)).setup()


def test_with_a_key_and_a_project_everything_can_be_called() -> None:
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    found = setup(api_key="k", project="p")
    assert (found.configured, found.problem, found.credential) == (True, "", "api_key of the settings")


def test_with_a_key_alone_what_works_in_a_project_is_told() -> None:
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    found = setup(api_key="k")
    assert found.configured is True
    assert found.problem.startswith("dlp: dlp.googleapis.com works in a project")
    assert "set project" in found.problem
    assert found.problem.endswith("; vision, language, translate: can be called")


def test_a_key_calls_the_text_services_without_googles_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    with no_module(monkeypatch, "google.cloud.vision_v1"):
        found = setup(api_key="k", project="p")
    assert found.configured is True
    assert found.problem == (
        "vision: Google's libraries are not installed; pip install 'mlbroker[gcp]'; "
        "language, translate, dlp, speech: can be called"
    )


def test_a_file_calls_nothing_without_googles_libraries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key.json"
    file.write_text("{}", encoding="utf-8")
    with no_module(monkeypatch, "google.cloud.vision_v1"), no_module(monkeypatch, "google.auth"):
        found = setup(credentials_file=str(file))
    assert found.configured is False
    assert found.problem == "Google's libraries are not installed; pip install 'mlbroker[gcp]'"


def test_without_a_credential_one_text_says_what_to_do() -> None:
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    found = setup()
    assert (found.configured, found.credential) == (False, "")
    assert found.problem.startswith("no Google credential was found; set GOOGLE_APPLICATION_CREDENTIALS")
    assert "language:" not in found.problem


def test_a_region_that_a_key_cannot_keep_is_told() -> None:
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    found = setup(api_key="k", project="p", region="eu")
    assert found.configured is True
    assert found.problem.startswith("translate: Cloud Translation Basic")
    assert found.region == "eu"


def test_a_region_that_google_does_not_have_stops_everything() -> None:
    found = setup(api_key="k", project="p", region="us-east-1")
    assert found.configured is False
    assert "set region to eu or us" in found.problem


def test_two_credentials_stop_everything_on_this_machine_too() -> None:
    for more in ({}, {"endpoint": "http://127.0.0.1:5"}):
        found = setup(api_key="k", credentials_file="f", **more)
        assert found.configured is False
        assert "keep one" in found.problem


def test_one_service_on_this_machine_is_something_to_call() -> None:
    found = setup(endpoints={"language": "http://127.0.0.1:5"})
    assert found.configured is True
    assert found.problem.endswith("; language: can be called")
    assert found.credential == "none is sent to a loopback endpoint"
