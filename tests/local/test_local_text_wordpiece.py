"""Text becomes the word pieces and vectors the model was made with."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from broker_local import minilm, sentiment, wordpiece
from broker_local.wordpiece import UNKNOWN, pieces

pytestmark = pytest.mark.local_models


# Ids as the ``tokenizers`` package gives them with all-MiniLM-L6-v2's own ``tokenizer.json``.
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", []),
        (" \t\r\n\u00a0", []),
        ("Hello, World!", [7592, 1010, 2088, 999]),
        ("unaffable embeddings", [14477, 20961, 3468, 7861, 8270, 4667, 2015]),
        ("don't", [2123, 1005, 1056]),
        ("Café CAFE\u0301 naïve", [7668, 7668, 15743]),
        ("你好 世界", [100, 100, 1745, 100]),
        ("$3.50 a^b", [1002, 1017, 1012, 2753, 1037, 1034, 1038]),
        ("x\u00ady\u200bz\0\ufffd", [1060, 2100, 2480]),
        ("a" * 101, [UNKNOWN]),
        ("😀", [UNKNOWN]),
    ],
)
def test_pieces_are_those_of_the_model(text: str, ids: list[int]) -> None:
    assert list(pieces(text)) == ids


def test_a_very_long_text_takes_time_by_its_length() -> None:
    started = time.process_time()
    assert len(pieces("word " * 20_000)) == 20_000
    assert pieces("w" * 100_000) == (UNKNOWN,)
    assert time.process_time() - started < 5


def test_each_piece_has_a_vector_also_in_a_long_text() -> None:
    assert minilm.token_vectors("Hello, World!").shape == (4 + 2, minilm.SIZE)
    long = minilm.token_vectors("word " * 600)  # three stretches of 200, each with its two marks
    assert long.shape == (600 + 3 * 2, minilm.SIZE)
    assert minilm.token_vectors("").shape == (2, minilm.SIZE)


def test_what_means_alike_lies_near() -> None:
    cat, kitten, tax = (
        minilm.embed(each)
        for each in (
            "A cat sleeps on the sofa.",
            "A kitten naps on the couch.",
            "The tax return is due in April.",
        )
    )
    assert float(np.linalg.norm(cat)) == pytest.approx(1, abs=1e-5)
    assert cat @ kitten > 0.5
    assert cat @ tax < 0.2


def test_a_texts_vectors_do_not_depend_on_what_else_runs() -> None:
    texts = ["Good.", "A longer sentence about something else entirely.", "word " * 300]
    alone = [minilm.token_vectors(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(minilm.token_vectors, texts * 4))
    for first, second in zip(alone * 4, together, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_head_was_trained_on_these_vectors() -> None:
    stored = json.loads(sentiment.HEAD.read_text(encoding="utf-8"))
    assert stored["vectors_sha256"] == minilm.SHA256
    assert [len(each) for each in stored["weights"]] == [minilm.SIZE] * 3
    assert max(abs(each) for row in stored["weights"] for each in row) < 10  # no noise scaled up


def test_the_vocabulary_is_the_models() -> None:
    lines = wordpiece.VOCABULARY.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 30_522
    assert [lines[each] for each in (wordpiece.UNKNOWN, wordpiece.START, wordpiece.END)] == [
        "[UNK]",
        "[CLS]",
        "[SEP]",
    ]
