"""Settings of one Azure resource, its endpoint and where its credential comes from, without network."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from broker.contract import AdapterSettings, redact
from broker.errors import NotConfigured

INSTALL = "azure-identity is not installed; pip install 'mlbroker[azure]', or set key in the settings of provider azure"
WHAT_TO_TYPE = (
    "set key in the settings of provider azure, or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, "
    "or run 'az login'"
)
NO_ENDPOINT = (
    "set endpoint in the settings of provider azure to the resource's address, for example "
    "https://my-vision.cognitiveservices.azure.com"
)
DATA_USE = (
    "Microsoft says Image Analysis stores no pictures and does not train on them "
    "(learn.microsoft.com/legal/cognitive-services/computer-vision/imageanalysis-data-privacy-security); "
    "this cannot be checked from here"
)
_REGIONAL = (".api.cognitive.microsoft.com", ".api.cognitive.azure.cn", ".api.cognitive.microsoft.us")
_SERVICE_PRINCIPAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


class AzureSettings(AdapterSettings):
    """One Azure AI Vision or AI services resource. Without ``key``, a Microsoft Entra token is used.

    :param endpoint: ``https://<name>.cognitiveservices.azure.com``; required.
    :param region: for prices; taken from a regional endpoint if not given.
    """

    key: SecretStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The resource's address, checked.

    :param regional: one of a region, not of a resource; it takes keys only.
    """

    base: str
    regional: bool


def endpoint_of(settings: AzureSettings) -> Endpoint:
    """The endpoint in effect. Raises :class:`NotConfigured` for what a key must not be sent to."""
    text = (settings.endpoint or "").strip()
    if not text:
        raise NotConfigured(NO_ENDPOINT)
    try:
        parts = urlsplit(text)
        host, _ = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except ValueError as error:  # brackets, a port out of range, a name that cannot be one
        raise NotConfigured(f"{redact(text)} is no usable endpoint; {NO_ENDPOINT}") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise NotConfigured(f"{redact(text)} is no usable endpoint; {NO_ENDPOINT}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise NotConfigured(
            f"http://{redact(host)} would carry the key unencrypted; use https (http is allowed on loopback only)"
        )
    return Endpoint(base=text.rstrip("/"), regional=host.endswith(_REGIONAL))


def price_region(settings: AzureSettings) -> str | None:
    """From the settings, or from ``https://<region>.api.cognitive.microsoft.com``."""
    if settings.region:
        return settings.region
    try:
        host = urlsplit(settings.endpoint or "").hostname or ""
    except ValueError:
        return None  # told by endpoint_of
    return host.split(".", 1)[0] if host.endswith(_REGIONAL) else None


def credential_source(settings: AzureSettings) -> tuple[str, str]:
    """Where the credential comes from, by name, and what is wrong with it. Looks at variables, no network."""
    if settings.key is not None:
        return "key of the settings", ""
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


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
