"""The page: one file, nothing loaded, nothing run, everything escaped, usable without eyes or mouse."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from report_support import DAY, EVIL, lane_result, result, scores

from broker.bench.result import BenchResult, Lane, Origin
from broker.errors import NotConfigured
from broker.maturity.load import checklist, quotas
from broker.report.build import build
from broker.report.media import Room
from broker.report.model import Report

VOID = {"meta", "br", "img", "link", "input", "hr", "source"}


class Page(HTMLParser):
    """Elements with their attributes, in order, and what is open where."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None], tuple[str, ...]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs), tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs, _ in self.elements if name == tag]


@pytest.fixture(scope="module")
def parsed(page: str) -> Page:
    return Page(page)


def test_an_html5_parser_finds_nothing_wrong(page: str) -> None:
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(page)
    assert [code for _, code, _ in parser.errors] == []


def test_nothing_is_loaded_and_nothing_runs(parsed: Page, page: str) -> None:
    names = Counter(tag for tag, _, _ in parsed.elements)
    for forbidden in (
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "base",
        "foreignobject",
        "animate",
        "set",
    ):
        assert names[forbidden] == 0, forbidden
    assert names["style"] == 1
    for tag, attrs, _ in parsed.elements:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("src", "href", "xlink:href", "srcset", "poster", "action", "data"):
                allowed = ("data:image/", "data:audio/", "#") if tag != "a" else ("https://", "#")
                assert (value or "").startswith(allowed), (tag, name, (value or "")[:60])
    css = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert css is not None
    assert "url(" not in css[1]
    assert "@import" not in css[1]
    for reference in re.findall(r"url\(([^)]*)\)", page.replace(css[1], "")):
        assert reference.startswith("#")


def test_the_policy_is_strict_and_knows_its_style(parsed: Page, page: str) -> None:
    policy = next(
        each["content"] for each in parsed.all("meta") if each.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in (policy or "").split(";"))
    css = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "img-src": "data:",
        "media-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_hostile_texts_stay_texts(parsed: Page, page: str) -> None:
    assert "<script" not in page.lower()
    shown = "".join(text for _, text in parsed.texts)
    assert shown.count("<script>alert(1)</script>") >= 7  # id, input, truth, rows, error
    assert not any(sign in page for sign in "\u202e\x1b\x07")
    page.encode("utf-8")  # no half characters


def test_ids_are_unique_and_references_lead_somewhere(parsed: Page) -> None:
    ids = [attrs["id"] for _, attrs, _ in parsed.elements if "id" in attrs]
    assert [each for each, count in Counter(ids).items() if count > 1] == []
    for tag, attrs, _ in parsed.elements:
        for name in ("aria-labelledby", "aria-describedby", "for", "headers"):
            for each in (attrs.get(name) or "").split():
                assert each in ids, (tag, name, each)
        href = attrs.get("href") or ""
        if href.startswith("#"):
            assert href[1:] in ids, href


def test_landmarks_headings_tables(parsed: Page) -> None:
    names = Counter(tag for tag, _, _ in parsed.elements)
    for one in ("main", "header", "nav", "footer", "h1", "title"):
        assert names[one] == 1, one
    assert parsed.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _, _ in parsed.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert names["table"] == names["caption"]
    assert all(each.get("scope") in ("col", "row") for each in parsed.all("th"))
    assert names["th"] > 50
    for tag, attrs, around in parsed.elements:
        if tag == "table":
            assert "div" in around
        if tag == "svg" and attrs.get("aria-hidden") != "true":
            assert attrs.get("role") == "img"
            assert (attrs.get("aria-label") or "").strip()
    assert all(each.get("tabindex") == "0" for each in parsed.all("div") if each.get("class") == "scroll")


def test_every_figure_is_there_twice_and_its_numbers_are_in_a_table(parsed: Page, report: Report) -> None:
    figures = [attrs for tag, attrs, around in parsed.elements if tag == "svg" and "figure" in around]
    assert len(figures) == 2 * 4  # areas, quality, cost, latency, each for wide and for narrow pages
    shown = " ".join(text for around, text in parsed.texts if "table" in around)
    for place in report.operations[0].places:
        assert str(place.area.readiness) in shown
        assert str(place.area.maturity) in shown


def test_never_that_name(page: str) -> None:
    assert "magic" not in page.lower()
    assert "quadrant" not in page.lower()


