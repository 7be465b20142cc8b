"""What the Kendra adapter says of itself."""

from __future__ import annotations

from datetime import date

from broker.contract import Lifecycle, Manifest, OperationSpec, documents, one_query
from broker_aws import kendra, kendra_documents, kendra_values

_CLOSED = Lifecycle(
    status="closed_to_new",
    on=date(2026, 7, 30),
    note="AWS points new customers to Bedrock's knowledge bases (provider aws)",
    source="https://docs.aws.amazon.com/kendra/latest/dg/kendra-availability-change.html",
)
_STANDING = ("aws.kendra.genai_enterprise", "aws.kendra.enterprise", "aws.kendra.developer")
"""One of them, by the index's edition."""
_LATER = "up to 10 documents and 5 MB a request, worked on for minutes"

MANIFEST = Manifest(
    provider="kendra",
    version="0.1.0",
    extra="mlbroker[aws]",
    operations=(
        OperationSpec(
            operation="search.query",
            service=kendra.SERVICE,
            sku="aws.kendra.query",
            meter=one_query,
            limits=kendra.QUERY,
            scale=None,
            languages=kendra_values.LANGUAGES,
            standing=_STANDING,
            extensions=kendra.EXTENSIONS,
            lifecycle=_CLOSED,
            notes=(
                "words and meaning; the first 100 of what it found, answers and FAQs among them; of a query the first 30 "
                "words count; scores are words from VERY_HIGH to LOW; without language it is English; AND, OR, NOT and name:value among the words are its query language; corrected is what it "
                "suggests, not what it searched for; kendra_passages=True gives longer passages (Retrieve)"
            ),
        ),
        OperationSpec(
            operation="search.suggest",
            service=kendra.SERVICE,
            sku="aws.kendra.query",
            meter=one_query,
            limits=kendra.SUGGEST,
            scale=None,
            standing=_STANDING,
            lifecycle=_CLOSED,
            unproven=True,
            notes="queries that others have made, for the first 2 to 60 characters of one; 10 at most; English only",
        ),
        OperationSpec(
            operation="search.upsert",
            service=kendra.SERVICE,
            sku="aws.kendra.document",
            meter=documents,
            limits=kendra_documents.LIMITS,
            scale=None,
            languages=kendra_values.LANGUAGES,
            standing=_STANDING,
            lifecycle=_CLOSED,
            unproven=True,
            notes=(
                f"{_LATER}; metadata must be declared as fields of the index: texts, lists of texts, whole numbers and times "
                "to the second; url is _source_uri"
            ),
        ),
        OperationSpec(
            operation="search.delete",
            service=kendra.SERVICE,
            sku="aws.kendra.document",
            meter=documents,
            limits=kendra_documents.LIMITS,
            scale=None,
            standing=_STANDING,
            lifecycle=_CLOSED,
            unproven=True,
            notes="up to 10 a request, gone in up to an hour or more; only what was put in by upsert",
        ),
        OperationSpec(
            operation="search.status",
            service=kendra.SERVICE,
            sku="aws.kendra.document",
            meter=documents,
            limits=kendra_documents.LIMITS,
            scale=None,
            standing=_STANDING,
            lifecycle=_CLOSED,
            unproven=True,
            notes="up to 10 a request",
        ),
    ),
)
