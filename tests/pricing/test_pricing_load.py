"""Price files: what would make a wrong bill is refused, with the row and the slip named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.pricing.book import PriceBook
from broker.pricing.load import PriceError, parse
from broker.testing.fake import fake_price
from broker.types import Unit

ROW = {
    "id": '"x@1"',
    "sku": '"x.y"',
    "unit": '"image"',
    "region": '"global"',
    "currency": '"USD"',
    "valid_from": "2026-01-01",
    "checked_on": "2026-01-02",
    "source": '"a page"',
    "confidence": '"high"',
    "tiers": '[{ up_to = "10", price = "0.05" }, { price = "0.025" }]',
}


def text(**changes: str | None) -> str:
    row = {**ROW, **changes}
    return (
        "[[price]]\n"
        + "\n".join(f"{key} = {value}" for key, value in row.items() if value is not None)
        + "\n"
    )


def test_a_good_row_is_read_exactly() -> None:
    (row,) = parse(
        text(rounding='{ increment = "10", minimum = "30", per = "10" }', free_quota='"7"'), "x.toml"
    )
    assert [(tier.up_to, tier.price) for tier in row.tiers] == [
        (Decimal(10), Decimal("0.05")),
        (None, Decimal("0.025")),
    ]
    assert (row.rounding.increment, row.rounding.minimum, row.rounding.per) == (
        Decimal(10),
        Decimal(30),
        Decimal(10),
    )
    assert (row.free_quota, row.valid_from, row.valid_to) == (Decimal(7), date(2026, 1, 1), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiers": "[{ price = 0.5 }]"}, "float"),
        ({"free_quota": "0.5"}, "float"),
        ({"note": "0.5"}, "float"),
        ({"note": "inf"}, "float"),
        ({"tiers": "[{ price = 1 }]"}, "amounts are strings"),
        ({"tiers": "[{ price = true }]"}, "amounts are strings"),
        ({"tiers": '[{ price = "-0.5" }]'}, "no amount"),
        ({"tiers": '[{ price = "NaN" }]'}, "no amount"),
        ({"tiers": '[{ price = "Infinity" }]'}, "no amount"),
        ({"tiers": '[{ price = "1/1000" }]'}, "x@1"),
        ({"tiers": '[{ price = "1.50 per 1000" }]'}, "x@1"),
        ({"tiers": '[{ price = "0" }]'}, "price of 0 needs"),
        ({"tiers": '[{ price = "0.000" }]'}, "price of 0 needs"),
        ({"tiers": '[{ up_to = "10", price = "1" }, { up_to = "10", price = "2" }]'}, "not above 10"),
        ({"tiers": '[{ up_to = "10", price = "1" }, { up_to = "5", price = "2" }]'}, "not above 10"),
        ({"tiers": '[{ up_to = "0", price = "1" }]'}, "not above 0"),
        ({"tiers": '[{ price = "1" }, { up_to = "5", price = "2" }]'}, "only the last tier"),
        ({"tiers": '[{ price = "1" }, { price = "2" }]'}, "only the last tier"),
        ({"tiers": '[{ upto = "10", price = "1" }]'}, "unknown key 'upto'"),
        ({"tiers": '[{ up_to = "10" }]'}, "'price' is missing"),
        ({"tiers": '{ price = "1" }'}, "tiers must be a list"),
        ({"tiers": '["1"]'}, "x@1"),
        ({"tiers": None}, "exactly one of"),
        ({"tiers": "[]"}, "exactly one of"),
        ({"free": '"local"'}, "exactly one of"),
        ({"unpriced": '"not found"'}, "exactly one of"),
        ({"tiers": None, "free": '"gift"'}, "free must be one of"),
        ({"tiers": None, "free": "true"}, "free must be a text"),
        ({"tiers": None, "unpriced": "true"}, "unpriced must be a text"),
        ({"tiers": None, "unpriced": '""'}, "unpriced must be a text"),
        ({"confidence": '"sure"'}, "confidence must be"),
        ({"currency": '"usd"'}, "currency"),
        ({"currency": '"$"'}, "currency"),
        ({"unit": '"picture"'}, "picture"),
        ({"valid_from": '"2026-01-01"'}, "dates are written plainly"),
        ({"valid_from": "2026-01-01T00:00:00"}, "dates are written plainly"),
        ({"valid_from": "2026-01-01T00:00:00Z"}, "dates are written plainly"),
        ({"valid_to": "2026-01-01"}, "ends before it begins"),
        ({"regions": '["a", "b"]'}, "unknown key 'regions'"),
        ({"prise": '"1"'}, "unknown key 'prise'"),
        ({"source": None}, "'source' is missing"),
        ({"source": '""'}, "source must be a text"),
        ({"sku": "5"}, "sku must be a text"),
        ({"rounding": '{ per = "0" }'}, "above 0"),
        ({"rounding": '{ increment = "0" }'}, "above 0"),
        ({"rounding": '{ step = "1" }'}, "unknown rounding key"),
        ({"rounding": '"up"'}, "x@1"),
        ({"free_quota": '"-1"'}, "no amount"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(PriceError, match=words) as caught:
        parse(text(**changes), "x.toml")
    if words != "float":  # raised while reading, before there is a row
        assert "x.toml" in str(caught.value)


@pytest.mark.parametrize(
    "whole", ["price = 5", "price = [1]", "[price]\nid = 'x'", "[[prices]]\nid = 'x'", "[[price]", "x = 1"]
)
def test_a_file_of_another_shape_is_refused(whole: str) -> None:
    with pytest.raises(PriceError, match=r"x\.toml"):
        parse(whole, "x.toml")


@given(st.text(max_size=60))
def test_no_amount_but_a_plain_one_is_taken(amount: str) -> None:
    quoted = "".join(f"\\U{ord(each):08x}" for each in amount if not 0xD800 <= ord(each) < 0xE000)
    try:
        (row,) = parse(text(tiers=f'[{{ price = "{quoted}" }}]'), "x.toml")
    except PriceError:
        return
    assert row.tiers[0].price.is_finite()
    assert row.tiers[0].price > 0


def book(*periods: tuple[str, str | None]) -> PriceBook:
    return PriceBook(
        row
        for number, (first, last) in enumerate(periods)
        for row in parse(text(id=f'"{number}"', valid_from=first, valid_to=last), "x.toml")
    )


def test_periods_may_meet_and_not_overlap() -> None:
    found = book(("2026-01-01", "2026-02-01"), ("2026-02-01", None))
    assert found.find("x.y", None, Unit.IMAGE, date(2026, 1, 31)).id == "0"
    assert found.find("x.y", None, Unit.IMAGE, date(2026, 2, 1)).id == "1"
    for periods in (
        (("2026-01-01", "2026-02-02"), ("2026-02-01", None)),
        (("2026-01-01", None), ("2026-02-01", None)),
        (("2026-01-01", "2026-02-01"), ("2026-01-01", "2026-02-01")),
        (("2026-03-01", None), ("2026-01-01", None)),
    ):
        with pytest.raises(ValueError, match="overlap"):
            book(*periods)


def test_two_rows_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="id"):
        PriceBook([*parse(text(), "a"), *parse(text(sku='"z"'), "b")])


@pytest.mark.parametrize(
    ("sku", "region", "unit", "day", "words"),
    [
        ("x.z", None, Unit.IMAGE, date(2026, 5, 1), "no row for x.z"),
        ("x.y", "mars", Unit.IMAGE, date(2026, 5, 1), "in mars"),
        ("x.y", None, Unit.IMAGE, date(2026, 5, 1), "region is not known"),
        ("x.y", "eu", Unit.IMAGE, date(2025, 12, 31), "2025-12-31"),
        ("x.y", "eu", Unit.SECOND, date(2026, 5, 1), "by the image, not by the second"),
    ],
)
def test_what_the_book_lacks_is_unpriced_with_the_reason_and_never_zero(
    sku: str, region: str | None, unit: Unit, day: date, words: str
) -> None:
    row = PriceBook(parse(text(region='"eu"'), "x")).find(sku, region, unit, day)
    assert row.unpriced is not None
    assert words in row.unpriced
    assert row.tiers == ()
    assert row.free is None


def test_an_adapters_rows_add_skus_and_never_replace_shipped_ones() -> None:
    base = PriceBook(parse(text(), "x"))
    cheap = fake_price("0.0001", sku="x.y")
    more = base.extended([cheap, fake_price("0.7", sku="z")])
    assert more.find("x.y", "r", Unit.IMAGE, date(2026, 5, 1)).id == "x@1"
    assert more.find("z", "r", Unit.IMAGE, date(2026, 5, 1)).tiers[0].price == Decimal("0.7")


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_an_adapters_rows_are_held_to_the_same_rules(amount: str) -> None:
    with pytest.raises(PriceError, match="price of 0 needs"):
        PriceBook([]).extended([fake_price(amount)])


def sku_row(number: int, price: str, **changes: str | None) -> str:
    return text(**{"id": f'"{number}"', "tiers": f'[{{ price = "{price}" }}]', **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiers": '[{ price = "1.50" }]'}, r'1\.50 USD for one image, .*0\.00001 to 0\.1; .*"0\.0015"'),
        ({"tiers": '[{ price = "0.0000015" }]'}, r'divided by 1,000 twice, write "0\.0015"'),
        ({"tiers": '[{ price = "5000" }]'}, "write the price of one billing unit"),
        ({"unit": '"second"', "tiers": '[{ price = "0.024" }]'}, "for one second"),
        ({"unit": '"second"', "rounding": '{ per = "60" }', "tiers": '[{ price = "16" }]'}, "for 60 seconds"),
        ({"unit": '"character"', "tiers": '[{ price = "0.0001" }]'}, "for one character"),
        ({"currency": '"KRW"', "tiers": '[{ price = "1500" }]'}, "1500 KRW"),
        ({"currency": '"XTS"'}, "what XTS is worth is not known"),
        ({"tiers": '[{ up_to = "10", price = "0.01" }, { price = "0.02" }]'}, "tier 2 is dearer"),
        (
            {"tiers": '[{ up_to = "10", price = "0.05" }, { price = "0.00005" }]'},
            r"last tier \(0\.00005\) costs 1,000 times less",
        ),
    ],
)
def test_what_looks_like_a_price_per_thousand_is_refused_unless_it_says_why(
    changes: dict[str, str | None], words: str
) -> None:
    with pytest.raises(PriceError, match=words) as caught:
        parse(text(**changes), "x.toml")
    assert "x.toml, row 1 (x@1)" in str(caught.value)
    assert "unusual" in str(caught.value)
    (row,) = parse(text(**changes, unusual='"we asked, and it is right"'), "x.toml")
    assert row.unusual == "we asked, and it is right"


@pytest.mark.parametrize("key", ['""', "true", '" "'])
def test_a_reason_is_a_text(key: str) -> None:
    with pytest.raises(PriceError, match="unusual must be a text"):
        parse(text(tiers='[{ price = "1.50" }]', unusual=key), "x.toml")


@pytest.mark.parametrize(
    "apart",
    [{"region": '"eu"'}, {"valid_from": "2025-01-01", "valid_to": "2026-01-01"}],
    ids=["regions", "dates"],
)
def test_rows_of_one_sku_a_hundred_times_apart_are_a_slip(apart: dict[str, str]) -> None:
    both = sku_row(1, "0.00015") + sku_row(2, "0.015", **apart)
    with pytest.raises(PriceError, match=r"row 2 \(2\): it costs 100 times more than 1"):
        parse(both, "x.toml")
    assert len(parse(sku_row(1, "0.00015") + sku_row(2, "0.0149", **apart), "x.toml")) == 2
    excused = sku_row(2, "0.015", **apart, unusual='"so it is"')
    assert len(parse(sku_row(1, "0.00015") + excused, "x.toml")) == 2


def test_currencies_are_compared_by_their_rough_worth() -> None:
    won = {"region": '"kr"', "currency": '"KRW"'}
    assert len(parse(sku_row(1, "0.0015") + sku_row(2, "2", **won), "x.toml")) == 2
    with pytest.raises(PriceError, match="less than 1"):
        parse(sku_row(1, "0.0015") + sku_row(2, "0.015", **won), "x.toml")


def test_rows_of_one_sku_have_one_unit() -> None:
    with pytest.raises(PriceError, match="its unit is page, but 1 sells by the image"):
        parse(sku_row(1, "0.01") + sku_row(2, "0.01", unit='"page"', region='"eu"'), "x.toml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": '"both"'}, "channels must be one of each, once, unknown"),
        ({"free_with": '"x.z"'}, "free_with must be a list"),
        ({"free_with": '["x.y"]'}, "names its own sku"),
        ({"free_with": '["x.z"]'}, "names x.z, for which there is no row"),
        ({"tiers": None, "unpriced": '"why"', "free_quota": '"5"'}, "free_quota needs tiers"),
        ({"confidence": '"contract"'}, "for files of your own"),
        ({"checked_on": '"yesterday"'}, "dates are written plainly"),
        ({"checked_on": None}, "'checked_on' is missing"),
        ({"tiers": '[{ price = "1e-3" }]'}, "no amount"),
        ({"tiers": '[{ price = "0_0.01" }]'}, "no amount"),
        ({"tiers": '[{ price = " 0.01" }]'}, "no amount"),
        ({"tiers": r'[{ price = "\u0660.\u0661" }]'}, "no amount"),
        ({"note": "5"}, "note must be a text"),
        ({"dated": "false"}, "unknown key 'dated'"),
    ],
)
def test_the_newer_keys_are_held_to_their_meaning(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(PriceError, match=words):
        parse(text(**changes), "x.toml")


def test_what_gives_a_bundle_always_pays_itself() -> None:
    one = text(id='"1"', sku='"a"', free_with='["b"]')
    other = text(id='"2"', sku='"b"', free_with='["a"]')
    with pytest.raises(PriceError, match="may itself be free"):
        parse(one + other, "x.toml")
    assert parse(one + text(id='"2"', sku='"b"'), "x.toml")[0].free_with == ("b",)


def test_an_undated_source_counts_as_old() -> None:
    (row,) = parse(text(checked_on='"undated"'), "x.toml")
    assert (row.dated, row.checked_on) == (False, row.valid_from)


def test_every_slip_is_told_not_only_the_first() -> None:
    bad = (
        text(tiers="[{ price = 0.5 }]", unit='"picture"', source=None, prise='"1"')
        + sku_row(2, "0", sku='"b"')
        + sku_row(3, "1.5", sku='"c"')
        + sku_row(3, "0.0015", sku='"d"')
    )
    with pytest.raises(PriceError, match=r"\(and 6 more\)") as caught:
        parse(bad, "x.toml")
    told = "\n".join(caught.value.slips)
    for words in (
        '0.5 is a float; write amounts as strings ("0.5")',
        "unknown key 'prise'",
        "unit must be one of",
        "'source' is missing",
        "row 2 (2): tier 1 costs 0",
        "row 3 (3): tier 1 costs 1.5 USD",
        "row 4 (3): the id '3' is taken",
    ):
        assert words in told


def test_overlapping_dates_name_both_rows_and_the_cure() -> None:
    with pytest.raises(PriceError, match=r"row 2 \(2\): .* overlap; write valid_to = 2026-02-01 into"):
        parse(sku_row(1, "0.01") + sku_row(2, "0.01", valid_from="2026-02-01"), "x.toml")
