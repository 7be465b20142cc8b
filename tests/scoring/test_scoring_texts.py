"""What answers on texts, recordings and queries score: exact figures of small cases."""

from __future__ import annotations

from typing import Any

import pytest
from scoring_support import UNKNOWN, hits, parts, sentiment, transcript, word

from broker.errors import BadTruth
from broker.quality.metrics.metric import ItemScore, Metric
from broker.scoring import (
    ScoringSettings,
    SentimentCuts,
    answer_class,
    class_of_truth,
    confidence_of,
    fit_cuts,
    is_empty,
    metrics_of,
    parse_truth,
    pinned_answer,
    right_answer,
    same_answer,
    score,
    unit_score,
)
from broker.types.confidence import Confidence
from broker.types.entity import Entity, EntityKind, EntitySet
from broker.types.phrase import DetectedLanguage, KeyPhrase, KeyPhraseSet, LanguageSet
from broker.types.pii import PiiEntity, PiiKind, PiiSet, RedactedText
from broker.types.sentiment import Polarity
from broker.types.transcript import Transcript, TranscriptSegment

POSITIVE, NEGATIVE, NEUTRAL, MIXED = Polarity.POSITIVE, Polarity.NEGATIVE, Polarity.NEUTRAL, Polarity.MIXED


def entity(
    begin: int | None, end: int | None, kind: EntityKind, *, holds: bool | None = True, text: str = "x"
) -> Entity:
    return Entity(
        text=text,
        begin=begin,
        end=end,
        offset_ok=holds,
        kind=kind,
        category=kind.value,
        confidence=Confidence.ratio(0.5),
    )


def languages(*tags: str) -> LanguageSet:
    return LanguageSet(
        languages=tuple(
            DetectedLanguage(language=tag, code=tag, confidence=Confidence.ratio(0.9)) for tag in tags
        )
    )


def phrases(*texts: str) -> KeyPhraseSet:
    return KeyPhraseSet(phrases=tuple(KeyPhrase(text=text, confidence=UNKNOWN) for text in texts))


