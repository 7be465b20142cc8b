"""The report of a benchmark: one HTML file that opens offline, Markdown, JSON, and small HTML for notebooks.

Names are imported from their modules; this one loads nothing. The page needs the extra ``report``.
"""

from __future__ import annotations
