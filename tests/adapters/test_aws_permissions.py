"""docs/providers-setup.md tells the IAM action of every request that the AWS adapter makes, and no other."""

from __future__ import annotations

import re

from adapter_support import ROOT
from aws_support import EVERY, SERVICES

from broker_aws.manifest import MANIFEST


def section() -> str:
    page = (ROOT / "docs" / "providers-setup.md").read_text("utf-8")
    return page.partition("## AWS")[2].partition("\n## ")[0]


def test_every_action_is_told() -> None:
    used = {f"{SERVICES[prefix]}:{name}" for prefix, name in (each.target.split(".") for each in EVERY)}
    assert set(re.findall(r"`((?:rekognition|textract|comprehend):\w+)`", section())) == used


def test_every_operation_is_told_and_its_batches_beside() -> None:
    rows = {
        name: line
        for line in section().splitlines()
        for name in re.findall(r"`((?:vision|text|transcription|search)\.\w+)`", line.partition(" | ")[0])
    }
    offered = {spec.operation for spec in MANIFEST.operations if spec.support.value == "yes"}
    assert set(rows) == offered
    assert {name for name, line in rows.items() if ":Batch" in line} == {
        f"text.{each.method.removesuffix('_batch')}" for each in EVERY if ".Batch" in each.target
    }
