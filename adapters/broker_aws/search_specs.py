"""What the adapter says of its search, Bedrock's knowledge bases: the cells of the support table."""

from __future__ import annotations

from broker.contract import OperationSpec, Support, documents
from broker_aws import knowledge, knowledge_documents

_SOURCE = "the index is KNOWLEDGEBASEID/DATASOURCEID, of a data source of the type custom"

SEARCH = (
    OperationSpec(
        operation="search.query",
        service=knowledge.SERVICE,
        sku="aws.bedrock.retrieve",
        meter=knowledge.meter,
        limits=knowledge.LIMITS,
        scale=None,
        extensions=knowledge.EXTENSIONS,
        unproven=True,
        notes=(
            "Bedrock's knowledge bases: hits are passages, so a document may be there several times; without a mode Bedrock "
            "decides; mode reranked needs a model in the settings, and has a price of its own; not before a range or "
            "contains cannot be asked"
        ),
    ),
    OperationSpec(
        operation="search.suggest",
        service=knowledge.SERVICE,
        support=Support.NEVER,
        reason="Bedrock's knowledge bases suggest no queries; Amazon Kendra does (provider kendra)",
    ),
    OperationSpec(
        operation="search.upsert",
        service=knowledge_documents.SERVICE,
        sku="aws.bedrock.ingest",
        meter=documents,
        limits=knowledge_documents.LIMITS,
        scale=None,
        unproven=True,
        notes=(
            f"up to 10 documents and 5 MB a request, worked on for a while; {_SOURCE}; texts, lists of up to 10 texts, "
            "numbers and truth values, no times; title and url are kept as metadata"
        ),
    ),
    OperationSpec(
        operation="search.delete",
        service=knowledge_documents.SERVICE,
        sku="aws.bedrock.document",
        meter=documents,
        limits=knowledge_documents.LIMITS,
        scale=None,
        unproven=True,
        notes=f"up to 10 a request, worked on for a while; {_SOURCE}",
    ),
    OperationSpec(
        operation="search.status",
        service=knowledge_documents.SERVICE,
        sku="aws.bedrock.document",
        meter=documents,
        limits=knowledge_documents.LIMITS,
        scale=None,
        unproven=True,
        notes=f"up to 10 a request; {_SOURCE}",
    ),
)
