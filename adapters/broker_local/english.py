"""Whether a text is English, for what was made for English alone."""

from __future__ import annotations

from broker_local import language

DOUBT = 0.05
"""A text is taken for another language only where English is less probable than this: short ones deceive."""


def other_language(text: str, told: str | None) -> str | None:
    """The language the text is in if that is not English, else None.

    :param told: what the caller says (BCP-47); believed without looking at the text. None looks at it, and
        takes a text whose language cannot be told for English.
    """
    if told is not None:
        return None if told.replace("_", "-").split("-")[0].lower() == "en" else told
    found = language.detect(text)
    english = sum(each.probability for each in found.ranked if each.tag == "en")
    return None if found.tag == language.UNKNOWN or english >= DOUBT else found.tag
