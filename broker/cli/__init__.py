"""The command ``mlbroker``. Nothing heavy is imported until a command runs."""

from __future__ import annotations
