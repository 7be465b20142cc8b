"""The shipped evidence: it can be followed, it belongs to services that exist, and it does not contradict the manifests."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from broker.config import load_settings
from broker.contract import Manifest
from broker.maturity.check import link, slips, warnings
from broker.maturity.checklist import Checklist, Member
from broker.maturity.load import EvidenceError, checklist, parse, parse_quotas, quotas, shipped
from broker.maturity.score import assess_all
from broker.registry import Registry

MADE_ON = date(2026, 11, 21)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    registry = Registry(load_settings(None))
    try:
        return [registry.manifest(name) for name in ("aws", "kendra", "gcp", "azure", "local")]
    finally:
        registry.close()


def test_no_slip(manifests: list[Manifest]) -> None:
    assert slips(checklist(), manifests, MADE_ON) == []


def test_every_provider_has_evidence_and_every_row_is_used(manifests: list[Manifest]) -> None:
    cells = assess_all(manifests, checklist(), MADE_ON)
    used = {id(row) for cell in cells for row in cell.known.values()}
    assert {cell.provider for cell in cells if len(cell.known) > 1} == {
        "aws",
        "kendra",
        "gcp",
        "azure",
        "local",
    }
    assert [row for row in shipped() if id(row) not in used] == []


def test_own_files_are_there() -> None:
    for row in shipped():
        if "://" not in row.source:
            assert (ROOT / row.source).is_file(), row.source


def test_what_is_wound_down_is_capped(manifests: list[Manifest]) -> None:
    scores = {
        (cell.provider, cell.operation): cell.score for cell in assess_all(manifests, checklist(), MADE_ON)
    }
    assert scores["kendra", "search.query"].high == 40
    assert scores["azure", "vision.label"].high == 60
    assert scores["azure", "text.sentiment"].high == 60
    later = assess_all(manifests, checklist(), date(2027, 9, 26))
    assert {cell.score.high for cell in later if (cell.provider, cell.service) == ("azure", "vision")} == {20}


def test_languages_agree_with_the_manifests(manifests: list[Manifest]) -> None:
    """Grades of languages are those of the adapters' own tables."""
    bounds = (2, 5, 20, 50)
    checked = 0
    for cell in assess_all(manifests, checklist(), MADE_ON):
        spec = next(m for m in manifests if m.provider == cell.provider).by_name[cell.operation]
        row = cell.known.get(Member.LANGUAGES)
        if row is None or not spec.languages:
            continue
        count = len({tag.partition("-")[0] for tag in spec.languages})
        assert row.grade == sum(count >= bound for bound in bounds), (cell.provider, cell.operation, count)
        checked += 1
    assert checked > 10


def test_old_and_missing_evidence_is_told(manifests: list[Manifest]) -> None:
    told = "\n".join(warnings(checklist(), manifests, MADE_ON))
    assert "gcp translate: no evidence of launch_stage" in told
    assert "(text.detect_language)" in told
    assert "kendra, sla, all: evidence 1,661 days old" in told
    assert "evidence of no known day" in told
    assert not [
        row
        for row in shipped()
        if row.dated == MADE_ON and f"{row.source}" in told and row.provider == "local"
    ]


@pytest.mark.parametrize(
    ("source", "good"),
    [
        ("https://example.org/a", True),
        ("docs/local.md", True),
        ("http://example.org/a", False),
        ("javascript:alert(1)", False),
        ("https://user:pw@example.org/", False),
        ("https:///nowhere", False),
        ("../secrets", False),
        ("/etc/passwd", False),
        ("https://example.org/a b", False),
        ('https://example.org/"onclick=', False),
        ("https://[broken", False),
        ("", False),
    ],
)
def test_links(source: str, good: bool) -> None:
    assert link(source) is good