def test_sentiments_are_classes() -> None:
    name = "macro-f1:negative,neutral,positive"
    assert parts("text.sentiment", sentiment(POSITIVE), "positive") == {
        name: (0, 0, 0, 0, 0, 0, 1, 0, 0),
        "accuracy": (1, 1),
    }
    assert parts("text.sentiment", sentiment(NEUTRAL), "Positive")[name] == (0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert parts("text.sentiment", sentiment(MIXED), "positive")[name] == (0, 0, 0, 0, 0, 0, 0, 0, 1)
    assert parts("text.sentiment", None, "positive")["accuracy"] == (0, 1)


def test_what_mixed_means_is_said_and_named() -> None:
    settings = ScoringSettings(mixed_as="neutral")
    found = parts("text.sentiment", sentiment(MIXED), "neutral", settings)
    assert found == {
        "macro-f1:mixed=neutral:negative,neutral,positive": (0, 0, 0, 1, 0, 0, 0, 0, 0),
        "accuracy:mixed=neutral": (1, 1),
    }
    assert class_of_truth(parse_truth("text.sentiment", "mixed", settings)) == "neutral"
    with pytest.raises(BadTruth, match=r"none of negative, neutral, positive"):
        parse_truth("text.sentiment", "mixed")


def test_a_data_sets_own_names_are_translated() -> None:
    settings = ScoringSettings(
        names={"1": "positive", "0": "negative"}, sentiment_classes=("negative", "positive")
    )
    assert class_of_truth(parse_truth("text.sentiment", "1", settings)) == "positive"
    assert class_of_truth(parse_truth("text.sentiment", 0, settings)) == "negative"
    with pytest.raises(BadTruth):
        parse_truth("text.sentiment", "neutral", settings)


def test_polarities_are_cut_where_the_users_gold_says() -> None:
    settings = ScoringSettings(sentiment_cuts=SentimentCuts(name="mine/2", negative=-0.25, positive=0.25))
    found = parts("text.sentiment", sentiment(NEUTRAL, score=0.25), "positive", settings)
    assert found["accuracy:cuts=mine/2"] == (1, 1)
    assert parts("text.sentiment", sentiment(NEUTRAL), "neutral", settings)["accuracy:cuts=mine/2"] == (1, 1)
    assert (
        answer_class("text.sentiment", sentiment(NEUTRAL, score=-0.3), provider="gcp", settings=settings)
        == "negative"
    )


def test_cuts_are_fitted_on_gold() -> None:
    rated = [(-0.9, "negative"), (-0.3, "negative"), (-0.1, "neutral"), (0.1, "neutral"), (0.4, "positive")]
    cuts = fit_cuts("mine/1", rated)
    assert [cuts.polarity(each).value for each, _ in rated] == [truth for _, truth in rated]
    assert (cuts.negative, cuts.positive) == (-0.15, 0.15)
    for wrong in ([], [(0.1, "happy")]):
        with pytest.raises(ValueError, match=r"gold|true class"):
            fit_cuts("mine/1", wrong)


def test_the_surest_sentiment_is_its_labels() -> None:
    assert confidence_of("text.sentiment", sentiment(POSITIVE, sure=0.7)) == 0.7
    assert confidence_of("text.sentiment", sentiment(POSITIVE, score=0.9)) is None
    assert same_answer("text.sentiment", sentiment(POSITIVE), sentiment(NEUTRAL)).same is False


@pytest.mark.parametrize(
    ("truth", "found", "right"),
    [
        ("en", ["en-GB"], True),
        ("zh", ["zh-Hant"], True),
        ("zh-Hant", ["zh"], False),
        ("zh-Hant", ["zh-TW"], True),
        ("zh-CN", ["zh-Hans"], True),
        ("he", ["iw"], True),
        ("iw", ["he"], True),
        ("no", ["nb"], True),
        ("nb", ["no"], False),
        ("fil", ["tl"], True),
        ("en", ["de", "en"], False),
        ("en", [], False),
        ("en", ["und"], False),
        ("en_US", ["en-US"], True),
        ("en", ["eno"], False),
    ],
)
def test_the_first_language_counts(truth: str, found: list[str], right: bool) -> None:
    assert parts("text.detect_language", languages(*found), truth) == {"accuracy": (right, 1)}


def test_languages_that_are_none_are_refused() -> None:
    for wrong in ("English language", "e", "en US", "", "日本"):
        with pytest.raises(BadTruth):
            parse_truth("text.detect_language", wrong)
    assert is_empty("text.detect_language", languages("und"))
    assert same_answer("text.detect_language", languages("nb"), languages("no")).same is True


def test_mentions_score_strictly_and_by_place() -> None:
    truth = [{"begin": 0, "end": 4, "kind": "PER"}, {"start": 10, "end": 14, "type": "location"}]
    answer = EntitySet(entities=(entity(0, 4, EntityKind.ORGANIZATION), entity(12, 16, EntityKind.LOCATION)))
    assert parts("text.entities", answer, truth) == {
        "span-f1:strict": (0, 2, 2),
        "span-f1:partial": (1.5, 0.5, 0.5),
    }
    assert parts("text.entities", None, truth)["span-f1:strict"] == (0, 0, 2)
    assert parts("text.entities", EntitySet(entities=()), truth)["span-f1:strict"] == (0, 0, 2)


@pytest.mark.parametrize(
    "lost",
    [
        entity(None, None, EntityKind.PERSON, holds=None),
        entity(0, 4, EntityKind.PERSON, holds=False),
        entity(3, 3, EntityKind.PERSON),
    ],
)
def test_a_find_without_a_place_that_holds_is_a_false_one(lost: Entity) -> None:
    truth = [{"begin": 0, "end": 4, "kind": "person"}]
    answer = EntitySet(entities=(lost, entity(0, 4, EntityKind.PERSON)))
    assert parts("text.entities", answer, truth) == {
        "span-f1:strict": (1, 1, 0),
        "span-f1:partial": (1, 1, 0),
    }


def test_only_kinds_that_were_looked_for_count() -> None:
    settings = ScoringSettings(entity_kinds=frozenset({"person", "location"}))
    truth = [{"begin": 0, "end": 4, "kind": "PER"}, {"begin": 20, "end": 22, "kind": "MISC"}]
    answer = EntitySet(entities=(entity(0, 4, EntityKind.PERSON), entity(5, 9, EntityKind.DATE_TIME)))
    assert parts("text.entities", answer, truth, settings) == {
        "span-f1:strict:kinds=location,person": (1, 0, 0),
        "span-f1:partial:kinds=location,person": (1, 0, 0),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "Ada",
        [{"begin": 4, "end": 4, "kind": "person"}],
        [{"begin": -1, "end": 4, "kind": "person"}],
        [{"begin": 0, "end": 4}],
        [{"begin": 0, "end": 4, "kind": "smell"}],
        [{"begin": 0.5, "end": 4, "kind": "person"}],
        [{"begin": 0, "end": 4, "kind": "person", "sure": 1}],
        [{"begin": 0, "end": 4, "kind": "person"}, {"begin": 0, "end": 4, "kind": "person"}],
        [[0, 4, "person"]],
        {"spans": None},
        "[{",
    ],
)
def test_spans_that_are_none_are_refused(wrong: Any) -> None:
    with pytest.raises(BadTruth):
        parse_truth("text.entities", wrong)


