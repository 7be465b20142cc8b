"""Which recorded answers prove what, and how to play them through the public client."""

from __future__ import annotations

import asyncio
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from broker import AsyncBroker, Broker
from broker.bench.reread import reader_of
from broker.contract.operations import OPERATIONS
from broker.runtime.blocking import drive

HERE = Path(__file__).parent
FIXTURES = Path(os.environ.get("MLBROKER_TEST_FIXTURES") or HERE.parents[2] / "shared" / "fixtures")
RULES: list[dict[str, Any]] = [
    rule
    for path in sorted((HERE / "manifest").glob("*.toml"))
    for rule in tomllib.loads(path.read_text("utf-8"))["rule"]
]
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s" * 40}


def patterns(rule: dict[str, Any]) -> list[str]:
    files = rule["files"]
    return [files] if isinstance(files, str) else files


def proofs(rule: dict[str, Any]) -> list[str]:
    proves = rule.get("proves", [])
    return [proves] if isinstance(proves, str) else proves


def proving(provider: str, operation: str) -> list[Any]:
    """The recorded answers of a provider that prove an operation, as parameters of a test."""
    found = []
    for rule in RULES:
        if operation in proofs(rule) and rule["provider"] == provider:
            for pattern in patterns(rule):
                for path in sorted(FIXTURES.glob(pattern)):
                    if not path.name.endswith(".request.json"):
                        found.append(pytest.param(path, id=str(path.relative_to(FIXTURES))))
    if not found:
        reason = (
            f"no recorded answers of {provider} for {operation} in {FIXTURES}; set MLBROKER_TEST_FIXTURES"
        )
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return found


def ask(face: str, operation: str, source: Any, provider: str, section: dict[str, Any], **call: Any) -> Any:
    """One call of an operation (``vision.label``) by the sync or the async face, with the raw answer kept."""
    options: dict[str, Any] = {"provider": provider, "providers": {provider: section}}
    capability, method = operation.split(".")
    if face == "sync":
        with Broker(**options) as broker:
            result = getattr(getattr(broker, capability), method)(source, raw=True, **call)
            same_when_read_again(broker, operation, source, provider, call, result)
            return result

    async def run() -> Any:
        async with AsyncBroker(**options) as broker:
            return await getattr(getattr(broker, capability), method)(source, raw=True, **call)

    return asyncio.run(run())


def same_when_read_again(
    broker: Broker, operation: str, source: Any, provider: str, call: dict[str, Any], result: Any
) -> None:
    """What is kept of an answer (``raw``) says the same when its adapter reads it later, without asking anybody."""
    asked = OPERATIONS[operation]
    reader = reader_of(broker.registry, provider, asked)
    if operation in ("vision.analyze", "search.status", "search.upsert", "search.delete"):
        return  # made of the answers of other operations; reports of writes, which nothing scores
    assert reader is not None, f"{provider} does not read kept answers of {operation}"
    options = {**call, "provider": provider, "raw": True}
    request = drive(broker.core.prepare(asked, source, options)).request
    kept = json.loads(json.dumps(result.raw))
    assert reader.read(kept, request) == result.value
