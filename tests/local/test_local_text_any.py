"""Whatever the text, spans lie within it, in order, and on what they name."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker_local import language, phrases, pii
from broker_local.sentences import sentences
from broker_local.wordpiece import pieces

pytestmark = pytest.mark.local_models

# Anything at all, half a surrogate pair too, and text made of what the patterns look for.
_ANY = st.text(st.characters(), max_size=60)
_NEAR = st.lists(
    st.sampled_from(
        ["4111 1111 1111 1111", "a@b.co", "GB82 WEST 1234 5698 7654 32", "http://x.y", "+1 202-555-0121", "::1",
         "SSN ", "123-45-6789", "born ", "1.1.2000", "bc1q", "😀", "e\u0301", "\u202b", "日本", ". ", "\n", "-", "(", ")", "/", " "]
    ),
    max_size=12,
).map("".join)  # fmt: skip
TEXTS = st.one_of(_ANY, _NEAR)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
@example("\ud800@b.co \udfff")
def test_personal_data(text: str) -> None:
    end = 0
    for each in pii.detect(text):
        assert end <= each.start < each.end <= len(text)
        assert text[each.start : each.end].strip() == text[each.start : each.end]
        assert each.kind in pii.KINDS
        end = each.end


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_sentences_hold_all_but_white_space(text: str) -> None:
    end = 0
    for start, stop in sentences(text):
        assert end <= start < stop <= len(text)
        assert text[end:start].strip() == ""
        end = stop
    assert text[end:].strip() == ""


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_phrases(text: str) -> None:
    for each in phrases.extract(text):
        assert each.weight >= 1
        assert each.text == text[slice(*each.mentions[0])]
        assert list(each.mentions) == sorted(set(each.mentions))
        assert all(0 <= start < end <= len(text) for start, end in each.mentions)


@given(TEXTS)
@settings(max_examples=100, deadline=None)
def test_pieces_and_languages(text: str) -> None:
    assert all(0 <= each < 30_522 for each in pieces(text))
    found = language.detect(text)
    assert (found.tag == language.UNKNOWN) == (found.probability is None)
    assert all(0 < each.probability <= 1 for each in found.ranked)
