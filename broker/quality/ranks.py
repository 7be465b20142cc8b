"""How providers stand to one another without any truth: a rank by agreement, and never a figure of accuracy.

Consensus put providers into their true order on all of twelve data sets, and overstated the accuracy of most of them, by
up to 20 points, because their errors go together. So only the order is told, and how often they agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from broker.quality.votes import Votes, dawid_skene

LEAST_ITEMS = 50
LEAST_PROVIDERS = 3
SURE_CONSENSUS = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRanks:
    """The order of providers, and how often they agree.

    :param order: best agreement first. An order, no distance: by how much one is better cannot be told without truth.
    :param agreement: of each pair: share of the items of both on which they agree.
    :param beyond_chance: the same less what chance would give, scaled (Cohen's kappa); None where it has no meaning.
    :param unanimous: share of items on which all that answered agree. Up to 12 % of those were wrong where measured.
    :param items: with two answers or more.
    """

    order: tuple[str, ...]
    agreement: Mapping[tuple[str, str], float]
    beyond_chance: Mapping[tuple[str, str], float | None]
    unanimous: float
    items: int

    def rank(self, provider: str) -> int:
        """1 for the first."""
        return self.order.index(provider) + 1


def agreement_ranks(votes: Votes) -> AgreementRanks:
    """Ranks providers by the consensus model's view of each. One answer of a provider to an item.

    Raises ValueError for fewer than three providers or 50 items with two answers: agreement of two has no order.
    """
    shared = {item: answers for item, answers in votes.items() if _voices(answers) > 1}
    providers = sorted({provider for answers in shared.values() for provider, _ in answers})
    if len(providers) < LEAST_PROVIDERS or len(shared) < LEAST_ITEMS:
        raise ValueError(
            f"ranks by agreement need {LEAST_PROVIDERS} providers and {LEAST_ITEMS} items that two answered; "
            f"there are {len(providers)} and {len(shared)}"
        )
    model = dawid_skene(shared)
    strength = {
        provider: sum(model.prior[label] * confusion[label].get(label, 0.0) for label in model.classes)
        for provider, confusion in model.confusions.items()
    }
    same: Counter[tuple[str, str]] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    pairs: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
    unanimous = 0
    for answers in shared.values():
        unanimous += len({answer for _, answer in answers}) == 1
        for (one, first), (other, second) in combinations(sorted(answers), 2):
            both[one, other] += 1
            same[one, other] += first == second
            pairs.setdefault((one, other), Counter())[first, second] += 1
    return AgreementRanks(
        order=tuple(sorted(providers, key=lambda provider: -strength[provider])),
        agreement={pair: same[pair] / both[pair] for pair in both},
        beyond_chance={pair: _kappa(table) for pair, table in pairs.items()},
        unanimous=unanimous / len(shared),
        items=len(shared),
    )


def _voices(answers: Sequence[tuple[str, str]]) -> int:
    """Providers that answered; one that answers twice has one voice."""
    return len({provider for provider, _ in answers})


def _kappa(table: Mapping[tuple[str, str], int]) -> float | None:
    total = sum(table.values())
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in table.items():
        first[one] += count
        second[other] += count
    seen = sum(count for (one, other), count in table.items() if one == other) / total
    chance = sum(first[label] * second[label] for label in first) / total**2
    return (seen - chance) / (1 - chance) if chance < 1 else None


def consensus_of_others(votes: Votes, judged: str, *, sure: float = SURE_CONSENSUS) -> dict[str, str]:
    """Reference labels for one provider out of at least three *others*: a provider has no vote in its own truth.

    A reference of kind CONSENSUS: a proxy for strata and guesses, never a score. Items on which the others are not sure
    enough have none.
    """
    others = {
        item: [(provider, answer) for provider, answer in answers if provider != judged]
        for item, answers in votes.items()
    }
    enough = {item: answers for item, answers in others.items() if _voices(answers) >= LEAST_PROVIDERS}
    if not enough:
        return {}
    model = dawid_skene(enough)
    found = {}
    for item, answers in enough.items():
        label, share = max(model.probabilities(answers).items(), key=lambda each: each[1])
        if share >= sure:
            found[item] = label
    return found
