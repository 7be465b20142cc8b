"""The settings of Azure's staging folder: what is one, what is a signature, and that neither tells secrets."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from broker_azure import AzureSettings


@pytest.mark.parametrize(
    "text",
    [
        "http://account.blob.core.windows.net/c",
        "https://account.blob.core.windows.net",
        "https://account.blob.core.windows.net/",
        "https://account.blob.core.windows.net/C_1/f",
        "https://account.blob.core.windows.net/a--b/f",
        "https://account.blob.core.windows.net/ab",
        "https://account.blob.core.windows.net/c1x/../other",
        "https://account.blob.core.windows.net/c1x/a%20b",
        "https://account.blob.core.windows.net/c1x/f?sv=1&sig=abcdefghijk",
        "https://user:secretsecret@account.blob.core.windows.net/c1x",
        "https://my-speech.cognitiveservices.azure.com/c1x/f",
        "https://blob.core.windows.net.example.com/c1x",
        "https://.blob.core.windows.net/c1x",
        "s3://bucket/folder",
        "https://[::1/c1x",
        "folder",
    ],
)
def test_a_staging_that_is_no_folder_of_a_container_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="staging") as refused:
        AzureSettings(staging=text)
    assert "sig=" not in str(refused.value)
    assert "secretsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://acc.blob.core.windows.net/recordings", None),
        (" https://acc.blob.core.windows.net/$x/", "refused"),
        (
            "https://acc.blob.core.windows.net/recordings/a/b.c/",
            "https://acc.blob.core.windows.net/recordings/a/b.c",
        ),
        ("https://acc.z12.blob.storage.azure.net/recordings", None),
        ("https://acc.blob.core.usgovcloudapi.net/recordings/x", None),
        ("http://127.0.0.1:10000/devstore/recordings/x", None),
    ],
)
def test_a_staging_is_kept_without_a_slash_at_its_end(text: str, kept: str | None) -> None:
    if kept == "refused":
        with pytest.raises(ValueError, match="container"):
            AzureSettings(staging=text)
        return
    assert AzureSettings(staging=text).staging == (kept or text)


@pytest.mark.parametrize(
    "sas",
    [
        "sv=1&sp=r",
        "https://x.blob.core.windows.net/c?sig=abcdefghijkl",
        "sig=a b c d e f g",
        "?",
        "sig=é123456789",
    ],
)
def test_a_signature_that_is_none_is_refused_without_repeating_it(sas: str) -> None:
    with pytest.raises(ValueError, match="staging_sas must be") as refused:
        AzureSettings(staging_sas=SecretStr(sas))
    assert "abcdefghijkl" not in str(refused.value)


@pytest.mark.parametrize(
    ("sas", "why"),
    [
        ("sv=1&sr=c&sp=rcw&sig=abcdefghijkl", "permission to delete"),
        ("sv=1&sr=c&sp=rl&sig=abcdefghijkl", "permission to write and delete"),
        ("sv=1&sr=c&sp=wd&sig=abcdefghijkl", "permission to read"),
        ("sv=1&sr=b&sp=rcwd&sig=abcdefghijkl", "whole container"),
    ],
)
def test_a_signature_that_is_not_enough_is_refused_when_it_is_set(sas: str, why: str) -> None:
    """Else recordings would stay in the store, or a job would fail when they are uploaded already."""
    with pytest.raises(ValueError, match=why) as refused:
        AzureSettings(staging_sas=SecretStr(sas))
    assert "abcdefghijkl" not in str(refused.value)


@pytest.mark.parametrize(
    "sas", ["sv=1&sr=c&si=policy&sig=abcdefghijkl", "sv=1&ss=b&srt=o&sp=rwdlac&sig=abcdefghijkl"]
)
def test_a_signature_by_a_policy_or_of_the_account_is_one(sas: str) -> None:
    made = AzureSettings(staging_sas=SecretStr(sas)).staging_sas
    assert made is not None
    assert made.get_secret_value() == sas


def test_a_signature_may_begin_with_its_question_mark_and_is_never_shown() -> None:
    settings = AzureSettings(staging_sas=SecretStr("?sv=1&sp=rcwd&sig=neverevershown%3D"))
    assert settings.staging_sas is not None
    assert settings.staging_sas.get_secret_value() == "sv=1&sp=rcwd&sig=neverevershown%3D"
    assert "neverevershown" not in repr(settings) + settings.model_dump_json()
