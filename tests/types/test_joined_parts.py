"""What is put together from the parts of a long text, and what an analysis is asked for."""

from __future__ import annotations

import pytest

from broker import BadInput
from broker.types import (
    AnalyzeRequest,
    Confidence,
    Harm,
    Image,
    ModerationLabel,
    ModerationSet,
    RedactedText,
    RedactRequest,
)


def test_the_vendors_own_redacted_text_keeps_the_space_that_was_not_sent() -> None:
    given = "  Anna went.     Bert came.   "
    request = RedactRequest(text=given)
    parts = [
        (2, "Anna went. ", RedactedText(text="**** went. ", entities=(), vendor_text="#### went. ")),
        (17, "Bert came.", RedactedText(text="**** came.", entities=(), vendor_text="#### came.")),
    ]
    joined = RedactedText.joined(parts, request)
    assert joined.text == "  **** went.     **** came.   "
    assert joined.vendor_text == "  #### went.     #### came.   "


def test_a_vendors_text_that_one_part_lacks_is_none() -> None:
    parts = [
        (0, "a ", RedactedText(text="a ", entities=(), vendor_text="a ")),
        (2, "b", RedactedText(text="b", entities=())),
    ]
    assert RedactedText.joined(parts, RedactRequest(text="a b")).vendor_text is None


def _toxic(sure: float, bad: float | None) -> ModerationSet:
    severity = None if bad is None else Confidence.ratio(bad)
    label = ModerationLabel(
        harm=Harm.TOXIC, name="Toxic", confidence=Confidence.ratio(sure), severity=severity
    )
    return ModerationSet(labels=(label,))


def test_of_moderation_the_worst_severity_is_kept_beside_the_highest_confidence() -> None:
    joined = ModerationSet.joined([(0, "a", _toxic(0.9, 0.1)), (1, "b", _toxic(0.8, 0.95))], None)
    (label,) = joined.labels
    assert label.severity is not None
    assert (label.confidence.value, label.severity.value) == (0.9, 0.95)
    (alone,) = ModerationSet.joined([(0, "a", _toxic(0.9, None)), (1, "b", _toxic(0.8, None))], None).labels
    assert alone.severity is None


def test_operations_that_can_be_read_only_once_are_refused_by_their_name() -> None:
    image = Image(data=b"x", format="png", width=1, height=1)
    with pytest.raises(BadInput, match="list of names"):
        AnalyzeRequest(image=image, operations=(name for name in ("moderate", "label")))  # type: ignore[arg-type]
