"""The type of parsed JSON, for vendor answers and options that we pass on untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

JsonValue: TypeAlias = Union[bool, int, float, str, Sequence["JsonValue"], Mapping[str, "JsonValue"], None]
JsonObject: TypeAlias = Mapping[str, JsonValue]
