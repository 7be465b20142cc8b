"""Search results, whole analyses, and what there is no metric for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broker.quality.metrics.metric import Metric
from broker.quality.metrics.ranking import RankingMetric, bpref, judged_share, mrr, ndcg, recall
from broker.scoring import raw as read
from broker.scoring.scorer import UNKNOWN, Agreement, Asked, Pair, Scorer, Scores, Told, mean
from broker.scoring.settings import ScoringSettings
from broker.scoring.truth import AnalysisTruth, RankTruth
from broker.types.analysis import FIELDS, ImageAnalysis
from broker.types.caption import CaptionSet
from broker.types.hit import ScoreKind
from broker.types.json import JsonValue
from broker.types.search import SearchResults, SuggestionSet
from broker.types.write import WriteReport


class Ranking(Scorer[SearchResults, RankTruth]):
    """``search.query``."""

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> RankTruth:  # noqa: ARG002 - as the others
        """``{"doc-1": 2, "doc-7": 0}``; ``"doc-1;doc-7"`` or a list: these are relevant."""
        value = read.opened(raw)
        if read.is_object(value):
            given = read.members(value, "the truth")
            judged = {name: read.whole(given[name], "a relevance") for name in given}
            if any(grade > _HIGHEST for grade in judged.values()):
                raise ValueError(f"a relevance is {_HIGHEST} at most: gains are powers of two")
        else:
            judged = dict.fromkeys(read.words(value, "the truth"), 1)
        if not judged:
            raise ValueError("it names no document; leave the truth out where nothing was judged")
        return RankTruth(judged=judged)

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """nDCG, reciprocal rank, recall, share judged, bpref."""
        return tuple(each.metric for each in _figures(settings.k))

    def scores(self, answer: SearchResults | None, truth: RankTruth, asked: Asked) -> Scores:
        """Of one query."""
        found = None if answer is None else answer.ids
        return tuple(
            (each.metric, each.score(asked.item, found, truth.judged, asked.drawn))
            for each in _figures(asked.settings.k)
        )

    def same(self, a: SearchResults, b: SearchResults, pair: Pair) -> Agreement:
        """Documents in common among the first k."""
        one, other = (list(dict.fromkeys(each.ids))[: pair.settings.k] for each in (a, b))
        longer = max(len(one), len(other))
        return pair.from_share(len(set(one) & set(other)) / longer if longer else 1.0)

    def confidence(self, answer: SearchResults) -> float | None:
        """The first hit's score where it is a ratio; other scores say nothing across queries."""
        if not answer.hits:
            return None
        score = answer.hits[0].score
        return score.value if score.scale.kind is ScoreKind.RATIO else None

    def told(self, answer: SearchResults) -> Told:
        """Ranks and documents."""
        return tuple((f"{rank}:{id}", None) for rank, id in enumerate(answer.ids, 1))

    def empty(self, answer: SearchResults) -> bool:
        """No hit."""
        return not answer.hits


_HIGHEST = 30


def _figures(k: int) -> tuple[RankingMetric, ...]:
    return ndcg(k), mrr(k), recall(k), judged_share(k), bpref()


class Analysis(Scorer[ImageAnalysis, AnalysisTruth]):
    """``vision.analyze``: each part as its own operation, its metrics named after it."""

    def __init__(self, parts: dict[str, Scorer[Any, Any]]) -> None:
        self._parts = parts

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> AnalysisTruth:
        """``{"label": …, "detect_text": …}``, each as of its own operation."""
        given = read.members(read.opened(raw), "the truth")
        scored = [name for name, part in self._parts.items() if not part.reason]
        read.no_others(given, scored, "the truth")
        if not given:
            raise ValueError(f"it says nothing; its members are {', '.join(scored)}")
        return AnalysisTruth(parts={name: self._parts[name].truth(given[name], settings) for name in given})

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """Of all parts, in their order."""
        return tuple(
            _of_part(name, metric) for name, part in self._parts.items() for metric in part.metrics(settings)
        )

    def scores(self, answer: ImageAnalysis | None, truth: AnalysisTruth, asked: Asked) -> Scores:
        """Of the parts that have a truth. A part that was not asked for counts as failed."""
        return tuple(
            (_of_part(name, metric), score)
            for name in self._parts
            if name in truth.parts
            for metric, score in self._parts[name].scores(
                None if answer is None else getattr(answer, FIELDS[name]), truth.parts[name], asked
            )
        )

    def _answers(self, answer: ImageAnalysis) -> dict[str, Any]:
        found = {name: getattr(answer, FIELDS[name]) for name in self._parts}
        return {name: part for name, part in found.items() if part is not None}

    def same(self, a: ImageAnalysis, b: ImageAnalysis, pair: Pair) -> Agreement:
        """All parts that both have are the same; the share is their mean."""
        one, other = self._answers(a), self._answers(b)
        each = [self._parts[name].same(one[name], other[name], pair) for name in one if name in other]
        known = [part for part in each if part.same is not None]
        if not known:
            return UNKNOWN
        return Agreement(same=all(part.same for part in known), share=mean(part.share for part in known))

    def confidence(self, answer: ImageAnalysis) -> float | None:
        """The mean of its parts'."""
        return mean(self._parts[name].confidence(part) for name, part in self._answers(answer).items())

    def told(self, answer: ImageAnalysis) -> Told:
        """Of all parts."""
        return tuple(
            (f"{name}:{label}", sure)
            for name, part in self._answers(answer).items()
            for label, sure in self._parts[name].told(part)
        )

    def empty(self, answer: ImageAnalysis) -> bool:
        """Every part is."""
        return all(self._parts[name].empty(part) for name, part in self._answers(answer).items())


def _of_part(name: str, metric: Metric) -> Metric:
    return replace(metric, id=f"{name}/{metric.id}")


class Unscored(Scorer[Any, Any]):
    """What has no metric here, and why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def truth(self, raw: JsonValue, settings: ScoringSettings) -> Any:  # noqa: ARG002 - as the others
        """Raises ValueError: there is nothing to compare it with."""
        raise ValueError(f"there is no metric: {self.reason}")

    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:  # noqa: ARG002 - as the others
        """None."""
        return ()

    def scores(self, answer: Any, truth: Any, asked: Asked) -> Scores:  # noqa: ARG002 - as the others
        """None."""
        return ()

    def told(self, answer: Any) -> Told:
        """Captions and suggestions as they are; of writes what became of each document."""
        if isinstance(answer, CaptionSet):
            return tuple((each.text, each.confidence.value) for each in answer.captions)
        if isinstance(answer, SuggestionSet):
            return tuple((each.text, None) for each in answer.suggestions)
        return tuple((f"{each.id}={each.state.value}", None) for each in answer.statuses)

    def confidence(self, answer: Any) -> float | None:
        """The first caption's."""
        if isinstance(answer, CaptionSet) and answer.captions:
            return answer.captions[0].confidence.value
        return None

    def empty(self, answer: Any) -> bool:
        """No caption, no suggestion; a report of writes is never empty."""
        if isinstance(answer, WriteReport):
            return False
        return not self.told(answer)
