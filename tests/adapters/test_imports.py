"""Importing an adapter and making one loads no vendor SDK and does no I/O."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from adapter_support import ROOT

CODE = """
import sys, socket
def refuse(*_, **__):
    raise AssertionError("network")
socket.socket.connect = refuse
from {module} import {adapter}
made = {adapter}({adapter}.Settings())
{setup}
made.close()
loaded = sorted({{name.split(".")[0] for name in sys.modules}} & {{"boto3", "botocore", "grpc", "google", "azure", "msal"}})
print(",".join(loaded))
"""


@pytest.mark.parametrize(
    ("module", "adapter", "setup"),
    [
        ("broker_aws", "AwsAdapter", ""),
        ("broker_gcp", "GcpAdapter", "made.region"),
        ("broker_azure", "AzureAdapter", "made.region"),
    ],
)
def test_no_sdk_is_loaded(module: str, adapter: str, setup: str) -> None:
    path = os.pathsep.join((str(ROOT), str(ROOT / "adapters")))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE.format(module=module, adapter=adapter, setup=setup)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
