"""vision.label and vision.detect_objects: what is in a picture, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from broker.types.confidence import RATIO, Confidence, Unfrozen, sure_enough
from broker.types.geometry import Frame, Region
from broker.types.request import ImageRequest, check_count, check_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest(ImageRequest):
    """What is in this picture?

    :param max_labels: keep at most so many, the most confident ones; None keeps all.
    :param min_confidence: keep labels of at least this ratio (0..1); labels of unknown
        confidence do not pass a positive bar.
    """

    max_labels: int | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_count("max_labels", self.max_labels)
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing the provider sees.

    :param name: the vendor's word, unchanged.
    :param id: the vendor's id of the concept (Google's ``mid``, a WordNet id locally).
    :param parents: broader concepts, nearest first, where the vendor gives them.
    :param aliases: other names of the same concept.
    :param categories: the vendor's own grouping.
    """

    name: str
    confidence: Confidence
    id: str | None = None
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        name: str,
        confidence: Confidence,
        id: str | None = None,
        parents: tuple[str, ...] = (),
        aliases: tuple[str, ...] = (),
        categories: tuple[str, ...] = (),
    ) -> None:
        # What the dataclass would write, through the slots' own descriptors: a call makes dozens of labels.
        _set_name(self, name)
        _set_confidence(self, confidence)
        _set_id(self, id)
        _set_parents(self, parents)
        _set_aliases(self, aliases)
        _set_categories(self, categories)

    @staticmethod
    def rated(rows: Iterable[tuple[str, float | str | None, str | None]]) -> tuple[Label, ...]:
        """Labels without parents, aliases and categories, of names, vendor numbers on 0..1, and ids.

        The same as by ``Label`` and :meth:`Confidence.ratio` in a third of the time: one loop that calls nothing. Raises
        ValueError as that does.
        """
        unfrozen_label, unfrozen, label, confidence, ratio, none = (
            _UnfrozenLabel,
            Unfrozen,
            Label,
            Confidence,
            RATIO,
            (),
        )
        found: list[Any] = []
        for name, raw, id_ in rows:
            sure: Any
            if type(raw) is float and 0.0 <= raw <= 1.0:
                sure = unfrozen()
                sure.value = sure.raw = raw
                sure.scale = ratio
                sure.clamped = False
                sure.__class__ = confidence
            else:
                sure = confidence.ratio(raw)
            made: Any = unfrozen_label()
            made.name = name
            made.confidence = sure
            made.id = id_
            made.parents = made.aliases = made.categories = none
            made.__class__ = label
            found.append(made)
        return tuple(found)


class _UnfrozenLabel:
    """A label under way, written as plain attributes; see how :mod:`broker.types.confidence` makes its own."""

    __slots__ = ("aliases", "categories", "confidence", "id", "name", "parents")


_set_name, _set_confidence, _set_id, _set_parents, _set_aliases, _set_categories = (
    getattr(Label, name).__set__ for name in ("name", "confidence", "id", "parents", "aliases", "categories")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """All labels of one picture in the vendor's order, filtered as the request asked."""

    labels: tuple[Label, ...]

    def select(self, request: LabelRequest) -> LabelSet:
        """Apply ``min_confidence`` and ``max_labels``: the same filter for every provider."""
        kept = sure_enough(self.labels, request.min_confidence)
        if request.max_labels is not None and len(kept) > request.max_labels:
            ranked = sorted(
                range(len(kept)), key=lambda i: -(kept[i].confidence.value or 0.0)
            )  # sorted() is stable: the vendor's order breaks ties
            kept = tuple(kept[i] for i in sorted(ranked[: request.max_labels]))
        return self if kept is self.labels else replace(self, labels=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRequest(ImageRequest):
    """Which things are where in this picture?

    :param max_objects: keep at most so many, the most confident ones; None keeps all.
    :param min_confidence: keep objects of at least this ratio (0..1).
    """

    max_objects: int | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_count("max_objects", self.max_objects)
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedObject:
    """One thing at one place. Three cats are three objects.

    :param name: the vendor's word, unchanged.
    :param id: the vendor's id of the concept (Google's ``mid``).
    :param parents: broader concepts, nearest first, where the vendor gives them.
    :param others: further names the vendor gives the same thing, each with its own confidence.
    """

    name: str
    confidence: Confidence
    region: Region
    id: str | None = None
    parents: tuple[str, ...] = ()
    others: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSet:
    """All objects of one picture in the vendor's order, filtered as the request asked.

    :param frame: the picture that the places are ratios of.
    """

    objects: tuple[DetectedObject, ...]
    frame: Frame | None = None

    def select(self, request: ObjectRequest) -> ObjectSet:
        """Apply ``min_confidence`` and ``max_objects``."""
        kept = sure_enough(self.objects, request.min_confidence)
        if request.max_objects is not None and len(kept) > request.max_objects:
            ranked = sorted(range(len(kept)), key=lambda i: -(kept[i].confidence.value or 0.0))
            kept = tuple(kept[i] for i in sorted(ranked[: request.max_objects]))
        return self if kept is self.objects else replace(self, objects=kept)
