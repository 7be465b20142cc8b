"""The shipped price book covers every operation we say we have, and all that was found of prices."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.config import load_settings
from broker.contract.manifest import OperationSpec, Support
from broker.contract.operations import OPERATIONS
from broker.pricing.book import STALE_AFTER, UNSTATED
from broker.pricing.check import _RANGES, _WORTH, slips
from broker.pricing.cost import charge
from broker.pricing.load import shipped, shipped_rows
from broker.registry import Registry
from broker.types import Audio, Image, Price, Unit
from broker.types.money import EVERYWHERE
from broker.types.stream import SoundFormat

PROVIDERS = ("aws", "gcp", "azure", "local")
TODAY = date(2026, 11, 21)
ROWS = list(shipped().rows())
CELLS = [
    (provider, spec)
    for provider in PROVIDERS
    for spec in Registry(load_settings()).manifest(provider).operations
    if spec.support is Support.YES
]


def sku_of(provider: str, spec: OperationSpec) -> str:
    return spec.sku or f"{provider}.{spec.operation}"


def unit_of(sku: str) -> Unit:
    return shipped().of(sku)[0].unit


@pytest.mark.parametrize(("provider", "spec"), CELLS, ids=lambda each: getattr(each, "operation", each))
def test_every_operation_we_offer_has_a_price_or_says_why_not(provider: str, spec: OperationSpec) -> None:
    sku = sku_of(provider, spec)
    rows = shipped().of(sku)
    assert rows, f"{sku} has no row"
    for row in rows:
        found = shipped().find(sku, row.region, row.unit, TODAY)
        assert found == row, "a row is what its own region and unit find today"
        assert row.tiers or row.free or row.unpriced
        if not row.unpriced:
            cost = charge(row, Decimal(1))
            assert cost.amount is not None
            assert cost.upper_bound is not None


@pytest.mark.parametrize(("provider", "spec"), CELLS, ids=lambda each: getattr(each, "operation", each))
def test_an_operation_in_a_region_the_book_lacks_is_unpriced_with_the_reason(
    provider: str, spec: OperationSpec
) -> None:
    sku = sku_of(provider, spec)
    found = shipped().find(sku, "mars-north-1", unit_of(sku), TODAY)
    if any(row.region in EVERYWHERE for row in shipped().of(sku)):
        assert found in shipped().of(sku)
    else:
        assert found.unpriced is not None
        assert "mars-north-1" in found.unpriced
        assert charge(found, Decimal(1)).upper_bound is None


@pytest.mark.parametrize(("provider", "spec"), CELLS, ids=lambda each: getattr(each, "operation", each))
def test_what_an_adapter_meters_is_sold_in_that_unit(provider: str, spec: OperationSpec) -> None:
    given: dict[str, Any] = {"text": "a text"}
    if spec.operation.startswith("vision."):
        given = {"image": Image(data=b"a picture", format="png", width=100, height=80)}
    if spec.operation.startswith("transcription."):
        given = {
            "audio": Audio(
                format="wav", codec=None, milliseconds=900, sample_rate=8000, channels=1, size=0, data=b""
            )
        }
    if spec.operation == "transcription.stream":
        given = {"sound": SoundFormat()}
    if spec.operation.startswith("search."):
        kind = OPERATIONS[spec.operation].request
        given = {kind.SUBJECT: kind.PROBE}
    if spec.operation == "vision.analyze":
        given["operations"] = tuple(max(spec.together, key=len))
    usage = spec.meter(OPERATIONS[spec.operation].request(**given))
    assert usage
    for each in usage:
        for row in shipped().of(each.sku or sku_of(provider, spec)):
            assert row.unit is each.unit


def test_at_least_one_operation_of_each_provider_is_held_to_that() -> None:
    assert {provider for provider, _ in CELLS} == set(PROVIDERS)


def test_the_surcharge_of_every_shipped_adapter_has_a_row() -> None:
    assert shipped().of("aws.rekognition.image_properties"), "its usage is named in the adapter's code"


def test_only_what_is_marked_free_costs_nothing() -> None:
    for row in ROWS:
        assert row.unpriced or (charge(row, Decimal(1)).amount == 0) is (row.free is not None), row.id


def test_every_row_names_its_source_and_a_day_it_was_read() -> None:
    for row in ROWS:
        assert len(row.source) > 20
        assert row.valid_from <= row.checked_on <= TODAY
        assert row.id == f"{row.sku}@{row.region}@{row.valid_from}"
        if not row.dated:
            assert TODAY - row.checked_on > STALE_AFTER, "what has no date counts as old"
            assert "undated" in row.source
        if row.unpriced is None:
            assert "not found" not in row.source, "a price was found"
    assert timedelta(days=90) == STALE_AFTER


def test_the_book_has_no_slip() -> None:
    assert slips(shipped_rows()) == []
    assert not [row.id for row in ROWS if row.unusual], "no row needs to excuse itself"


def dollars(row: Price, price: Decimal) -> Decimal:
    return price / row.rounding.per * _WORTH[row.currency]


@pytest.mark.parametrize("unit", sorted({row.unit for row in ROWS if row.tiers}))
def test_the_plausible_range_has_room_for_the_book_and_none_for_a_slip_of_a_thousand(unit: Unit) -> None:
    low, high = _RANGES[unit]
    found = [dollars(row, tier.price) for row in ROWS if row.unit is unit and row.tiers for tier in row.tiers]
    assert low * 3 <= min(found), "a discount of two thirds fits"
    assert max(found) * 3 <= high
    assert min(found) * 1000 > high, "a price per 1,000 for the cheapest does not fit"
    assert max(found) / 1000 < low, "nor the dearest, divided once too often"


# prices.yaml has these 56 entries; each is here with the skus its operations' counters became.
RESEARCHED: dict[str, tuple[str, ...]] = {
    "aws.rekognition.group2": ("us-east-1", "eu-central-1", "ap-northeast-1"),
    "aws.rekognition.group1": ("ap-south-1", "us-east-1"),
    "aws.rekognition.image_properties": ("us-east-1",),
    "aws.transcribe.batch": ("*",),
    "aws.transcribe.streaming": ("eu-west-2",),
    "aws.transcribe.redaction_addon": ("eu-west-2",),
    "aws.transcribe.medical": (UNSTATED,),
    "aws.comprehend.nlp": ("us-east-1",),
    "aws.comprehend.custom_endpoint": (UNSTATED,),
    "aws.textract.detect_document_text": ("us-east-1", "ap-south-1", "eu-west-1"),
    "aws.kendra.genai_enterprise": (UNSTATED,),
    "aws.kendra.enterprise": (UNSTATED,),
    "aws.kendra.developer": (UNSTATED,),
    "aws.kendra.additional_units": ("*",),
    "aws.kendra.intelligent_ranking": (UNSTATED,),
    "gcp.vision.label": ("global",),
    "gcp.vision.safe_search": ("global",),
    "gcp.vision.crop_hints": ("global",),
    "gcp.vision.object_localization": ("global",),
    "gcp.vision.web_detection": ("global",),
    "gcp.speech.v2.standard": ("us-central1",),
    "gcp.speech.v2.dynamic_batch": ("us-central1",),
    "gcp.speech.v1.no_logging": ("global",),
    "gcp.language.syntax": ("global",),
    "gcp.language.entity_sentiment": ("global",),
    "gcp.language.classify": ("global",),
    "gcp.language.moderate": ("global",),
    "gcp.agent_search.standard": ("global",),
    "gcp.agent_search.enterprise": ("global",),
    "gcp.agent_search.advanced_answers": ("global",),
    "gcp.agent_search.index_storage": ("*",),
    "gcp.commerce_search": ("global",),
    "azure.vision.group1": ("eastus",),
    "azure.vision.group2": (UNSTATED,),
    "azure.face.standard": ("*",),
    "azure.speech.realtime": ("eastus", "westus", "westeurope", "uaenorth", "koreacentral"),
    "azure.speech.realtime.enhanced_addon": ("koreacentral",),
    "azure.speech.fast": ("eastus", "westeurope", "swedencentral", "westus", "koreacentral"),
    "azure.speech.batch": ("eastus", "westus", "westeurope", "swedencentral", "uaenorth", "koreacentral"),
    "azure.language.text_records": ("eastus", "westeurope"),
    "azure.language.summarization": ("westeurope",),
    "azure.search.basic": ("eastus", "northeurope"),
    "azure.search.s1": ("northeurope",),
    "azure.search.s2": ("eastus", "northeurope"),
    "azure.search.s3": ("northeurope",),
    "azure.search.l1": ("eastus", "northeurope"),
    "azure.search.l2": ("northeurope",),
    "azure.search.semantic_ranker": ("eastus2", "northeurope"),
    "azure.content_safety.text": ("eastus2",),
    "azure.content_safety.image": ("eastus2",),
    "azure.document_intelligence.read": ("eastus2",),
}
OTHERWISE_NAMED: dict[str, dict[str, tuple[str, ...]]] = {
    "aws.rekognition.group1.us-east-1": {"aws.rekognition.group1": ("us-east-1",)},
    "aws.comprehend.nlp.other": {
        f"aws.comprehend.{api}": ("*",)
        for api in (
            "detect_entities",
            "detect_key_phrases",
            "detect_dominant_language",
            "detect_syntax",
            "detect_targeted_sentiment",
            "detect_pii_entities",
            "contains_pii_entities",
            "detect_toxic_content",
        )
    },
    "gcp.vision.standard_features": {
        f"gcp.vision.{feature}": ("global",)
        for feature in ("text", "document_text", "face", "landmark", "logo", "image_properties")
    },
    "gcp.language.sentiment_entities": {
        "gcp.language.sentiment": ("global",),
        "gcp.language.entities": ("global",),
    },
    "local.any": {"local.compute": ("local",), "local.text": ("local",)},
}
VARIANTS = {
    "gcp.speech.v1.data_logging",
    "gcp.speech.v1.medical",
    "azure.speech.fast_promo",
    "azure.speech.fast_custom",
    "azure.document_intelligence.layout",
}
"""Named within an entry, priced apart."""
ADDED = {
    "aws.rekognition.custom_moderation": ("*",),
    "gcp.translate.detect": ("global",),
    "gcp.dlp.inspect": ("global",),
    "local.speech": ("local",),
    "gcp.speech.v2.standard": ("global",),  # "Prices are global (no regional difference found)"
    "gcp.speech.v2.dynamic_batch": ("global",),
    "gcp.speech.v2.other_models": ("*",),
    "local.query": ("local",),
    "local.index": ("local",),
    "aws.kendra.query": ("*",),
    "aws.kendra.document": ("*",),
    "aws.bedrock.retrieve": ("*",),
    "aws.bedrock.rerank": ("*",),
    "aws.bedrock.ingest": ("*",),
    "aws.bedrock.document": ("*",),
    "azure.search.query": ("*",),
    "azure.search.document": ("*",),
    "gcp.agent_search.ingest": ("*",),
    "gcp.agent_search.document": ("*",),
}
"""Services that came after the research, and rows for places that it names in words only."""
NOT_FOUND = {
    "aws.rekognition.group1@us-east-1",
    *(f"{sku}@*" for sku in OTHERWISE_NAMED["aws.comprehend.nlp.other"]),
    "aws.kendra.additional_units@*",
    "aws.rekognition.custom_moderation@*",
    "aws.bedrock.retrieve@*",
    "aws.bedrock.rerank@*",
    "aws.bedrock.ingest@*",
    "gcp.agent_search.index_storage@*",
    "gcp.agent_search.ingest@*",
    "gcp.dlp.inspect@global",
    "gcp.speech.v2.other_models@*",
    "azure.face.standard@*",
    "azure.speech.fast@westus",
    "azure.speech.batch@uaenorth",
}


def test_every_entry_of_the_research_is_in_the_book_and_nothing_else() -> None:
    assert len(RESEARCHED) + len(OTHERWISE_NAMED) == 56
    expected = {(sku, region) for sku, regions in RESEARCHED.items() for region in regions}
    for skus in (*OTHERWISE_NAMED.values(), ADDED):
        expected |= {(sku, region) for sku, regions in skus.items() for region in regions}
    found = {(row.sku, row.region) for row in ROWS if row.sku not in VARIANTS}
    assert found == expected
    assert {row.sku for row in ROWS} >= VARIANTS


def test_what_was_not_found_is_unpriced_and_nothing_else_is() -> None:
    assert {f"{row.sku}@{row.region}" for row in ROWS if row.unpriced} == NOT_FOUND


def test_a_price_whose_source_names_no_region_serves_none() -> None:
    rows = [row for row in ROWS if row.region == UNSTATED]
    assert rows
    for row in rows:
        for region in ("us-east-1", "eastus", None):
            found = shipped().find(row.sku, region, row.unit, TODAY)
            assert found.unpriced is not None
            assert "names no region" in found.unpriced
            assert "prices.files" in found.unpriced
        assert shipped().find(row.sku, UNSTATED, row.unit, TODAY) is row


def test_korean_and_european_prices_keep_their_currency() -> None:
    assert {row.currency for row in ROWS if row.region == "koreacentral"} == {"KRW"}
    assert {row.currency for row in ROWS if row.region == "northeurope"} == {"EUR"}


def test_manifests_are_read_without_any_vendor_sdk() -> None:
    code = """
import sys
BANNED = ("boto3", "botocore", "google", "grpc", "azure", "onnxruntime", "cv2", "rapidocr")

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BANNED:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Refuse())
for name in [each for each in sys.modules if each.partition(".")[0] in BANNED]:
    del sys.modules[name]
from broker.config import load_settings
from broker.registry import Registry
registry = Registry(load_settings())
print(*(registry.manifest(name).provider for name in ("aws", "gcp", "azure", "local")))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["aws", "gcp", "azure", "local"], found.stderr