def _file(**row: str) -> str:
    usual = {
        "member": '"sla"',
        "grade": "4",
        "says": '"so"',
        "source": '"https://example.org/x"',
        "dated": "2026-11-01",
    }
    lines = [f"{name} = {value}" for name, value in {**usual, **row}.items() if value]
    return 'provider = "aws"\n[[evidence]]\n' + "\n".join(lines)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"grade": "5"}, "row 1, grade"),
        ({"grade": "4.0"}, "row 1, grade"),
        ({"grade": "true"}, "row 1, grade"),
        ({"member": '"slo"'}, "row 1, member"),
        ({"dated": ""}, "row 1, dated"),
        ({"dated": '"2026-11-01"'}, "dates are written plainly"),
        ({"dated": "2026-11-01T00:00:00Z"}, "dates are written plainly"),
        ({"says": '""'}, "row 1, says"),
        ({"colour": '"red"'}, "row 1, colour"),
        ({"services": '"rekognition"'}, "row 1, services"),
    ],
)
def test_files_that_cannot_be_meant(row: dict[str, str], said: str) -> None:
    with pytest.raises(EvidenceError, match=f"own.toml.*{said}"):
        parse(_file(**row), "own.toml")


def test_files_that_are_none(tmp_path) -> None:
    with pytest.raises(EvidenceError, match="is not TOML"):
        parse("= =", "own.toml")
    with pytest.raises(EvidenceError, match="provider"):
        parse("", "own.toml")
    with pytest.raises(EvidenceError, match="cannot be read"):
        checklist([str(tmp_path / "absent.toml")])
    with pytest.raises(EvidenceError, match=r"and 1 more"):
        parse(_file(grade="9", says='""'), "own.toml")
    broken = tmp_path / "latin.toml"
    broken.write_bytes(b'provider = "\xe9"')
    with pytest.raises(EvidenceError, match="not UTF-8"):
        checklist([str(broken)])


def test_slips_of_rows(manifests: list[Manifest]) -> None:
    rows = [
        *parse(_file(services='["rekognitoin"]'), "x"),
        *parse(_file(operations='["vision.lable"]'), "x"),
        *parse(_file(source='"ftp://example.org"'), "x"),
        *parse(_file(dated="2027-01-01"), "x"),
        *parse(_file().replace('"aws"', '"kendra"').replace('"sla"', '"launch_stage"'), "x"),
        *parse(_file(undated="").replace('"aws"', '"somebody"'), "x"),
    ]
    found = slips(Checklist(rows), manifests, MADE_ON)
    for said in (
        "'rekognitoin'",
        "'vision.lable'",
        "no https address",
        "still to come",
        "stands in the adapter's manifest",
    ):
        assert any(said in each for each in found), said
    assert not any("somebody" in each for each in found)


def test_own_rows_take_the_place_of_shipped_ones(tmp_path, manifests: list[Manifest]) -> None:
    own = tmp_path / "own.toml"
    own.write_text(_file(services='["rekognition"]', grade="1"))
    row = checklist([str(own)]).of("aws", "rekognition", "vision.label")[Member.SLA]
    assert row.grade == 1


def test_the_example_of_the_page_can_be_read() -> None:
    text = (ROOT / "docs" / "maturity.md").read_text("utf-8")
    (row,) = parse(text.partition("```toml\n")[2].partition("```")[0], "docs")
    assert row.services == ("rekognition",)
    assert row.dated == date(2026, 11, 20)


def test_the_page_names_every_member() -> None:
    text = (ROOT / "docs" / "maturity.md").read_text("utf-8")
    assert [each.words for each in Member if each.words not in text] == []


def test_quotas_are_sourced_and_belong_to_services(manifests: list[Manifest]) -> None:
    found = quotas()
    assert {each.provider for each in found} >= {"gcp", "azure", "kendra"}
    for each in found:
        manifest = next(m for m in manifests if m.provider == each.provider)
        assert link(each.source)
        assert any(
            each.speaks_of(manifest.provider, spec.service, spec.operation) for spec in manifest.operations
        )
        assert 0 < each.low <= each.high


def test_quotas_of_your_own_take_the_place_of_the_providers(tmp_path) -> None:
    own = tmp_path / "own.toml"
    row = 'per_second = [{}]\nsays = "raised"\nsource = "https://example.org/t"\ndated = "undated"\n'
    own.write_text(f'provider = "gcp"\n[[quota]]\n{row.format("200, 200")}')
    found = [each for each in quotas([str(own)]) if each.provider == "gcp"]
    assert [(each.low, each.says) for each in found] == [(200.0, "raised")]
    for bad in ("2, 1", "0, 1", "1", "inf, inf"):
        with pytest.raises(EvidenceError, match="per_second"):
            parse_quotas(f'provider = "gcp"\n[[quota]]\n{row.format(bad)}', "own.toml")
