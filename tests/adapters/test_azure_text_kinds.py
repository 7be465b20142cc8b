"""Azure's categories in our vocabularies, and places in texts of all scripts."""

from __future__ import annotations

from typing import Any

import pytest
from azure_text_support import find
from hypothesis import given
from hypothesis import strategies as st

from broker.types import EntityKind, Mask, PiiKind, RedactRequest
from broker_azure import language
from broker_azure.language_kinds import entity_kind, pii_kind
from broker_azure.language_tags import ENTITIES, KEY_PHRASES, PII, SENTIMENT, tag_of, vendor_code

UNMAPPED = {
    "AUCompanyNumber",  # a company's, of a register that is no tax office
    "PLREGONNumber",  # likewise
    "DrugEnforcementAgencyNumber",  # of who prescribes
    "EUGPSCoordinates",
    "All",  # two that stand in requests only
    "Default",
}


def test_every_category_that_the_sdk_knows_has_a_kind() -> None:
    sdk = pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")
    names = [each.value for each in sdk.PiiEntityCategory]
    assert len(names) > 150
    assert {name for name in names if pii_kind(name, None) is PiiKind.OTHER} == UNMAPPED


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("Person", PiiKind.PERSON),
        ("PhoneNumber", PiiKind.PHONE),
        ("IPAddress", PiiKind.IP_ADDRESS),
        ("DateTime", PiiKind.DATE),
        ("USSocialSecurityNumber", PiiKind.NATIONAL_ID),
        ("FINationalIDV2", PiiKind.NATIONAL_ID),
        ("HRPersonalIdentificationOIBNumberV2", PiiKind.NATIONAL_ID),
        ("ESDNI", PiiKind.NATIONAL_ID),
        ("USUKPassportNumber", PiiKind.PASSPORT),
        ("RUPassportNumberDomestic", PiiKind.PASSPORT),
        ("EUDriversLicenseNumber", PiiKind.DRIVING_LICENCE),
        ("EUDebitCardNumber", PiiKind.CREDIT_CARD),
        ("ABARoutingNumber", PiiKind.BANK_ACCOUNT),
        ("ILBankAccountNumber", PiiKind.BANK_ACCOUNT),
        ("SWIFTCode", PiiKind.BANK_ACCOUNT),
        ("DEValueAddedNumber", PiiKind.TAX_ID),
        ("INPermanentAccount", PiiKind.TAX_ID),
        ("UKNationalHealthNumber", PiiKind.HEALTH_ID),
        ("AzureSAS", PiiKind.CREDENTIAL),
        ("SQLServerConnectionString", PiiKind.CREDENTIAL),
        ("AzurePublishSettingPassword", PiiKind.PASSWORD),
        ("LicensePlate", PiiKind.VEHICLE_ID),  # newer than the SDK
        ("DateOfBirth", PiiKind.DATE),
        ("ZZPassportNumber", PiiKind.PASSPORT),  # a country that is not listed yet
        ("ZZSecretHandshake", PiiKind.OTHER),
        ("PersonType", PiiKind.OTHER),
        ("person", PiiKind.OTHER),
        ("", PiiKind.OTHER),
    ],
)
def test_kinds_of_personal_data(category: str, kind: PiiKind) -> None:
    assert pii_kind(category, None) is kind


@pytest.mark.parametrize(
    ("category", "subcategory", "kind"),
    [
        ("Person", None, EntityKind.PERSON),
        ("PersonType", None, EntityKind.PERSON_TYPE),
        ("Location", "GPE", EntityKind.LOCATION),
        ("Location", "Structural", EntityKind.LOCATION),
        ("Location", "Address", EntityKind.ADDRESS),
        ("Organization", "Medical", EntityKind.ORGANIZATION),
        ("Product", "ComputingProduct", EntityKind.PRODUCT),
        ("Event", "Sports", EntityKind.EVENT),
        ("Skill", None, EntityKind.SKILL),
        ("Address", None, EntityKind.ADDRESS),
        ("PhoneNumber", None, EntityKind.PHONE),
        ("Email", None, EntityKind.EMAIL),
        ("URL", None, EntityKind.URL),
        ("IP", None, EntityKind.IP_ADDRESS),
        ("DateTime", "DateRange", EntityKind.DATE_TIME),
        ("Quantity", "Number", EntityKind.NUMBER),
        ("Quantity", "Ordinal", EntityKind.NUMBER),
        ("Quantity", "Percentage", EntityKind.QUANTITY),
        ("Quantity", "Age", EntityKind.QUANTITY),
        ("Quantity", None, EntityKind.QUANTITY),
        ("Comet", "Halley", EntityKind.OTHER),
    ],
)
def test_kinds_of_entities(category: str, subcategory: Any, kind: EntityKind) -> None:
    assert entity_kind(category, subcategory) is kind


