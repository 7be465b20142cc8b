"""What scores depend on, as people write it: a table of a plan or of the settings, made into :class:`ScoringSettings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from broker.errors import BadInput
from broker.quality.metrics.concepts import ConceptMap
from broker.quality.metrics.moderation import ErrorCosts
from broker.scoring.settings import ConceptBars, ModerationPolicy, ScoringSettings, SentimentCuts

_CONFIG = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Several words, or one. In their order, so that what is kept of a plan is always the same text."""


class _Bars(BaseModel):
    model_config = _CONFIG
    name: str
    of: dict[str, dict[str, float]]


class _Cuts(BaseModel):
    model_config = _CONFIG
    name: str
    negative: float
    positive: float


class _Costs(BaseModel):
    model_config = _CONFIG
    let_through: dict[str, float] = {}
    stopped: float = 1.0
    default: float = 1.0
    failed: float | None = None


class _Policy(BaseModel):
    model_config = _CONFIG
    name: str
    costs: _Costs = _Costs()
    ratio: float = 0.5
    likelihood: int = 4
    severity: int = 4
    harms: _Words | None = None

    def policy(self) -> ModerationPolicy:
        """Raises ValueError for what cannot be meant."""
        members = dict(self)
        members["costs"] = ErrorCosts(**dict(self.costs))
        members["harms"] = None if self.harms is None else frozenset(self.harms)
        return ModerationPolicy(**members)


class ScoringTable(BaseModel):
    """``[scoring]``: the same names as :class:`ScoringSettings` has; the concept map is a file of TOML."""

    model_config = _CONFIG
    concept_map: str | None = None
    """A file with a concept map of your own; else the package's everyday one."""
    concept_bars: _Bars | None = None
    object_kinds: _Words | None = None
    normaliser: str | None = None
    """Of the official word error rate: ``plain/1`` or ``spoken-en/1``."""
    language: str | None = None
    object_iou: float | None = None
    face_iou: float | None = None
    text_iou: float | None = None
    k: int | None = None
    sentiment_classes: _Words | None = None
    mixed_as: str | None = None
    sentiment_cuts: _Cuts | None = None
    moderation: _Policy | None = None
    entity_kinds: _Words | None = None
    pii_kinds: _Words | None = None
    names: dict[str, str] | None = None
    """What the data set calls things, and what they are called here: ``{"1" = "positive"}``."""
    same_from: float | None = None
    right_from: float | None = None

    def settings(self, folder: str = "") -> ScoringSettings:
        """As scores take them. Raises :class:`~broker.errors.BadInput`.

        :param folder: what the path of the concept map is relative to.
        """
        members: dict[str, Any] = {
            name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }
        try:
            if self.concept_map is not None:
                members["concept_map"] = _concept_map(os.path.join(folder, self.concept_map))
            if self.concept_bars is not None:
                members["concept_bars"] = ConceptBars(name=self.concept_bars.name, of=self.concept_bars.of)
            if self.sentiment_cuts is not None:
                members["sentiment_cuts"] = SentimentCuts(**dict(self.sentiment_cuts))
            if self.moderation is not None:
                members["moderation"] = self.moderation.policy()
            for name in ("object_kinds", "entity_kinds", "pii_kinds"):
                if name in members:
                    members[name] = frozenset(members[name])
            return ScoringSettings(**members)
        except ValueError as error:
            raise BadInput(f"scoring: {error}") from None


def scoring_settings(given: Mapping[str, Any], *, folder: str = "") -> ScoringSettings:
    """From a table of TOML (docs/scoring.md).

    :param folder: what the path of a concept map is relative to.

    Raises :class:`~broker.errors.BadInput` naming the member.
    """
    try:
        table = ScoringTable.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        raise BadInput(f"scoring: {place}: {first['msg']}") from None
    return table.settings(folder)


def _concept_map(path: str) -> ConceptMap:
    try:
        return ConceptMap.from_path(path)
    except OSError as error:
        raise BadInput(f"scoring: the concept map {path} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise BadInput(f"scoring: the concept map {path}: {error}") from None
