"""Settings of one Google Cloud account, its endpoints and where its credential comes from, without network."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from broker.contract import AdapterSettings, IndexSettings, redact
from broker.contract.loopback import is_loopback
from broker.errors import NotConfigured

INSTALL = "Google's libraries are not installed; pip install 'mlbroker[gcp]'"
WHAT_TO_TYPE = (
    "set GOOGLE_APPLICATION_CREDENTIALS to a credential file, or run 'gcloud auth application-default login', "
    "or set credentials_file or api_key in the settings of provider gcp"
)
DATA_USE = (
    "Google says it does not use content sent to Vision, Natural Language and Translation to train its models, keeps "
    "it in memory only for online requests (cloud.google.com/vision/docs/data-usage, natural-language/docs/data_usage, "
    "translate/data-usage), does not log recordings unless the project opts in (speech-to-text/docs/data-logging), and does not persist what Sensitive Data Protection inspects "
    "(sensitive-data-protection/docs/concepts-method-types); documents put into Vertex AI Search are kept there until they are "
    "deleted; this cannot be checked from here"
)
HOST = "vision.googleapis.com"
_REGIONS = ("eu", "us")
_LOCATION = re.compile(r"[a-z][a-z0-9-]{1,40}")
_STAGING = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:/[A-Za-z0-9._=-]{1,100}){0,8}/?")
_PRODUCT_FILE = "/sys/class/dmi/id/product_name"


class GcpSettings(AdapterSettings, IndexSettings):
    """One Google Cloud account. Without key or file, Application Default Credentials are used.

    :param region: ``eu`` or ``us`` keeps processing there (``eu-vision.googleapis.com``); default is global.
    :param credentials_file: a service account, authorized user or workload identity file.
    :param api_key: instead of OAuth; Vision and Natural Language take both.
    :param project: the project that quota and bill go to, and that recordings are transcribed, personal data and languages
        are detected in, if it is not the credential's own.
    :param speech_location: where recordings are transcribed (``us``, ``eu``, ``us-central1``, …): places have different
        models. Default is ``region``. It is then the region of transcription: ``allowed_regions`` must allow it, and prices
        are looked up for it.
    :param staging: a private bucket, and a folder in it, for recordings that are too long for one request and for their
        results (``gs://my-bucket/mlbroker``). Where it lies is the bucket's own affair and cannot be seen from here: make
        it in a place that ``allowed_regions`` would allow.
    :param index: a data store of Vertex AI Search by its id, or longer: see :mod:`broker_gcp.search_place`.
    :param search_engines: the app (engine) that queries of a data store go through, by the data store's id: what the
        Enterprise edition adds is had through an app only.
    :param search_edition: of the apps: ``standard`` or ``enterprise``, as they were made; queries are booked at its price.
        Unset: at the dearer one, and nothing is asked for that only Enterprise has.
    :param search_store: what the data stores hold: ``unstructured`` (texts with metadata) or ``structured`` (metadata only,
        the text is one of them).
    """

    credentials_file: str | None = None
    api_key: SecretStr | None = None
    project: str | None = None
    speech_location: str | None = None
    staging: str | None = None
    search_engines: dict[str, Annotated[str, Field(min_length=1, max_length=128)]] = Field(
        default_factory=dict
    )
    search_edition: Literal["standard", "enterprise"] | None = None
    search_store: Literal["unstructured", "structured"] = "unstructured"

    @field_validator("speech_location")
    @classmethod
    def _a_location(cls, given: str | None) -> str | None:
        if given is not None and not _LOCATION.fullmatch(given):
            raise ValueError("speech_location is a place of Google Cloud such as us, eu or us-central1")
        return given

    @field_validator("staging")
    @classmethod
    def _a_folder(cls, given: str | None) -> str | None:
        if given is None:
            return None
        if not _STAGING.fullmatch(given) or "/../" in f"{given}/":
            raise ValueError("staging is a bucket and a folder in it, such as gs://my-bucket/mlbroker")
        return given.rstrip("/")

    @field_validator("endpoints")
    @classmethod
    def _known_services(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            if name not in SERVICES:
                raise ValueError(f"provider gcp has no service of that name; there are {', '.join(SERVICES)}")
        return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A REST service.

    :param api: its name among the project's services, as ``gcloud services enable`` takes it.
    :param host: where it is.
    :param scope: what a token for it must allow.
    :param regional: its hosts that keep processing in a place; where there is none, ``locations`` does it.
    :param locations: ``locations/…`` of its resource names, by region.
    """

    name: str
    api: str
    host: str
    scope: str
    regional: dict[str, str] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)


