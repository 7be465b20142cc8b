"""Check digits of cards, accounts and identity numbers. Each takes the bare number, without spaces or dashes."""

from __future__ import annotations

import hashlib

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25,
    "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18,
    "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33,
    "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""Characters of an IBAN by country, from SWIFT's registry of national formats."""


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right is doubled, and its own digits are summed."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


# First digits and lengths as the schemes publish them.
_CARDS: tuple[tuple[range, int, tuple[int, ...]], ...] = (
    (range(4, 5), 1, (13, 16, 19)),  # Visa
    (range(51, 56), 2, (16,)),  # Mastercard
    (range(2221, 2721), 4, (16,)),
    (range(34, 35), 2, (15,)),  # American Express
    (range(37, 38), 2, (15,)),
    (range(6011, 6012), 4, (16, 19)),  # Discover
    (range(644, 650), 3, (16, 19)),
    (range(65, 66), 2, (16, 19)),
    (range(3528, 3590), 4, (16, 17, 18, 19)),  # JCB
    (range(300, 306), 3, (14, 16, 19)),  # Diners Club
    (range(36, 37), 2, (14, 16, 19)),
    (range(38, 40), 2, (14, 16, 19)),
    (range(62, 63), 2, (16, 17, 18, 19)),  # UnionPay
)


def card(number: str) -> bool:
    """Whether a payment scheme gives out such numbers and the check digit is right."""
    known = any(
        int(number[:size]) in first and len(number) in lengths for first, size, lengths in _CARDS
    )  # fmt: skip
    return known and luhn(number)


def iban_length(country: str) -> int | None:
    """Characters of an IBAN of this country (two capital letters); None where IBANs are not used."""
    return _IBAN_LENGTHS.get(country)


def iban(number: str) -> bool:
    """ISO 13616: the first four characters moved to the end, letters as 10 to 35, modulo 97 is 1."""
    if iban_length(number[:2]) != len(number):
        return False
    return int("".join(str(int(each, 36)) for each in number[4:] + number[:4])) % 97 == 1


def routing(number: str) -> bool:
    """US bank routing number (ABA): a known Federal Reserve prefix, and weights 3, 7, 1 modulo 10."""
    prefix = int(number[:2])
    known = prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
    return known and sum(int(each) * (3, 7, 1)[place % 3] for place, each in enumerate(number)) % 10 == 0


def us_ssn(number: str) -> bool:
    """Whether the Social Security Administration can have issued it: no 000, 666 or 9xx, 00, 0000."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def us_itin(number: str) -> bool:
    """Whether the Internal Revenue Service can have issued it: 9xx, and a group that is in use."""
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or group >= 94)


def uk_nhs(number: str) -> bool:
    """Ten digits; weights 10 down to 2, the check digit is 11 less the sum modulo 11."""
    check = 11 - sum(int(each) * (10 - place) for place, each in enumerate(number[:9])) % 11
    return check != 10 and check % 11 == int(number[9])


def es_dni(number: str) -> bool:
    """Spanish DNI or NIE: the letter is the number modulo 23; X, Y and Z stand for 0, 1 and 2."""
    digits = number[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[-1].upper()


def fr_nir(number: str) -> bool:
    """French social security number: 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    body = number[:13].upper().replace("2A", "19").replace("2B", "18")
    return 97 - int(body) % 97 == int(number[13:])


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
         2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def it_fiscal_code(number: str) -> bool:
    """Italian codice fiscale: odd places by the decree's table, even ones by rank, modulo 26 as a letter."""
    code = number.upper()
    total = sum(
        _ODD[each] if place % 2 == 0 else (int(each) if each.isdigit() else ord(each) - ord("A"))
        for place, each in enumerate(code[:15])
    )
    return chr(ord("A") + total % 26) == code[15]


def br_cpf(number: str) -> bool:
    """Brazilian CPF: two check digits modulo 11; eleven equal digits pass the sums and are not given out."""
    if len(set(number)) == 1:
        return False
    for size in (9, 10):
        total = sum(int(each) * (size + 1 - place) for place, each in enumerate(number[:size]))
        if total * 10 % 11 % 10 != int(number[size]):
            return False
    return True


def pl_pesel(number: str) -> bool:
    """Polish PESEL: weights 1, 3, 7, 9 over ten digits; all eleven sum to a multiple of 10."""
    total = sum(int(each) * (1, 3, 7, 9)[place % 4] for place, each in enumerate(number[:10]))
    return (total + int(number[10])) % 10 == 0


def nl_bsn(number: str) -> bool:
    """Dutch BSN: weights 9 down to 2 and -1; the sum is a multiple of 11, and not all digits are 0."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(int(each) * weight for each, weight in zip(number, weights, strict=True))
    return total % 11 == 0 and number.strip("0") != ""


def de_tax_id(number: str) -> bool:
    """German tax id: ISO 7064 modulo 11, 10; it does not begin with 0."""
    product = 10
    for each in number[:10]:
        product = ((int(each) + product) % 10 or 10) * 2 % 11
    return number[0] != "0" and (11 - product) % 10 == int(number[10])


_VERHOEFF_PRODUCTS = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_PLACES = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def in_aadhaar(number: str) -> bool:
    """Indian Aadhaar: Verhoeff's check digit; it does not begin with 0 or 1."""
    check = 0
    for place, each in enumerate(reversed(number)):
        check = int(_VERHOEFF_PRODUCTS[check][int(_VERHOEFF_PLACES[place % 8][int(each)])])
    return number[0] not in "01" and check == 0


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58_address(text: str) -> bool:
    """Bitcoin's older addresses: 25 bytes in base 58, the last four begin the double SHA-256 of the rest."""
    number = 0
    for each in text:
        place = _BASE58.find(each)
        if place < 0:
            return False
        number = number * 58 + place
    try:
        raw = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32_address(text: str) -> bool:
    """Bitcoin's newer addresses (BIP 173 and BIP 350): the checksum's polynomial leaves 1 or 0x2bc830a3."""
    low = text.lower()
    if text not in (low, text.upper()):  # mixed case is forbidden
        return False
    prefix, _, rest = low.rpartition("1")
    values = [_BECH32.find(each) for each in rest]
    if min(values, default=-1) < 0:
        return False
    check = 1
    for value in [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix] + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, factor in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= factor if top >> place & 1 else 0
    return check in (1, 0x2BC830A3)
