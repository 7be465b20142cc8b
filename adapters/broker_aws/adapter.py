"""The AWS adapter: what it can do, how it stands, and one method for each operation."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    Context,
    HttpReply,
    ImageLimits,
    Manifest,
    OperationSpec,
    Reply,
    Setup,
    Support,
    redact,
)
from broker.errors import AuthFailed, BadInput, BrokerError, MalformedReply, NotConfigured
from broker.types import LabelRequest, LabelSet
from broker_aws import faults, rekognition
from broker_aws.clients import CURRENT, Account, Clients, Exchange
from broker_aws.settings import DATA_USE, INSTALL, NO_REGION, AwsSettings, credential_source

_LIMITS = ImageLimits(
    formats=("jpeg", "png"),
    max_bytes=5_242_880,
    min_side=80,
    max_side=10_000,
    source="https://docs.aws.amazon.com/rekognition/latest/dg/limits.html",
)
_LATER = "Rekognition {0}: comes with the full vision set"


class AwsAdapter:
    """Amazon Rekognition for one account and region."""

    manifest: ClassVar[Manifest] = Manifest(
        provider="aws",
        version="0.1.0",
        extra="mlbroker[aws]",
        operations=(
            OperationSpec(
                operation="vision.label",
                service="rekognition",
                sku="aws.rekognition.group2",
                meter=rekognition.meter,
                limits=_LIMITS,
                languages=("en",),
                extensions=rekognition.EXTENSIONS,
                notes="confidence is Rekognition's 0-100, divided by 100; labels in English; up to 1,000 a picture",
            ),
            OperationSpec(
                operation="vision.detect_text",
                service="rekognition",
                support=Support.NOTIMPL,
                reason=_LATER.format("DetectText and Textract"),
            ),
            OperationSpec(
                operation="vision.detect_faces",
                service="rekognition",
                support=Support.NOTIMPL,
                reason=_LATER.format("DetectFaces"),
            ),
        ),
    )
    Settings: ClassVar[type[AdapterSettings]] = AwsSettings

    def __init__(self, settings: AwsSettings, /) -> None:
        self._settings = settings
        self._clients = Clients(settings)

    @property
    def region(self) -> str | None:
        """The region in effect; prices depend on it."""
        return self._clients.region

    def close(self) -> None:
        """Release the client."""
        self._clients.close()

    def setup(self) -> Setup:
        """How the adapter stands; reads the environment and ``~/.aws``, no network."""
        region = self.region
        endpoint = self._settings.endpoint or (
            f"https://rekognition.{region}.amazonaws.com" if region else ""
        )
        try:
            credential, problem = credential_source(self._settings)
        except NotConfigured as error:
            credential, problem = "", str(error)
        if not problem and not region:
            problem = NO_REGION
        if find_spec("boto3") is None:
            problem = INSTALL
        return Setup(
            configured=not problem,
            problem=problem,
            credential=credential,
            endpoint=redact(endpoint),
            region=region,
            data_use=DATA_USE,
        )

    def renew(self, refused: AuthFailed, context: Context, /) -> bool:
        """Ask botocore's chain for other keys: a role's or SSO's next ones, a rewritten file. Literal keys have none."""
        if not faults.renewable(refused):
            return False
        token = CURRENT.set(Exchange(context, b""))
        try:
            return self._clients.rekognition().held.renew(context)
        finally:
            CURRENT.reset(token)

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels by Rekognition DetectLabels, all that the service has for the picture.

        Raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of
        :mod:`broker_aws.faults`, :class:`MalformedReply`, and what the transport raises.
        """
        wanted = rekognition.parameters(request)
        account = self._clients.rekognition()
        if request.extensions:
            _validate(account.client, wanted)
        reply = _detect_labels(account, wanted, Exchange(context, request.image.data))
        labels, version, body = rekognition.labels_of(reply)
        return Reply(
            payload=labels,
            request_id=faults.request_id(reply),
            model_version=version,
            raw=body if request.raw else None,
        )


def _detect_labels(account: Account, wanted: dict[str, Any], exchange: Exchange) -> HttpReply:
    """One request through the SDK; the answer as it came."""
    from botocore.exceptions import ClientError

    token = CURRENT.set(exchange)
    try:
        account.held.ready(exchange.context)
        account.client.detect_labels(**wanted)
    except BrokerError:
        raise  # the transport's own words
    except ClientError as error:
        if exchange.reply is None:
            raise faults.failure(error) from faults.sanitised(error)
        ours = faults.refusal(error, exchange.reply)
        if isinstance(ours, AuthFailed) and faults.renewable(ours):
            account.held.refuse(exchange.used)
        raise ours from faults.sanitised(error)
    except Exception as error:  # noqa: BLE001 # whatever an SDK raises must not reach the caller as it is
        if exchange.reply is None:
            raise faults.failure(error) from faults.sanitised(error)
        if exchange.reply.status >= 300:
            raise faults.unread_refusal(exchange.reply) from faults.sanitised(error)
        raise MalformedReply(
            f"the SDK could not read the answer: {type(error).__name__}",
            status=exchange.reply.status,
            request_id=faults.request_id(exchange.reply),
        ) from faults.sanitised(error)
    finally:
        CURRENT.reset(token)
    if exchange.reply is None:
        raise MalformedReply("the SDK answered without a request; is boto3 stubbed or patched?")
    return exchange.reply


def _validate(client: Any, wanted: dict[str, Any]) -> None:
    """Check the caller's own options against the service model; the usual call needs no check."""
    from botocore.exceptions import ParamValidationError
    from botocore.validate import validate_parameters

    shape = client.meta.service_model.operation_model("DetectLabels").input_shape
    try:
        validate_parameters(wanted, shape)
    except ParamValidationError as error:
        raise BadInput(f"Rekognition's schema does not take these options: {redact(str(error))}") from None
