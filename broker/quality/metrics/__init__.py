"""What answers score against the truth. Each module defines one family; :mod:`.metric` says how scores add up."""

from __future__ import annotations
