"""onnxruntime, silenced.

Its official builds send usage events and a persistent device id to their maker unless told otherwise
before the library starts (``Privacy.md`` in its wheel). The local provider promises that nothing leaves
this machine, so import onnxruntime, and whatever imports it, only behind this module.
"""

from __future__ import annotations

import os

from broker_local.needs import OPT_OUT, telemetry_running

if not telemetry_running():
    os.environ[OPT_OUT] = "1"

import onnxruntime

# All that can still be done when the application had imported it before.
onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
