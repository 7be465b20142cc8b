"""What an adapter may know of the broker, and all of it. See ``docs/write-an-adapter.md``."""

from __future__ import annotations

from broker.contract.adapter import (
    Adapter,
    AdapterSettings,
    CanDetectFaces,
    CanDetectText,
    CanLabel,
    Closable,
    Describable,
    Renewable,
    Setup,
)
from broker.contract.context import Context, Reply
from broker.contract.faults import (
    BY_STATUS,
    Fault,
    FaultTable,
    Verdict,
    check_answered,
    classify,
    fault_error,
    raise_for_status,
)
from broker.contract.hints import retry_hint
from broker.contract.manifest import (
    ImageLimits,
    Lifecycle,
    Manifest,
    OperationSpec,
    Support,
    one_image,
)
from broker.contract.once import ForkGate, PerProcess, SingleFlight
from broker.contract.quiet import guard_loggers
from broker.contract.redact import plain, protect, redact
from broker.runtime.base import Http
from broker.runtime.message import HttpReply

__all__ = [
    "BY_STATUS",
    "Adapter",
    "AdapterSettings",
    "CanDetectFaces",
    "CanDetectText",
    "CanLabel",
    "Closable",
    "Context",
    "Describable",
    "Fault",
    "FaultTable",
    "ForkGate",
    "Http",
    "HttpReply",
    "ImageLimits",
    "Lifecycle",
    "Manifest",
    "OperationSpec",
    "PerProcess",
    "Renewable",
    "Reply",
    "Setup",
    "SingleFlight",
    "Support",
    "Verdict",
    "check_answered",
    "classify",
    "fault_error",
    "guard_loggers",
    "one_image",
    "plain",
    "protect",
    "raise_for_status",
    "redact",
    "retry_hint",
]
