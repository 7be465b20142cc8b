"""How well search results are ordered: nDCG, reciprocal rank, recall, how much of them was ever judged, bpref.

``judged`` says for each document of a query how relevant it is (0: not at all, then 1, 2, …). A document it does not
name was never judged; it counts as not relevant, and :func:`judged_share` says how often that happened: below about
0.9 the other figures mostly tell how unlike the results are to those of the systems that were judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts

VERSION = 1

Judged = Mapping[str, int]
"""Relevance by document: 0 and above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingMetric:
    """A figure of one query, and its mean over queries.

    :param of_query: of (results in order, judged); None where the query has no relevant document (left out of means).
    """

    metric: Metric
    of_query: Callable[[Sequence[str], Judged], float | None]

    def score(
        self, query: str, results: Sequence[str] | None, judged: Judged, drawn: Drawn = EVERY_ITEM
    ) -> ItemScore:
        """One query; None: the call failed, and the figure is 0. A document that comes twice counts where it first comes."""
        unique = [] if results is None else list(dict.fromkeys(results))
        value = self.of_query(unique, judged)
        parts = (0.0, 0.0) if value is None else (value, 1.0)
        return ItemScore(item=query, parts=parts, failed=results is None, drawn=drawn)


def _mean(name: str, of: Callable[[Sequence[str], Judged], float | None]) -> RankingMetric:
    return RankingMetric(
        metric=Metric(id=name, version=VERSION, parts=("sum", "queries"), of=mean_of_parts), of_query=of
    )


def ndcg(k: int = 10) -> RankingMetric:
    """nDCG@k: gains 2^relevance - 1, discounted by log2(rank + 1), to those of the best possible order.

    The best order is taken over all judged documents, not only over those found. This is trec_eval's nDCG with
    exponential gains (``nDCG(dcg='exp-log2')`` of ir-measures).
    """
    cut = _cut(k)

    def of(results: Sequence[str], judged: Judged) -> float | None:
        best = _dcg(sorted(judged.values(), reverse=True)[:cut])
        return _dcg([judged.get(document, 0) for document in results[:cut]]) / best if best else None

    return _mean(f"ndcg@{cut}", of)


def _dcg(relevances: Sequence[int]) -> float:
    return sum((2.0 ** max(0, each) - 1) / math.log2(rank + 2) for rank, each in enumerate(relevances))


def mrr(k: int = 10) -> RankingMetric:
    """MRR@k: one over the rank of the first relevant result; 0 where none is among the first k."""
    cut = _cut(k)

    def of(results: Sequence[str], judged: Judged) -> float | None:
        if not _relevant(judged):
            return None
        ranks = (rank for rank, document in enumerate(results[:cut], 1) if judged.get(document, 0) > 0)
        first = next(ranks, None)
        return 1 / first if first else 0.0

    return _mean(f"mrr@{cut}", of)


def recall(k: int = 10) -> RankingMetric:
    """recall@k: relevant documents among the first k to all relevant ones."""
    cut = _cut(k)

    def of(results: Sequence[str], judged: Judged) -> float | None:
        relevant = _relevant(judged)
        if not relevant:
            return None
        return sum(judged.get(document, 0) > 0 for document in results[:cut]) / relevant

    return _mean(f"recall@{cut}", of)


def judged_share(k: int = 10) -> RankingMetric:
    """judged@k: results among the first k that were ever judged, to the results there are among the first k.

    A query without results is left out: nothing of it could have been judged.
    """
    cut = _cut(k)

    def of(results: Sequence[str], judged: Judged) -> float | None:
        first = results[:cut]
        return sum(document in judged for document in first) / len(first) if first else None

    share = _mean(f"judged@{cut}", of)
    return replace(share, metric=replace(share.metric, ground=True))


def bpref() -> RankingMetric:
    """Binary preference (Buckley and Voorhees 2004): judged documents only, so that unjudged ones do no harm.

    Over the relevant documents found: 1 less the share of (at most as many as there are relevant) judged irrelevant
    ones that stand above; divided by all relevant ones. As trec_eval reckons it.
    """

    def of(results: Sequence[str], judged: Judged) -> float | None:
        relevant = _relevant(judged)
        if not relevant:
            return None
        bound = min(relevant, len(judged) - relevant)
        above, total = 0, 0.0
        for document in results:
            if document not in judged:
                continue
            if judged[document] > 0:
                total += 1 - min(above, bound) / bound if above else 1.0
            else:
                above += 1
        return total / relevant

    return _mean("bpref", of)


def _relevant(judged: Judged) -> int:
    return sum(each > 0 for each in judged.values())


def _cut(k: int) -> int:
    if k < 1:
        raise ValueError(f"results are looked at down to rank 1 or more, not {k}")
    return k
