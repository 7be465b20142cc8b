"""The 22 worked examples and the one workload for all three clouds, from the shipped book to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from broker.pricing.bill import bill
from broker.pricing.book import UNSTATED, PriceBook
from broker.pricing.cost import charge
from broker.pricing.load import parse, shipped
from broker.types import Price, Unit, Usage

D = Decimal
DAY = date(2026, 11, 21)
HOME = {"aws": "us-east-1", "gcp": "global", "azure": "eastus"}


def use(sku: str, quantity: str | int, channels: int = 1) -> Usage:
    (unit,) = {row.unit for row in shipped().of(sku)}
    return Usage(sku=sku, unit=unit, quantity=D(quantity), channels=channels)


def one_call(*usage: Usage, region: str | None = None) -> Decimal | None:
    """What the first call of a month costs."""
    return bill(usage, shipped(), region=region or HOME[usage[0].sku.partition(".")[0]], day=DAY).amount()


def units(*usage: Usage, region: str | None = None) -> Decimal:
    found = bill(usage, shipped(), region=region or HOME[usage[0].sku.partition(".")[0]], day=DAY)
    return sum(found.units, D(0))


def row_of(sku: str, region: str | None = None) -> Price:
    found = shipped().find(sku, region or HOME[sku.partition(".")[0]], shipped().of(sku)[0].unit, DAY)
    assert found.unpriced is None, found.unpriced
    return found


def month(sku: str, billing_units: str | int, *, region: str | None = None, free: bool = False) -> Decimal:
    """What so many billing units of one month cost."""
    found = charge(row_of(sku, region), D(billing_units), free_quota=free).amount
    assert found is not None
    return found


def many_calls(sku: str, quantity: str, calls: int, *, region: str | None = None, free: bool = False) -> D:
    """A month of equal calls: each is rounded by itself."""
    return month(sku, units(use(sku, quantity), region=region) * calls, region=region, free=free)


def test_1_comprehend_bills_three_units_at_least() -> None:
    assert units(use("aws.comprehend.nlp", 45)) == 3
    assert one_call(use("aws.comprehend.nlp", 45)) == D("0.0003")


@pytest.mark.parametrize(("characters", "count", "amount"), [(301, 4, "0.0004"), (550, 6, "0.0006")])
def test_2_comprehend_rounds_up_to_100_characters(characters: int, count: int, amount: str) -> None:
    assert units(use("aws.comprehend.nlp", characters)) == count
    assert one_call(use("aws.comprehend.nlp", characters)) == D(amount)


def test_3_comprehend_over_the_first_border() -> None:
    assert month("aws.comprehend.nlp", 12_000_000) == D("1100.00")


def test_4_google_counts_each_text_by_itself() -> None:
    texts = [use("gcp.language.sentiment", each) for each in (800, 1500, 600)]
    assert [units(each) for each in texts] == [1, 2, 1]
    assert units(*texts) == 4


def test_5_google_sentiment_with_its_free_tier() -> None:
    assert month("gcp.language.sentiment", 1_200_000, free=True) == D("1095.00")
    assert month("gcp.language.sentiment", 1_200_000) == D("1100.00"), "unclaimed, it is paid from the first"


def test_6_azure_counts_records() -> None:
    assert one_call(use("azure.language.text_records", 2300)) == D("0.003")


def test_7_azure_language_through_all_tiers() -> None:
    assert month("azure.language.text_records", 15_000_000) == D("5500.00")


def test_8_two_operations_on_one_image_are_two_images() -> None:
    assert one_call(use("aws.rekognition.group2", 1), use("aws.rekognition.group2", 1)) == D("0.002")


def test_9_rekognition_over_the_first_border() -> None:
    assert month("aws.rekognition.group2", 3_500_000) == D("3000.00")


def google_images(number: int, *features: str) -> Decimal:
    """A month of images in one bill: features beside each other, the free first thousand of each claimed."""
    usage = [use(f"gcp.vision.{feature}", number) for feature in features]
    found = bill(usage, shipped(), region="global", day=DAY).amount({}, free_quota=True)
    assert found is not None
    return found


def test_10_safe_search_is_free_with_labels() -> None:
    assert google_images(1_000_000, "label", "safe_search") == D("1498.50")
    assert google_images(1_000_000, "safe_search") == D("1498.50"), "alone it is paid"
    assert google_images(1_000_000, "image_properties", "crop_hints") == D("1498.50")


def test_11_objects_are_not() -> None:
    assert google_images(1_000_000, "label", "object_localization") == D("3746.25")


def test_12_azure_vision_over_the_first_border() -> None:
    assert month("azure.vision.group1", 1_500_000) == D("1325.00")


def test_13_a_real_invoice_to_the_cent() -> None:
    found = month("aws.textract.detect_document_text", 837_973, free=True)
    assert found == D("1255.4595")
    assert found.quantize(D("0.01")) == D("1255.46"), "the invoice of April 2026"
    assert row_of("aws.textract.detect_document_text").valid_from <= date(2026, 4, 1)


OLD_RULE = """
[[price]]
id = "aws.transcribe.batch@*@2025-01-01"
sku = "aws.transcribe.batch"
unit = "second"
region = "*"
currency = "USD"
valid_from = 2025-01-01
valid_to = 2026-09-11
checked_on = 2025-01-01
source = "the pricing page of those days, first tier only"
confidence = "medium"
rounding = { increment = "1", minimum = "15", per = "60" }
tiers = [{ up_to = "250000", price = "0.024" }]
"""


def test_14_transcribe_by_todays_rule_and_by_the_old_one_on_its_day() -> None:
    book = PriceBook([*shipped().rows(), *parse(OLD_RULE, "old.toml")])
    clip = use("aws.transcribe.batch", 8)
    found = [
        bill([clip], book, region="us-east-1", day=day).amount()
        for day in (date(2026, 9, 10), date(2026, 9, 11), DAY)
    ]
    assert found == [D("0.0060"), D("0.0008"), D("0.0008")]


def test_15_a_million_minutes_by_the_second() -> None:
    assert month("aws.transcribe.streaming", 60_000_000, region="eu-west-2") == D("10002.00")


def test_16_google_bills_each_channel_rounded_by_itself() -> None:
    sku, region = "gcp.speech.v2.standard", "us-central1"
    mono, stereo = use(sku, "12.3"), use(sku, "12.3", channels=2)
    assert units(mono, region=region) * 60 == 13
    assert units(stereo, region=region) * 60 == 26
    assert one_call(mono, region=region) == D("0.003466666667")
    assert one_call(stereo, region=region) == D("0.006933333333")


def test_17_aws_bills_the_audio_once() -> None:
    sku = "aws.transcribe.batch"
    assert units(use(sku, "12.3", channels=2)) == units(use(sku, "12.3")) == 13
    assert one_call(use(sku, "12.3", channels=2)) == D("0.0013")


def test_18_google_speech_over_the_first_border_and_in_batch() -> None:
    assert month("gcp.speech.v2.standard", 600_000, region="us-central1") == D("9000")
    assert month("gcp.speech.v2.dynamic_batch", 600_000, region="us-central1") == D("1800")


@pytest.mark.parametrize(
    ("kind", "amount"), [("realtime", "0.002222222222"), ("fast", "0.000800"), ("batch", "0.000400")]
)
def test_19_azure_speech_by_whole_seconds_of_an_hour(kind: str, amount: str) -> None:
    assert one_call(use(f"azure.speech.{kind}", "7.2")) == D(amount)


def test_20_an_index_costs_its_hours() -> None:
    assert month("aws.kendra.genai_enterprise", 730, region=UNSTATED) == D("233.60")


def test_21_agent_search_with_answers_on_top() -> None:
    queries = month("gcp.agent_search.enterprise", 250_000, free=True)
    answers = month("gcp.agent_search.advanced_answers", 50_000, free=True)
    assert queries + answers == D("1160.00")


def test_22_azure_search_units_and_semantic_queries() -> None:
    hours = month("azure.search.basic", 730)
    queries = month("azure.search.semantic_ranker", 250_000, region="eastus2", free=True)
    assert (hours, queries) == (D("73.73"), D("249.000"))
    assert hours + queries == D("322.73")


LABELS = [
    ("aws.rekognition.group2", "1000.00"),
    ("gcp.vision.label", "1498.50"),
    ("azure.vision.group1", "1000.00"),
]
SHORT = [
    ("aws.comprehend.nlp", "300.00"),
    ("gcp.language.sentiment", "995.00"),
    ("azure.language.text_records", "875.00"),
]
LONG = [
    ("aws.comprehend.nlp", "1100.00"),
    ("gcp.language.sentiment", "1495.00"),
    ("azure.language.text_records", "1625.00"),
]


def test_the_same_pictures_in_all_three_clouds() -> None:
    check(LABELS, "1", 1_000_000)


def test_the_same_short_texts_in_all_three_clouds() -> None:
    check(SHORT, "140", 1_000_000)


def test_the_same_long_texts_in_all_three_clouds() -> None:
    check(LONG, "1200", 1_000_000)


def check(skus: Sequence[tuple[str, str]], quantity: str, calls: int) -> None:
    """AWS's and Azure's free tiers are left out; Google's is always there, so claimed."""
    for sku, amount in skus:
        assert many_calls(sku, quantity, calls, free=sku.startswith("gcp")) == D(amount), sku


