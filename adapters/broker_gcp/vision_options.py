"""What a user may add to a Vision request: Google's own options, checked before they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broker.errors import BadInput
from broker.types import JsonValue

WIDEST_RESULTS = 100
MODELS = ("builtin/stable", "builtin/latest")
TEXT_MODELS = (*MODELS, "builtin/weekly")
LAYOUTS = ("legacy_layout",)
_INT32 = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Source: Feature and TextDetectionParams of image_annotator.proto.

    :param max_results: of each feature that counts its results; Vision's own default is 10.
    :param model: empty: Vision's default, ``builtin/stable``.
    :param advanced_ocr: ``legacy_layout`` finds blocks by heuristics instead of a model.
    """

    max_results: int = WIDEST_RESULTS
    model: str = ""
    advanced_ocr: tuple[str, ...] = ()


DEFAULT = Options()


def read_options(given: Mapping[str, JsonValue], models: tuple[str, ...] = MODELS) -> Options:
    """The checked options. Raises :class:`BadInput`."""
    if not given:
        return DEFAULT
    return Options(
        max_results=_most(given.get("gcp_max_results", WIDEST_RESULTS)),
        model=_model(given.get("gcp_model", ""), models),
        advanced_ocr=_layouts(given.get("gcp_advanced_ocr", [])),
    )


def _most(most: JsonValue) -> int:
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most < _INT32:
        raise BadInput(f"gcp_max_results must be a whole number from 1, not {most!r:.80}")
    return most


def _model(model: JsonValue, models: tuple[str, ...]) -> str:
    if not isinstance(model, str) or (model and model not in models):
        raise BadInput(f"gcp_model must be one of {', '.join(models)}, not {model!r:.80}")
    return model


def _layouts(names: JsonValue) -> tuple[str, ...]:
    if not isinstance(names, (list, tuple)) or not all(name in LAYOUTS for name in names):
        raise BadInput(f"gcp_advanced_ocr must be a list out of {', '.join(LAYOUTS)}, not {names!r:.80}")
    return tuple(str(name) for name in names)
