"""What the adapter says of its search, Vertex AI Search: the cells of the support table."""

from __future__ import annotations

from broker.contract import OperationSpec, documents
from broker_gcp import search_documents, search_request
from broker_gcp.settings import DISCOVERY

_INDEX = "the index is a data store, or an app for queries only"
_STANDING = ("gcp.agent_search.index_storage",)

SEARCH: tuple[OperationSpec, ...] = (
    OperationSpec(
        operation="search.query",
        service=DISCOVERY.name,
        sku=search_request.ENTERPRISE,
        meter=search_request.meter,
        limits=search_request.QUERY,
        scale=None,
        languages=search_request.LANGUAGES,
        standing=_STANDING,
        extensions=search_request.EXTENSIONS,
        unproven=True,
        notes=(
            f"Vertex AI Search; {_INDEX}; booked as Enterprise unless search_edition says standard; answers from documents with "
            "search_edition = enterprise, written ones by gcp_summary only; misspelt words are corrected, and corrected says "
            "what was searched for; = and contains mean the same of texts; numbers are facets with gcp_facet_intervals"
        ),
    ),
    OperationSpec(
        operation="search.suggest",
        service=DISCOVERY.name,
        sku=search_request.ENTERPRISE,
        meter=search_request.meter,
        limits=search_request.SUGGEST,
        scale=None,
        standing=_STANDING,
        extensions=search_request.SUGGEST_EXTENSIONS,
        unproven=True,
        notes="autocomplete of a data store; Google makes it days after the documents; booked as a query",
    ),
    OperationSpec(
        operation="search.upsert",
        service=DISCOVERY.name,
        sku="gcp.agent_search.ingest",
        meter=documents,
        limits=search_documents.UPSERT,
        scale=None,
        standing=_STANDING,
        unproven=True,
        notes=(
            "up to 100 documents by one import, worked on for minutes; one alone is looked at before the answer; texts with "
            "metadata, or data only with search_store = structured; times are kept as texts of ISO 8601; an id that Google cannot "
            "have is coded as b64-… and read back"
        ),
    ),
    OperationSpec(
        operation="search.delete",
        service=DISCOVERY.name,
        sku="gcp.agent_search.document",
        meter=documents,
        limits=search_documents.ONE,
        scale=None,
        standing=_STANDING,
        unproven=True,
        notes="one document a request",
    ),
    OperationSpec(
        operation="search.status",
        service=DISCOVERY.name,
        sku="gcp.agent_search.document",
        meter=documents,
        limits=search_documents.ONE,
        scale=None,
        standing=_STANDING,
        unproven=True,
        notes="one document a request; done is what Google calls indexed, also of an earlier version until it works on the new",
    ),
)
