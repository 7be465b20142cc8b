"""The Azure adapter: what it can do, how it stands, and one method for each operation."""

from __future__ import annotations

from datetime import date
from functools import partial
from importlib.util import find_spec
from typing import ClassVar

from broker.contract import (
    AdapterSettings,
    Context,
    ImageLimits,
    Lifecycle,
    Manifest,
    OperationSpec,
    Reply,
    Setup,
    Support,
    redact,
)
from broker.errors import AuthFailed, NotConfigured
from broker.types import LabelRequest, LabelSet
from broker_azure import faults, vision
from broker_azure.settings import (
    DATA_USE,
    INSTALL,
    WHAT_TO_TYPE,
    AzureSettings,
    Endpoint,
    credential_source,
    endpoint_of,
    price_region,
)
from broker_azure.token import Tokens

_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "ico", "tiff"),  # an MPO file is a JPEG by its first bytes
    max_bytes=20_971_520,
    min_side=51,
    max_side=15_999,
    source="https://learn.microsoft.com/azure/ai-services/computer-vision/overview-image-analysis",
)
_RETIRING = Lifecycle(
    status="retiring",
    on=date(2028, 9, 25),
    note="Image Analysis 4.0 retires; calls will fail from then on",
    source="https://github.com/MicrosoftDocs/azure-ai-docs/blob/main/articles/ai-services/computer-vision/"
    "includes/image-analysis-deprecation.md",
)
_SERVICE = "image-analysis"
_BEARER = "Bearer "


class AzureAdapter:
    """Azure AI Vision for one resource."""

    manifest: ClassVar[Manifest] = Manifest(
        provider="azure",
        version="0.1.0",
        extra="mlbroker[azure]",
        operations=(
            OperationSpec(
                operation="vision.label",
                service=_SERVICE,
                sku=vision.SKU,
                limits=_LIMITS,
                languages=vision.LANGUAGES,
                extensions=vision.EXTENSIONS,
                lifecycle=_RETIRING,
                notes="confidence is Azure's 0-1; tags in 52 languages and scripts; one resource's endpoint and key",
            ),
            OperationSpec(
                operation="vision.detect_text",
                service=_SERVICE,
                support=Support.NOTIMPL,
                reason="Image Analysis 4.0 feature read: comes with the full vision set",
                lifecycle=_RETIRING,
            ),
            OperationSpec(
                operation="vision.detect_faces",
                service="face",
                support=Support.NOTYET,
                reason="Microsoft gives the Face API under Limited Access only, and Image Analysis 4.0 has no faces",
            ),
        ),
    )
    Settings: ClassVar[type[AdapterSettings]] = AzureSettings

    def __init__(self, settings: AzureSettings, /) -> None:
        self._settings = settings
        self._tokens = Tokens()
        self._endpoint: Endpoint | None = None

    @property
    def region(self) -> str | None:
        """Where the resource is, as far as it is known; prices depend on it."""
        return price_region(self._settings)

    def close(self) -> None:
        """Release the credential."""
        self._tokens.close()

    def setup(self) -> Setup:
        """How the adapter stands; looks at the environment and at file names, no network."""
        credential, problem = credential_source(self._settings)
        base = ""
        try:
            endpoint = self._checked_endpoint()
            base = endpoint.base
        except NotConfigured as error:
            problem = str(error)
        if self._settings.key is None and not _installed():
            problem = INSTALL
        return Setup(
            configured=not problem,
            problem=problem,
            credential=credential,
            endpoint=redact(base),
            region=self.region,
            data_use=DATA_USE,
        )

    def renew(self, refused: AuthFailed, context: Context, /) -> bool:
        """Fetch another token; a key has no other."""
        return refused.status == 401 and self._settings.key is None and self._tokens.renew(context)

    async def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels by Image Analysis 4.0, feature tags.

        Raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of
        :mod:`broker_azure.faults`, :class:`MalformedReply`, and what the transport raises.
        """
        params = vision.parameters(request)
        endpoint = self._checked_endpoint()
        headers = {"Content-Type": "application/octet-stream", "Accept": "application/json"}
        name, value = await self._authorization(context)
        headers[name] = value
        reply = await context.http.send(
            "POST", endpoint.base + vision.PATH, headers=headers, params=params, content=request.image.data
        )
        if not 200 <= reply.status < 300:
            if reply.status == 401 and self._settings.key is None:
                self._tokens.refuse(value.removeprefix(_BEARER))
            raise faults.refusal(reply)
        labels, version, body = vision.labels_of(reply)
        return Reply(
            payload=labels,
            usage=vision.usage_of(reply),
            request_id=faults.request_id(reply),
            model_version=version,
            raw=body if request.raw else None,
        )

    async def _authorization(self, context: Context) -> tuple[str, str]:
        """The header that authorizes; a token is fetched off the event loop, and only when none is held."""
        key = self._settings.key
        if key is not None:
            return "Ocp-Apim-Subscription-Key", key.get_secret_value()
        token = self._tokens.held()
        if token is None:
            problem = credential_source(self._settings)[1] if _installed() else INSTALL
            if problem:  # at once: the chain would first ask the metadata service of a machine that has none
                raise NotConfigured(problem)
            token = await context.http.run_blocking(partial(self._tokens.get, context))
        return "Authorization", _BEARER + token

    def _checked_endpoint(self) -> Endpoint:
        endpoint = self._endpoint
        if endpoint is None:
            endpoint = endpoint_of(self._settings)
            if endpoint.regional and self._settings.key is None:
                # learn.microsoft.com/azure/ai-services/authentication: tokens need a custom subdomain.
                raise NotConfigured(
                    f"{redact(endpoint.base)} is a regional endpoint, which takes keys only; set the resource's own "
                    f"(https://<name>.cognitiveservices.azure.com), or: {WHAT_TO_TYPE}"
                )
            self._endpoint = endpoint
        return endpoint


def _installed() -> bool:
    try:
        return find_spec("azure.identity") is not None
    except ImportError:
        return False
