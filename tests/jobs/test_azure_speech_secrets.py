"""Azure's signatures by the public client: in no handle, status, error, log or ledger, and the cost of a stereo recording."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from azure_speech_peer import KEY, SAS, AzureSpeechPeer

from broker import Broker
from broker.errors import AuthFailed
from broker.testing.stub import VendorStub
from speech.speech_support import wav

SECRETS = ("peersignature", "linksignature", KEY)


def broker_on(peer: AzureSpeechPeer, ledger: Path) -> Broker:
    return Broker(provider="azure", providers={"azure": peer.settings}, ledger={"path": str(ledger)})


def held_by(folder: Path) -> bytes:
    """Everything that the ledger keeps, as it is on the disk."""
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()))


def check_nothing_is_told(caplog: pytest.LogCaptureFixture, ledger: Path, *shown: Any) -> None:
    text = caplog.text + " ".join(f"{each} {each!r}" for each in shown)
    stored = held_by(ledger.parent)
    assert len(stored) > 1000
    for secret in SECRETS:
        assert secret not in text
        assert secret.encode() not in stored


def test_a_job_that_is_done_tells_no_signature(
    vendor_stub: VendorStub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer, ledger = AzureSpeechPeer(vendor_stub, polls=0), tmp_path / "ledger" / "l.db"
    ledger.parent.mkdir()
    with broker_on(peer, ledger) as broker:
        job = broker.transcription.start(wav(2.58, channels=2), language="en-US")
        status = job.status()
        result = job.wait(raw=True)
        handle = job.to_json()
        listed = broker.jobs.list(ended=True)
    assert result.value.text == "Hello there."
    assert result.cost.amount == (3 * Decimal("0.18") / 3600).quantize(
        Decimal("1e-12")
    )  # once, of both channels
    check_nothing_is_told(caplog, ledger, job, status, handle, listed, result, result.raw)


def test_a_job_that_failed_tells_no_signature_that_azure_repeats(
    vendor_stub: VendorStub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer, ledger = AzureSpeechPeer(vendor_stub, polls=0), tmp_path / "ledger" / "l.db"
    ledger.parent.mkdir()
    alone = SAS.partition("&sig=")[2]
    peer.fail = {"code": "InvalidUri", "message": f"{SAS} {alone} {unquote(alone)}"}
    peer.report = {
        "details": [
            {
                "source": SAS,
                "status": "Failed",
                "errorKind": "InvalidUri",
                "errorMessage": f"{SAS} {alone} {unquote(alone)}",
            }
        ]
    }
    with broker_on(peer, ledger) as broker:
        job = broker.transcription.start(wav(2.58), language="en-US")
        with pytest.raises(AuthFailed, match="could not read the recording") as failed:
            job.wait()
        listed = broker.jobs.list(ended=True)
    assert failed.value.billed is False
    assert peer.blobs == {}
    check_nothing_is_told(caplog, ledger, job, listed, failed.value, failed.value.attempts)
