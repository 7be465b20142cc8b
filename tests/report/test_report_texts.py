"""Differences of texts, Markdown, notebooks: nothing from outside becomes markup."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, is_dataclass, replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_support import EVIL, result

from broker.bench import between, runs
from broker.bench import result as bench_result
from broker.maturity import position, readiness, score
from broker.quality import estimate
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.report import model
from broker.report.difference import MOST_WORDS, Part, difference
from broker.report.markdown import markdown
from broker.report.model import Cell, Report, Sample
from broker.report.shown import shown
from broker.samples import months
from broker.types import call
from broker.types.markup import Shown, escaped, harmless, table
from broker.types.view import View


def test_differences() -> None:
    found = difference("The quick brown fox jumps.", "the quick red fox jumps high")
    assert [(part.kind, part.text.strip()) for part in found if part.kind != "same"] == [
        ("less", "brown"),
        ("more", "red"),
        ("more", "high"),
    ]


def test_case_spacing_and_punctuation_are_no_differences() -> None:
    assert {part.kind for part in difference("Hello, World!", "hello   world")} == {"same"}


def test_a_missing_word_has_room() -> None:
    assert (
        "".join(part.text for part in difference("over the lazy dog", "over lazy dog")).count("overthe") == 0
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_answer_can_be_read_out_of_its_difference(reference: str, answer: str) -> None:
    parts = difference(reference, answer)
    kept = "".join(part.text for part in parts if part.kind != "less")
    assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", answer)
    if reference == answer:
        assert {part.kind for part in parts} <= {"same"}


def test_long_texts_are_cut_and_it_is_said() -> None:
    found = difference("word " * 5000, "word " * 5000)
    assert f"the first {MOST_WORDS:,}" in found[-1].text
    assert isinstance(found[0], Part)


@given(st.text())
def test_escaped_texts_hold_no_markup_and_steer_nothing(text: str) -> None:
    out = escaped(text)
    assert not set("<>\"'") & set(out)
    assert not any(0x202A <= ord(sign) <= 0x202E or 0x2066 <= ord(sign) <= 0x2069 for sign in out)
    assert not any((ord(sign) < 32 and sign not in "\n\t") or 0x7F <= ord(sign) < 0xA0 for sign in out)
    out.encode("utf-8")
    assert harmless(harmless(text)) == harmless(text)


def test_tables_of_notebooks_count_what_they_leave_out() -> None:
    shown = table("caption", ("a", "b"), [(n, EVIL) for n in range(20)])
    assert "… and 8 more" in shown
    assert "<script" not in shown
    assert shown.count('scope="row"') == 12


class _Strict(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert all(name in ("scope", "colspan") for name, _ in attrs), attrs


def test_every_object_has_a_small_representation(report: Report) -> None:
    made = result()
    place = report.operations[0].places[0]
    objects = [
        report,
        made,
        made.lanes[0],
        made.lanes[0].quality[0].delivered,
        made.pairings[0].comparison,
        place.maturity,
        place.readiness,
        place,
        place.area,
        report.operations[0],
        report.samples[0],
        made.lanes[0].lane,
        made.lanes[0].quality[0],
        made.lanes[0].money,
        made.lanes[0].speed,
        made.curves[0],
        made.provenance.data,
        share_interval(0, 0),
    ]
    for each in objects:
        shown = each._repr_html_()
        tags = set(_Strict(shown).tags)
        assert tags <= {
            "div",
            "p",
            "strong",
            "ul",
            "li",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        }
        assert "table" in tags
        assert len(shown) < 20_000


def test_answers_of_several_operations_say_of_which_and_are_compared_with_their_own_truth(
    report: Report,
) -> None:
    def cell(lane: str, operation: str, text: str) -> Cell:
        return Cell(lane=lane, operation=operation, view=View(noun="line", rows=(), text=text))

    cells = (
        cell("one", "vision.detect_text", "EXIT"),
        cell("one", "vision.caption", "a sign"),
        cell("two", "vision.caption", "a door"),
    )
    truth = {"vision.detect_text": "EXIT", "vision.label": ["sign"]}
    sample = Sample(id="a", kind="text", input="x", truth=truth, cells=cells)
    told = replace(report, samples=(sample,), samples_of=1)
    (item,) = shown(told)
    assert item.truth == "vision.detect_text: EXIT; vision.label: sign"
    assert [[part.kind for part in answer.difference] for answer in item.answers] == [
        ["same"],
        ["same"],
        ["same", "less", "same", "more"],
    ]
    assert "- two, vision.caption: a door" in markdown(told).replace("\\", "")


@pytest.mark.parametrize(
    "evil", [EVIL, "| a | b |", "[x](javascript:alert(1))", "1. list", "# head", "![x](y)", "<b>"]
)
def test_markdown_of_hostile_texts(report: Report, evil: str) -> None:
    from broker.report.markdown import _text

    said = _text(evil)
    assert "\n" not in said
    bare = re.sub(r"\\.", "", said)
    assert not set("`*_[]<>#|!$") & set(bare)
    whole = markdown(replace(report, title=evil))
    assert "<script" not in whole
    assert "\u202e" not in whole


def test_markdown_has_every_section_and_table(report: Report) -> None:
    from broker.report.sections import sections

    text = markdown(report)
    for section in sections(report):
        assert f"## {section.title}" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert min(widths) >= 3
    assert "replayed" in text


def test_a_result_of_a_call_in_a_notebook() -> None:
    from decimal import Decimal

    from broker.types.call import Provenance, Result
    from broker.types.confidence import Confidence
    from broker.types.label import Label, LabelSet
    from broker.types.money import Billed, Cost

    value = LabelSet(
        labels=(
            Label(name=EVIL, confidence=Confidence.ratio(0.5)),
            Label(name="cat", confidence=Confidence.ratio(None)),
        )
    )
    shown = Result(
        value=value,
        provenance=Provenance(
            provider="aws", service="rekognition", operation="vision.label", model_version=EVIL
        ),
        cost=Cost(amount=Decimal("0.001"), upper_bound=Decimal("0.001"), currency="USD", billed=Billed.YES),
        attempts=(),
        call_id="c",
        latency=0.2,
    )._repr_html_()
    assert "vision.label by aws rekognition: 2 labels" in shown
    assert "50 %" in shown
    assert "$0.001" in shown
    assert "<script" not in shown
    _Strict(shown)


@dataclass(frozen=True, slots=True)
class _Made(Shown):
    text: str
    estimate: Estimate
    many: tuple[int, ...]
    named: dict[str, object]
    picture: bytes = b"abc"
    none: None = None
    secret: str = field(default="not for eyes", repr=False)


def test_any_dataclass_can_be_shown() -> None:
    shown = _Made(EVIL, share_interval(90, 100), tuple(range(1000)), {EVIL: True, "x": ()})._repr_html_()
    _Strict(shown)
    assert "<script" not in shown
    assert "0.9 (0.825634 to 0.944771)" in shown
    assert "0; 1; 2; 3; and 996 more" in shown
    assert "x: none" in shown
    assert "3 bytes" in shown
    assert "not known" in shown
    assert "not for eyes" not in shown


@pytest.mark.parametrize(
    "kind",
    [
        each
        for module in (bench_result, runs, between, estimate, model, months, position, score, readiness, call)
        for each in vars(module).values()
        if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__
        if not each.__name__.startswith("_")
    ],
    ids=lambda kind: f"{kind.__module__.removeprefix('broker.')}.{kind.__name__}",
)
def test_whatever_a_caller_gets_is_shown_in_notebooks(kind: type) -> None:
    assert callable(getattr(kind, "_repr_html_", None))