LANGUAGE = Service(
    name="language",
    api="language.googleapis.com",
    host="language.googleapis.com",
    scope="https://www.googleapis.com/auth/cloud-language",
    # cloud.google.com/natural-language/docs/locations
    regional={region: f"{region}-language.googleapis.com" for region in _REGIONS},
)
TRANSLATE = Service(
    name="translate",
    api="translate.googleapis.com",
    host="translation.googleapis.com",
    scope="https://www.googleapis.com/auth/cloud-translation",
    # docs.cloud.google.com/translate/docs/advanced/endpoints: these hosts go with a location of theirs.
    regional={region: f"translate-{region}.googleapis.com" for region in _REGIONS},
    locations={"global": "global", "eu": "europe-west1", "us": "us-central1"},
)
DLP = Service(
    name="dlp",
    api="dlp.googleapis.com",
    host="dlp.googleapis.com",
    scope="https://www.googleapis.com/auth/cloud-platform",
    # docs.cloud.google.com/sensitive-data-protection/docs/locations
    locations={"global": "global", "eu": "europe", "us": "us"},
)
SPEECH = Service(
    name="speech",
    api="speech.googleapis.com",
    host="speech.googleapis.com",
    scope="https://www.googleapis.com/auth/cloud-platform",
)
STORAGE = Service(
    name="storage",
    api="storage.googleapis.com",
    host="storage.googleapis.com",
    scope="https://www.googleapis.com/auth/devstorage.read_write",
)
_DISCOVERY = "discoveryengine.googleapis.com"
# docs.cloud.google.com/generative-ai-app-builder/docs/locations: what lies in a multi-region is known at its own host only.
DISCOVERY = Service(
    name="discoveryengine",
    api=_DISCOVERY,
    host=_DISCOVERY,
    scope="https://www.googleapis.com/auth/cloud-platform",
    regional={region: f"{region}-{_DISCOVERY}" for region in _REGIONS},
    locations={"global": "global", **{region: region for region in _REGIONS}},
)
# Documents and suggestions take no narrower scope than the above, queries do (AUTH_SCOPES of the services' own clients).
DISCOVERY_QUERIES = replace(
    DISCOVERY, scope="https://www.googleapis.com/auth/discoveryengine.serving.readwrite"
)
SERVICES = (
    "vision",
    LANGUAGE.name,
    TRANSLATE.name,
    DLP.name,
    SPEECH.name,
    STORAGE.name,
    DISCOVERY.name,
)
"""Names that ``endpoints`` takes."""
CALLED = tuple(name for name in SERVICES if name != STORAGE.name)
"""Those that have operations; Storage is called for speech."""


