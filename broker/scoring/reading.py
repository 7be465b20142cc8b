"""What is said in recordings and what is written in pictures."""

from __future__ import annotations

import hashlib

from broker.quality.metrics.boxes import Boxed, read_metric, read_score
from broker.quality.metrics.edits import distance
from broker.quality.metrics.metric import ItemScore, Metric
from broker.quality.metrics.normalise import PLAIN, plain_words
from broker.quality.metrics.speakers import cpwer_metric, cpwer_score, der_metric, der_score
from broker.quality.metrics.words import (
    Piece,
    cer_metric,
    cer_score,
    entity_wer_metric,
    entity_wer_score,
    wer_metric,
    wer_score,
)
from broker.scoring import raw as read
from broker.scoring.scorer import Agreement, Asked, Pair, Scorer, Scores, Told, mean
from broker.scoring.settings import ScoringSettings
from broker.scoring.truth import SpeechTruth, WrittenTruth
from broker.scoring.turned import upright
from broker.scoring.turns import found_said, found_turns, true_turns
from broker.types.geometry import Box
from broker.types.json import JsonValue
from broker.types.transcript import Transcript
from broker.types.written import DetectedText

_NOWHERE = Box(left=0.0, top=0.0, width=0.0, height=0.0)


class Speech(Scorer[Transcript, SpeechTruth]):
    """``transcription.transcribe`` and ``transcription.stream``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> SpeechTruth:  # noqa: ARG002 - as the others
        """The text, or an object with ``text``, ``language``, ``entities`` (spans) and ``turns``. An empty text is silence."""
        value = read.opened_text(raw)
        if isinstance(value, str):
            return SpeechTruth(text=value)
        given = read.members(value, "a transcript that is no text")
        read.no_others(given, ("text", "language", "entities", "turns"), "a transcript")
        language = given.get("language")
        turns, parts = (None, ()) if given.get("turns") is None else true_turns(given["turns"])
        whole = given.get("text")
        if whole is None and parts:
            whole = " ".join(each.text for each in parts)
        said = read.text(whole, "text")
        pieces = None
        if given.get("entities") is not None:
            pieces = _pieces(said, given["entities"])
        return SpeechTruth(
            text=said,
            pieces=pieces,
            turns=turns,
            said=parts or None,
            language=None if language is None else read.word(language, "language"),
        )

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Word error rates under two normalisers (characters first where there are no spaces), of words of entities, of
        words by speaker, and who speaks when."""
        ways = settings.normalisers
        words = [kind(each) for kind in (wer_metric, entity_wer_metric, cpwer_metric) for each in ways]
        characters = cer_metric(PLAIN)
        order = [characters, *words] if settings.unspaced(None) else [*words, characters]
        return (*order, der_metric())

    def scores(self, answer: Transcript | None, truth: SpeechTruth, asked: Asked) -> Scores:
        """Of one recording. An empty answer is all deletions. Without spaces between words only characters are counted."""
        settings, item, drawn = asked.settings, asked.item, asked.drawn
        said = None if answer is None else answer.text
        characters = (cer_metric(PLAIN), cer_score(item, truth.text, said, PLAIN, drawn))
        last: list[tuple[Metric, ItemScore]] = []
        if truth.turns is not None:
            when = None if answer is None else found_turns(answer)
            last.append((der_metric(), der_score(item, truth.turns, when, drawn=drawn)))
        if settings.unspaced(truth.language):
            return (characters, *last)
        ways = [each for each in settings.normalisers if settings.fits(each, truth.language)]
        found = [(wer_metric(each), wer_score(item, truth.text, said, each, drawn)) for each in ways]
        if truth.pieces is not None:
            found += [
                (entity_wer_metric(each), entity_wer_score(item, truth.pieces, said, each, drawn=drawn))
                for each in ways
            ]
        if truth.said is not None:
            who = None if answer is None else found_said(answer)
            found += [(cpwer_metric(each), cpwer_score(item, truth.said, who, each, drawn)) for each in ways]
        if settings.unspaced(None):  # of this recording alone the language is another one
            return (characters, *found, *last)
        return (*found, characters, *last)

    def same(self, a: Transcript, b: Transcript, pair: Pair) -> Agreement:
        """Words in common, in their order."""
        return pair.from_share(alike(a.text, b.text))

    def confidence(self, answer: Transcript) -> float | None:
        """The mean of segments, or where they have none, of words."""
        found = mean(each.confidence.value for each in answer.segments)
        return mean(each.confidence.value for each in answer.words) if found is None else found

    def told(self, answer: Transcript) -> Told:
        """A digest of the words."""
        return ((digest(answer.text), self.confidence(answer)),)

    def empty(self, answer: Transcript) -> bool:
        """Nothing was understood."""
        return not answer.text.strip()


