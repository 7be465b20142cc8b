"""Sentiment, language, mentions, personal data and key phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from broker.quality.metrics.counts import Counts, class_score, f1_metric, macro_f1_metric
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric, right_or_wrong
from broker.quality.metrics.normalise import PLAIN, plain_words
from broker.quality.metrics.spans import PARTIAL, STRICT, Mention, partial_score, strict_counts, strict_score
from broker.scoring import raw as read
from broker.scoring.scorer import Agreement, Asked, Pair, Scorer, Scores, Told, jaccard, likeness, mean, top
from broker.scoring.settings import ScoringSettings
from broker.scoring.truth import ClassTruth, PhraseTruth, SpanTruth
from broker.types.entity import EntityKind, EntitySet
from broker.types.json import JsonValue
from broker.types.phrase import UNDETERMINED, KeyPhraseSet, LanguageSet
from broker.types.pii import PiiKind, PiiSet, RedactedText
from broker.types.sentiment import DocumentSentiment, Polarity
from broker.types.span import Span

PHRASE_VERSION = 1


class Sentiments(Scorer[DocumentSentiment, ClassTruth]):
    """``text.sentiment``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> ClassTruth:
        """One of the settings' classes."""
        name = settings.called(read.word(raw, "the truth"))
        name = name if name in settings.sentiment_classes else name.lower()
        if name == Polarity.MIXED.value and settings.mixed_as is not None:
            name = settings.mixed_as
        if name not in settings.sentiment_classes:
            raise ValueError(
                f"it is none of {', '.join(settings.sentiment_classes)}; say what the data set's names mean, as "
                'names = {"1": "positive"}'
            )
        return ClassTruth(name=name)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Macro-F1, then accuracy."""
        rule = "" if settings.mixed_as is None else f":mixed={settings.mixed_as}"
        if settings.sentiment_cuts is not None:
            rule += f":cuts={settings.sentiment_cuts.name}"
        return (
            macro_f1_metric(settings.sentiment_classes, id=f"macro-f1{rule}"),
            replace(ACCURACY, id=f"{ACCURACY.id}{rule}"),
        )

    def scores(self, answer: DocumentSentiment | None, truth: ClassTruth, asked: Asked) -> Scores:
        """Of one text."""
        macro, accuracy = self.metrics(asked.settings)
        name = None if answer is None else _polarity(answer, asked.settings)
        classes = asked.settings.sentiment_classes
        right = None if name is None else name == truth.name
        return (
            (macro, class_score(asked.item, truth.name, name, classes, asked.drawn)),
            (accuracy, right_or_wrong(asked.item, right, asked.drawn)),
        )

    def same(self, a: DocumentSentiment, b: DocumentSentiment, pair: Pair) -> Agreement:
        """The same class."""
        return _alike(_polarity(a, pair.settings) == _polarity(b, pair.settings))

    def confidence(self, answer: DocumentSentiment) -> float | None:
        """Of the whole text's label."""
        return answer.document.confidence.value

    def named(self, answer: DocumentSentiment, provider: str, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """Its label."""
        return _polarity(answer, settings)

    def true_class(self, truth: ClassTruth, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """Itself."""
        return truth.name

    def class_called(self, name: str, settings: ScoringSettings) -> str | None:
        """As truths are written."""
        try:
            return self.truth(name, settings).name
        except ValueError:
            return None

    def rates(self, settings: ScoringSettings) -> bool:
        """Of the whole text's label, unless cut-points of the user's decide on that."""
        return settings.sentiment_cuts is None

    def told(self, answer: DocumentSentiment) -> Told:
        """Its label; the polarity where there is no confidence."""
        document = answer.document
        sure = document.confidence.value
        return ((document.label.value, document.score if sure is None else sure),)

    def empty(self, answer: DocumentSentiment) -> bool:  # noqa: ARG002 - as the others
        """Never: there is always a label."""
        return False


def _polarity(answer: DocumentSentiment, settings: ScoringSettings) -> str:
    document = answer.document
    label = document.label
    if settings.sentiment_cuts is not None and document.score is not None:
        label = settings.sentiment_cuts.polarity(document.score)
    if label is Polarity.MIXED and settings.mixed_as is not None:
        return settings.mixed_as
    return label.value


def _alike(same: bool) -> Agreement:
    return Agreement(same=same, share=float(same))


_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "tl": "fil", "mo": "ro", "cmn": "zh"}
"""Codes that ISO 639 or BCP 47 gave up for others, or that name the same."""
_WITHIN = {"nb": "no", "nn": "no", "yue": "zh"}
"""Languages that a wider code names, too (BCP 47's macrolanguages)."""


class Languages(Scorer[LanguageSet, ClassTruth]):
    """``text.detect_language``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> ClassTruth:
        """A BCP-47 tag: ``en``, ``zh-Hant``."""
        tag = settings.called(read.word(raw, "the truth")).replace("_", "-")
        parts = tag.split("-")
        if not (2 <= len(parts[0]) <= 3 and all(part.isascii() and part.isalnum() for part in parts)):
            raise ValueError("it is a language's BCP-47 tag, as en or zh-Hant")
        return ClassTruth(name=tag)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:  # noqa: ARG002 - as the others
        """Accuracy."""
        return (ACCURACY,)

    def scores(self, answer: LanguageSet | None, truth: ClassTruth, asked: Asked) -> Scores:
        """Right where the first language found is the true one, or of it: ``zh-Hant`` is right for ``zh``."""
        right = None if answer is None else _covers(truth.name, _tag(answer))
        return ((ACCURACY, right_or_wrong(asked.item, right, asked.drawn)),)

    def same(self, a: LanguageSet, b: LanguageSet, pair: Pair) -> Agreement:  # noqa: ARG002 - as the others
        """One of both tags covers the other."""
        one, other = _tag(a), _tag(b)
        return _alike(one == other or _covers(one, other) or _covers(other, one))

    def confidence(self, answer: LanguageSet) -> float | None:
        """Of the first."""
        return None if answer.best is None else answer.best.confidence.value

    def named(self, answer: LanguageSet, provider: str, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """The first one's language, without script and region."""
        return _tag(answer).partition("-")[0]

    def true_class(self, truth: ClassTruth, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """Without script and region, too."""
        return _usual(truth.name).partition("-")[0]

    def class_called(self, name: str, settings: ScoringSettings) -> str | None:
        """By its tag, of which script and region do not count."""
        if name.lower() == UNDETERMINED:
            return UNDETERMINED
        try:
            return self.true_class(self.truth(name, settings), settings)
        except ValueError:
            return None

    def rates(self, settings: ScoringSettings) -> bool:  # noqa: ARG002 - as the others
        """Of the first one."""
        return True

    def told(self, answer: LanguageSet) -> Told:
        """All candidates."""
        return tuple((each.language, each.confidence.value) for each in answer.languages)

    def empty(self, answer: LanguageSet) -> bool:
        """None found, or the first is undetermined."""
        return _tag(answer) == UNDETERMINED


def _tag(answer: LanguageSet) -> str:
    return UNDETERMINED if answer.best is None else _usual(answer.best.language)


def _usual(tag: str) -> str:
    first, dash, rest = tag.replace("_", "-").lower().partition("-")
    found = f"{_RENAMED.get(first, first)}{dash}{rest}"
    return {"zh-cn": "zh-hans", "zh-sg": "zh-hans", "zh-tw": "zh-hant", "zh-hk": "zh-hant"}.get(found, found)


def _covers(true: str, found: str) -> bool:
    wanted, told = _usual(true).split("-"), _usual(found).split("-")
    if told[: len(wanted)] == wanted and told[0] != UNDETERMINED:
        return True
    return len(wanted) == 1 and _WITHIN.get(told[0]) == wanted[0]


E = TypeVar("E", EntitySet, PiiSet, RedactedText)


class Mentions(Scorer[E, SpanTruth], Generic[E]):
    """``text.entities``, ``text.detect_pii`` and ``text.redact``: spans with kinds."""

    def __init__(
        self, kinds: type[EntityKind] | type[PiiKind], looked_for: str, others: Mapping[str, str]
    ) -> None:
        self._kinds = {each.value for each in kinds}
        self._looked_for = looked_for
        self._others = others

    def _wanted(self, settings: ScoringSettings) -> frozenset[str] | None:
        wanted: frozenset[str] | None = getattr(settings, self._looked_for)
        return wanted

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> SpanTruth:
        """Spans; their kinds by the common vocabulary, by the settings' names or by the usual ones (``PER``, ``IBAN``)."""
        found = []
        for each in read.spans(raw):
            kind = settings.called(each.kind)
            if kind not in self._kinds:
                kind = kind.lower()
                kind = self._others.get(kind, kind)
            if kind not in self._kinds:
                raise ValueError(
                    f"a span's kind is none of {', '.join(sorted(self._kinds))}; say what the data set's names mean, as "
                    'names = {"PER": "person"}'
                )
            found.append(replace(each, kind=kind))
        return SpanTruth(mentions=tuple(found))

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Strict, then partial span F1."""
        wanted = self._wanted(settings)
        if wanted is None:
            return STRICT, PARTIAL
        kinds = f":kinds={','.join(sorted(wanted))}"
        return replace(STRICT, id=STRICT.id + kinds), replace(PARTIAL, id=PARTIAL.id + kinds)

    def scores(self, answer: E | None, truth: SpanTruth, asked: Asked) -> Scores:
        """Of one text. A find whose place is not told, or does not hold, is a false one."""
        wanted = self._wanted(asked.settings)
        there = [each for each in truth.mentions if wanted is None or each.kind in wanted]
        found, lost = (None, 0) if answer is None else _placed(answer.entities, wanted)
        strict, partial = self.metrics(asked.settings)
        return (
            (strict, _with_false(strict_score(asked.item, there, found, asked.drawn), lost)),
            (partial, _with_false(partial_score(asked.item, there, found, asked.drawn), lost)),
        )

    def same(self, a: E, b: E, pair: Pair) -> Agreement:
        """Strict F1 of each other."""
        wanted = self._wanted(pair.settings)
        (one, lost), (other, lost_other) = (_placed(each.entities, wanted) for each in (a, b))
        if lost or lost_other:  # a provider without offsets is compared by the words
            words = [
                {f"{each.kind.value} {' '.join(plain_words(each.text))}" for each in found.entities}
                for found in (a, b)
            ]
            share = jaccard(*words)
            return pair.from_share(1.0 if share is None else share)
        hits = strict_counts(one, other).hits
        return pair.from_share(likeness(hits, len(set(one)), len(set(other))))

    def confidence(self, answer: E) -> float | None:
        """The mean of all finds."""
        return mean(each.confidence.value for each in answer.entities)

    def told(self, answer: E) -> Told:
        """Kinds, in the vendor's words, and places."""
        return tuple(
            (f"{each.category}@{each.begin}-{each.end}", each.confidence.value) for each in answer.entities
        )

    def empty(self, answer: E) -> bool:
        """Nothing found."""
        return not answer.entities


def _placed(finds: Sequence[Span], wanted: frozenset[str] | None) -> tuple[list[Mention], int]:
    """Finds with a place that holds, and how many have none."""
    found: list[Mention] = []
    lost = 0
    for each in finds:
        kind = each.kind.value  # type: ignore[attr-defined] # Entity and PiiEntity have one
        if wanted is not None and kind not in wanted:
            continue
        begin, end = each.begin, each.end
        if each.offset_ok is False or begin is None or end is None or not 0 <= begin < end:
            lost += 1
        else:
            found.append(Mention(begin=begin, end=end, kind=kind))
    return found, lost


def _with_false(score: ItemScore, lost: int) -> ItemScore:
    if not lost:
        return score
    hits, false, missed = score.parts
    return replace(score, parts=(hits, false + lost, missed))


ENTITY_NAMES = {
    "per": "person", "pers": "person", "loc": "location", "gpe": "location", "fac": "location", "org": "organization",
    "misc": "other", "norp": "person_type", "date": "date_time", "time": "date_time", "money": "price",
    "percent": "quantity", "cardinal": "number", "ordinal": "number", "work_of_art": "work", "law": "work",
    "organisation": "organization", "commercial_item": "product", "title": "work", "phone_number": "phone",
}  # fmt: skip
"""CoNLL's, OntoNotes' and some vendors' names, in small letters. NORP (nationalities, religions) is a group one belongs to."""
PII_NAMES = {
    "per": "person", "name": "person", "ip": "ip_address", "mac": "mac_address", "iban": "bank_account",
    "swift": "bank_account", "ssn": "national_id", "us_ssn": "national_id", "phone_number": "phone",
    "email_address": "email", "date_time": "date", "org": "organization", "location": "address",
    "credit_debit_number": "credit_card", "username": "username", "drivers_license": "driving_licence",
}  # fmt: skip


class Phrases(Scorer[KeyPhraseSet, PhraseTruth]):
    """``text.key_phrases``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> PhraseTruth:  # noqa: ARG002 - as the others
        """``"first phrase;second phrase"`` or a list."""
        phrases = {" ".join(plain_words(each)) for each in read.words(read.opened(raw), "the truth")}
        return PhraseTruth(phrases=frozenset(phrases - {""}))

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:  # noqa: ARG002 - as the others
        """Micro-F1 of phrases that are the same but for capitals and marks."""
        return (f1_metric(f"phrase-f1:{PLAIN.name}", PHRASE_VERSION),)

    def scores(self, answer: KeyPhraseSet | None, truth: PhraseTruth, asked: Asked) -> Scores:
        """Of one text."""
        found = frozenset[str]() if answer is None else _phrases(answer)
        counts = Counts(
            hits=len(truth.phrases & found),
            false=len(found - truth.phrases),
            missed=len(truth.phrases - found),
        )
        score = ItemScore(item=asked.item, parts=counts.parts, failed=answer is None, drawn=asked.drawn)
        return ((self.metrics(asked.settings)[0], score),)

    def same(self, a: KeyPhraseSet, b: KeyPhraseSet, pair: Pair) -> Agreement:
        """F1 of each other."""
        one, other = _phrases(a), _phrases(b)
        return pair.from_share(likeness(len(one & other), len(one), len(other)))

    def confidence(self, answer: KeyPhraseSet) -> float | None:
        """The highest."""
        return top(answer.phrases)

    def told(self, answer: KeyPhraseSet) -> Told:
        """The phrases."""
        return tuple((each.text, each.confidence.value) for each in answer.phrases)

    def empty(self, answer: KeyPhraseSet) -> bool:
        """No phrase."""
        return not answer.phrases


def _phrases(answer: KeyPhraseSet) -> frozenset[str]:
    return frozenset(" ".join(plain_words(each.text)) for each in answer.phrases) - {""}
