"""The service's categories in the common vocabularies. Names that are not here stay ``other``, with their own name.

Sources: the enum ``PiiEntityCategory`` of azure-ai-textanalytics (API 2023-04-01); MicrosoftDocs/azure-ai-docs,
language-service, named-entity-recognition/concepts/named-entity-categories.md and
personally-identifiable-information/concepts/entity-categories.md, whose newer names are here as well.
"""

from __future__ import annotations

import re
from functools import lru_cache

from broker.types import EntityKind, PiiKind

_ENTITIES = {
    "Person": EntityKind.PERSON,
    "PersonType": EntityKind.PERSON_TYPE,
    "Organization": EntityKind.ORGANIZATION,
    "Location": EntityKind.LOCATION,
    "Airport": EntityKind.LOCATION,
    "Address": EntityKind.ADDRESS,
    "Event": EntityKind.EVENT,
    "Product": EntityKind.PRODUCT,
    "Skill": EntityKind.SKILL,
    "DateTime": EntityKind.DATE_TIME,
    "Temporal": EntityKind.DATE_TIME,
    "Quantity": EntityKind.QUANTITY,
    "Numeric": EntityKind.QUANTITY,
    "Information": EntityKind.QUANTITY,
    "PhoneNumber": EntityKind.PHONE,
    "Email": EntityKind.EMAIL,
    "URL": EntityKind.URL,
    "IP": EntityKind.IP_ADDRESS,
    "IPAddress": EntityKind.IP_ADDRESS,
    "IpAddress": EntityKind.IP_ADDRESS,
}
_FINER_ENTITIES = {
    ("Quantity", "Number"): EntityKind.NUMBER,
    ("Quantity", "NumberRange"): EntityKind.NUMBER,
    ("Quantity", "Ordinal"): EntityKind.NUMBER,
    ("Numeric", "Number"): EntityKind.NUMBER,
    ("Numeric", "NumberRange"): EntityKind.NUMBER,
    ("Numeric", "Ordinal"): EntityKind.NUMBER,
    ("Location", "Address"): EntityKind.ADDRESS,
}


def entity_kind(category: str, subcategory: str | None) -> EntityKind:
    """The kind of an entity: by its finer name where that tells more, else by its category."""
    finer = None if subcategory is None else _FINER_ENTITIES.get((category, subcategory))
    return finer or _ENTITIES.get(category, EntityKind.OTHER)


def _all(kind: PiiKind, *names: str) -> dict[str, PiiKind]:
    return dict.fromkeys(names, kind)


