"""What is right for an item, typed by what the operation answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, Union

from broker.quality.metrics.boxes import Boxed
from broker.quality.metrics.spans import Mention
from broker.quality.metrics.speakers import Said, Turn
from broker.quality.metrics.words import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTruth:
    """What a picture shows.

    :param concepts: of the concept map, every one that holds (a car is a vehicle, too).
    :param judged: concepts that were looked for; None: all of the map.
    """

    concepts: frozenset[str]
    judged: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxTruth:
    """What is where in a picture: objects with their kinds, or faces."""

    things: tuple[Boxed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTruth:
    """What is written in a picture.

    :param text: all of it in reading order; None: only the places are known.
    :param lines: with their places; None: places are not known.
    """

    text: str | None = field(repr=False)
    lines: tuple[Boxed, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmTruth:
    """Which harms there are in a picture or a text; none: it is harmless."""

    harms: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTruth:
    """The one right class: a sentiment, or a language's BCP-47 tag."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanTruth:
    """Mentions in a text, with offsets in code points and kinds of the common vocabulary."""

    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseTruth:
    """Key phrases, as plain words between single spaces."""

    phrases: frozenset[str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTruth:
    """What is said.

    :param pieces: the same in parts, of which some are entities; None: entities are not marked.
    :param turns: who speaks when; None: nobody has said. ``said``: who says what; None: turns have no texts.
    :param language: BCP-47 tag; None: the settings say, or it is not known.
    """

    text: str = field(repr=False)
    pieces: tuple[Piece, ...] | None = field(default=None, repr=False)
    turns: tuple[Turn, ...] | None = field(default=None, repr=False)
    said: tuple[Said, ...] | None = field(default=None, repr=False)
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTruth:
    """How relevant documents are to a query: 0 not at all. Documents that are not named were never judged."""

    judged: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisTruth:
    """Of each part of an analysis: by the names of :data:`broker.types.analysis.PARTS`."""

    parts: Mapping[str, Truth]


Truth: TypeAlias = Union[
    LabelTruth,
    BoxTruth,
    WrittenTruth,
    HarmTruth,
    ClassTruth,
    SpanTruth,
    PhraseTruth,
    SpeechTruth,
    RankTruth,
    "AnalysisTruth",
]
