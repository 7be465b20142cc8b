"""search.upsert, search.delete and search.status: what becomes of each document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Self

from broker.types.document import Document, documents, ids
from broker.types.search import SearchRequest


class DocumentState(str, Enum):
    """Where one document stands."""

    DONE = "done"
    """Queries find it; of a deletion: they find it no longer."""
    ACCEPTED = "accepted"
    """The engine has taken it and works on it; queries may not show it yet. Ask ``search.status``."""
    FAILED = "failed"
    """It was refused, for the reason told."""
    UNKNOWN = "unknown"
    """It was sent and the answer was lost or unusable. Sending it again does no harm: the id is the same."""
    NOT_SENT = "not_sent"
    """It was not sent, because of what happened before it."""
    ABSENT = "absent"
    """The engine has no such document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStatus:
    """What became of one document.

    :param reason: why, where it failed or is not known; the engine's own words, without secrets.
    :param code: the engine's own code.
    :param may_retry: sending it again as it is may help.
    """

    id: str
    state: DocumentState
    reason: str = ""
    code: str | None = None
    may_retry: bool = False

    @property
    def acknowledged(self) -> bool:
        """The engine has it, or will."""
        return self.state in _ACKNOWLEDGED


_ACKNOWLEDGED = (DocumentState.DONE, DocumentState.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest(SearchRequest):
    """What goes to an index document by document."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids, in their order."""
        raise NotImplementedError

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each on its way."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertRequest(WriteRequest):
    """Put these documents in; one with the same id is replaced whole."""

    SUBJECT: ClassVar[str] = "documents"
    PROBE: ClassVar[Any] = (Document(id="?", content="?"),)

    documents: tuple[Document, ...] = field(repr=False)

    @classmethod
    def subject_of(cls, given: Any) -> tuple[Document, ...]:
        """Documents or mappings, one or several."""
        return documents(given)

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids, in their order."""
        return tuple(each.id for each in self.documents)

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each on its way."""
        return [each.size for each in self.documents]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRequest(WriteRequest):
    """Take these documents out. One that is not there is no failure."""

    SUBJECT: ClassVar[str] = "ids"
    PROBE: ClassVar[Any] = ("?",)

    ids: tuple[str, ...]

    @classmethod
    def subject_of(cls, given: Any) -> tuple[str, ...]:
        """One id or several."""
        return ids(given)

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids, in their order."""
        return self.ids

    @property
    def sizes(self) -> Sequence[int]:
        """Bytes of each on its way."""
        return [len(each.encode()) for each in self.ids]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest(DeleteRequest):
    """Where do these documents stand?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What became of each document, in the order they were given in.

    :param stopped: what ended the call before all were sent; empty: nothing did.
    """

    statuses: tuple[DocumentStatus, ...]
    stopped: str = ""

    @property
    def acknowledged(self) -> tuple[str, ...]:
        """Ids that the engine has, or will have."""
        return tuple(each.id for each in self.statuses if each.acknowledged)

    @property
    def problems(self) -> tuple[DocumentStatus, ...]:
        """Those that are not acknowledged."""
        return tuple(each for each in self.statuses if not each.acknowledged)

    @property
    def ok(self) -> bool:
        """Whether all are acknowledged."""
        return all(each.acknowledged for each in self.statuses)

    @property
    def searchable(self) -> bool:
        """Whether queries find all of them already."""
        return all(each.state is DocumentState.DONE for each in self.statuses)

    def counted(self) -> dict[DocumentState, int]:
        """How many stand where."""
        return dict(Counter(each.state for each in self.statuses))

    def select(self, request: WriteRequest) -> Self:  # noqa: ARG002 - nothing is filtered
        """Itself."""
        return self
