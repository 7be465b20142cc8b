"""Settings of one Google Cloud account, its endpoint and where its credential comes from, without network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from broker.contract import AdapterSettings, redact
from broker.errors import NotConfigured

INSTALL = "Google's Vision library is not installed; pip install 'mlbroker[gcp]'"
WHAT_TO_TYPE = (
    "set GOOGLE_APPLICATION_CREDENTIALS to a credential file, or run 'gcloud auth application-default login', "
    "or set credentials_file or api_key in the settings of provider gcp"
)
DATA_USE = (
    "Google says it does not use content sent to Vision to train its models, and keeps it in memory only "
    "for online requests (cloud.google.com/vision/docs/data-usage); this cannot be checked from here"
)
HOST = "vision.googleapis.com"
_REGIONS = ("eu", "us")
_PRODUCT_FILE = "/sys/class/dmi/id/product_name"


class GcpSettings(AdapterSettings):
    """One Google Cloud account. Without key or file, Application Default Credentials are used.

    :param region: ``eu`` or ``us`` keeps processing there (``eu-vision.googleapis.com``); default is global.
    :param credentials_file: a service account, authorized user or workload identity file.
    :param api_key: instead of OAuth; Vision takes both.
    :param project: the project that quota and bill go to, if it is not the credential's own.
    """

    credentials_file: str | None = None
    api_key: SecretStr | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect.

    :param target: ``host:port``.
    :param loopback: this machine: plain text, no credential of the account.
    """

    target: str
    loopback: bool


def endpoint_of(settings: GcpSettings) -> Endpoint:
    """The endpoint in effect. Raises :class:`NotConfigured` for what cannot or must not be connected to."""
    text = settings.endpoint
    if text is None:
        region = settings.region
        if region is not None and region not in ("global", *_REGIONS):
            raise NotConfigured(
                f"Google Vision has no region {redact(region)!r}; set region of provider gcp to eu or us, "
                "or leave it out for the global service"
            )
        host = f"{region}-{HOST}" if region in _REGIONS else HOST
        return Endpoint(target=f"{host}:443", loopback=False)
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotConfigured(
            f"the endpoint of provider gcp has no usable host or port: {redact(text)}"
        ) from error
    if not host or parts.scheme not in ("", "http", "https") or parts.path not in ("", "/"):
        raise NotConfigured(
            f"the endpoint of provider gcp must be a host such as eu-{HOST}, not {redact(text)}; gRPC has no paths"
        )
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise NotConfigured(
            f"http://{redact(host)} would carry credentials unencrypted; use https (http is allowed on loopback only)"
        )
    shown = f"[{host}]" if ":" in host else host
    plain = loopback and parts.scheme != "https"
    return Endpoint(target=f"{shown}:{port or (80 if plain else 443)}", loopback=plain)


def price_region(settings: GcpSettings) -> str:
    """``eu``, ``us`` or ``global``."""
    host = settings.endpoint or ""
    for region in _REGIONS:
        if f"{region}-{HOST}" in host:
            return region
    return settings.region or "global"


def credential_source(settings: GcpSettings) -> tuple[str, str]:
    """Where the credential comes from, by name, and what is wrong with it. Looks at files, not the network."""
    if settings.api_key is not None and settings.credentials_file is not None:
        return "", "both api_key and credentials_file are set for provider gcp; keep one"
    if settings.api_key is not None:
        return "api_key of the settings", ""
    if settings.credentials_file is not None:
        if not os.path.isfile(settings.credentials_file):
            return "", f"credentials_file of provider gcp names no file: {settings.credentials_file!r}"
        return "credentials_file of the settings", ""
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        if not os.path.isfile(named):
            return "", f"GOOGLE_APPLICATION_CREDENTIALS names no file: {named!r}"
        return "GOOGLE_APPLICATION_CREDENTIALS", ""
    folder = os.environ.get("CLOUDSDK_CONFIG") or os.path.expanduser("~/.config/gcloud")
    if os.path.isfile(os.path.join(folder, "application_default_credentials.json")):
        return "gcloud application-default login", ""
    if os.environ.get("GCE_METADATA_HOST") or os.environ.get("K_SERVICE") or _on_google():
        return "service account of this Google machine (asked for at the first call)", ""
    return "", f"no Google credential was found; {WHAT_TO_TYPE}"


def _on_google() -> bool:
    try:
        with open(_PRODUCT_FILE, encoding="utf-8", errors="replace") as file:
            return file.read(64).startswith("Google")
    except OSError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
