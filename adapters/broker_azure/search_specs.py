"""The cells of Azure AI Search."""

from __future__ import annotations

from broker.contract import Lifecycle, OperationSpec, QueryLimits, WriteLimits, documents, one_query
from broker.types import SearchMode
from broker_azure import search_request
from broker_azure.search_filter import ODataFilter
from broker_azure.settings import SEARCH

_LIMITS = "https://learn.microsoft.com/azure/search/search-limits-quotas-capacity#api-request-limits"
_VERSION = Lifecycle(status="ga", note="API version 2026-04-01", source=_LIMITS)
_BATCH = 16 * 1024 * 1024 * 4 // 5
"""A request has 16 MB; a fifth is left for JSON's own characters. One that is too large all the same is halved."""
_WRITES = WriteLimits(
    max_items=1000,
    max_bytes=_BATCH,
    refuse=search_request.document_problem,
    eventual=True,
    source=_LIMITS,
)
_ID = "an id that is no key of the service (letters, digits, _, - and =) is coded as b64=… and read back"

SEARCH_OPERATIONS = (
    OperationSpec(
        operation="search.query",
        service=SEARCH,
        sku=search_request.QUERY_SKU,
        meter=search_request.query_meter,
        limits=QueryLimits(
            max_characters=100_000,
            max_top=1000,
            reach=search_request.REACH + 1,
            modes=(SearchMode.KEYWORD, SearchMode.VECTOR, SearchMode.HYBRID, SearchMode.RERANKED),
            translate=ODataFilter().walk,
            source=_LIMITS,
        ),
        scale=None,
        extensions=search_request.QUERY_EXTENSIONS,
        standing=search_request.STANDING,
        lifecycle=_VERSION,
        notes="the index's fields are told by the setting shape; words are words, operators of its query syntax need "
        "azure_query_type; modes vector and hybrid need fields with a vectorizer and reach azure_nearest (50) neighbours; mode "
        "reranked is the semantic ranker, with captions and answers, and is billed by query; totals and facets are approximate; "
        "times have milliseconds",
    ),
    OperationSpec(
        operation="search.suggest",
        service=SEARCH,
        sku=search_request.QUERY_SKU,
        meter=one_query,
        limits=QueryLimits(max_characters=100, max_top=100, source=_LIMITS),
        scale=None,
        extensions=search_request.SUGGEST_EXTENSIONS,
        standing=search_request.STANDING,
        lifecycle=_VERSION,
        unproven=True,
        notes="texts of documents that have the words, by the index's suggester; azure_autocomplete gives words instead",
    ),
    OperationSpec(
        operation="search.upsert",
        service=SEARCH,
        sku=search_request.DOCUMENT_SKU,
        meter=documents,
        limits=_WRITES,
        scale=None,
        extensions=search_request.UPSERT_EXTENSIONS,
        standing=search_request.STANDING,
        lifecycle=_VERSION,
        unproven=True,
        notes=f"up to 1,000 documents and 16 MB a request, found a few seconds later; {_ID}; azure_action=mergeOrUpload keeps "
        "fields that a document does not name",
    ),
    OperationSpec(
        operation="search.delete",
        service=SEARCH,
        sku=search_request.DOCUMENT_SKU,
        meter=documents,
        limits=_WRITES,
        scale=None,
        standing=search_request.STANDING,
        lifecycle=_VERSION,
        unproven=True,
        notes=f"up to 1,000 a request, found for a few seconds more; {_ID}",
    ),
    OperationSpec(
        operation="search.status",
        service=SEARCH,
        sku=search_request.DOCUMENT_SKU,
        meter=documents,
        limits=_WRITES,
        scale=None,
        standing=search_request.STANDING,
        lifecycle=_VERSION,
        notes="one document is looked up, several are searched for by their keys, which needs a filterable key field; the "
        "service does not tell what it still works on",
    ),
)
