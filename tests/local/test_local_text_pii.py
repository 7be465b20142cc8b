"""Personal data is found where it stands, and numbers that only look like it are not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from broker_local import checksums, pii
from broker_local.pii import Finding
from broker_local.pii_patterns import Evidence

pytestmark = pytest.mark.local_models

# Published examples and numbers that were never given out.
FOUND = [
    ("email", "write to anna.o'neil+shop@mail.example.co.uk.", "anna.o'neil+shop@mail.example.co.uk"),
    ("email", "メールは日本語@例え.jpへ 日本語@例え.jp です", "日本語@例え.jp"),
    ("url", "see (https://example.com/a_(b)?q=1#x), please", "https://example.com/a_(b)?q=1#x"),
    ("url", "www.example.com.", "www.example.com"),
    ("url", "参照 https://example.com/道。次", "https://example.com/道"),
    ("phone", "call (415) 555-2671 now", "(415) 555-2671"),
    ("phone", "call +44 20 7946 0958 now", "+44 20 7946 0958"),
    ("credit_card", "card 4111 1111 1111 1111 exp", "4111 1111 1111 1111"),
    ("credit_card", "card 378282246310005 exp", "378282246310005"),
    ("iban", "to GB82 WEST 1234 5698 7654 32 THEN", "GB82 WEST 1234 5698 7654 32"),
    ("iban", "to de89370400440532013000.", "de89370400440532013000"),
    ("ip_address", "from 192.0.2.75 failed", "192.0.2.75"),
    ("ip_address", "from 2001:db8::8a2e:370:7334 failed", "2001:db8::8a2e:370:7334"),
    ("us_ssn", "number 123-45-6789 of", "123-45-6789"),
    ("us_ssn", "my id number is 908-49-6822.", "908-49-6822"),
    ("us_ssn", "SSN: 123456789", "123456789"),
    ("us_itin", "number 912-70-1234 of", "912-70-1234"),
    ("us_bank_routing", "routing number 021000021", "021000021"),
    ("uk_nhs", "NHS number 943 476 5919", "943 476 5919"),
    ("uk_national_insurance", "NI AB 12 34 56 C", "AB 12 34 56 C"),
    ("ca_sin", "SIN 046 454 286", "046 454 286"),
    ("es_dni", "DNI 12345678Z", "12345678Z"),
    ("es_dni", "NIE X1234567L", "X1234567L"),
    ("fr_social_security", "2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
    ("it_fiscal_code", "CF RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("br_cpf", "CPF 529.982.247-25", "529.982.247-25"),
    ("pl_pesel", "PESEL 44051401359", "44051401359"),
    ("nl_bsn", "BSN 111222333", "111222333"),
    ("de_tax_id", "Steuer-ID 86 095 742 719", "86 095 742 719"),
    ("in_aadhaar", "Aadhaar 2345 6789 0124", "2345 6789 0124"),
    ("crypto_address", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    ("crypto_address", "to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq.", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
    ("crypto_address", "0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886E0F7030069857D2E4169EE7"),
    ("aws_access_key", "key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("mac_address", "on 00:1A:2B:3C:4D:5E", "00:1A:2B:3C:4D:5E"),
    ("date_of_birth", "born on 3 May 1980", "3 May 1980"),
    ("date_of_birth", "DOB: 1980-05-03", "1980-05-03"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "span"), FOUND)
def test_each_kind_is_found_where_it_stands(kind: str, text: str, span: str) -> None:
    found = [(each.kind, text[each.start : each.end]) for each in pii.detect(text)]
    assert (kind, span) in found


def test_every_kind_has_an_example() -> None:
    assert {kind for kind, *_ in FOUND} == set(pii.KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The order of 1234567890123456 units shipped.",  # card-like, wrong check digit
        "card 4111 1111 1111 1112",
        "Invoice 4711 was sent on 2024-03-05, no action needed.",
        "version 1.2.3.4.5 of 12:30:45, see std::abs and a::b",
        "256.1.1.1",
        "GB82 WEST 1234 5698 7654 33",
        "DNI 12345678A",
        "number 000-12-3456, 666-12-3456, 908-49-6822 units",
        "123456789 parts",  # nothing says that it is an id
        "routing number 021000022",
        "http:// and www. alone",
        "someone@ and @someone and a@b",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdr",
        "11111111111 cpf",
        "She moved there in 1980-05-03 and stayed.",
    ],
)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert pii.detect(text) == ()


@pytest.mark.parametrize(
    "before",
    [
        "😀👩\u200d👩\u200d👧 ",
        "日本語 ",
        "e\u0301te\u0301 ",
        "שלום עולם ",
        "\u202bשלום\u202c ",
        "\ud83d ",
        "a\r\n\t",
    ],
)
def test_offsets_count_code_points(before: str) -> None:
    text = f"{before}anna@example.com, 192.0.2.1"
    first, second = pii.detect(text)
    assert text[first.start : first.end] == "anna@example.com"
    assert (first.start, first.end) == (len(before), len(before) + 16)
    assert text[second.start : second.end] == "192.0.2.1"


def test_of_two_that_overlap_the_longer_one_stays() -> None:
    text = "http://10.0.0.1/x?card=4111111111111111"
    assert pii.detect(text) == (Finding("url", 0, len(text), Evidence.SHAPE),)


def test_findings_stand_in_order_and_apart() -> None:
    text = " ".join(span for _, _, span in FOUND) * 3
    found = pii.detect(text)
    assert len(found) > 30
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_why_it_is_one_is_told() -> None:
    text = "4111111111111111, born 3 May 1980, a@example.com"
    assert [each.evidence for each in pii.detect(text)] == [
        Evidence.CHECKSUM,
        Evidence.CONTEXT,
        Evidence.SHAPE,
    ]


def test_the_country_decides_on_numbers_without_a_plus() -> None:
    text = "Rufen Sie 030 901820 an."
    assert pii.detect(text) == ()
    (found,) = pii.detect(text, country="DE")
    assert text[found.start : found.end] == "030 901820"
    assert pii.detect("call (415) 555-2671", country=None) == ()


@pytest.mark.parametrize(
    "unit", ["1", "1-", "1.", ":a", "a.", "http://)", "@", "4 ", "a@", "GB82 ", "born 1 "]
)
def test_hostile_text_takes_time_by_its_length(unit: str) -> None:
    def took(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        pii.detect(text)
        return time.process_time() - started

    short = min(took(10_000) for _ in range(3))
    assert took(80_000) < 8 * max(short, 0.02) * 4  # eight times as long; square growth would be 64 times


def test_threads_get_what_one_gets() -> None:
    texts = [text for _, text, _ in FOUND]
    alone = [pii.detect(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pii.detect, texts * 3)) == alone * 3


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (checksums.luhn, "79927398713"),
        (checksums.iban, "DE89370400440532013000"),
        (checksums.uk_nhs, "9434765919"),
        (checksums.br_cpf, "52998224725"),
        (checksums.pl_pesel, "44051401359"),
        (checksums.nl_bsn, "111222333"),
        (checksums.de_tax_id, "86095742719"),
        (checksums.in_aadhaar, "234567890124"),
        (checksums.routing, "021000021"),
        (checksums.fr_nir, "255081416802538"),
        (checksums.es_dni, "12345678Z"),
    ],
)
def test_a_changed_digit_is_noticed(check: object, right: str) -> None:
    assert callable(check)
    assert check(right)
    for place, each in enumerate(right):
        if each.isdigit():
            wrong = right[:place] + str((int(each) + 1) % 10) + right[place + 1 :]
            assert not check(wrong), wrong