def services_of(settings: GcpSettings) -> tuple[str, ...]:
    """Those whose standing is told: search takes no key, which is no news to who has a key and names no index."""
    searches = settings.api_key is None or settings.index is not None or bool(settings.indexes)
    return CALLED if searches else tuple(each for each in CALLED if each != DISCOVERY.name)


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
    text = settings.endpoints.get("vision", settings.endpoint)
    if text is None:
        region = _place(settings)
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
    plain = _in_the_open(host, parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    return Endpoint(target=f"{shown}:{port or (80 if plain else 443)}", loopback=plain)


def base_of(settings: GcpSettings, service: Service) -> Endpoint:
    """Where a REST service is; ``target`` is the beginning of its URLs.

    ``endpoint`` stands for it too, unless that is one of Vision's own hosts. Raises :class:`NotConfigured` for what
    cannot or must not be connected to.
    """
    text = settings.endpoints.get(service.name)
    if text is None and settings.endpoint is not None and HOST not in settings.endpoint:
        text = settings.endpoint
    if text is None:
        host = service.regional.get(_place(settings), service.host) if service.regional else service.host
        return Endpoint(target=f"https://{host}", loopback=False)
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotConfigured(
            f"the endpoint of provider gcp for {service.name} has no usable host or port: {redact(text)}"
        ) from error
    if (
        not host
        or parts.scheme not in ("", "http", "https")
        or parts.query
        or parts.fragment
        or parts.username
    ):
        raise NotConfigured(
            f"the endpoint of provider gcp for {service.name} must be an address such as https://{service.host}, "
            f"not {redact(text)}"
        )
    plain = _in_the_open(host, parts.scheme)
    return Endpoint(
        target=f"{'http' if plain else 'https'}://{parts.netloc}{parts.path.rstrip('/')}", loopback=plain
    )


def location_of(settings: GcpSettings, service: Service) -> str:
    """``locations/…`` of a service's resource names: where ``region`` says that processing is to stay."""
    return service.locations[_place(settings)]


def speech_location(settings: GcpSettings) -> str:
    """Where recordings are transcribed. Raises :class:`NotConfigured` for a region that Google's services do not have."""
    return settings.speech_location or _place(settings)


def region_of(settings: GcpSettings, operation: str) -> str:
    """Where an operation's content goes: recordings have a place of their own."""
    if operation.startswith("transcription.") and settings.speech_location is not None:
        return settings.speech_location
    return price_region(settings)


def speech_in(location: str) -> Service:
    """Speech-to-Text of one place: its resources are known at its own host only.

    docs.cloud.google.com/speech-to-text/docs/locations: ``{location}-speech.googleapis.com``, global without any.
    """
    return SPEECH if location == "global" else replace(SPEECH, host=f"{location}-{SPEECH.host}")


def _in_the_open(host: str, scheme: str) -> bool:
    """Whether it goes there unencrypted and without a credential: to this machine only."""
    loopback = is_loopback(host)
    if scheme == "http" and not loopback:
        raise NotConfigured(
            f"http://{redact(host)} would carry credentials unencrypted; use https (http is allowed on loopback only)"
        )
    return loopback and scheme != "https"


def _place(settings: GcpSettings) -> str:
    """Where processing is to stay. Raises :class:`NotConfigured` for a region that Google's services do not have."""
    region = price_region(settings)
    if region not in ("global", *_REGIONS):
        raise NotConfigured(
            f"provider gcp has no region {redact(region)!r}; set region to eu or us, "
            "or leave it out for the global services"
        )
    return region


def price_region(settings: GcpSettings) -> str:
    """``eu``, ``us`` or ``global``."""
    host = settings.endpoints.get("vision", settings.endpoint) or ""
    for region in _REGIONS:
        if f"{region}-{HOST}" in host:
            return region
    return settings.region or "global"


def credential_source(settings: GcpSettings) -> tuple[str, str]:
    """Where the credential comes from, by name, and what is wrong with it. Looks at files, not the network."""
    if settings.api_key is not None and settings.credentials_file is not None:
        return "", BOTH
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


BOTH = "both api_key and credentials_file are set for provider gcp; keep one"


def credential_problem(settings: GcpSettings, endpoint: Endpoint) -> str:
    """What is wrong with the credential for calls that go there; nothing is sent to this machine, so nothing is missing."""
    _, problem = credential_source(settings)
    return "" if endpoint.loopback and problem != BOTH else problem


def _on_google() -> bool:
    try:
        with open(_PRODUCT_FILE, encoding="utf-8", errors="replace") as file:
            return file.read(64).startswith("Google")
    except OSError:
        return False
