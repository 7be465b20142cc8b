"""Settings of an account's Azure resources, their endpoints and where credentials come from, without network."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from broker.contract import AdapterSettings, IndexSettings, redact
from broker.contract.loopback import is_loopback
from broker.errors import NotConfigured
from broker_azure.places import checked_sas, checked_staging
from broker_azure.search_settings import IndexShape

INSTALL = "azure-identity is not installed; pip install 'mlbroker[azure]', or set key in the settings of provider azure"
WHAT_TO_TYPE = (
    "set key in the settings of provider azure, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, "
    "or run 'az login'"
)
NO_SEARCH = (
    "set endpoints.search in the settings of provider azure to the search service's address, for example "
    "https://my-search.search.windows.net; no resource for other services has it"
)
NO_ENDPOINT = (
    "set endpoint in the settings of provider azure to the resource's address, for example "
    "https://my-vision.cognitiveservices.azure.com"
)
DATA_USE = (
    "Microsoft says Image Analysis stores no pictures and does not train on them "
    "(learn.microsoft.com/legal/cognitive-services/computer-vision/imageanalysis-data-privacy-security); for texts see "
    "its pages on Content Safety and Language (…/content-safety/data-privacy, …/language-service/data-privacy); "
    "this cannot be checked from here"
)
_REGIONAL = (".api.cognitive.microsoft.com", ".api.cognitive.azure.cn", ".api.cognitive.microsoft.us")
_AI = (".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.com")
_SERVICE_PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


SEARCH = "search"
SERVICES = ("vision", "language", "contentsafety", "speech", SEARCH)
"""The services that ``endpoints`` and ``keys`` name; the same names stand in the support table."""


_USUAL_SHAPE = IndexShape()


class AzureSettings(AdapterSettings, IndexSettings):
    """One resource for several services (kind AIServices or CognitiveServices), or one for each, or both.

    A service without a key of its own is called with ``key``; without that, a Microsoft Entra token is used. A search
    service is a resource by itself: the endpoint of an AI resource, and its key, are never taken for it.

    :param endpoint: ``https://<name>.cognitiveservices.azure.com`` of the resource for all services.
    :param endpoints: of single services, by the names of :data:`SERVICES`; wins over ``endpoint``.
    :param key: for the services that ``keys`` does not name.
    :param keys: of single services, by the names of :data:`SERVICES`.
    :param region: for prices; taken from a regional endpoint if not given.
    :param staging: where long recordings are put for batch transcription and deleted from afterwards: a folder of a
        private Blob container, ``https://<account>.blob.core.windows.net/<container>/<folder>``.
    :param staging_sas: a shared access signature of that container with the permissions to read, create, write and delete
        (``sp=rcwd``); without it we write with a Microsoft Entra token, and Speech reads with its managed identity.
    :param shape: what the indexes look like; None: fields with the names that a document's members have.
    :param shapes: what single ones look like, by the names that calls and ``indexes`` have for them; wins over ``shape``.
    """

    key: SecretStr | None = None
    keys: dict[str, SecretStr] = Field(default_factory=dict)
    shape: IndexShape | None = None
    shapes: dict[str, IndexShape] = Field(default_factory=dict)
    staging: str | None = None
    staging_sas: SecretStr | None = None

    @field_validator("staging")
    @classmethod
    def _a_blob_folder(cls, given: str | None) -> str | None:
        """Nothing may be put, nor a token sent, to what is no Blob container."""
        return None if given is None else checked_staging(given)

    @field_validator("staging_sas")
    @classmethod
    def _a_signature(cls, given: SecretStr | None) -> SecretStr | None:
        return None if given is None else SecretStr(checked_sas(given.get_secret_value()))

    @field_validator("endpoints", "keys", mode="before")
    @classmethod
    def _of_known_services(cls, given: Any) -> Any:
        """A slip in a name would send a service's content, and a key, to another resource."""
        if not isinstance(given, Mapping):
            return given
        unknown = [name for name in given if name not in SERVICES]
        if unknown:
            raise ValueError(f"there is no service {unknown[0]!r:.40}; the names are {', '.join(SERVICES)}")
        return {name: value for name, value in given.items() if value != ""}

    def endpoint_text(self, service: str) -> str:
        """The address set for a service, or nothing."""
        common = "" if service == SEARCH and self._is_of_ai() else self.endpoint
        return (self.endpoints.get(service) or common or "").strip()

    def key_for(self, service: str) -> SecretStr | None:
        """The key for a service: its own, else the common one, else none."""
        common = None if service == SEARCH and self._is_of_ai() else self.key
        return self.keys.get(service) or common

    def shape_of(self, asked: str | None) -> IndexShape:
        """What the index looks like that a call means."""
        name = asked if asked is not None else self.index
        if name is None and len(self.indexes) == 1:
            name = next(iter(self.indexes))
        return self.shapes.get(name or "") or self.shape or _USUAL_SHAPE

    def _is_of_ai(self) -> bool:
        """Whether the common endpoint is one of an AI resource, which no search service is part of."""
        try:
            host = urlsplit((self.endpoint or "").strip()).hostname or ""
        except ValueError:
            return False  # told by endpoint_of
        return host.endswith((*_REGIONAL, *_AI))

    @property
    def reachable(self) -> tuple[str, ...]:
        """The services that have an address."""
        return tuple(name for name in SERVICES if self.endpoint_text(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The resource's address, checked.

    :param regional: one of a region, not of a resource; it takes keys only.
    """

    base: str
    regional: bool


def endpoint_of(settings: AzureSettings, service: str) -> Endpoint:
    """The endpoint in effect. Raises :class:`NotConfigured` for what a key must not be sent to."""
    text = settings.endpoint_text(service)
    if not text:
        missing = NO_ENDPOINT
        if service == SEARCH:
            missing = NO_SEARCH
        elif settings.endpoints:
            missing = f"no endpoint is set for the service {service}; {NO_ENDPOINT}, or endpoints.{service}"
        raise NotConfigured(missing)
    try:
        parts = urlsplit(text)
        host, _ = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError as error:  # brackets, a port out of range, a name that cannot be one
        raise NotConfigured(f"{redact(text)} is no usable endpoint; {NO_ENDPOINT}") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise NotConfigured(f"{redact(text)} is no usable endpoint; {NO_ENDPOINT}")
    if parts.scheme == "http" and not is_loopback(host):
        raise NotConfigured(
            f"http://{redact(host)} would carry the key unencrypted; use https (http is allowed on loopback only)"
        )
    return Endpoint(base=text.rstrip("/"), regional=host.endswith(_REGIONAL))


def price_region(settings: AzureSettings) -> str | None:
    """From the settings, or from ``https://<region>.api.cognitive.microsoft.com`` where all addresses agree."""
    if settings.region:
        return settings.region
    found = {_region_of(settings.endpoint_text(service)) for service in settings.reachable}
    return found.pop() if len(found) == 1 else None


def _region_of(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return None  # told by endpoint_of
    return host.split(".", 1)[0] if host.endswith(_REGIONAL) else None


def credential_source(settings: AzureSettings, services: Iterable[str] = SERVICES) -> tuple[str, str]:
    """Where the credential comes from, by name, and what is wrong with it. Looks at variables, no network.

    :param services: those that will be called; one that has no key needs a token.
    """
    if all(settings.key_for(service) is not None for service in services):
        return "key of the settings", ""
    return token_source()


def token_source() -> tuple[str, str]:
    """Where a Microsoft Entra token would come from, by name, and what is wrong with it. No network."""
    given = [name for name in _SERVICE_PRINCIPAL if os.environ.get(name)]
    certificate = bool(os.environ.get("AZURE_CLIENT_CERTIFICATE_PATH"))
    workload = bool(os.environ.get("AZURE_FEDERATED_TOKEN_FILE"))
    if "AZURE_CLIENT_SECRET" in given and len(given) < len(_SERVICE_PRINCIPAL):
        missing = [name for name in _SERVICE_PRINCIPAL if name not in given]
        return "", f"AZURE_CLIENT_SECRET is set but {' and '.join(missing)} is not; set all three"
    if len(given) == len(_SERVICE_PRINCIPAL):
        return "AZURE_CLIENT_SECRET", ""
    if certificate and "AZURE_TENANT_ID" in given and "AZURE_CLIENT_ID" in given:
        return "AZURE_CLIENT_CERTIFICATE_PATH", ""
    if workload and "AZURE_TENANT_ID" in given and "AZURE_CLIENT_ID" in given:
        return "AZURE_FEDERATED_TOKEN_FILE", ""
    for variable in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST"):
        if os.environ.get(variable):
            return f"managed identity ({variable})", ""
    if _on_azure():
        return "managed identity of this machine (asked for at the first call)", ""
    if os.path.isdir(os.environ.get("AZURE_CONFIG_DIR") or os.path.expanduser("~/.azure")) and shutil.which(
        "az"
    ):
        return "az login (asked for at the first call)", ""
    if shutil.which("azd") or shutil.which("pwsh"):
        return "login of azd or Azure PowerShell (asked for at the first call)", ""
    if sys.platform != "linux":
        return "managed identity or a login of this machine (asked for at the first call)", ""
    if "AZURE_TENANT_ID" in given and "AZURE_CLIENT_ID" in given:
        return "", "AZURE_TENANT_ID and AZURE_CLIENT_ID are set without AZURE_CLIENT_SECRET; set it too"
    return "", f"no Azure credential was found; {WHAT_TO_TYPE}"


def _on_azure() -> bool:
    """Azure's machines carry this asset tag (cloud-init, DataSourceAzure)."""
    try:
        with open("/sys/class/dmi/id/chassis_asset_tag", encoding="utf-8", errors="replace") as file:
            return file.read(64).strip() == "7783-7084-3265-9085-8269-3286-77"
    except OSError:
        return False
