"""What results mean: places, spans, masks, scales, filters and what is joined of a long text's parts."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import BadInput
from broker.types import (
    AnalyzeRequest,
    Confidence,
    DetectedText,
    DetectTextRequest,
    Harm,
    Image,
    ImageAnalysis,
    ImageModerationRequest,
    Label,
    LabelSet,
    LanguageSet,
    ModerationLabel,
    ModerationSet,
    PiiEntity,
    PiiKind,
    PiiSet,
    Polarity,
    Probabilities,
    RedactedText,
    RedactRequest,
    Region,
    Scale,
    Sentiment,
    TextBlock,
    TextLine,
    Word,
    located,
    redacted,
)
from broker.types.phrase import DetectedLanguage
from broker.types.sentiment import aggregate

IMAGE = Image(data=b"x", format="png", width=200, height=100)
NUMBERS = st.floats(-5, 5, allow_nan=False)
sure = Confidence.ratio


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_a_box_lies_in_the_picture_whatever_the_vendor_draws(corners: list[tuple[float, float]]) -> None:
    region = Region.from_ratios(corners)
    box = region.box
    assert 0 <= box.left <= box.left + box.width <= 1 + 1e-12
    assert 0 <= box.top <= box.top + box.height <= 1 + 1e-12
    assert [
        (point.x, point.y) for point in region.polygon
    ] == corners  # the vendor's corners stay as they are
    assert region.raw == tuple(number for corner in corners for number in corner)


@given(NUMBERS, NUMBERS, st.floats(0, 5), st.floats(0, 5), st.integers(1, 9999), st.integers(1, 9999))
def test_ratios_and_pixels_come_to_the_same_place(
    left: float, top: float, width: float, height: float, across: int, down: int
) -> None:
    ratio = Region.from_ratio_box(left, top, width, height)
    pixels = Region.from_pixel_box(
        left * across, top * down, width * across, height * down, of=(across, down)
    )
    for name in ("left", "top", "width", "height"):
        assert getattr(ratio.box, name) == pytest.approx(getattr(pixels.box, name), abs=1e-9)
    assert ratio.raw == (left, top, width, height)


@pytest.mark.parametrize("corners", [[], [(math.nan, 0.0)], [(0.0, math.inf)], [("0", 0.1)], [(None, 1.0)]])
def test_a_place_without_usable_corners_is_an_error(corners: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Region.from_ratios(corners)


def test_a_box_around_words_is_marked_as_not_the_vendors() -> None:
    one, other = Region.from_ratio_box(0.1, 0.1, 0.2, 0.1), Region.from_ratio_box(0.5, 0.15, 0.1, 0.1)
    both = Region.around([one, other])
    assert both.raw == ()
    assert (both.box.left, both.box.width) == (pytest.approx(0.1), pytest.approx(0.5))


@pytest.mark.parametrize(
    ("confidence", "ordinal", "shown"),
    [
        (Confidence.likelihood("VERY_LIKELY"), 5, "VERY_LIKELY"),
        (Confidence.likelihood(1), 1, "VERY_UNLIKELY"),
        (Confidence.likelihood("UNKNOWN"), None, "UNKNOWN"),
        (Confidence.likelihood("QUITE_LIKELY"), None, "QUITE_LIKELY"),
        (Confidence.likelihood(9), None, "9"),
        (Confidence.severity(4), 4, "severity 4"),
        (Confidence.severity(0), 0, "severity 0"),
        (Confidence.ratio(0.5), None, "50.0%"),
        (Confidence.unknown(), None, "unknown"),
    ],
)
def test_an_ordinal_scale_keeps_its_word_and_is_no_ratio(
    confidence: Confidence, ordinal: int | None, shown: str
) -> None:
    assert (confidence.ordinal, confidence.shown) == (ordinal, shown)
    if confidence.scale is not Scale.RATIO:
        assert confidence.value is None


@pytest.mark.parametrize("raw", [True, 1.5, "4", -2])
def test_what_is_no_severity_is_an_error(raw: Any) -> None:
    with pytest.raises(ValueError, match="severity"):
        Confidence.severity(raw)


@given(st.text(max_size=30), st.integers(-3, 40), st.integers(-3, 40))
def test_an_offset_is_right_only_where_the_mention_stands(text: str, begin: int, end: int) -> None:
    mention, first, last, right = located(text, "x", begin, end)
    assert (mention, first, last) == ("x", begin, end)
    assert right == (0 <= begin <= end <= len(text) and text[begin:end] == "x")
    alone, _, _, usable = located(text, None, begin, end)
    assert usable == (0 <= begin < end <= len(text))
    assert alone == (text[begin:end] if usable else "")


def found(text: str, begin: int, end: int, kind: PiiKind = PiiKind.EMAIL, score: float = 0.9) -> PiiEntity:
    mention, begin, end, right = located(text, None, begin, end)
    return PiiEntity(
        text=mention,
        begin=begin,
        end=end,
        offset_ok=right,
        kind=kind,
        category=kind.name,
        confidence=sure(score),
    )


PIECES = st.lists(st.sampled_from(["a", "é", "👩‍👩‍👧", "日", "ש", " ", "\u0301"]), max_size=40).map("".join)


@given(PIECES, st.lists(st.tuples(st.integers(0, 45), st.integers(1, 10)), max_size=8))
def test_a_mask_leaves_nothing_of_a_find_and_all_of_the_rest(
    text: str, places: list[tuple[int, int]]
) -> None:
    spans = [(begin, begin + size) for begin, size in places if begin + size <= len(text)]
    entities = tuple(found(text, *span) for span in spans)
    masked = redacted(RedactRequest(text=text), PiiSet(entities=entities))
    hidden = {place for begin, end in spans for place in range(begin, end)}
    assert masked.text == "".join("*" if place in hidden else sign for place, sign in enumerate(text))


def test_a_mask_by_kind_names_what_was_there() -> None:
    text = "Write to eve@example.org or call 555-0100."
    entities = (found(text, 9, 24), found(text, 33, 41, PiiKind.PHONE), found(text, 20, 24, PiiKind.URL))
    masked = redacted(RedactRequest(text=text, mask="kind"), PiiSet(entities=entities))  # type: ignore[arg-type] # a word will do
    assert masked.text == "Write to [EMAIL] or call [PHONE]."
    assert len(masked.entities) == 3


def test_an_offset_that_does_not_hold_is_never_masked_by() -> None:
    wrong = PiiEntity(
        text="eve",
        begin=0,
        end=3,
        offset_ok=False,
        kind=PiiKind.PERSON,
        category="NAME",
        confidence=sure(1.0),
    )
    with pytest.raises(ValueError, match="cannot be masked"):
        redacted(RedactRequest(text="bob and eve"), PiiSet(entities=(wrong,)))


def test_only_what_is_sure_enough_is_masked() -> None:
    text = "ann bob"
    entities = (found(text, 0, 3, score=0.9), found(text, 4, 7, score=0.2))
    masked = redacted(RedactRequest(text=text, min_confidence=0.5), PiiSet(entities=entities))
    assert masked.text == "*** bob"
    assert len(masked.entities) == 1


def test_masked_parts_make_the_whole_with_the_space_between_them() -> None:
    text = "ann came.     bob went."
    parts = [
        (0, text[:10], RedactedText(text="*** came. ", entities=(found(text, 0, 3),))),
        (14, text[14:], RedactedText(text="*** went.", entities=(found(text[14:], 0, 3),))),
    ]
    whole = RedactedText.joined(parts, RedactRequest(text=text))
    assert whole.text == "*** came.     *** went."
    assert [text[each.begin : each.end] for each in whole.entities] == ["ann", "bob"]
    assert whole.aggregated


@pytest.mark.parametrize("mask", ["stars", None, 3])
def test_an_unknown_mask_is_refused(mask: Any) -> None:
    with pytest.raises(BadInput, match="'character'"):
        RedactRequest(text="x", mask=mask)


def judged(label: Polarity, **more: Any) -> Sentiment:
    return Sentiment(label=label, confidence=sure(0.9), **more)


@pytest.mark.parametrize(
    ("parts", "label"),
    [
        ([(10, Polarity.POSITIVE), (10, Polarity.NEGATIVE)], Polarity.MIXED),
        ([(10, Polarity.POSITIVE), (4, Polarity.NEGATIVE)], Polarity.POSITIVE),
        ([(10, Polarity.POSITIVE), (5, Polarity.NEGATIVE)], Polarity.MIXED),
        ([(10, Polarity.NEGATIVE), (30, Polarity.NEUTRAL)], Polarity.NEUTRAL),
        ([(10, Polarity.MIXED), (2, Polarity.NEUTRAL)], Polarity.MIXED),
        ([(10, Polarity.POSITIVE), (1, Polarity.OTHER)], Polarity.OTHER),
    ],
)
def test_parts_are_weighed_by_length(parts: list[tuple[int, Polarity]], label: Polarity) -> None:
    whole = aggregate([(length, judged(each)) for length, each in parts])
    assert whole.label is label
    assert whole.derived
    assert whole.rule == "by-length-1"


def test_what_one_part_lacks_the_whole_lacks() -> None:
    full = Probabilities(positive=0.5, negative=0.1, neutral=0.4, mixed=None)
    one = judged(Polarity.POSITIVE, probabilities=full, score=0.5, magnitude=2.0)
    whole = aggregate(
        [(10, one), (30, judged(Polarity.POSITIVE, probabilities=full, score=0.1, magnitude=1.0))]
    )
    assert whole.probabilities is not None
    assert (whole.probabilities.positive, whole.probabilities.mixed) == (pytest.approx(0.5), None)
    assert (whole.score, whole.magnitude) == (pytest.approx(0.2), 3.0)
    lacking = aggregate([(10, one), (30, judged(Polarity.POSITIVE))])
    assert (lacking.probabilities, lacking.score, lacking.magnitude) == (None, None, None)


def harm(name: str, confidence: Confidence) -> ModerationLabel:
    return ModerationLabel(harm=Harm.HATE, name=name, confidence=confidence)


def test_what_is_in_a_part_is_in_the_whole() -> None:
    parts = [
        (
            0,
            "a",
            ModerationSet(
                labels=(harm("Hate", Confidence.severity(2)), harm("Sexual", Confidence.severity(0)))
            ),
        ),
        (1, "b", ModerationSet(labels=(harm("Hate", Confidence.severity(6)),))),
    ]
    whole = ModerationSet.joined(parts, None)
    assert [(each.name, each.confidence.raw) for each in whole.labels] == [("Hate", 6), ("Sexual", 0)]
    assert whole.aggregated


def test_a_bar_never_lets_an_ordinal_word_pass_or_fall_as_if_it_were_a_ratio() -> None:
    told = ModerationSet(labels=(harm("adult", Confidence.likelihood("VERY_LIKELY")),))
    assert told.select(ImageModerationRequest(image=IMAGE)) is told
    assert (
        told.select(ImageModerationRequest(image=IMAGE, min_confidence=0.1)).labels == ()
    )  # so admit refuses it


def test_the_language_of_most_of_a_text_comes_first() -> None:
    def said(*tags: str) -> LanguageSet:
        return LanguageSet(
            languages=tuple(DetectedLanguage(language=tag, code=tag, confidence=sure(0.9)) for tag in tags)
        )

    whole = LanguageSet.joined([(0, "x" * 10, said("de", "nl")), (10, "x" * 30, said("en"))], None)
    assert [each.language for each in whole.languages] == ["en", "de", "nl"]


LINE = TextLine(
    text="one two",
    confidence=Confidence.unknown(),
    region=None,
    words=(Word(text="one", confidence=sure(0.9)), Word(text="two", confidence=sure(0.3))),
)


def test_where_lines_have_no_confidence_their_words_are_judged() -> None:
    told = DetectedText(
        lines=(LINE, TextLine(text="three", confidence=sure(0.8), region=None)),
        blocks=(TextBlock(lines=(LINE,), confidence=Confidence.unknown()),),
    )
    kept = told.select(DetectTextRequest(image=IMAGE, min_confidence=0.5))
    assert kept.text == "one\nthree"
    assert [word.text for word in kept.words] == ["one"]
    assert kept.blocks is not None
    assert kept.blocks[0].lines[0].text == "one"
    none = told.select(DetectTextRequest(image=IMAGE, min_confidence=0.95))
    assert (none.text, none.blocks) == ("", ())


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ((), "no operation is asked for"),
        ("label", "list of names"),
        (("labels",), "no operation 'labels'"),
        ((3,), "list"),
    ],
)
def test_an_analysis_of_nothing_is_refused(operations: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        AnalyzeRequest(image=IMAGE, operations=operations)


def test_an_analysis_is_filtered_part_by_part() -> None:
    request = AnalyzeRequest(image=IMAGE, operations=["vision.label", "label"], max_labels=1)  # type: ignore[arg-type] # a list will do
    assert request.operations == ("label",)
    both = LabelSet(labels=(Label(name="a", confidence=sure(0.1)), Label(name="b", confidence=sure(0.9))))
    selected = ImageAnalysis(labels=both).select(request)
    assert selected.labels is not None
    assert [each.name for each in selected.labels.labels] == ["b"]
    with pytest.raises(ValueError, match="label was asked for"):
        ImageAnalysis().select(request)
