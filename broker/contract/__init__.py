"""What an adapter may know of the broker, and all of it. See ``docs/write-an-adapter.md``."""

from __future__ import annotations

from broker.contract.adapter import (
    Adapter,
    AdapterSettings,
    Closable,
    Describable,
    Renewable,
    Setup,
)
from broker.contract.context import Batch, Context, Reply
from broker.contract.cut import TextUnit, size_of
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
from broker.contract.limits import AudioLimits, BatchLimits, ImageLimits, TextLimits
from broker.contract.manifest import Lifecycle, Manifest, OperationSpec, Support
from broker.contract.meters import (
    Meter,
    audio_seconds,
    characters,
    each_part,
    one_image,
    one_page,
    utf8_bytes,
)
from broker.contract.once import ForkGate, PerProcess, SingleFlight
from broker.contract.quiet import guard_loggers
from broker.contract.read import given, json_object, needed, reading
from broker.contract.redact import plain, protect, redact
from broker.contract.roles import (
    CanAnalyze,
    CanCaption,
    CanDetectFaces,
    CanDetectLanguage,
    CanDetectObjects,
    CanDetectPii,
    CanDetectText,
    CanEntities,
    CanKeyPhrases,
    CanLabel,
    CanModerateImage,
    CanModerateText,
    CanRedact,
    CanSentiment,
    CanTranscribe,
)
from broker.runtime.base import Http
from broker.runtime.message import Content, HttpReply, Upload

__all__ = [
    "BY_STATUS",
    "Adapter",
    "AdapterSettings",
    "AudioLimits",
    "Batch",
    "BatchLimits",
    "CanAnalyze",
    "CanCaption",
    "CanDetectFaces",
    "CanDetectLanguage",
    "CanDetectObjects",
    "CanDetectPii",
    "CanDetectText",
    "CanEntities",
    "CanKeyPhrases",
    "CanLabel",
    "CanModerateImage",
    "CanModerateText",
    "CanRedact",
    "CanSentiment",
    "CanTranscribe",
    "Closable",
    "Content",
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
    "Meter",
    "OperationSpec",
    "PerProcess",
    "Renewable",
    "Reply",
    "Setup",
    "SingleFlight",
    "Support",
    "TextLimits",
    "TextUnit",
    "Upload",
    "Verdict",
    "audio_seconds",
    "characters",
    "check_answered",
    "classify",
    "each_part",
    "fault_error",
    "given",
    "guard_loggers",
    "json_object",
    "needed",
    "one_image",
    "one_page",
    "plain",
    "protect",
    "raise_for_status",
    "reading",
    "redact",
    "retry_hint",
    "size_of",
    "utf8_bytes",
]
