"""What the local finders' own names are in the common vocabulary."""

from __future__ import annotations

from broker.types import EntityKind, PiiKind

ENTITIES = {
    "PERSON": EntityKind.PERSON,
    "PER": EntityKind.PERSON,
    "NORP": EntityKind.PERSON_TYPE,
    "ORG": EntityKind.ORGANIZATION,
    "GPE": EntityKind.LOCATION,
    "LOC": EntityKind.LOCATION,
    "FAC": EntityKind.LOCATION,
    "DATE": EntityKind.DATE_TIME,
    "TIME": EntityKind.DATE_TIME,
    "CARDINAL": EntityKind.NUMBER,
    "ORDINAL": EntityKind.NUMBER,
    "MONEY": EntityKind.QUANTITY,
    "PERCENT": EntityKind.QUANTITY,
    "QUANTITY": EntityKind.QUANTITY,
    "EVENT": EntityKind.EVENT,
    "PRODUCT": EntityKind.PRODUCT,
    "WORK_OF_ART": EntityKind.WORK,
    "LAW": EntityKind.WORK,
    "LANGUAGE": EntityKind.LANGUAGE,
}
"""spaCy's labels: those of OntoNotes 5 (https://spacy.io/models/en), and WikiNER's four; all else is OTHER."""

PII = {
    "email": PiiKind.EMAIL,
    "phone": PiiKind.PHONE,
    "url": PiiKind.URL,
    "ip_address": PiiKind.IP_ADDRESS,
    "mac_address": PiiKind.MAC_ADDRESS,
    "iban": PiiKind.BANK_ACCOUNT,
    "us_bank_routing": PiiKind.BANK_ACCOUNT,
    "credit_card": PiiKind.CREDIT_CARD,
    "crypto_address": PiiKind.CRYPTO_ADDRESS,
    "aws_access_key": PiiKind.CREDENTIAL,
    "date_of_birth": PiiKind.DATE,
    "uk_nhs": PiiKind.HEALTH_ID,
    "us_ssn": PiiKind.NATIONAL_ID,
    "uk_national_insurance": PiiKind.NATIONAL_ID,
    "ca_sin": PiiKind.NATIONAL_ID,
    "es_dni": PiiKind.NATIONAL_ID,
    "fr_social_security": PiiKind.NATIONAL_ID,
    "pl_pesel": PiiKind.NATIONAL_ID,
    "nl_bsn": PiiKind.NATIONAL_ID,
    "in_aadhaar": PiiKind.NATIONAL_ID,
    "us_itin": PiiKind.TAX_ID,
    "it_fiscal_code": PiiKind.TAX_ID,
    "br_cpf": PiiKind.TAX_ID,
    "de_tax_id": PiiKind.TAX_ID,
}
"""Kinds of :data:`broker_local.pii.KINDS`."""
