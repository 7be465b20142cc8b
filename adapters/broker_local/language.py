"""Which language a text is in: ``py3langid`` (BSD-3-Clause), whose wheel holds its model.

It compares the text's bytes with what is usual in 139 languages. A text too short to tell is said to be
unknown, not guessed at.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from broker_local.models import Lazy

VERSION = "py3langid-0.4"
UNKNOWN = "und"
"""BCP-47's tag for a language that could not be told."""
NO_LANGUAGE = "zxx"
"""What the model says of program code and numbers: no language. Taken as unknown."""
LEAST = 0.5
"""Below this the model holds it more likely that it is wrong than that it is right."""
FLOOR = 0.01
"""Languages less probable are left out of the ranking."""
MOST = 10
"""Languages in the ranking at most."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One language the text may be in.

    :param tag: BCP-47, for instance ``en``, ``zh`` or ``no`` (Bokmal is ``no``, Nynorsk ``nn``).
    :param probability: 0 to 1; over all languages of the model they sum to 1.
    """

    tag: str
    probability: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """What could be told of a text.

    :param tag: the language, or :data:`UNKNOWN`.
    :param probability: of ``tag``; None for an unknown language.
    :param ranked: the likeliest languages, best first, also of a text whose language is unknown; empty
        for one without any letter.
    """

    tag: str
    probability: float | None
    ranked: tuple[Guess, ...]


def detect(text: str) -> Spoken:
    """The language most of the text is in. Texts below 20 characters are often unknown."""
    if not any(unicodedata.category(each).startswith("L") for each in text):
        return Spoken(UNKNOWN, None, ())
    ranking = _identifier.get().rank(text)
    ranked = tuple(Guess(tag, round(min(1.0, score), 6)) for tag, score in ranking[:MOST] if score >= FLOOR)
    best, score = ranking[0]
    if best == NO_LANGUAGE or score < LEAST:
        return Spoken(UNKNOWN, None, tuple(each for each in ranked if each.tag != NO_LANGUAGE))
    return Spoken(best, ranked[0].probability, tuple(each for each in ranked if each.tag != NO_LANGUAGE))


def languages() -> tuple[str, ...]:
    """All tags :func:`detect` can give, in order. Loads the model."""
    return tuple(sorted(each for each in _identifier.get().labels if each != NO_LANGUAGE))


def _load() -> LanguageIdentifier:
    # ``norm_probs`` scales by the text's length, so that probabilities mean the same for short and long ones.
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


_identifier = Lazy(_load)
