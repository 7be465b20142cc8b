"""Google's messages as JSON, in each way that a reader must take: protobuf.dev/programming-guides/json.

The services write members in lowerCamelCase and enums as words. Programs that pass their answers on (Google's own
libraries, gateways) may keep the names of the proto files, and enums as numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from broker.contract import given


def spelled(item: Any, name: str) -> str:
    """The name under which an object holds a member.

    >>> spelled({"begin_offset": 3}, "beginOffset"), spelled({}, "beginOffset")
    ('begin_offset', 'beginOffset')
    """
    if isinstance(item, Mapping) and name not in item:
        for other in _others(name):
            if other in item:
                return other
    return name


def word(item: Any, name: str, words: Sequence[str]) -> str | None:
    """An enum's word, by word or by number; a number that is not known stays one. Raises ValueError for another type.

    >>> word({"type": 1}, "type", ("UNKNOWN", "PERSON")), word({"type": 7}, "type", ("UNKNOWN", "PERSON"))
    ('PERSON', '7')
    """
    name = spelled(item, name)
    number = item.get(name) if isinstance(item, Mapping) else None
    if type(number) is int:
        return words[number] or str(number) if 0 <= number < len(words) else str(number)
    return given(item, name, str)


@cache
def _others(name: str) -> tuple[str, str]:
    """As the proto file has it, and as Google's Python library has it where that is a word of the language (``type_``)."""
    own = "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
    return own, f"{own}_"
