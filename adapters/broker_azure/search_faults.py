"""Azure AI Search's refusals: the table of Azure's other services, and what differs.

Sources: learn.microsoft.com/rest/api/searchservice/http-status-codes and the troubleshooting page of Azure's SDKs: 403 is
also a wrong key; 429 to an upload is the index's full number of documents, where it says so; 503 is too much load. Codes
are often empty, so that the status decides.
"""

from __future__ import annotations

from dataclasses import replace

from broker.contract import Fault, FaultTable, HttpReply, fault_error, redact
from broker.errors import BadInput, Outcome, ProviderError, QuotaExhausted, Throttled, Unavailable
from broker_azure import faults

_ADDRESS = "check the index's name, and endpoints.search in the settings of provider azure"
_KEY = (
    "check keys.search in the settings of provider azure: an admin key writes, a query key queries only; without a key the "
    "identity needs the role 'Search Index Data Reader', or to write 'Search Index Data Contributor'"
)
_SHAPE = "if it is about a field: check shape, or shapes, in the settings of provider azure against the index's fields"
_FULL = "the index is full: take documents out, or move to a larger tier"
_RANKED = (
    "the free plan's semantic queries of this month are used up: set the semantic ranker to its standard plan, or ask with "
    "mode keyword, vector or hybrid"
)
"""Only the semantic ranker has a plan that ends, so a query without it is not to be kept back for it."""
FULL = "DocumentQuotaExceeded"
"""Our own code for HTTP 429 that means a full index."""

_ADVICE = {faults.TABLE[401].advice: _KEY, faults.TABLE[403].advice: _KEY, faults.TABLE[404].advice: _ADDRESS}
TABLE: FaultTable = {
    **{code: replace(row, advice=_ADVICE.get(row.advice, row.advice)) for code, row in faults.TABLE.items()},
    400: Fault(error=BadInput, advice=_SHAPE),
    402: Fault(error=QuotaExhausted, advice=_RANKED, outcome=Outcome.REJECTED),
    405: Fault(error=BadInput, advice=_ADDRESS),
    413: Fault(error=BadInput, advice="a request has 16 MB at most; send less at once"),
    429: Fault(error=Throttled),
    503: Fault(error=Unavailable),
    FULL: Fault(error=QuotaExhausted, advice=_FULL),
}
_PASSING = frozenset({409, 422, 429, 500, 502, 503, 504})
"""Of one document: another writer, an index that rests, too much load."""


def request_id(reply: HttpReply) -> str | None:
    """The service's id of the request."""
    return reply.headers.get("request-id") or faults.request_id(reply)


def refusal(reply: HttpReply) -> ProviderError:
    """Our error for an answer that is not 2xx."""
    codes, message = faults.codes_and_message(reply)
    codes = [code for code in codes if code]
    known = faults.deciding(codes)
    if reply.status == 429 and "quota" in message.lower():
        known = FULL
    error = fault_error(
        TABLE,
        status=reply.status,
        code=known,
        message=message,
        headers=reply.headers,
        request_id=request_id(reply),
    )
    if known in codes:
        error.code = redact(codes[-1], 100)
    return error


def may_retry(status: int) -> bool:
    """Whether one document, refused with this status, may be sent again as it is."""
    return status in _PASSING