def test_not_separated_is_said(parsed: Page) -> None:
    shown = " ".join(text for _, text in parsed.texts)
    assert "not separated: aws and gcp" in shown
    assert "1,000 random weightings" in shown


def test_boxes_stand_on_one_copy_of_the_picture(parsed: Page, page: str) -> None:
    assert page.count("data:image/jpeg") == 1
    shots = [attrs for attrs in parsed.all("svg") if attrs.get("class") == "shot"]
    assert len(shots) == 3
    assert [each["viewbox"] for each in shots] == ["0 0 320 240"] * 3
    rects = [attrs for attrs in parsed.all("rect") if attrs.get("class") == "over"]
    assert len(rects) == 6
    first = rects[0]
    assert (first["x"], first["y"], first["width"], first["height"]) == ("32.0", "48.0", "96.0", "120.0")


def test_differences_are_marked_for_eyes_and_ears(parsed: Page) -> None:
    missing = [text for around, text in parsed.texts if around[-1:] == ("del",)]
    added = [text for around, text in parsed.texts if around[-1:] == ("ins",)]
    assert "jumps" in missing
    assert "jumped" in added
    spoken = [text for around, text in parsed.texts if around[-2:] in (("del", "span"), ("ins", "span"))]
    assert "[missing: " in spoken
    assert "[added: " in spoken


def test_what_was_not_recorded_is_said(parsed: Page) -> None:
    shown = " ".join(text for _, text in parsed.texts)
    assert "Quality over time: no quality store was given." in shown
    assert "Spend: no ledger was given." in shown


def test_a_page_without_room_says_so(report: Report) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from broker.report.page import html

    page = html(report, Room(100))
    assert "data:image" not in page
    assert "the page would become too large" in page


def test_names_from_outside_are_hostile_everywhere(manifests) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    from dataclasses import replace

    from broker.report.page import html

    base: BenchResult = result(60)
    evil = Lane(name=EVIL, provider=EVIL, operation=EVIL, origin=Origin.ASKED, options=EVIL, note=EVIL)
    lanes = [replace(lane_result("aws", scores(60)["aws"], 60), lane=evil, stopped=EVIL)]
    lanes.append(replace(lane_result("gcp", scores(60)["gcp"], 60), lane=replace(evil, name="other")))
    pairings = tuple(replace(each, operation=EVIL, first=EVIL, second="other") for each in base.pairings[:1])
    curves = tuple(
        replace(each, operation=EVIL, lane=name)
        for each, name in zip(base.curves, (EVIL, "other"), strict=False)
    )
    bad = replace(
        base,
        lanes=tuple(lanes),
        pairings=pairings,
        curves=curves,
        break_evens=(),
        notes=(EVIL,),
        run=replace(base.run, name=EVIL, id=EVIL),
        provenance=replace(
            base.provenance, command=EVIL, platform=EVIL, data=replace(base.provenance.data, name=EVIL)
        ),
    )
    page = html(build(bad, manifests, checklist(), quotas(), DAY, title=EVIL, weights_by=EVIL, command=EVIL))
    parsed = Page(page)
    assert "<script" not in page.lower()
    assert not any(sign in page for sign in "\u202e\x1b")
    ids = [attrs["id"] for _, attrs, _ in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", each or "") for each in ids)


def test_the_extra_is_named_where_it_is_missing(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from broker.report.page import html

    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(NotConfigured, match=r"mlbroker\[report\]"):
        html(report)


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_texts_and_marks(page: str) -> None:
    """WCAG 2.2: 4.5 for text, 3 for what must be seen to understand."""
    from broker.report import style

    css = page.partition("<style>")[2].partition("</style>")[0]
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})", css))
    paper = "#ffffff"
    for name in ("ink", "soft", "blue"):
        assert _contrast(colours[name], paper) >= 4.5, name
    for text, ground in re.findall(r"(?:ins|del)\{background:(#\w{6});[^}]*color:(#\w{6})\}", css):
        assert _contrast(text, ground) >= 4.5
    assert _contrast(colours["warn"], "#fff6ec") >= 4.5
    assert _contrast(style.INK, paper) >= 4.5
    for colour in (*style.STANDINGS.values(), style.GREY, *style.LANES[:4], *style.QUANTILES):
        assert _contrast(colour, paper) >= 3, colour
