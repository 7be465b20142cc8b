"""Search on this machine, on queries with judged documents: nDCG, recall, reciprocal rank."""

from __future__ import annotations

import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from measured import Mean, timed

from broker.client import Broker
from broker_local import index_vectors

OPERATION = "search.query"
DEPTH = 100


def measure_search(folder: Path) -> Iterator[Mean]:
    """By words, by words and title as they are, and by words and meaning."""
    documents = [json.loads(line) for line in (folder / "docs.jsonl").read_text("utf-8").splitlines()]
    queries = {
        each["id"]: each["text"]
        for each in map(json.loads, (folder / "queries.jsonl").read_text("utf-8").splitlines())
    }
    judged = _judged((folder / "qrels.trec.txt").read_text("utf-8").splitlines())
    asked = [each for each in queries if judged.get(each)]
    modes = ["keyword", *(["hybrid"] if index_vectors.installed() else [])]
    with tempfile.TemporaryDirectory() as place:
        section = {"search_folder": f"{place}/indexes", "vectors": "hybrid" in modes}
        with Broker(
            provider="local",
            providers={"local": section},
            ledger={"path": f"{place}/ledger.db"},
            deadline=3600,
        ) as broker:
            puts = [
                {
                    "id": each["id"],
                    "title": each["title"] or None,
                    "content": each["text"] or each["title"] or "(none)",
                }
                for each in documents
            ]
            for item in broker.search.upsert_many(
                puts, concurrency=1
            ):  # equal ranks stand in the order of the file
                item.value  # noqa: B018 - raises where one was refused
            for mode in modes:

                def ask(key: str, mode: str = mode) -> tuple[str, ...]:
                    return broker.search.query(queries[key], top=DEPTH, mode=mode).value.ids  # type: ignore[arg-type]

                ask(asked[0])
                found, seconds = timed(ask, asked)
                yield from _scored(mode, folder.name, asked, found, judged, seconds)


def _judged(lines: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        query, _, document, relevance = line.split()
        if int(relevance) > 0:
            found[query].add(document)
    return found


def _scored(
    mode: str,
    data_set: str,
    asked: Sequence[str],
    found: Sequence[Sequence[str]],
    judged: dict[str, set[str]],
    seconds: float,
) -> Iterator[Mean]:
    blank = Mean(operation=OPERATION, data_set=data_set, name="", values=(), seconds=seconds)
    measures: dict[str, Callable[[Sequence[str], set[str]], float]] = {
        "nDCG@10": lambda ids, due: ndcg(ids, due, 10),
        "MRR@10": lambda ids, due: reciprocal_rank(ids, due, 10),
        "recall@10": lambda ids, due: recall(ids, due, 10),
        "recall@100": lambda ids, due: recall(ids, due, 100),
    }
    for name, measure in measures.items():
        values = tuple(measure(ids, judged[key]) for key, ids in zip(asked, found, strict=True))
        yield replace(blank, name=f"{name}, {mode}", values=values)


def ndcg(ids: Sequence[str], due: set[str], depth: int) -> float:
    """Normalised discounted cumulative gain of binary judgements: gain 1, discount log2(rank + 1)."""
    gained = sum(1.0 / math.log2(rank + 1) for rank, each in enumerate(ids[:depth], 1) if each in due)
    best = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(depth, len(due)) + 1))
    return gained / best


def reciprocal_rank(ids: Sequence[str], due: set[str], depth: int) -> float:
    """1 over the rank of the first that is due; 0 where none is."""
    return next((1.0 / rank for rank, each in enumerate(ids[:depth], 1) if each in due), 0.0)


def recall(ids: Sequence[str], due: set[str], depth: int) -> float:
    """How many of those that are due."""
    return len(due.intersection(ids[:depth])) / len(due)