def test_personal_data_and_redaction_score_alike() -> None:
    truth = '[{"start": 0, "end": 5, "type": "EMAIL"}, {"start": 8, "end": 12, "type": "IBAN"}]'
    found = PiiEntity(
        text="a@b.c", begin=0, end=5, offset_ok=True, kind=PiiKind.EMAIL, category="EMAIL", confidence=UNKNOWN
    )
    for operation, answer in [
        ("text.detect_pii", PiiSet(entities=(found,))),
        ("text.redact", RedactedText(text="*****", entities=(found,))),
    ]:
        assert parts(operation, answer, truth)["span-f1:strict"] == (1, 0, 1)
        agreed = same_answer(operation, answer, answer)
        assert (agreed.same, agreed.share) == (True, 1.0)


def test_providers_without_offsets_agree_by_words() -> None:
    azure = EntitySet(entities=(entity(None, None, EntityKind.PERSON, holds=None, text="Ada Lovelace"),))
    aws = EntitySet(
        entities=(
            entity(0, 12, EntityKind.PERSON, text="ada lovelace"),
            entity(16, 22, EntityKind.LOCATION, text="London"),
        )
    )
    assert same_answer("text.entities", azure, aws).share == 0.5


def test_key_phrases_are_compared_as_plain_words() -> None:
    assert parts("text.key_phrases", phrases("The Difference-Engine", "x"), "the difference engine; y") == {
        "phrase-f1:plain/1": (1, 1, 1)
    }
    assert parts("text.key_phrases", None, ["a", "b"]) == {"phrase-f1:plain/1": (0, 0, 2)}
    assert same_answer("text.key_phrases", phrases("a", "b"), phrases("b")).share == pytest.approx(2 / 3)


def test_both_normalisers_are_told() -> None:
    found = parts("transcription.transcribe", transcript("Twenty dollars, okay."), "$20 ok")
    assert found == {"wer:plain/1": (3, 2), "wer:spoken-en/1": (0, 3), "cer:plain/1": (15, 4)}
    assert [metric.id for metric in metrics_of("transcription.transcribe")][:2] == [
        "wer:plain/1",
        "wer:spoken-en/1",
    ]


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (ScoringSettings(language="en-GB"), "wer:spoken-en/1"),
        (ScoringSettings(language="de"), "wer:plain/1"),
        (ScoringSettings(normaliser="spoken-en/1"), "wer:spoken-en/1"),
        (ScoringSettings(language="ja-JP"), "cer:plain/1"),
    ],
)
def test_the_official_rate_is_the_languages(settings: ScoringSettings, first: str) -> None:
    assert metrics_of("transcription.transcribe", settings)[0].id == first
    assert next(iter(parts("transcription.transcribe", transcript("x"), "x", settings))) == first


