"""The local provider's cells for indexes."""

from __future__ import annotations

from dataclasses import replace

from broker.contract import OperationSpec, QueryLimits, WriteLimits, documents, one_query
from broker.types import SearchMode
from broker_local.index_filter import in_sql

SERVICE = "SQLite FTS5"
_QUERIES = QueryLimits(
    max_characters=10_000, max_top=1000, modes=(SearchMode.KEYWORD, SearchMode.HYBRID), translate=in_sql
)
_WRITES = WriteLimits(max_items=1000, max_bytes=32_000_000, max_item=8_000_000)
_UPSERTS = replace(_WRITES, max_items=50)
"""With vectors a page of text takes 20 to 60 ms: what one request has is done within a usual deadline, and soon interrupted."""

OPERATIONS = (
    OperationSpec(
        operation="search.query",
        service=SERVICE,
        sku="local.query",
        meter=one_query,
        limits=_QUERIES,
        notes="A persistent index on this machine: words by bm25 (English stems; texts without spaces between words are not "
        "cut into any), exact filters, facets and totals. With vectors = true also by meaning (all-MiniLM-L6-v2, English), "
        "both rankings made into one by reciprocal rank fusion of 200 each; then there is no total. Measured in November 2026 on "
        "150 queries of cranfield (nDCG@10, MRR@10, recall@100): by words 0.379 (95 %: 0.336 to 0.423), 0.526 (0.466 to "
        "0.584), 0.731 (0.688 to 0.775); by both 0.424 (0.382 to 0.466), 0.559 (0.504 to 0.615), 0.791 (0.752 to 0.829). "
        "Licences: SQLite public domain, model Apache-2.0.",
    ),
    OperationSpec(
        operation="search.suggest",
        service=SERVICE,
        sku="local.query",
        meter=one_query,
        limits=QueryLimits(max_characters=1000, max_top=1000),
        notes="Titles that begin with the words.",
    ),
    OperationSpec(
        operation="search.upsert",
        service=SERVICE,
        sku="local.index",
        meter=documents,
        limits=_UPSERTS,
        notes="Each request is one transaction: found by queries at once, and not lost where the process is killed; a power "
        "cut may lose the last ones. With vectors = true, documents for whose vectors the time is too short are left out and "
        "told. An index is a file in a folder of this user alone; several processes may use it.",
    ),
    OperationSpec(
        operation="search.delete", service=SERVICE, sku="local.index", meter=documents, limits=_WRITES
    ),
    OperationSpec(
        operation="search.status", service=SERVICE, sku="local.index", meter=documents, limits=_WRITES
    ),
)
