"""Google Cloud: Vision over gRPC, texts over REST."""

from __future__ import annotations

from broker_gcp.adapter import GcpAdapter
from broker_gcp.settings import GcpSettings

__all__ = ["GcpAdapter", "GcpSettings"]
