"""The test kit: loopback stand-ins for the vendors, named faults, and a guard against real cloud calls.

Nothing here is needed to use the broker. It is shipped so that adapters and applications can be tested
with the tools that the broker is tested with. Importing it loads neither pytest nor grpc:
:mod:`broker.testing.pytest_plugin` and :mod:`broker.testing.grpc_stub` are imported by their names.
"""

from __future__ import annotations

from broker.testing.faults import HTTP_FAULTS, NamedFault, http_fault
from broker.testing.script import Answer, Fault, FaultKind, Script, SeenRequest
from broker.testing.spend_guard import BlockedCall, RealCallBlocked, SpendGuard
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error, azure_error, error_answer, google_error

__all__ = [
    "HTTP_FAULTS",
    "Answer",
    "BlockedCall",
    "Fault",
    "FaultKind",
    "NamedFault",
    "RealCallBlocked",
    "Script",
    "SeenRequest",
    "SpendGuard",
    "VendorStub",
    "aws_error",
    "azure_error",
    "error_answer",
    "google_error",
    "http_fault",
]