def test_an_age_among_quantities_is_an_age() -> None:
    assert pii_kind("Quantity", "Age") is PiiKind.AGE
    assert pii_kind("Quantity", "Number") is PiiKind.OTHER


def test_the_lists_of_languages() -> None:
    """94 and 79 codes in the tables, and nb, pt and zh, which are sent as no, pt-PT and zh-Hans."""
    assert len(SENTIMENT) == len(KEY_PHRASES) == 97
    assert len(ENTITIES) == len(PII) == 82
    for tags in (SENTIMENT, ENTITIES):
        assert len(set(tags)) == len(tags)
        assert {vendor_code(tag) for tag in tags} == set(tags) - {"nb", "pt", "zh"}
        assert all(tag_of(tag) == tag for tag in tags)


LETTERS = st.sampled_from(
    [*"ab .,", "é", "e\u0301", "ß", "👩", "👩🏽‍🚀", "👨‍👩‍👧", "🇩🇪", "漢", "字", "か\u3099", "ש", "\u05b8", "ع", "\u200f", "नि", "𝔘"]
)  # fmt: skip


@st.composite
def texts_and_mentions(draw: st.DrawFn) -> tuple[str, list[tuple[int, int]]]:
    """A text of many scripts, and places in it as code points count."""
    text = "x" + "".join(draw(st.lists(LETTERS, min_size=1, max_size=20)))
    borders = st.integers(0, len(text))
    places = draw(st.lists(st.tuples(borders, borders).map(sorted), max_size=5))
    return text, [(begin, end) for begin, end in places if begin < end]


@given(texts_and_mentions())
def test_places_hold_in_every_script(given_: tuple[str, list[tuple[int, int]]]) -> None:
    text, places = given_
    document = {"entities": [find("Person", begin, end - begin, text[begin:end]) for begin, end in places]}
    found = language.entities(document, text).entities
    assert [(each.begin, each.end, each.offset_ok) for each in found] == [(*place, True) for place in places]
    assert [text[each.begin : each.end] for each in found] == [each.text for each in found]


@given(texts_and_mentions())
def test_what_is_masked_is_exactly_what_was_found(given_: tuple[str, list[tuple[int, int]]]) -> None:
    text, places = given_
    document = {"entities": [find("Person", begin, end - begin, text[begin:end]) for begin, end in places]}
    request = RedactRequest(text=text, language="en", mask=Mask.CHARACTER)
    hidden = {place for begin, end in places for place in range(begin, end)}
    masked = language.redaction(document, request).text
    assert masked == "".join("*" if place in hidden else letter for place, letter in enumerate(text))


@given(texts_and_mentions(), st.sampled_from(["utf-16-le", "utf-8"]))
def test_offsets_in_another_unit_are_noticed(given_: tuple[str, list[tuple[int, int]]], unit: str) -> None:
    """A proxy or a container that ignores stringIndexType: what stands there is not the mention."""
    text, places = given_
    width = 2 if unit == "utf-16-le" else 1
    for begin, end in places:
        shifted = len(text[:begin].encode(unit)) // width
        length = len(text[begin:end].encode(unit)) // width
        (seen,) = language.entities(
            {"entities": [find("Person", shifted, length, text[begin:end])]}, text
        ).entities
        assert seen.offset_ok is (
            text[shifted : shifted + length] == text[begin:end] and shifted + length <= len(text)
        )
