"""What is made in a quicker way is what the dataclass would have made."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from broker.types import Confidence, Label
from broker.types.confidence import Scale


def rated(raw: float | str | None, id: str | None = None) -> Label:
    (label,) = Label.rated([("Cat", raw, id)])
    return label


RATED = rated(0.75, "/m/01yrx")
ALIKE = [
    (Confidence.ratio(0.75), Confidence(value=0.75, raw=0.75, scale=Scale.RATIO)),
    (Confidence.percent(75.0), Confidence(value=0.75, raw=75.0, scale=Scale.PERCENT)),
    (RATED, Label(name="Cat", confidence=Confidence.ratio(0.75), id="/m/01yrx")),
    *(
        (rated(raw), Label(name="Cat", confidence=Confidence.ratio(raw)))
        for raw in (0.0, 1.0, 1, "0.5", None, -0.1, 1.5, float("nan"))
    ),
]


@pytest.mark.parametrize(("quick", "plain"), ALIKE)
def test_it_is_the_same_value_of_the_same_kind(quick: object, plain: object) -> None:
    assert type(quick) is type(plain)
    assert quick == plain
    assert hash(quick) == hash(plain)
    assert repr(quick) == repr(plain)
    assert pickle.loads(pickle.dumps(quick)) == plain
    assert copy.deepcopy(quick) == plain


@pytest.mark.parametrize("quick", [quick for quick, _ in ALIKE])
def test_it_is_frozen(quick: Label | Confidence) -> None:
    for field in fields(quick):
        with pytest.raises(FrozenInstanceError):
            setattr(quick, field.name, None)


def test_it_can_be_replaced() -> None:
    assert replace(RATED, parents=("Pet",)).parents == ("Pet",)
    assert RATED.parents == ()


def test_labels_keep_their_order() -> None:
    assert [label.name for label in Label.rated([("Cat", 0.5, None), ("Ant", 0.9, None)])] == ["Cat", "Ant"]
    assert Label.rated([]) == ()


def test_what_is_no_confidence_is_refused() -> None:
    for raw in (True, "sure"):
        with pytest.raises(ValueError, match="c"):
            rated(raw)