def test_a_recordings_own_language_leaves_out_what_does_not_fit() -> None:
    german = parts("transcription.transcribe", transcript("ja"), {"text": "ja nein", "language": "de-DE"})
    assert list(german) == ["wer:plain/1", "cer:plain/1"]
    thai = parts("transcription.transcribe", transcript("ก"), {"text": "กข", "language": "th"})
    assert thai == {"cer:plain/1": (1, 2)}
    english = parts(
        "transcription.transcribe",
        transcript("a"),
        {"text": "a b", "language": "en"},
        ScoringSettings(language="th"),
    )
    assert list(english) == ["cer:plain/1", "wer:plain/1"]


def test_silence_failure_and_an_empty_answer() -> None:
    assert parts("transcription.transcribe", transcript(""), "two words")["wer:plain/1"] == (2, 2)
    assert parts("transcription.transcribe", None, "two words")["wer:plain/1"] == (2, 2)
    assert parts("transcription.transcribe", transcript("noise"), "")["wer:plain/1"] == (1, 0)
    assert is_empty("transcription.transcribe", transcript(" "))
    truth = parse_truth("transcription.transcribe", "two words")
    scores = score("transcription.transcribe", transcript("two worlds"), truth, item="a", provider="aws")
    assert unit_score(*scores[0]) == 0.5
    wide = score(
        "transcription.transcribe", transcript("far too many words here"), truth, item="a", provider="aws"
    )
    assert unit_score(*wide[0]) == 0.0
    assert right_answer(wide) is False


def test_words_of_entities_are_scored_apart() -> None:
    truth = {
        "text": "Ada met Bob",
        "entities": [{"begin": 0, "end": 3, "kind": "PERSON"}, {"begin": 8, "end": 11, "kind": "PERSON"}],
    }
    found = parts("transcription.transcribe", transcript("Ada net Rob"), truth)
    assert found["entity-wer:all:plain/1"] == (1, 2)
    assert found["wer:plain/1"] == (2, 3)
    for wrong in (
        {**truth, "entities": [{"begin": 8, "end": 40, "kind": "PERSON"}]},
        {**truth, "entities": [{"begin": 0, "end": 5, "kind": "P"}, {"begin": 3, "end": 6, "kind": "P"}]},
        {"entities": []},
        {"text": "x", "speaker": "A"},
        7,
    ):
        with pytest.raises(BadTruth):
            parse_truth("transcription.transcribe", wrong)


TURNS = [
    {"speaker": "Ada", "begin": 0.0, "end": 4.0, "text": "good morning"},
    {"speaker": "Bob", "begin": 4.0, "end": 8.0, "text": "hello"},
]


def test_who_spoke_when_and_said_what() -> None:
    right = transcript("good morning hello", ("good morning", 0, 4000, "1"), ("hello", 4000, 8000, "2"))
    found = parts("transcription.transcribe", right, {"turns": TURNS})
    assert found["wer:plain/1"] == (0, 3)
    assert found["cpwer:plain/1"] == (0, 3)
    assert found["der:collar=0.25s"] == pytest.approx((0, 0, 0, 7.0))  # 8 s less the collars
    nobody = transcript("good morning hello", ("good morning hello", 0, 8000, None))
    found = parts("transcription.transcribe", nobody, {"turns": TURNS})
    assert found["cpwer:plain/1"] == (2, 3)
    assert found["der:collar=0.25s"] == pytest.approx((0, 0, 3.5, 7.0))
    failed = parts("transcription.transcribe", None, {"turns": TURNS})
    assert failed["cpwer:plain/1"] == (3, 3)
    assert failed["der:collar=0.25s"] == pytest.approx((7.0, 0, 0, 7.0))


def test_turns_are_put_in_order_and_what_takes_no_time_is_left_out() -> None:
    turns = [{**TURNS[1], "speaker": "Ada"}, TURNS[0]]  # all by one speaker, told from the end
    answer = transcript("good morning hello", ("good morning hello", 0, 8000, "1"), ("", 500, 500, "2"))
    found = parts("transcription.transcribe", answer, {"turns": turns})
    assert found["cpwer:plain/1"] == found["wer:plain/1"] == (0, 3)
    assert found["der:collar=0.25s"][:3] == (0, 0, 0)


