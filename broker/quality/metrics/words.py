"""Word and character error rates, and the same for the words of entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broker.quality.metrics.edits import Edit, alignment, distance
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts
from broker.quality.metrics.normalise import Normaliser

VERSION = 1


def wer_metric(normaliser: Normaliser) -> Metric:
    """Word error rate: substitutions, deletions and insertions of all items to the words of all references.

    A ratio of sums, so that a long recording weighs more than a short one; it may be above 1. 0 is best, there is no
    worst. An empty answer is all deletions; a failed call counts the same, and is told apart as a failure.
    """
    return _rate("wer", normaliser)


def cer_metric(normaliser: Normaliser) -> Metric:
    """Character error rate: the same of characters without spaces, for scripts that put none between words."""
    return _rate("cer", normaliser)


def _rate(kind: str, normaliser: Normaliser) -> Metric:
    return Metric(
        id=f"{kind}:{normaliser.name}",
        version=VERSION,
        parts=("errors", "words" if kind == "wer" else "characters"),
        of=mean_of_parts,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def wer_score(
    item: str, reference: str, answer: str | None, normaliser: Normaliser, drawn: Drawn = EVERY_ITEM
) -> ItemScore:
    """Errors and words of one recording; None: the call failed."""
    return _scored(
        item, normaliser.words(reference), None if answer is None else normaliser.words(answer), drawn
    )


def cer_score(
    item: str, reference: str, answer: str | None, normaliser: Normaliser, drawn: Drawn = EVERY_ITEM
) -> ItemScore:
    """Errors and characters of one recording; None: the call failed."""
    found = None if answer is None else normaliser.characters(answer)
    return _scored(item, normaliser.characters(reference), found, drawn)


def _scored(item: str, said: list[str], found: list[str] | None, drawn: Drawn) -> ItemScore:
    errors = len(said) if found is None else distance(said, found)
    return ItemScore(item=item, parts=(float(errors), float(len(said))), failed=found is None, drawn=drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a reference.

    :param kind: of the entity it is (``PERSON``, ``MONEY``); None: it is none.
    """

    text: str
    kind: str | None = None


def entity_wer_metric(normaliser: Normaliser, kind: str | None = None) -> Metric:
    """Word error rate of the words of entities, or of entities of one kind.

    Errors are the substituted and deleted words of entities, and words inserted *between* two words of one entity;
    what is inserted beside it counts against the text around it.
    """
    return Metric(
        id=f"entity-wer:{kind or 'all'}:{normaliser.name}",
        version=VERSION,
        parts=("errors", "words"),
        of=mean_of_parts,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def entity_wer_score(
    item: str,
    reference: Sequence[Piece],
    answer: str | None,
    normaliser: Normaliser,
    *,
    kind: str | None = None,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """Errors and words of the entities (of one ``kind``) of one recording. Pieces are normalised one by one."""
    words: list[str] = []
    owner: list[int] = []  # of each word: the index of its piece
    for index, piece in enumerate(reference):
        said = normaliser.words(piece.text)
        words += said
        owner += [index] * len(said)
    wanted = {
        index
        for index, piece in enumerate(reference)
        if piece.kind is not None and kind in (None, piece.kind)
    }
    total = sum(each in wanted for each in owner)
    if answer is None:
        return ItemScore(item=item, parts=(float(total), float(total)), failed=True, drawn=drawn)
    errors = 0
    for step in alignment(words, normaliser.words(answer)):
        if step.edit is Edit.INSERTED:
            inside = 0 < step.at < len(owner) and owner[step.at - 1] == owner[step.at]
            errors += inside and owner[step.at] in wanted
        elif step.edit is not Edit.SAME:
            errors += owner[step.at] in wanted
    return ItemScore(item=item, parts=(float(errors), float(total)), drawn=drawn)
