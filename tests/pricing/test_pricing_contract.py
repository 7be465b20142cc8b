"""Contract prices of the user: they win while they hold, and a file that must not be used is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import Broker, NotConfigured
from broker.cli import main
from broker.config import load_settings
from broker.pricing.book import UNSTATED, PriceBook
from broker.pricing.contract import check_files, in_force
from broker.pricing.load import read, shipped
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider
from broker.types import Image, Rounding, Unit

D = Decimal
SKU = "aws.rekognition.group2"
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
ROW = {
    "id": '"ours"',
    "sku": f'"{SKU}"',
    "unit": '"image"',
    "region": '"us-east-1"',
    "currency": '"USD"',
    "valid_from": "2026-10-01",
    "valid_to": "2027-01-01",
    "checked_on": "2026-09-30",
    "source": '"contract 4711"',
    "tiers": '[{ price = "0.0007" }]',
}


def text(**changes: str | None) -> str:
    row = {**ROW, **changes}
    return "[[price]]\n" + "".join(f"{key} = {value}\n" for key, value in row.items() if value is not None)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(*rows: str, name: str = "contract.toml") -> str:
        path = tmp_path / name
        path.write_text("\n".join(rows), encoding="utf-8")
        return str(path)

    return write


def found(book: PriceBook, day: date, region: str | None = "us-east-1", sku: str = SKU) -> str:
    return book.find(sku, region, book.of(sku)[0].unit, day).id


def test_a_contract_wins_on_its_days_in_its_region_and_the_list_comes_back(write: Any) -> None:
    book = in_force([write(text())])
    listed = f"{SKU}@us-east-1@2026-09-11"
    assert found(book, date(2026, 9, 30)) == listed
    assert found(book, date(2026, 10, 1)) == "ours"
    assert found(book, date(2026, 12, 31)) == "ours"
    assert found(book, date(2027, 1, 1)) == listed
    assert found(book, date(2026, 12, 31), "eu-central-1") == f"{SKU}@eu-central-1@2026-09-11"
    row = book.find(SKU, "us-east-1", Unit.IMAGE, date(2026, 12, 31))
    assert (row.confidence, row.contract, row.tiers[0].price) == ("contract", True, D("0.0007"))
    assert found(shipped(), date(2026, 12, 31)) == listed, "the shipped book is as it was"


def test_a_contract_for_all_regions_wins_over_every_regions_list_price(write: Any) -> None:
    book = in_force([write(text(region='"*"'), text(id='"eu"', region='"eu-central-1"'))])
    assert found(book, date(2026, 12, 31)) == "ours"
    assert found(book, date(2026, 12, 31), None) == "ours"
    assert found(book, date(2026, 12, 31), "eu-central-1") == "eu"
    assert found(book, date(2027, 1, 1), "eu-central-1") == f"{SKU}@eu-central-1@2026-09-11"


def test_a_contract_may_add_a_region_or_a_sku_the_book_lacks(write: Any) -> None:
    day = date(2026, 12, 31)
    medical = text(
        id='"m"',
        sku='"aws.transcribe.medical"',
        unit='"second"',
        region='"us-east-1"',
        tiers='[{ price = "0.001" }]',
    )
    book = in_force([write(text(region='"eu-west-3"'), text(id='"n"', sku='"aws.new"'), medical)])
    assert found(book, day, "eu-west-3") == "ours"
    assert found(book, day, "us-east-1", "aws.new") == "n"
    assert shipped().of("aws.transcribe.medical")[0].region == UNSTATED
    assert found(book, day, "us-east-1", "aws.transcribe.medical") == "m"


def test_a_contract_replaces_what_the_book_could_not_price(write: Any) -> None:
    entities = text(
        sku='"aws.comprehend.detect_entities"', unit='"character"', tiers='[{ price = "0.00009" }]'
    )
    book = in_force([write(entities)])
    assert found(book, date(2026, 12, 31), sku="aws.comprehend.detect_entities") == "ours"


def test_what_a_contract_leaves_out_is_that_of_the_row_it_stands_for(write: Any) -> None:
    speech = text(
        sku='"gcp.speech.v2.standard"', unit='"second"', region='"us-central1"', tiers='[{ price = "0.009" }]'
    )
    own = text(
        id='"own"',
        sku='"aws.comprehend.nlp"',
        unit='"character"',
        rounding='{ increment = "1000", per = "1000" }',
        tiers='[{ price = "0.0005" }]',
    )
    safe = text(id='"safe"', sku='"gcp.vision.safe_search"', region='"global"')
    book = in_force([write(speech, own, safe)])
    day = date(2026, 12, 31)
    row = book.find("gcp.speech.v2.standard", "us-central1", Unit.SECOND, day)
    assert (row.id, row.channels) == ("ours", "each")
    assert row.rounding == Rounding(increment=D(1), minimum=D(1), per=D(60))
    row = book.find("aws.comprehend.nlp", "us-east-1", Unit.CHARACTER, day)
    assert row.rounding == Rounding(increment=D(1000), per=D(1000))
    row = book.find("gcp.vision.safe_search", "global", Unit.IMAGE, day)
    assert (row.id, row.free_with) == ("safe", ("gcp.vision.label",))
    assert row.free_quota == 0, "a free quota is not taken over: the contract has to say so"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiers": '[{ price = "0.7" }]'}, r"0\.7 USD for one image, outside .*\"0\.0007\""),
        ({"tiers": "[{ price = 0.0007 }]"}, "float"),
        ({"tiers": '[{ price = "0" }]'}, "price of 0 needs"),
        ({"tiers": '[{ price = "0.00001" }]'}, f"100 times less than {SKU}@us-east-1"),
        ({"id": f'"{SKU}@us-east-1@2026-09-11"'}, "is taken by the price book"),
        ({"confidence": '"high"'}, 'must be "contract" in a file of your own'),
        ({"unit": '"second"'}, "its unit is second, but .* sells by the image"),
        ({"source": None}, "'source' is missing"),
        ({"valid_to": "2026-10-01"}, "ends before it begins"),
    ],
)
def test_a_slip_is_refused_when_the_broker_is_made(
    changes: dict[str, str | None], words: str, write: Any
) -> None:
    path = write(text(**changes))
    with pytest.raises(NotConfigured, match=words) as caught:
        Broker(prices={"files": [path]})
    assert f"{path}, row 1" in str(caught.value)


def test_overlapping_contracts_are_refused_also_over_two_files(write: Any) -> None:
    one = write(text())
    two = write(text(id='"other"', valid_from="2026-12-01", valid_to=None), name="two.toml")
    with pytest.raises(NotConfigured, match=r"two\.toml, row 1 \(other\).*ours ends on 2027-01-01.*overlap"):
        in_force([one, two])


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"\xff\xfe", "not UTF-8"), (b"[[price", "is not TOML")]
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotConfigured, match=rf"broken\.toml.*{words}"):
        in_force([str(path)])


def test_one_slip_is_told_and_how_many_more_there_are(write: Any) -> None:
    path = write(text(source=None), text(id='"b"', unit='"x"'))
    with pytest.raises(NotConfigured, match="and 1 more; 'mlbroker prices check' lists all"):
        in_force([path])


def test_a_ledger_row_keeps_the_contracts_id(write: Any) -> None:
    path = write(
        text(sku='"fake.vision.label"', region='"*"', tiers='[{ price = "0.0007" }]', free_quota='"1"')
    )
    runtime = VirtualRuntime(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    with Broker(
        adapters=[fake_provider(price=fake_price("0.001"))],
        provider="fake",
        runtime=runtime,
        prices={"files": [path]},
    ) as broker:
        before = broker.vision.label(PICTURE)
        runtime.advance(1)
        after = broker.vision.label(PICTURE)
    assert (before.cost.amount, before.cost.price_id) == (D("0.0007"), "ours")
    assert (after.cost.amount, after.cost.price_id) == (D("0.001"), "fake.vision.label@test")


def settings_file(folder: Path, files: str) -> str:
    folder.mkdir()
    path = folder / "mlbroker.toml"
    path.write_text(f"[prices]\nfiles = {files}\n", encoding="utf-8")
    return str(path)


def test_paths_start_at_the_settings_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    path = settings_file(tmp_path / "etc", '["own/contract.toml", "/abs.toml", "~/mine.toml"]')
    assert load_settings(path).prices.files == (
        str(tmp_path / "etc" / "own" / "contract.toml"),
        "/abs.toml",
        "/home/someone/mine.toml",
    )
    (tmp_path / "etc" / "own").mkdir()
    (tmp_path / "etc" / "own" / "contract.toml").write_text(text(), encoding="utf-8")
    with Broker(config=path, prices={"files": "own/contract.toml"}) as broker:
        assert broker._core.services.prices.of(SKU)[0].id == "ours"
    monkeypatch.chdir(tmp_path)
    assert load_settings("etc/mlbroker.toml").prices.files[0] == os.path.join(
        str(tmp_path), "etc", "own/contract.toml"
    )


def test_variables_name_files_as_they_name_other_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_PRICES__FILES", "a.toml, b.toml")
    assert load_settings().prices.files == ("a.toml", "b.toml")
    monkeypatch.setenv("MLBROKER_PRICES__FILES", '["a,b.toml"]')
    assert load_settings().prices.files == ("a,b.toml",)
    monkeypatch.setenv("MLBROKER_PRICES__FILE", "a.toml")
    with pytest.raises(NotConfigured, match=r"prices\.file: there is no such setting; did you mean 'files'"):
        load_settings()


def test_files_are_checked_by_their_kind(write: Any) -> None:
    book = write(text(id='"b"', sku='"z"', confidence='"high"'), name="book.toml")
    rows, slips = check_files([write(text()), book])
    assert ([row.id for _, row in rows], slips) == (["b", "ours"], [])
    rows, slips = check_files([write(text(confidence='"contract"', tiers='[{ price = "0.7" }]'))])
    assert len(rows) == len(slips) == 1


def test_the_documented_contract_and_the_documented_slip_are_true(write: Any) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "prices.md").read_text("utf-8")
    example = page.partition("holds rows as above:\n\n```toml\n")[2].partition("```")[0]
    book = in_force([write(example)])
    assert found(book, date(2026, 10, 1)) == "contract-4711"
    with pytest.raises(NotConfigured) as caught:
        in_force([write(example.replace("0.0007", "0.7"))])
    slip = page.partition("cure:\n\n```\n")[2].partition("\n```")[0].replace("\n", " ")
    assert str(caught.value).endswith(slip)


def test_the_doctor_tells_of_a_broken_file(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_PRICES__FILES", write(text(tiers='[{ price = "0.7" }]')))
    result = CliRunner().invoke(main.app, ["doctor"])
    assert result.exit_code == 3
    assert "row 1 (ours)" in result.output


def test_a_file_named_twice_is_read_once(write: Any) -> None:
    path = write(text())
    assert found(in_force([path, path]), date(2026, 12, 31)) == "ours"


def test_what_is_left_out_is_that_of_the_same_region_first() -> None:
    rows = [
        replace(
            fake_price(sku="s"),
            id=region,
            region=region,
            rounding=Rounding(per=D(per)),
            valid_from=date(year, 1, 1),
        )
        for region, per, year in (("r1", 1, 2001), ("r1", 2, 2005), ("r2", 3, 2009))
    ]
    rows[0] = replace(rows[0], id="old", valid_to=date(2005, 1, 1))
    base = PriceBook(rows)
    for region, per in (("r1", 2), ("r2", 3), ("r3", 3)):
        (placed,), wrong = read(text(sku='"s"', region=f'"{region}"'), "x.toml", base)
        assert (wrong, placed.row.rounding.per) == ([], per)
