"""text.entities: who, what, where and when a text speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from broker.types.confidence import Confidence, sure_enough
from broker.types.request import TextRequest, check_ratio
from broker.types.span import Span


class EntityKind(str, Enum):
    """The common vocabulary; the vendor's own name stands beside it."""

    PERSON = "person"
    PERSON_TYPE = "person_type"
    """A role or a group one belongs to: doctor, Buddhist."""
    ORGANIZATION = "organization"
    LOCATION = "location"
    ADDRESS = "address"
    EVENT = "event"
    PRODUCT = "product"
    """Something made to be sold; a brand."""
    WORK = "work"
    """A title: of a book, film, song, law."""
    SKILL = "skill"
    DATE_TIME = "date_time"
    QUANTITY = "quantity"
    """A number with what it counts: age, money, percentage, length."""
    NUMBER = "number"
    PRICE = "price"
    PHONE = "phone"
    EMAIL = "email"
    URL = "url"
    IP_ADDRESS = "ip_address"
    LANGUAGE = "language"
    OTHER = "other"
    """The vendor says other, or its name is not in our map; see ``category``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRequest(TextRequest):
    """What does this text speak of?

    :param min_confidence: keep mentions of at least this ratio (0..1).
    """

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Span):
    """One mention of something. A thing that is mentioned twice is two of these.

    :param kind: in the common vocabulary.
    :param category: the vendor's own name for it.
    :param subcategory: the vendor's finer name, where it has one.
    :param name: the thing's own name, where the vendor tells it from the mention (Google).
    :param mention: Google's ``PROPER`` (a name) or ``COMMON`` (a noun).
    :param group: mentions of one thing have the same number, where the vendor groups them.
    :param salience: how central the thing is to the text, 0..1, where the vendor says so (Google v1).
    :param links: what the vendor knows of it elsewhere (``wikipedia_url``, ``mid``), by the vendor's names.
    """

    kind: EntityKind
    category: str
    confidence: Confidence
    subcategory: str | None = None
    name: str | None = None
    mention: str | None = None
    group: int | None = None
    salience: float | None = None
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitySet:
    """All mentions, in the vendor's order.

    :param language: BCP-47 tag of what the vendor took the text for, where it says so.
    :param aggregated: joined from the answers for a long text's parts; groups are per part.
    """

    entities: tuple[Entity, ...]
    language: str | None = None
    aggregated: bool = False

    def select(self, request: EntityRequest) -> EntitySet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.entities, request.min_confidence)
        return self if kept is self.entities else replace(self, entities=kept)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, EntitySet]], request: Any) -> EntitySet:  # noqa: ARG003 - as the others
        """From the parts of a long text, offsets shifted back."""
        found: list[Entity] = []
        groups = 0
        for begin, _, part in parts:
            seen = [each.group for each in part.entities if each.group is not None]
            for each in part.entities:
                moved = each.shifted(begin)
                found.append(moved if moved.group is None else replace(moved, group=moved.group + groups))
            groups += max(seen, default=-1) + 1
        languages = {part.language for _, _, part in parts}
        return cls(
            entities=tuple(found),
            language=languages.pop() if len(languages) == 1 else None,
            aggregated=True,
        )
