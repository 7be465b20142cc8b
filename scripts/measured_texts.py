"""How well the local provider reads: its operations on texts, on labelled texts."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from measured import Measure, timed

from broker.types import EntityKind
from broker_local import english, entities, language, phrases, pii, sentiment
from broker_local.meanings import ENTITIES

WIKIGOLD_SENTENCES = 600
"""Of 1841; the first ones."""


def measure_language(folder: Path) -> Iterator[Measure]:
    """Right languages, of whole paragraphs and of their first characters. Unknown counts as wrong."""
    rows = _table(folder / "texts.csv")
    language.detect("Load the model.")
    for size in (None, 40, 20):
        texts = [row["text"][:size] for row in rows]
        found, seconds = timed(language.detect, texts)
        # Bokmal is one of the two written forms of Norwegian, ``no``; the model calls it that.
        right = sum(
            each.tag == ("no" if row["lang"] == "nb" else row["lang"])
            for each, row in zip(found, rows, strict=True)
        )
        known = sum(each.tag != language.UNKNOWN for each in found)
        what = "whole paragraphs" if size is None else f"first {size} characters"
        yield Measure("text.detect_language", "udhr", f"{what}: right", right, len(rows), seconds)
        yield Measure("text.detect_language", "udhr", f"{what}: right of those told", right, known, seconds)


def measure_english(folder: Path) -> Iterator[Measure]:
    """How well texts in other languages are kept from what reads only English."""
    rows = _table(folder / "texts.csv")
    found, seconds = timed(lambda text: english.other_language(text, None), [row["text"] for row in rows])
    pairs = [(row["lang"], each) for row, each in zip(rows, found, strict=True)]
    refused = sum(each is not None for tag, each in pairs if tag != "en")
    total = sum(tag != "en" for tag, _ in pairs)
    yield Measure("(English only)", "udhr", "other languages refused", refused, total, seconds)


def measure_sentiment(folder: Path) -> Iterator[Measure]:
    """Praise told from blame, on sentences that are one or the other."""
    rows = _table(folder / "sentences.csv")
    sentiment.detect("Load the model.")
    found, seconds = timed(sentiment.detect, [row["text"] for row in rows])
    leaning = right = tone = 0
    for row, each in zip(rows, found, strict=True):
        positive = row["label"] == "1"
        if each.probabilities is not None:
            leaning += (each.probabilities.positive > each.probabilities.negative) == positive
        tone += each.tone in (sentiment.Tone.POSITIVE, sentiment.Tone.NEGATIVE)
        right += each.tone is (sentiment.Tone.POSITIVE if positive else sentiment.Tone.NEGATIVE)
    name = "text.sentiment"
    yield Measure(name, "rt-polarity", "the more probable of the two", leaning, len(rows), seconds)
    yield Measure(name, "rt-polarity", "tone right (neutral, mixed are wrong)", right, len(rows), seconds)
    yield Measure(name, "rt-polarity", "tone right of those not neutral or mixed", right, tone, seconds)
    told = [english.other_language(row["text"], None) for row in rows]
    yield Measure("(English only)", "rt-polarity", "English let through", told.count(None), len(rows), 0.0)


PII_KINDS = {
    "email": "EMAIL",
    "phone": "PHONE",
    "credit_card": "CREDIT_CARD",
    "ip_address": "IP",
    "iban": "IBAN",
    "url": "URL",
    "us_ssn": "NATIONAL_ID",
    "us_itin": "NATIONAL_ID",
}
"""Our kinds and the data set's; it also has PERSON, which is not looked for."""


def measure_pii(folder: Path) -> Iterator[Measure]:
    """Spans that are exactly those of the truth, by kind."""
    lines = (folder / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    found, seconds = timed(pii.detect, [row["text"] for row in rows])
    hits: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    reported: Counter[str] = Counter()
    for row, findings in zip(rows, found, strict=True):
        truth = {(each["start"], each["end"], each["type"]) for each in row["spans"]}
        told = {(each.start, each.end, PII_KINDS.get(each.kind, each.kind)) for each in findings}
        hits.update(kind for *_, kind in truth & told)
        expected.update(kind for *_, kind in truth)
        reported.update(kind for *_, kind in told)
    for kind in sorted(expected | reported):
        yield Measure("text.detect_pii", "synthetic", f"{kind} recall", hits[kind], expected[kind], seconds)
        if reported[kind]:
            yield Measure(
                "text.detect_pii", "synthetic", f"{kind} precision", hits[kind], reported[kind], seconds
            )


def measure_phrases(folder: Path) -> Iterator[Measure]:
    """Only the time: there is no truth for key phrases."""
    texts = [" ".join(word for word, _ in each) for each in _wikigold(folder)]
    phrases.extract("Load the stop words.")
    found, seconds = timed(phrases.extract, texts)
    yield Measure("text.key_phrases", "wikigold", "no truth; time only", len(found), None, seconds)


WIKIGOLD_KINDS = {
    EntityKind.PERSON: "PER",
    EntityKind.LOCATION: "LOC",
    EntityKind.ORGANIZATION: "ORG",
}
"""Ours and the data set's; its fourth, MISC, is no kind of ours."""


def measure_entities(folder: Path) -> Iterator[Measure]:
    """People, places and organisations whose span and kind are exactly those of the truth."""
    if entities.model() is None:
        return
    cases = [_marked(each) for each in _wikigold(folder)]
    entities.detect("Load the model.")
    found, seconds = timed(entities.detect, [text for text, _ in cases])
    hits = expected = reported = 0
    for (_, truth), each in zip(cases, found, strict=True):
        kinds = ((one, WIKIGOLD_KINDS.get(ENTITIES.get(one.label, EntityKind.OTHER))) for one in each.found)
        told = {(one.start, one.end, kind) for one, kind in kinds if kind is not None}
        hits += len(told & truth)
        expected += len(truth)
        reported += len(told)
    name = f"text.entities ({found[0].model})"
    yield Measure(name, "wikigold", "PER, LOC, ORG recall", hits, expected, seconds)
    yield Measure(name, "wikigold", "PER, LOC, ORG precision", hits, reported, seconds)
    # As a share: F1 is twice the hits of all that was expected and all that was reported.
    yield Measure(name, "wikigold", "PER, LOC, ORG F1", 2 * hits, expected + reported, seconds)


def _wikigold(folder: Path) -> list[list[tuple[str, str]]]:
    """Sentences as words and their tags."""
    blocks = (folder / "wikigold.conll.txt").read_text(encoding="utf-8").split("\n\n")
    sentences = [[_word(line) for line in block.splitlines() if line.strip()] for block in blocks]
    return [each for each in sentences if each][:WIKIGOLD_SENTENCES]


def _word(line: str) -> tuple[str, str]:
    word, tag = line.split()
    return word, tag


def _marked(words: list[tuple[str, str]]) -> tuple[str, set[tuple[int, int, str]]]:
    """The text of a sentence, and where its entities stand; words in a row with one tag are one entity."""
    text, truth, begun = "", set[tuple[int, int, str]](), 0
    for place, (word, tag) in enumerate(words):
        text += " " if text else ""
        if place == 0 or words[place - 1][1] != tag:
            begun = len(text)
        text += word
        ends = place + 1 == len(words) or words[place + 1][1] != tag
        if ends and tag.partition("-")[2] in WIKIGOLD_KINDS.values():
            truth.add((begun, len(text), tag.partition("-")[2]))
    return text, truth


def _table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