def _pieces(said: str, entities: JsonValue) -> tuple[Piece, ...]:
    spans = sorted(read.spans(entities))
    pieces: list[Piece] = []
    done = 0
    for each in spans:
        if each.begin < done or each.end > len(said):
            raise ValueError("entities lie within the text, and none within another")
        pieces += [
            Piece(text=said[done : each.begin]),
            Piece(text=said[each.begin : each.end], kind=each.kind),
        ]
        done = each.end
    return (*pieces, Piece(text=said[done:]))


def alike(one: str, other: str) -> float:
    """1 less the edits between two texts, in plain words, to the words of the longer one."""
    first, second = plain_words(one), plain_words(other)
    longer = max(len(first), len(second))
    return 1.0 - distance(first, second) / longer if longer else 1.0


def digest(text: str) -> str:
    """A short name of a text's plain words."""
    return hashlib.sha256(" ".join(plain_words(text)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Written(Scorer[DetectedText, WrittenTruth]):
    """``vision.detect_text``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> WrittenTruth:  # noqa: ARG002 - as the others
        """The text; or lines with places, as boxes with ``text``, with the whole text beside them as ``text``."""
        value = read.opened_text(raw)
        if isinstance(value, str):
            return WrittenTruth(text=value)
        lines = tuple(read.boxes(value, kinds=False, texts=True))
        if read.is_object(value):
            given = read.members(value, "the truth")
            if given.get("text") is not None:
                return WrittenTruth(text=read.text(given["text"], "text"), lines=lines)
        return WrittenTruth(text=None, lines=lines)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Character errors by place, then of the whole text, then its words."""
        return read_metric(settings.text_iou), cer_metric(PLAIN), wer_metric(PLAIN)

    def scores(self, answer: DetectedText | None, truth: WrittenTruth, asked: Asked) -> Scores:
        """Of one picture: by place where the truth has places, of the text where it has the text."""
        settings, item, drawn = asked.settings, asked.item, asked.drawn
        by_place, characters, words = self.metrics(settings)
        found: Scores = ()
        if truth.lines is not None:
            lines = None if answer is None else _lines(answer)
            found = (
                (
                    by_place,
                    read_score(item, truth.lines, lines, settings.text_iou, drawn=drawn),
                ),
            )
        if truth.text is not None:
            text = None if answer is None else answer.text
            found = (
                *found,
                (characters, cer_score(item, truth.text, text, PLAIN, drawn)),
                (words, wer_score(item, truth.text, text, PLAIN, drawn)),
            )
        return found

    def same(self, a: DetectedText, b: DetectedText, pair: Pair) -> Agreement:
        """Words in common, in their order."""
        return pair.from_share(alike(a.text, b.text))

    def confidence(self, answer: DetectedText) -> float | None:
        """The mean of lines, or where they have none, of words."""
        found = mean(each.confidence.value for each in answer.lines)
        return mean(each.confidence.value for each in answer.words) if found is None else found

    def told(self, answer: DetectedText) -> Told:
        """A digest of each line."""
        return tuple((digest(each.text), each.confidence.value) for each in answer.lines)

    def empty(self, answer: DetectedText) -> bool:
        """Nothing was read."""
        return not answer.text.strip()


def _lines(answer: DetectedText) -> list[Boxed]:
    """Lines with their places; one without a place lies nowhere, so that its text is all invented."""
    return [
        Boxed(box=_NOWHERE if each.region is None else upright(each.region.box, answer.frame), text=each.text)
        for each in answer.lines
    ]
