"""The operations on texts through the public client: typed, with offsets that hold, without network."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from broker import AsyncBroker, BadInput, Broker, Unsupported
from broker.types import (
    DocumentSentiment,
    KeyPhraseSet,
    LanguageSet,
    PiiKind,
    PiiSet,
    Polarity,
    RedactedText,
    Scale,
)
from broker_local import meanings, pii

pytestmark = pytest.mark.local_models

PAYLOADS = {
    "sentiment": DocumentSentiment,
    "key_phrases": KeyPhraseSet,
    "detect_language": LanguageSet,
    "detect_pii": PiiSet,
    "redact": RedactedText,
}
ENGLISH_ONLY = ("sentiment", "key_phrases")
TEXT = "😀 I love this phone. The battery is terrible — write to anna@example.com, or call +44 20 7946 0958!"
FRENCH = "Le chat est un animal très doux et il dort toute la journée sur le canapé de ma grand-mère."


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Broker]:
    with Broker(provider="local", ledger={"path": str(tmp_path / "local.db")}) as broker:
        yield broker


def _spans(value: Any) -> list[Any]:
    for name in ("sentences", "entities", "phrases"):
        if hasattr(value, name):
            return list(getattr(value, name))
    return []


@pytest.mark.parametrize("name", PAYLOADS)
def test_both_faces_give_the_typed_result_for_nothing(name: str, local: Broker) -> None:
    result = getattr(local.text, name)(TEXT)
    assert type(result.value) is PAYLOADS[name]
    assert (result.cost.amount, result.cost.unpriced) == (0, None)
    assert result.provenance.model_version
    assert result.raw is None

    async def run() -> Any:
        async with AsyncBroker(provider="local") as broker:
            return await getattr(broker.text, name)(TEXT, raw=True)

    other = asyncio.run(run())
    assert other.value == result.value
    assert other.raw is not None
    for span in _spans(result.value):
        assert span.offset_ok is True
        assert TEXT[span.begin : span.end] == span.text


def test_sentiment_of_sentences_and_of_the_whole(local: Broker) -> None:
    one = local.text.sentiment("What a wonderful day!").value
    assert (one.label, one.document.name, one.document.derived, one.document.rule) == (
        Polarity.POSITIVE,
        "positive",
        False,
        None,
    )
    assert one.document.probabilities is not None
    assert one.document.confidence.value == one.document.probabilities.positive
    assert one.document.confidence.scale is Scale.RATIO
    assert one.document.probabilities.mixed is None
    both = local.text.sentiment("I love this phone. The battery is terrible and the screen broke.").value
    assert both.label is Polarity.MIXED
    assert (both.document.derived, both.document.rule) == (True, "local-by-sentence-1")
    assert both.document.confidence.value is None  # mixed has no probability of its own
    assert both.sentences is not None
    assert [each.sentiment.label for each in both.sentences] == [Polarity.POSITIVE, Polarity.NEGATIVE]
    assert [each.sentiment.derived for each in both.sentences] == [False, False]
    assert both.language == "en"


def test_a_text_without_a_word_is_not_called_neutral(local: Broker) -> None:
    found = local.text.sentiment("😀😀").value
    assert (found.label, found.document.name) == (Polarity.OTHER, "no words")
    assert (found.document.confidence.value, found.document.probabilities) == (None, None)
    assert found.sentences == ()


@pytest.mark.parametrize("name", ENGLISH_ONLY)
def test_what_reads_english_refuses_the_rest(name: str, local: Broker) -> None:
    method = getattr(local.text, name)
    with pytest.raises(Unsupported, match="seems to be in 'fr'"):
        method(FRENCH)
    with pytest.raises(Unsupported, match="language 'fr' is not offered"):
        method(FRENCH, language="fr")
    assert method("It rains today.", language="en-GB").value
    assert method(FRENCH, language="en").value  # whoever says so is believed


def test_key_phrases_stand_heaviest_first_and_claim_no_ratio(local: Broker) -> None:
    found = local.text.key_phrases(
        "Solar panels need light. New solar panels are cheap; light is free."
    ).value
    weights = [each.confidence.raw for each in found.phrases]
    assert weights == sorted(weights, reverse=True)
    assert {(each.confidence.value, each.confidence.scale) for each in found.phrases} == {
        (None, Scale.UNBOUNDED)
    }
    assert len({each.text.casefold() for each in found.phrases}) == len(found.phrases)
    assert (
        local.text.key_phrases(TEXT, max_phrases=1).value.phrases
        == local.text.key_phrases(TEXT).value.phrases[:1]
    )
    with pytest.raises(Unsupported, match="min_confidence"):
        local.text.key_phrases(TEXT, min_confidence=0.5)


def test_languages_come_best_first(local: Broker) -> None:
    found = local.text.detect_language(FRENCH).value
    assert found.best is not None
    assert (found.best.language, found.best.code) == ("fr", "fr")
    assert (found.best.confidence.value or 0) > 0.9
    values = [each.confidence.value or 0.0 for each in found.languages]
    assert values == sorted(values, reverse=True)
    assert local.text.detect_language(FRENCH, min_confidence=0.5).value.languages == found.languages[:1]


@pytest.mark.parametrize("text", ["12345 67890", "😀", "... !!! ..."])
def test_no_language_is_said_to_be_none(text: str, local: Broker) -> None:
    best = local.text.detect_language(text).value.best
    assert best is not None
    assert (best.language, best.confidence.value) == ("und", None)


def test_personal_data_in_the_common_kinds_with_our_own_names(local: Broker) -> None:
    found = local.text.detect_pii(TEXT).value.entities
    assert [(each.kind, each.category, each.text) for each in found] == [
        (PiiKind.EMAIL, "email", "anna@example.com"),
        (PiiKind.PHONE, "phone", "+44 20 7946 0958"),
    ]
    assert {each.confidence.value for each in found} == {None}
    with pytest.raises(Unsupported, match="min_confidence"):
        local.text.detect_pii(TEXT, min_confidence=0.5)


def test_every_kind_that_is_found_has_a_common_name() -> None:
    assert set(meanings.PII) == set(pii.KINDS)
    assert PiiKind.OTHER not in meanings.PII.values()


@pytest.mark.parametrize(
    ("language", "found"),
    [(None, ["us"]), ("en", ["us"]), ("en-US", ["us"]), ("en-GB", ["uk"]), ("de", []), ("de-DE", [])],
)
def test_phones_are_read_as_of_the_country_that_language_names(
    language: str | None, found: list[str], local: Broker
) -> None:
    numbers = {"us": "(212) 555-0142", "uk": "020 7946 0958"}
    text = f"Ring {numbers['us']} in the day. At night it is {numbers['uk']} for all."
    told = [each.text for each in local.text.detect_pii(text, language=language).value.entities]
    assert told == [numbers[each] for each in found]


def test_redaction_masks_the_same_finds(local: Broker) -> None:
    found = local.text.redact(TEXT).value
    expected = TEXT.replace("anna@example.com", "*" * 16).replace("+44 20 7946 0958", "*" * 16)
    assert found.text == expected
    assert found.entities == local.text.detect_pii(TEXT).value.entities
    kinds = local.text.redact(TEXT, mask="kind").value.text
    assert kinds == TEXT.replace("anna@example.com", "[EMAIL]").replace("+44 20 7946 0958", "[PHONE]")
    assert local.text.redact("Nothing here.").value.text == "Nothing here."


@pytest.mark.parametrize("name", PAYLOADS)
@pytest.mark.parametrize(
    "before", ["👩\u200d👩\u200d👧 ", "日本語。 ", "e\u0301te\u0301 ", "\u202bשלום\u202c ", "a\r\n\t"]
)
def test_offsets_count_code_points(name: str, before: str, local: Broker) -> None:
    text = f"{before}The garden is wonderful, tell anna@example.com about it."
    options = {"language": "en"} if name in ENGLISH_ONLY else {}
    value = getattr(local.text, name)(text, **options).value
    spans = _spans(value)
    assert spans or name == "detect_language"
    for span in spans:
        assert text[span.begin : span.end] == span.text
        assert span.offset_ok is True


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_long_text_is_read_in_parts_without_losing_a_place(name: str, local: Broker) -> None:
    sentence = "The garden was lovely 😀, said anna@example.com to all of us. "
    limit = local.registry.manifest("local").by_name[f"text.{name}"].limits
    text = sentence * (limit.max_size // len(sentence) + 40)  # type: ignore[union-attr]
    if name == "sentiment":
        text = text[: limit.max_size + 3 * len(sentence)]  # type: ignore[union-attr]
    result = getattr(local.text, name)(text)
    assert len(result.attempts) == 2
    assert result.value.aggregated is True
    assert sum(each.quantity for attempt in result.attempts for each in attempt.usage) >= len(text) - 10
    for span in _spans(result.value):
        assert text[span.begin : span.end] == span.text
    if name in ("detect_pii", "redact"):
        assert len(result.value.entities) == text.count("@")
    if name == "redact":
        assert "anna" not in result.value.text
        assert len(result.value.text) == len(text)


@pytest.mark.parametrize("name", PAYLOADS)
@pytest.mark.parametrize("bad", ["", " \n ", b"bytes", "half a pair \ud83d"])
def test_what_is_no_text_is_refused(name: str, bad: Any, local: Broker) -> None:
    with pytest.raises(BadInput):
        getattr(local.text, name)(bad)


def test_32_calls_at_once_are_what_they_are_alone(local: Broker) -> None:
    texts = [TEXT, "It rains.", "A boring film; a lovely cinema.", "My card is 4111 1111 1111 1111."]
    cases = [(name, text) for name in PAYLOADS for text in texts] * 2
    alone = [getattr(local.text, name)(text).value for name, text in cases]
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda each: getattr(local.text, each[0])(each[1]).value, cases))
    assert together == alone


def test_many_are_answered_in_order(local: Broker) -> None:
    found = list(local.text.sentiment_many(["I love it.", "", "I hate it."], concurrency=2))
    assert [each.value.label for each in found if each.ok] == [Polarity.POSITIVE, Polarity.NEGATIVE]
    assert isinstance(found[1].error, BadInput)


def test_what_is_not_offered_says_why(local: Broker) -> None:
    with pytest.raises(Unsupported, match="no openly licensed model"):
        local.text.moderate("text")


SPACY = """
class _Mention:
    def __init__(self, label, start, end):
        self.label_, self.start_char, self.end_char = label, start, end

