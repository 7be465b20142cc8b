"""What adapters of one AWS account have in common: how they stand, their keys, one request, one answer."""

from __future__ import annotations

from collections.abc import Callable, Container
from importlib.util import find_spec
from typing import Any, TypeVar

from broker.contract import Context, HttpReply, Reply, Setup, json_object, reading, redact
from broker.errors import AuthFailed, NotConfigured
from broker.types import JsonValue, Request
from broker_aws import faults
from broker_aws.asking import ask, validate
from broker_aws.clients import Clients
from broker_aws.settings import DATA_USE, INSTALL, NO_REGION, AccountSettings, credential_source
from broker_aws.wire import CURRENT, Exchange

P = TypeVar("P")
Body = dict[str, JsonValue]


class AccountAdapter:
    """One account and region."""

    def __init__(self, settings: AccountSettings, /) -> None:
        self._account = settings
        self._clients = Clients(settings)

    @property
    def region(self) -> str | None:
        """The region in effect; prices depend on it."""
        return self._clients.region

    def close(self) -> None:
        """Release the clients."""
        self._clients.close()

    def setup(self) -> Setup:
        """How the adapter stands; reads the environment and ``~/.aws``, no network."""
        region, services = self.region, self._account.services
        # Addresses of the user's own are what there is to know.
        own = dict.fromkeys(each for each in map(self._account.own_address, services) if each)
        endpoint = ", ".join(own) or (f"https://{services[0]}.{region}.amazonaws.com" if region else "")
        try:
            credential, problem = credential_source(self._account)
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
        token = CURRENT.set(Exchange(context))
        try:
            return self._clients.held().renew(context)
        finally:
            CURRENT.reset(token)

    def _send(
        self,
        service: str,
        method: str,
        wanted: dict[str, Any],
        request: Request,
        context: Context,
        image: bytes = b"",
    ) -> HttpReply:
        """One request; options of the caller's own are checked by the service's model."""
        account = self._clients.of(service)
        if request.extensions:
            validate(account, method, wanted)
        return ask(account, method, wanted, Exchange(context, image))


def read_reply(
    reply: HttpReply,
    what: str,
    read: Callable[[Body], P],
    raw: bool,
    version: str | None = None,
    accepted: Container[int] = (200,),
) -> Reply[P]:
    """What the answer says, by our own reading. Raises :class:`MalformedReply`.

    :param what: what ``read`` may stumble over: "a label".
    :param version: the member that tells the model's version.
    """
    request_id = faults.request_id(reply)
    body = json_object(reply, request_id=request_id, accepted=accepted)
    with reading(what, status=reply.status, request_id=request_id):
        payload = read(body)
    model = body.get(version) if version is not None else None
    return Reply(
        payload=payload,
        request_id=request_id,
        model_version=model if isinstance(model, str) else None,
        raw=body if raw else None,
    )
