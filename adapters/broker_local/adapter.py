"""The adapter: one method for each operation, each loading what it needs on first use."""

from __future__ import annotations

import os
from typing import ClassVar

from pydantic import Field

from broker.contract import AdapterSettings, Context, Manifest, Reply, Setup
from broker.types import DetectedText, DetectTextRequest, FaceRequest, FaceSet, LabelRequest, LabelSet
from broker_local import needs
from broker_local.manifest import MANIFEST


class LocalSettings(AdapterSettings):
    """The local provider has no account, no key and no address."""

    max_concurrency: int | None = Field(default_factory=lambda: max(2, os.cpu_count() or 1), ge=1)
    """Pictures worked on at once. More than there are processors only makes each slower and takes memory for all;
    calls that wait for their turn cost nothing."""


class LocalAdapter:
    """Answers in this process. Models load on first use, once per process, shared by all threads.

    Without the extra every operation raises ``NotConfigured`` with the command that installs it.
    """

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = LocalSettings
    region: ClassVar[str] = "local"

    def __init__(self, settings: LocalSettings, /) -> None:
        self.settings = settings

    def label(self, request: LabelRequest, _context: Context, /) -> Reply[LabelSet]:
        """Words for what is in the picture, most probable first. Raises BadInput for broken data."""
        with needs.extra():
            from broker_local import labels

            return labels.label(request)

    def detect_text(self, request: DetectTextRequest, _context: Context, /) -> Reply[DetectedText]:
        """Lines of print in reading order. Raises Unsupported for a language it does not read, BadInput."""
        with needs.extra():
            from broker_local import text

            return text.detect_text(request)

    def detect_faces(self, request: FaceRequest, _context: Context, /) -> Reply[FaceSet]:
        """Places of frontal faces, largest first. Raises Unsupported for ``min_confidence``, BadInput."""
        with needs.extra():
            from broker_local import faces

            return faces.detect_faces(request)

    def close(self) -> None:
        """Nothing to release: the models belong to the process, not to one broker."""

    def setup(self) -> Setup:
        """Ready when the extra's packages are installed; looks for them without importing any."""
        absent = needs.missing()
        data_use = "nothing leaves this machine"
        if needs.telemetry_running():
            data_use = (
                "no picture leaves this machine, but onnxruntime was imported before, with its usage "
                f"telemetry on: set {needs.OPT_OUT}=1 in the environment"
            )
        return Setup(
            configured=not absent,
            problem=f"not installed: {', '.join(absent)}; type: {needs.COMMAND}" if absent else "",
            credential="none needed",
            endpoint="in process",
            region=self.region,
            data_use=data_use,
        )
