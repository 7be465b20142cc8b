"""What is put into an index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeAlias, Union

from broker.errors import BadInput
from broker.types.metadata import Metadata, check_encodable, metadata
from broker.types.request import MAX_CHARACTERS

MOST_ID = 512
"""Characters of an id."""
MOST_TITLE, MOST_URL = 4096, 8192
MOST_DOCUMENTS = 100_000
"""Documents of one call; ``upsert_many`` takes any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document. Raises :class:`BadInput` for what no engine could keep; messages never repeat its content.

    :param id: the same id again replaces it, so that sending a document twice does no harm.
    :param content: the text that is searched.
    :param metadata: values by name: texts, numbers, truth values, dates and times (with a time zone), lists of texts.
    """

    id: str
    content: str = field(default="", repr=False)
    title: str | None = None
    url: str | None = None
    metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_id(self.id)
        _check_text("content", self.content, MAX_CHARACTERS)
        if self.title is not None:
            _check_text("title", self.title, MOST_TITLE)
        if self.url is not None:
            _check_text("url", self.url, MOST_URL)
        if not self.content.strip() and not (self.title or "").strip():
            raise BadInput("a document needs a content or a title; there is nothing in it to find")
        if self.metadata:
            object.__setattr__(self, "metadata", metadata(self.metadata))

    @property
    def size(self) -> int:
        """About how many bytes it takes on its way: its texts and metadata in UTF-8."""
        found = len(self.id) + _bytes(self.content) + _bytes(self.title or "") + _bytes(self.url or "")
        for name, value in self.metadata.items():
            found += len(name)
            if isinstance(value, str):
                found += _bytes(value)
            else:
                found += sum(map(_bytes, value)) if isinstance(value, tuple) else 32
        return found

    def digest(self) -> str:
        """SHA-256 of all that it says, in hex: whether it has changed."""
        known = {
            name: {"time": value.isoformat()} if isinstance(value, datetime) else value
            for name, value in self.metadata.items()
        }
        whole = json.dumps(
            [self.id, self.content, self.title, self.url, known], sort_keys=True, ensure_ascii=False
        )
        return hashlib.sha256(whole.encode()).hexdigest()


DocumentInput: TypeAlias = Union[Document, Mapping[str, Any]]
"""A document, or its members in a mapping: ``{"id": "7", "content": "…"}``."""
_MEMBERS = tuple(each.name for each in fields(Document))


def document(given: Any) -> Document:
    """A document as it was given. Raises :class:`BadInput`."""
    if isinstance(given, Document):
        return given
    if not isinstance(given, Mapping):
        raise BadInput(
            f'a document is a Document or a mapping, as {{"id": "7", "content": "…"}}, not {type(given).__name__}'
        )
    unknown = [name for name in given if name not in _MEMBERS]
    if unknown:
        raise BadInput(
            f"a document has no member {unknown[0]!r:.140} (members: {', '.join(_MEMBERS)}); what else is known of it "
            "belongs into metadata"
        )
    if "id" not in given:
        raise BadInput("a document needs an id")
    members: dict[str, Any] = {
        name: value for name, value in given.items() if value is not None or name == "id"
    }
    return Document(**members)


def documents(given: Any) -> tuple[Document, ...]:
    """One or several, with different ids. Raises :class:`BadInput`, which names the place of the wrong one."""
    if isinstance(given, (Document, Mapping)):
        return (document(given),)
    found = []
    for place, each in enumerate(_several("documents", given)):
        try:
            found.append(document(each))
        except BadInput as error:
            error.args = (f"document {place + 1}: {error.args[0]}", *error.args[1:])
            raise
    _check_different([each.id for each in found])
    return tuple(found)


def ids(given: Any) -> tuple[str, ...]:
    """One id or several, all different. Raises :class:`BadInput`."""
    found = tuple(check_id(each) for each in ([given] if isinstance(given, str) else _several("ids", given)))
    _check_different(found)
    return found


def check_id(given: Any) -> str:
    """Refuse what can be no document's id. Raises :class:`BadInput`."""
    if not isinstance(given, str):
        raise BadInput(f"a document's id is a text, not {type(given).__name__}")
    if not given or given != given.strip() or len(given) > MOST_ID or not given.isprintable():
        raise BadInput(
            f"a document's id is 1 to {MOST_ID} printable characters without spaces at its ends; this one has {len(given)}"
        )
    return given


def _several(what: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes, bytearray, memoryview)) or not isinstance(given, Iterable):
        raise BadInput(f"{what} must be in a list or another iterable, not {type(given).__name__}")
    found = []
    for each in given:
        found.append(each)
        if len(found) > MOST_DOCUMENTS:
            raise BadInput(
                f"one call takes at most {MOST_DOCUMENTS:,} {what}; upsert_many takes any number of documents"
            )
    if not found:
        raise BadInput(f"there are no {what}; nothing would be done, and it might be billed all the same")
    return found


def _check_different(found: Iterable[str]) -> None:
    seen: set[str] = set()
    for place, each in enumerate(found, 1):
        if each in seen:
            raise BadInput(
                f"the id at place {place} stands there twice; which of them holds would be left to chance"
            )
        seen.add(each)


def _check_text(name: str, value: Any, most: int) -> None:
    if not isinstance(value, str):
        raise BadInput(f"a document's {name} is a text, not {type(value).__name__}")
    if len(value) > most:
        raise BadInput(
            f"a document's {name} has {len(value):,} characters, above the limit of {most:,}; cut it"
        )
    if not value.isascii():
        check_encodable(name, value)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