def test_words_tell_speakers_where_segments_do_not() -> None:
    words = (word("good", 0, 2000, "1"), word("morning", 2000, 4000, "1"), word("hello", 4000, 8000, "2"))
    segment = TranscriptSegment(
        text="good morning hello", start_ms=0, end_ms=8000, confidence=UNKNOWN, words=words
    )
    answer = Transcript(text="good morning hello", segments=(segment,))
    found = parts("transcription.transcribe", answer, {"turns": TURNS})
    assert found["cpwer:plain/1"] == (0, 3)
    assert found["der:collar=0.25s"] == pytest.approx((0, 0, 0, 7.0))
    channels = Transcript(
        text="good morning hello",
        segments=tuple(
            TranscriptSegment(text=text, start_ms=begin, end_ms=end, confidence=UNKNOWN, channel=channel)
            for text, begin, end, channel in [("good morning", 0, 4000, 0), ("hello", 4000, 8000, 1)]
        ),
    )
    assert parts("transcription.transcribe", channels, {"turns": TURNS})["cpwer:plain/1"] == (0, 3)


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [{"speaker": "A", "begin": 2, "end": 1}],
        [{"begin": 0, "end": 1}],
        [{"speaker": "A", "begin": 0, "end": 1, "text": "x"}, {"speaker": "B", "begin": 1, "end": 2}],
        [{"speaker": "A", "begin": 0, "end": 1, "start": 0}],
    ],
)
def test_turns_that_are_none_are_refused(turns: Any) -> None:
    with pytest.raises(BadTruth):
        parse_truth("transcription.transcribe", {"text": "x", "turns": turns})


def test_transcripts_agree_by_their_words() -> None:
    agreed = same_answer(
        "transcription.transcribe", transcript("One two three four"), transcript("one two, three!")
    )
    assert (agreed.same, agreed.share) == (True, 0.75)
    strict = ScoringSettings(same_from=0.9)
    assert (
        same_answer("transcription.transcribe", transcript("a b"), transcript("a"), settings=strict).same
        is False
    )
    assert same_answer("transcription.transcribe", transcript(""), transcript("")).same is True
    pinned = pinned_answer("transcription.transcribe", "a", transcript("my secret words"))
    assert "secret" not in str(pinned)


def test_rankings() -> None:
    truth = {"d1": 3, "d2": 0, "d3": 1}
    found = parts("search.query", hits("d2", "d1", "x"), truth)
    assert found["mrr@10"] == (0.5, 1)
    assert found["recall@10"] == (0.5, 1)
    assert found["judged@10"] == (pytest.approx(2 / 3), 1)
    assert parts("search.query", None, truth)["ndcg@10"] == (0, 1)
    assert parts("search.query", hits(), truth)["ndcg@10"] == (0, 1)
    first = parts("search.query", hits("d2", "d1"), truth, ScoringSettings(k=1))
    assert first["mrr@1"] == (0, 1)
    assert parse_truth("search.query", "d1;d3") == parse_truth("search.query", {"d1": 1, "d3": 1})
    for wrong in ({}, [], {"d1": -1}, {"d1": "much"}, {"d1": 31}, {"d1": 1.5}):
        with pytest.raises(BadTruth):
            parse_truth("search.query", wrong)
    agreed = same_answer("search.query", hits("a", "b"), hits("b", "c"))
    assert (agreed.same, agreed.share) == (True, 0.5)
    assert confidence_of("search.query", hits("a", "b")) == 1.0
    assert confidence_of("search.query", hits()) is None


def test_a_cost_is_no_number_between_nothing_and_all() -> None:
    cost = Metric(id="moderation-cost:x/1", version=1, parts=("cost", "items"), of=lambda parts: parts[0])
    assert unit_score(cost, ItemScore(item="a", parts=(0.5, 1.0))) is None
