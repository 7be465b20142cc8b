"""Values as a vendor's JSON could hold them, nested a few levels deep."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def nested(
    values: st.SearchStrategy[Any], names: st.SearchStrategy[str], *, levels: int = 2, members: int = 3
) -> st.SearchStrategy[Any]:
    """Such values, and lists and objects of them.

    Level by level: ``st.recursive`` takes it for a slip when a run of drawn lists happens to be empty.

    :param members: of a list or an object, at the most.
    """
    found = values
    for _ in range(levels):
        found = values | st.lists(found, max_size=members) | st.dictionaries(names, found, max_size=members)
    return found