@pytest.mark.parametrize(
    ("sku", "region", "amount"),
    [
        ("aws.transcribe.batch", "us-east-1", "3600"),
        ("gcp.speech.v2.standard", "us-central1", "9000"),
        ("gcp.speech.v2.dynamic_batch", "us-central1", "1800"),
        ("azure.speech.realtime", "eastus", "10000"),
        ("azure.speech.fast", "eastus", "3600"),
        ("azure.speech.batch", "eastus", "1800"),
    ],
)
def test_the_same_ten_thousand_hours_in_all_three_clouds(sku: str, region: str, amount: str) -> None:
    assert many_calls(sku, "3600", 10_000, region=region) == D(amount)


def test_a_whole_months_charge_is_the_sum_of_its_calls() -> None:
    """Example 9 in small: borders divided by 10,000, each call charged at its own position."""
    row = row_of("aws.rekognition.group2")
    small = replace(
        row,
        tiers=tuple(
            replace(tier, up_to=None if tier.up_to is None else tier.up_to / 10_000) for tier in row.tiers
        ),
    )
    total = sum((charge(small, D(1), used_before=D(number)).amount or D(0) for number in range(350)), D(0))
    assert total == month("aws.rekognition.group2", 3_500_000) / 10_000


def test_units_of_the_examples_are_those_the_vendors_count() -> None:
    assert use("aws.kendra.genai_enterprise", 1).unit is Unit.HOUR
    assert use("gcp.agent_search.enterprise", 1).unit is Unit.QUERY
    assert use("aws.textract.detect_document_text", 1).unit is Unit.PAGE
