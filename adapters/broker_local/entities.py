"""Named entities in English text, by whichever English spaCy model the user has installed.

No such model of the makers' is on PyPI and none is brought along, so this works only where somebody
installed one; :func:`ready` tells without loading it.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from broker.errors import NotConfigured
from broker_local.models import Lazy

COMMAND = "pip install 'spacy>=3.8,<4' && python -m spacy download en_core_web_sm"
"""The second half fetches the model from its makers' releases, not from PyPI."""

_SIZES = ("trf", "lg", "md", "sm")
"""Name parts of the makers' models, the most accurate first."""
_UNUSED = ("tagger", "parser", "senter", "attribute_ruler", "lemmatizer", "morphologizer", "textcat")
"""Parts of a pipeline that finding entities does not need."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One mention.

    :param label: spaCy's own word for what it is.
    :param start: first code point; ``end`` is the one behind the last. There is no confidence: spaCy gives none.
    """

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entities:
    """All mentions in order, and which model found them, as ``en_core_web_sm-3.8.0``."""

    found: tuple[Entity, ...]
    model: str


def model() -> str | None:
    """Name of the installed English model that would be used; None where spaCy or a model is missing.

    Looks at what the installed packages declare, and imports none.
    """
    if not _spacy_is_there():
        return None
    names = {each.name for each in entry_points(group="spacy_models") if each.name.startswith("en_")}
    return min(names, key=_preference, default=None)


def ready() -> str:
    """Empty where entities can be found, else what is missing and what to type."""
    return "" if model() is not None else f"no English spaCy model is installed; type: {COMMAND}"


def detect(text: str) -> Entities:
    """All entities. Raises NotConfigured where no English spaCy model with entities is installed."""
    return _pipeline.get().read(text)


def _spacy_is_there() -> bool:
    return importlib.util.find_spec("spacy") is not None


def _preference(name: str) -> tuple[int, str]:
    parts = name.split("_")
    return min((place for place, size in enumerate(_SIZES) if size in parts), default=len(_SIZES)), name


class _Pipeline:
    """One loaded model. One text at a time: a pipeline keeps state of its own, the store of strings."""

    def __init__(self, pipeline: Any, name: str) -> None:
        self._pipeline = pipeline
        self._name = name
        self._lock = threading.Lock()

    def read(self, text: str) -> Entities:
        with self._lock:
            document = self._pipeline(text)
            found = tuple(Entity(each.label_, each.start_char, each.end_char) for each in document.ents)
        return Entities(found, self._name)


def _load() -> _Pipeline:
    problem = ready()
    name = model()
    if name is None:
        raise NotConfigured(f"the local provider cannot find entities: {problem}")
    spacy: Any = importlib.import_module("spacy")
    try:
        pipeline = spacy.load(name, exclude=list(_UNUSED))
    except OSError as error:  # the model's files are gone or of another spaCy
        raise NotConfigured(
            f"the spaCy model {name} cannot be loaded ({type(error).__name__}); type: {COMMAND}"
        ) from error
    if not {"ner", "entity_ruler", "span_ruler"} & set(pipeline.pipe_names):
        raise NotConfigured(f"the spaCy model {name} finds no entities; type: {COMMAND}")
    # Above this spaCy refuses, to spare memory the parser would take; the parser is left out here.
    pipeline.max_length = max(pipeline.max_length, 10_000_000)
    return _Pipeline(pipeline, f"{name}-{pipeline.meta['version']}")


_pipeline = Lazy(_load)
