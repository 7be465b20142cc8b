"""What a recorded answer of Azure Language says, read without the adapter, and how to play it for any texts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from broker import AsyncBroker, Broker
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

ROUTE = "/language/:analyze-text"
METHODS = {
    "text.sentiment": "sentiment",
    "text.entities": "entities",
    "text.key_phrases": "key_phrases",
    "text.detect_language": "detect_language",
    "text.detect_pii": "detect_pii",
    "text.redact": "redact",
}
KINDS = {
    "SentimentAnalysis": "text.sentiment",
    "EntityRecognition": "text.entities",
    "KeyPhraseExtraction": "text.key_phrases",
    "LanguageDetection": "text.detect_language",
    "PiiEntityRecognition": "text.detect_pii",
}
Said = list[tuple[str, Any, dict[str, Any] | None]]
"""For each document: a text to ask about, what the service said of it, or its error."""


def results(body: Any) -> Any:
    """The object that holds the documents."""
    return body.get("results", body)


def said(body: Any, path: Path | None) -> Said:
    """The documents of an answer in the order of its request, where that was kept."""
    request = None if path is None else path.with_name(f"{path.stem}.request.json")
    found = {each["id"]: each for each in results(body)["documents"]}
    failed = {each["id"]: each["error"] for each in results(body).get("errors", ())}
    texts: dict[str, str] = {}
    if request is not None and request.exists():
        asked = json.loads(request.read_text("utf-8"))
        texts = {each["id"]: each["text"] for each in asked.get("analysisInput", asked)["documents"]}
    names = [each for each in texts if each in found or each in failed] or sorted([*found, *failed])
    return [
        (texts.get(name) or made_up(found.get(name)), found.get(name), failed.get(name)) for name in names
    ]


def places(document: Any) -> list[Any]:
    """Whatever has an offset in a document."""
    return [*document.get("entities", ()), *document.get("sentences", ())]


def made_up(document: Any) -> str:
    """A text in which every mention stands where the answer says, for an answer whose request was not kept."""
    letters: dict[int, str] = {0: "x"}
    for each in places(document or {}):
        letters.update(enumerate(each.get("text", ""), each["offset"]))
    return "".join(letters.get(place, ".") for place in range(max(letters) + 1))


def numbered(body: Any, order: Said) -> dict[str, Any]:
    """The answer with the ids that our request sends, and its documents in another order than asked."""
    documents = [{**found, "id": str(place)} for place, (_, found, _) in enumerate(order) if found]
    errors = [{"id": str(place), "error": error} for place, (_, _, error) in enumerate(order) if error]
    told = {**results(body), "documents": documents[::-1], "errors": errors[::-1]}
    return {**body, "results": told} if "results" in body else told


def bodies(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The results of each task of a job, in the envelope of an immediate answer, and the operation they are of."""
    tasks = json.loads(path.read_text("utf-8")).get("tasks", {})
    listed = {
        "entityRecognitionTasks": "EntityRecognition",
        "keyPhraseExtractionTasks": "KeyPhraseExtraction",
    }
    listed["entityRecognitionPiiTasks"] = "PiiEntityRecognition"
    listed["sentimentAnalysisTasks"] = "SentimentAnalysis"
    for item in tasks.get("items", ()):  # 2022-05-01
        kind = item["kind"].removesuffix("LROResults")
        if kind in KINDS and item.get("results") is not None:  # a task that failed has none
            yield KINDS[kind], {"kind": f"{kind}Results", "results": item["results"]}
    for name, kind in listed.items():  # 3.1
        for item in tasks.get(name, ()):
            if item.get("results") is not None:
                yield KINDS[kind], item["results"]


def play_many(face: str, stub: VendorStub, operation: str, texts: list[str], **call: Any) -> list[Any]:
    """All texts by ``*_many``, by the sync or the async face, raw answers kept."""
    options: dict[str, Any] = {"provider": "azure", "providers": {"azure": section(stub)}}
    method = f"{METHODS[operation]}_many"
    if operation != "text.detect_language":
        call.setdefault("language", "en")
    if face == "sync":
        with Broker(**options) as broker:
            return list(getattr(broker.text, method)(texts, raw=True, **call))

    async def run() -> list[Any]:
        async with AsyncBroker(**options) as broker:
            return [item async for item in getattr(broker.text, method)(texts, raw=True, **call)]

    return asyncio.run(run())


def section(stub: VendorStub) -> dict[str, Any]:
    """The settings of an account whose Language is the stub."""
    return {"endpoints": {"language": stub.url}, "key": "k" * 32, "region": "eastus"}


def answer(stub: VendorStub, body: Any, status: int = 200) -> None:
    """From now on the stub answers so."""
    stub.on(ROUTE, default=Answer(status=status, json=body))
