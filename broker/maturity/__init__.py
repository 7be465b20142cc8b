"""How ready a service is: maturity from a sourced checklist, scale readiness from facts, and where two areas overlap.

Pure but for reading the checklist's files: no clock, no network. docs/maturity.md has the definitions. Names are imported
from their modules; this one loads nothing.
"""

from __future__ import annotations
