"""Labels, objects, faces, moderation of pictures and texts, and captions."""

from __future__ import annotations

from dataclasses import replace

from broker.quality.metrics.boxes import Boxed, box_metric, box_score, paired
from broker.quality.metrics.concepts import Mapped, concept_metric, concept_score, mapped
from broker.quality.metrics.concepts import Told as ToldLabel
from broker.quality.metrics.counts import Counts, f1_metric
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric, mean_of_parts, right_or_wrong
from broker.quality.metrics.moderation import COST, cost_score
from broker.quality.metrics.normalise import plain_words
from broker.scoring import raw as read
from broker.scoring.scorer import (
    UNKNOWN,
    Agreement,
    Asked,
    Pair,
    Scorer,
    Scores,
    Told,
    jaccard,
    likeness,
    top,
)
from broker.scoring.settings import ScoringSettings, known
from broker.scoring.truth import BoxTruth, HarmTruth, LabelTruth
from broker.scoring.turned import upright
from broker.types.face import FaceSet
from broker.types.geometry import Box
from broker.types.json import JsonValue
from broker.types.label import LabelSet, ObjectSet
from broker.types.moderation import Harm, ModerationSet

_STEP = 0.05
STOPPED, LET_THROUGH = "stopped", "let through"
HARM_VERSION = MAPPED_VERSION = 1