_WORLDWIDE = {
    "Person": PiiKind.PERSON,
    "Organization": PiiKind.ORGANIZATION,
    "Address": PiiKind.ADDRESS,
    "PhoneNumber": PiiKind.PHONE,
    "Email": PiiKind.EMAIL,
    "URL": PiiKind.URL,
    "IPAddress": PiiKind.IP_ADDRESS,
    "IP": PiiKind.IP_ADDRESS,
    "Age": PiiKind.AGE,
    **_all(PiiKind.DATE, "Date", "DateTime", "DateOfBirth"),
    "CreditCardNumber": PiiKind.CREDIT_CARD,
    **_all(PiiKind.CARD_DETAIL, "CVV", "ExpirationDate"),
    **_all(
        PiiKind.BANK_ACCOUNT,
        "ABARoutingNumber",
        "BankAccountNumber",
        "InternationalBankingAccountNumber",
        "SWIFTCode",
        "SortCode",
    ),
    "PassportNumber": PiiKind.PASSPORT,
    "DriversLicenseNumber": PiiKind.DRIVING_LICENCE,
    **_all(PiiKind.VEHICLE_ID, "LicensePlate", "VIN"),
    "AzurePublishSettingPassword": PiiKind.PASSWORD,
    **_all(
        PiiKind.CREDENTIAL,
        "AzureDocumentDBAuthKey",
        "AzureIAASDatabaseConnectionAndSQLString",
        "AzureIoTConnectionString",
        "AzureRedisCacheString",
        "AzureSAS",
        "AzureServiceBusString",
        "AzureStorageAccountKey",
        "AzureStorageAccountGeneric",
        "SQLServerConnectionString",
    ),
}
_NATIONAL = {
    "DriversLicenseNumber": PiiKind.DRIVING_LICENCE,
    **_all(PiiKind.PASSPORT, "PassportNumber", "PassportNumberDomestic", "PassportNumberInternational"),
    "BankAccountNumber": PiiKind.BANK_ACCOUNT,
    "DebitCardNumber": PiiKind.CREDIT_CARD,
    **_all(
        PiiKind.TAX_ID,
        "BusinessNumber",  # Australia's, of the tax office
        "CPFNumber",  # Brazil's taxpayers' registry
        "FiscalCode",
        "IndividualTaxpayerIdentification",
        "InlandRevenueNumber",
        "LegalEntityNumber",  # Brazil's CNPJ, of the revenue service
        "MyNumberCorporate",  # Japan's, of the tax agency
        "PermanentAccount",  # India's, of the income tax department
        "TaxFileNumber",
        "TaxIDNumber",
        "TaxIdentificationNumber",
        "UniqueTaxpayerNumber",
        "ValueAddedNumber",
        "ValueAddedTaxNumber",
    ),
    **_all(
        PiiKind.HEALTH_ID,
        "EuropeanHealthNumber",
        "HealthInsuranceNumber",
        "HealthServiceNumber",
        "MedicalAccountNumber",
        "MinistryOfHealthNumber",
        "NationalHealthNumber",
        "PersonalHealthIdentification",
    ),
    **_all(
        PiiKind.NATIONAL_ID,
        "CitizenCardNumber",
        "CitizensServiceNumber",
        "DNI",
        "ElectoralRollNumber",
        "IdentificationNumber",
        "IdentityCard",
        "IdentityCardNumber",
        "IdentityNumber",
        "MyNumberPersonal",
        "NationalID",
        "NationalIDCard",
        "NationalIDNumber",
        "NationalIDRG",
        "NationalIdentificationNumber",
        "NationalIdentificationNumberNatural",
        "NationalIdentificationNumberNonNatural",
        "NationalIdentityNumber",
        "NationalInsuranceNumber",
        "NationalNumber",
        "NationalRegistrationIdentityCardNumber",
        "PersonalCode",
        "PersonalIdentification",
        "PersonalIdentificationCode",
        "PersonalIdentificationNumber",
        "PersonalIdentificationOIBNumber",
        "PersonalIdentity",
        "PersonalIdentityNumber",
        "PersonalNumber",
        "PersonalNumericalCode",
        "PersonalPublicServiceNumber",
        "PopulationIdentificationCode",
        "ResidenceCardNumber",
        "ResidentCertificate",
        "ResidentIdentityCardNumber",
        "ResidentRegistrationNumber",
        "SocialInsuranceNumber",
        "SocialSecurityNumber",
        "SocialWelfareNumber",
        "UnifiedMultiPurposeIDNumber",
        "UniformCivilNumber",
        "UniqueIdentificationNumber",
        "UniqueMasterCitizenNumber",
    ),
}
_OF_A_COUNTRY = re.compile(r"(?:USUK|[A-Z]{2})(?P<what>[A-Z].+?)(?:V2)?")
"""``DEPassportNumber``: a country's two letters and what it is, some with a second version (``FINationalIDV2``)."""


@lru_cache(maxsize=512)
def pii_kind(category: str, subcategory: str | None) -> PiiKind:
    """The kind of a find: by its whole name, else by its name without the country."""
    if (category, subcategory) == ("Quantity", "Age"):
        return PiiKind.AGE
    known = _WORLDWIDE.get(category)
    if known is None:
        found = _OF_A_COUNTRY.fullmatch(category)
        known = None if found is None else _NATIONAL.get(found["what"])
    return known or PiiKind.OTHER
