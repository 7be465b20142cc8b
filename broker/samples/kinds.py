"""Which errors they were: a truth's class and an answer's, told apart by their tokens alone.

What an answer said and what is true are content, which is not kept unless the settings say so. Both classes are kept as
HMAC under the store's seed; so the errors that the settings give a loss of their own can be found among the others, and
no more can be read out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from broker.quality.roi import UNTOLD
from broker.samples.rows import ScoredSample
from broker.samples.seen import class_token
from broker.scoring.score import class_called
from broker.scoring.settings import ScoringSettings

RIGHT, WRONG = "right", "wrong"
OTHER = (RIGHT, WRONG)
"""An error without a loss of its own; ``UNTOLD``: it may have one."""
Cell = tuple[str, str]


class Kinds:
    """The errors of a use case that have a loss of their own.

    :param losses: by truth, then by answer, as the settings have them.
    """

    def __init__(
        self,
        losses: Mapping[str, Mapping[str, Decimal]],
        *,
        use_case: str,
        operation: str,
        scoring: ScoringSettings,
        seed: bytes,
    ) -> None:
        names = dict.fromkeys((*losses, *(answer for found in losses.values() for answer in found)))
        classes = {name: class_called(operation, name, scoring) for name in names}
        self.strange = tuple(name for name, found in classes.items() if found is None)
        """Names that no answer of the operation can have: their losses would never count."""
        tokens = {
            name: class_token(seed, use_case, found) for name, found in classes.items() if found is not None
        }
        self._known: dict[Cell, Cell] = {
            (tokens[truth], tokens[answer]): (truth, answer)
            for truth, found in losses.items()
            for answer in found
            if truth in tokens and answer in tokens
        }
        self._declared = bool(losses)

    def of(self, each: ScoredSample) -> Cell:
        """Which error a wrong answer is."""
        if not self._declared:
            return OTHER
        truth, answer = each.score.truth_token, each.sample.answer_token
        if truth is None or answer is None or truth == answer:
            return RIGHT, UNTOLD  # the same class, and yet not right: more was said, or it was said otherwise
        return self._known.get((truth, answer), OTHER)

    def shares(self, scored: Sequence[ScoredSample]) -> dict[Cell, float]:
        """Of what is wrong in these answers, how much is which error; adds up to 1. Empty: nothing is wrong.

        An answer that is worth a part counts with what is missing; each by one over its probability.
        """
        found: dict[Cell, float] = {}
        for each, weight in _wrong(scored):
            cell = self.of(each)
            found[cell] = found.get(cell, 0.0) + weight
        total = sum(found.values())
        return {cell: weight / total for cell, weight in found.items()}

    @staticmethod
    def told_by(scored: Sequence[ScoredSample]) -> float:
        """How many errors drawn alike would tell as much of their kinds: (sum w)^2 / sum w^2 over what is wrong."""
        weights = [weight for _, weight in _wrong(scored)]
        return sum(weights) ** 2 / sum(weight**2 for weight in weights) if weights else 0.0


def _wrong(scored: Sequence[ScoredSample]) -> Iterator[tuple[ScoredSample, float]]:
    """Answers of which something is wrong, with how much that stands for."""
    for each in scored:
        right, whole = each.score.parts[0], each.score.parts[1]
        missing = 1.0 - right / whole if whole else 0.0
        if missing > 0.0 and not each.sample.failed:
            yield each, missing / each.score.drawn.probability