class Labels(Scorer[LabelSet, LabelTruth]):
    """``vision.label``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> LabelTruth:
        """``"car;vehicle"``, a list, or ``{"labels": [...], "judged": [...]}``; words become concepts of the map."""
        value = read.opened(raw)
        judged = None
        if read.is_object(value):
            given = read.members(value, "the truth")
            read.no_others(given, ("labels", "concepts", "judged"), "the truth")
            if given.get("judged") is not None:
                judged = _concepts(read.words(given["judged"], "judged"), settings)
            value = read.first_of(given, ("labels", "concepts"))
        return LabelTruth(concepts=_concepts(read.words(value, "the truth"), settings), judged=judged)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Concept micro-F1, and how many of the provider's labels the map knows."""
        metric = concept_metric(settings.concepts)
        bars = settings.concept_bars
        return (
            metric if bars is None else replace(metric, id=f"{metric.id}:bars={bars.name}"),
            Metric(
                id=f"mapped-labels:{settings.concepts.version}",
                version=MAPPED_VERSION,
                parts=("mapped", "labels"),
                of=mean_of_parts,
                ground=True,
            ),
        )

    def scores(self, answer: LabelSet | None, truth: LabelTruth, asked: Asked) -> Scores:
        """Of one picture."""
        settings, item, drawn = asked.settings, asked.item, asked.drawn
        f1, known_labels = self.metrics(settings)
        said = None if answer is None else _mapped(answer, asked.provider, settings)
        found = None if said is None else said.concepts
        told = (0.0, 0.0) if said is None else (float(said.mapped), float(said.total))
        return (
            (f1, concept_score(item, truth.concepts, found, settings.concepts, truth.judged, drawn=drawn)),
            (known_labels, ItemScore(item=item, parts=told, failed=said is None, drawn=drawn)),
        )

    def same(self, a: LabelSet, b: LabelSet, pair: Pair) -> Agreement:
        """By concepts in common; unknown where the map knows no word of one of them."""
        one, other = (
            _mapped(each, name, pair.settings) for each, name in zip((a, b), pair.providers, strict=True)
        )
        if (one.total and not one.mapped) or (other.total and not other.mapped):
            return UNKNOWN
        share = jaccard(one.concepts, other.concepts)
        return pair.from_share(1.0 if share is None else share)

    def confidence(self, answer: LabelSet) -> float | None:
        """The highest."""
        return top(answer.labels)

    def named(self, answer: LabelSet, provider: str, settings: ScoringSettings) -> str | None:
        """The first concept, in the map's order, of the surest label that the map knows."""
        concept_map = settings.concepts
        for label in sorted(answer.labels, key=lambda each: -(each.confidence.value or 0.0)):
            meant = concept_map.meant(provider, label.name)
            if meant:
                return next(concept for concept in concept_map.concepts if concept in meant)
        return None

    def true_class(self, truth: LabelTruth, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """The concept, where there is one alone: with several nobody knows which of them was mistaken."""
        return next(iter(truth.concepts)) if len(truth.concepts) == 1 else None

    def class_called(self, name: str, settings: ScoringSettings) -> str | None:
        """A concept of the map, or a word that means one of them alone."""
        try:
            meant = _concepts([name], settings)
        except ValueError:
            return None
        return next(iter(meant)) if len(meant) == 1 else None

    def told(self, answer: LabelSet) -> Told:
        """The vendor's words."""
        return tuple((each.name, each.confidence.value) for each in answer.labels)

    def empty(self, answer: LabelSet) -> bool:
        """No label."""
        return not answer.labels


def _mapped(answer: LabelSet, provider: str, settings: ScoringSettings) -> Mapped:
    """The concepts that a provider's labels mean, at its thresholds."""
    bars = settings.concept_bars
    labels = (ToldLabel(name=each.name, confidence=each.confidence.value) for each in answer.labels)
    return mapped(labels, provider, settings.concepts, None if bars is None else bars.for_provider(provider))


def _concepts(names: list[str], settings: ScoringSettings) -> frozenset[str]:
    """Raises ValueError for a word that the map does not know: it could never be hit."""
    found: set[str] = set()
    for name in names:
        word = settings.called(name)
        meant = (
            frozenset({word}) if word in settings.concepts.concepts else settings.concepts.meant("any", word)
        )
        if not meant:
            raise ValueError(
                f"it names what concept map {settings.concepts.version} does not know, so that nobody could find it; "
                "add a concept to the map, or say by names what it is called there"
            )
        found |= meant
    return frozenset(found)


class Objects(Scorer[ObjectSet, BoxTruth]):
    """``vision.detect_objects``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> BoxTruth:
        """Boxes with kinds."""
        things = read.boxes(raw, kinds=True, texts=False)
        return BoxTruth(
            things=tuple(replace(each, kind=_kind(settings.called(each.kind), settings)) for each in things)
        )

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Micro-F1 of boxes; kinds are compared through the concept map where it knows them, else by their words."""
        metric = box_metric(settings.object_iou)
        kinds = "" if settings.object_kinds is None else f":kinds={','.join(sorted(settings.object_kinds))}"
        return (replace(metric, id=f"{metric.id}:{settings.concepts.version}{kinds}"),)

    def scores(self, answer: ObjectSet | None, truth: BoxTruth, asked: Asked) -> Scores:
        """Of one picture."""
        settings = asked.settings
        kinds = _looked_for(settings)
        there = [each for each in truth.things if kinds is None or each.kind in kinds]
        wanted = frozenset(each.kind for each in there) | (kinds or frozenset())
        found = None if answer is None else _things(answer, asked.provider, settings, wanted)
        if found is not None and kinds is not None:
            found = [each for each in found if each.kind in kinds]
        score = box_score(asked.item, there, found, settings.object_iou, drawn=asked.drawn)
        return ((self.metrics(settings)[0], score),)

    def same(self, a: ObjectSet, b: ObjectSet, pair: Pair) -> Agreement:
        """F1 of each other."""
        one = _things(a, pair.providers[0], pair.settings, frozenset())
        other = _things(b, pair.providers[1], pair.settings, frozenset(each.kind for each in one))
        hits = len(paired(one, other, pair.settings.object_iou))
        return pair.from_share(likeness(hits, len(one), len(other)))

    def confidence(self, answer: ObjectSet) -> float | None:
        """The highest."""
        return top(answer.objects)

    def told(self, answer: ObjectSet) -> Told:
        """Names with rounded places."""
        return tuple(
            (f"{each.name}@{_rounded(each.region.box)}", each.confidence.value) for each in answer.objects
        )

    def empty(self, answer: ObjectSet) -> bool:
        """No object."""
        return not answer.objects


def _looked_for(settings: ScoringSettings) -> frozenset[str] | None:
    if settings.object_kinds is None:
        return None
    return frozenset(_kind(each, settings) for each in settings.object_kinds)


def _kind(name: str, settings: ScoringSettings) -> str:
    """A kind of the truth: a concept of the map, or its plain words."""
    return name if name in settings.concepts.concepts else " ".join(plain_words(name))


def _things(
    answer: ObjectSet, provider: str, settings: ScoringSettings, wanted: frozenset[str]
) -> list[Boxed]:
    """What was found, each as the wanted kind that it means; else as the first concept, else as its words."""
    found = []
    for each in answer.objects:
        meant = settings.concepts.meant(provider, each.name)
        plain = " ".join(plain_words(each.name))
        fitting = sorted((meant | {plain}) & wanted)
        kind = fitting[0] if fitting else min(meant) if meant else plain
        found.append(Boxed(box=upright(each.region.box, answer.frame), kind=kind))
    return found


def _rounded(box: Box) -> str:
    return ",".join(str(round(side / _STEP)) for side in (box.left, box.top, box.width, box.height))


class Faces(Scorer[FaceSet, BoxTruth]):
    """``vision.detect_faces``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> BoxTruth:  # noqa: ARG002 - as the others
        """Boxes."""
        return BoxTruth(things=tuple(read.boxes(raw, kinds=False, texts=False)))

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Micro-F1 of boxes."""
        return (box_metric(settings.face_iou),)

    def scores(self, answer: FaceSet | None, truth: BoxTruth, asked: Asked) -> Scores:
        """Of one picture."""
        bar = asked.settings.face_iou
        found = None if answer is None else _faces(answer)
        return ((box_metric(bar), box_score(asked.item, truth.things, found, bar, drawn=asked.drawn)),)

    def same(self, a: FaceSet, b: FaceSet, pair: Pair) -> Agreement:
        """F1 of each other."""
        one, other = (_faces(answer) for answer in (a, b))
        return pair.from_share(
            likeness(len(paired(one, other, pair.settings.face_iou)), len(one), len(other))
        )

    def confidence(self, answer: FaceSet) -> float | None:
        """The highest."""
        return top(answer.faces)

    def told(self, answer: FaceSet) -> Told:
        """Rounded places."""
        return tuple((_rounded(each.region.box), each.confidence.value) for each in answer.faces)

    def empty(self, answer: FaceSet) -> bool:
        """No face."""
        return not answer.faces


def _faces(answer: FaceSet) -> list[Boxed]:
    return [Boxed(box=upright(each.region.box, answer.frame)) for each in answer.faces]


class Moderation(Scorer[ModerationSet, HarmTruth]):
    """``vision.moderate`` and ``text.moderate``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> HarmTruth:
        """``"violence;hate"``, a list (empty: harmless), or severities ``{"violence": 4, "hate": 0}``."""
        value = read.opened(raw)
        if read.is_object(value):
            given = read.members(value, "the truth")
            named = {
                name
                for name in given
                if read.whole(given[name], "a severity") >= settings.moderation.severity
            }
            known_harms(frozenset(settings.called(name) for name in given))
        else:
            named = set(read.words(value, "the truth"))
        harms = frozenset(settings.called(name) for name in named)
        if harms in (frozenset({"none"}), frozenset({"harmless"})):
            harms = frozenset()
        if harms:
            known_harms(harms)
        kept = settings.moderation.harms
        return HarmTruth(harms=harms if kept is None else harms & kept)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """The mean cost of an item, how often the decision is right, and micro-F1 of harms."""
        name = settings.moderation.name
        return (
            replace(COST, id=f"{COST.id}:{name}", worst=settings.moderation.costs.dearest),
            replace(ACCURACY, id=f"stopped-accuracy:{name}"),
            f1_metric(f"harm-f1:{name}", HARM_VERSION),
        )

    def scores(self, answer: ModerationSet | None, truth: HarmTruth, asked: Asked) -> Scores:
        """Of one item."""
        policy = asked.settings.moderation
        cost, accuracy, harms = self.metrics(asked.settings)
        flagged = None if answer is None else policy.flagged(answer)
        right = None if flagged is None else bool(flagged) == bool(truth.harms)
        counts = _harm_counts(truth.harms, flagged or frozenset())
        return (
            (cost, cost_score(asked.item, truth.harms, flagged, policy.costs, drawn=asked.drawn)),
            (accuracy, right_or_wrong(asked.item, right, asked.drawn)),
            (
                harms,
                ItemScore(item=asked.item, parts=counts.parts, failed=flagged is None, drawn=asked.drawn),
            ),
        )

    def same(self, a: ModerationSet, b: ModerationSet, pair: Pair) -> Agreement:
        """Both would stop it, or neither; the share is of harms in common."""
        one, other = (pair.settings.moderation.flagged(each) for each in (a, b))
        share = jaccard(one, other)
        return Agreement(same=bool(one) == bool(other), share=1.0 if share is None else share)

    def confidence(self, answer: ModerationSet) -> float | None:
        """The highest ratio; None where the provider speaks of severities or likelihoods."""
        return top(answer.labels)

    def named(self, answer: ModerationSet, provider: str, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """``stopped`` or ``let through``."""
        return decision(settings.moderation.flagged(answer))

    def true_class(self, truth: HarmTruth, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """What would have been right: ``stopped`` or ``let through``."""
        return decision(truth.harms)

    def class_called(self, name: str, settings: ScoringSettings) -> str | None:
        """One of the two."""
        called = settings.called(name)
        return called if called in (STOPPED, LET_THROUGH) else None

    def told(self, answer: ModerationSet) -> Told:
        """The vendor's names, with its words of how likely or how bad where it gives no ratio."""
        found: list[tuple[str, float | None]] = []
        for each in answer.labels:
            said = each.confidence
            found.append((each.name if said.value is not None else f"{each.name}={said.shown}", said.value))
        return tuple(found)

    def empty(self, answer: ModerationSet) -> bool:  # noqa: ARG002 - as the others
        """Never: nothing found is what a moderation says of harmless content."""
        return False


def decision(harms: frozenset[str]) -> str:
    """The class of a moderated item."""
    return STOPPED if harms else LET_THROUGH


def known_harms(harms: frozenset[str]) -> frozenset[str]:
    """Raises ValueError that lists them."""
    return known(harms, Harm, "harms")


def _harm_counts(truth: frozenset[str], found: frozenset[str]) -> Counts:
    return Counts(hits=len(truth & found), false=len(found - truth), missed=len(truth - found))
