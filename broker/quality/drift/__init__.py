"""Whether a provider is getting worse: alarms with a set number of false ones, and what changed, model or data."""

from __future__ import annotations