class _Document:
    def __init__(self, text):
        words = (("Anna Berg", "PERSON"), ("French", "NORP"), ("Paris", "GPE"), ("Mars", "PLANET"))
        self.ents = [_Mention(label, text.index(word), text.index(word) + len(word)) for word, label in words if word in text]

class _Pipeline:
    pipe_names, meta, max_length = ["ner"], {"version": "1.0"}, 1
    def __call__(self, text):
        return _Document(text)

def load(name, exclude=()):
    return _Pipeline()
"""


@pytest.mark.parametrize("installed", [True, False])
def test_entities_are_offered_where_a_model_is_installed(installed: bool, tmp_path: Path) -> None:
    """In a process of its own: what is installed is looked at once, when the provider is first imported."""
    (tmp_path / "spacy.py").write_text(SPACY)
    if installed:
        info = tmp_path / "en_stub-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: en_stub\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[spacy_models]\nen_stub = en_stub\n")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import importlib.metadata as metadata
here = metadata.entry_points

def only_ours(**chosen):  # other models that this machine may have do not count
    return [each for each in here(**chosen) if each.group != "spacy_models" or each.name == "en_stub"]

metadata.entry_points = only_ours
from broker import Broker, Unsupported
from broker_local import LocalAdapter
print(LocalAdapter.manifest.by_name["text.entities"].support.value, hasattr(LocalAdapter, "entities"))
with Broker(provider="local") as client:
    try:
        found = client.text.entities("\U0001f600 Anna Berg speaks French on Mars and in Paris.")
    except Unsupported as error:
        print(error)
    else:
        print(*((each.kind.value, each.category, each.text, each.begin, each.offset_ok, each.confidence.value)
                for each in found.value.entities), found.provenance.model_version, found.cost.amount, sep="\\n")
        try:
            client.text.entities({FRENCH!r})
        except Unsupported as error:
            print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    if not installed:
        assert lines[0] == "notyet False"
        assert "python -m spacy download en_core_web_sm" in lines[1]
        return
    assert lines[0] == "yes True"
    assert lines[1:7] == [
        "('person', 'PERSON', 'Anna Berg', 2, True, None)",
        "('person_type', 'NORP', 'French', 19, True, None)",
        "('location', 'GPE', 'Paris', 41, True, None)",
        "('other', 'PLANET', 'Mars', 29, True, None)",
        "en_stub-1.0",
        "0",
    ]
    assert "seems to be in 'fr'" in lines[7]
