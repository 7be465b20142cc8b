"""Google's REST services: one POST of JSON, authorized, within the attempt's deadline.

The vendor's own clients are not under it: they repeat failed calls by themselves, follow redirects of a POST, and their
time-outs do not bound a call. With an API key nothing of Google's needs to be installed.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from broker.contract import Content, Context, HttpReply, PerProcess, json_object
from broker.errors import BrokerError, MalformedReply, NotConfigured
from broker.types import JsonValue
from broker_gcp import faults
from broker_gcp.credentials import Authorization, Headers
from broker_gcp.settings import (
    BOTH,
    INSTALL,
    Endpoint,
    GcpSettings,
    Service,
    base_of,
    credential_problem,
    location_of,
)

_ACCEPTED = {"accept": "application/json"}
JSON = {"content-type": "application/json; charset=utf-8", **_ACCEPTED}


NO_PROJECT = (
    "{api} works in a project, and the credential of provider gcp names none; set project in the settings of provider "
    "gcp (MLBROKER_PROVIDERS__GCP__PROJECT=my-project)"
)


class Rest:
    """One service of the account."""

    def __init__(self, settings: GcpSettings, service: Service) -> None:
        self._settings = settings
        self._service = service
        self._way = PerProcess(partial(_way, settings, service))
        self.refused = False
        """Whether a credential was ever refused here."""

    async def post(self, path: str, body: Mapping[str, JsonValue], context: Context) -> dict[str, JsonValue]:
        """The answer to one request.

        Raises :class:`NotConfigured`, the mapped refusals of :mod:`broker_gcp.faults`, :class:`MalformedReply` for what is
        no JSON object, and what the transport raises.
        """
        # Not escaped to ASCII: limits are counted in UTF-8, and Chinese would be twice as long.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return json_object(
            await self.send("POST", path, context, headers=JSON, content=content), request_id=None
        )

    async def send(
        self,
        method: str,
        path: str,
        context: Context,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: Content = b"",
        accepted: Container[int] = (),
    ) -> HttpReply:
        """Any other request, authorized. Raises as :meth:`post`, but looks at no body of a success.

        :param path: percent-encoded.
        :param accepted: statuses outside of 2xx that are answers, too.
        """
        endpoint, authorization = self._way.get()
        authorized = await _authorized(authorization, context)
        reply = await context.http.send(
            method,
            endpoint.target + path,
            headers={**(headers or _ACCEPTED), **dict(authorized)},
            params=params,
            content=content,
        )
        if not 200 <= reply.status < 300 and reply.status not in accepted:
            ours = refusal(reply, self._service.api)
            if faults.stale_token(ours):
                authorization.refuse(authorized)
                self.refused = True
            raise ours
        return reply

    async def parent(self, context: Context) -> str:
        """``projects/…/locations/…``, in which the service works. Raises :class:`NotConfigured` without a project."""
        return f"{await self.project(context)}/locations/{location_of(self._settings, self._service)}"

    async def project(self, context: Context) -> str:
        """``projects/…``. Raises :class:`NotConfigured` without one."""
        _, authorization = self._way.get()
        if authorization.project is None:  # the credential may know it, once there is one
            await _authorized(authorization, context)
        project = authorization.project
        if not project:
            raise NotConfigured(NO_PROJECT.format(api=self._service.api))
        return f"projects/{quote(project, safe=':')}"

    def problem(self, *, in_project: bool = False) -> str:
        """What stops a call and what to do, as far as it can be told without network; empty where nothing does.

        :param in_project: the service works in a project, which an API key does not name.
        """
        try:
            endpoint = base_of(self._settings, self._service)
            if self._service.locations:
                location_of(self._settings, self._service)
        except NotConfigured as error:
            return str(error)
        wrong = credential_problem(self._settings, endpoint)
        if wrong:
            return wrong
        if self._settings.api_key is None and not endpoint.loopback:
            return "" if _installed() else INSTALL
        return NO_PROJECT.format(api=self._service.api) if in_project and not self._settings.project else ""

    def renew(self, context: Context) -> bool:
        """Whether other headers than the refused ones are in use now. Blocks."""
        return self._way.get()[1].renew(context)


def _way(settings: GcpSettings, service: Service) -> tuple[Endpoint, Authorization]:
    """Where to go and with what. Raises :class:`NotConfigured`; asks nobody yet."""
    if settings.api_key is not None and settings.credentials_file is not None:
        raise NotConfigured(BOTH)
    endpoint = base_of(settings, service)
    return endpoint, Authorization(settings, endpoint, scope=service.scope)


def _installed() -> bool:
    """Whether google-auth can be imported, without importing it."""
    try:
        return find_spec("google.auth") is not None
    except ImportError:
        return False


async def _authorized(authorization: Authorization, context: Context) -> Headers:
    """Headers; a token is fetched off the event loop, and only when none is held."""
    ready = authorization.ready
    return (
        ready
        if ready is not None
        else await context.http.run_blocking(lambda: authorization.metadata(context))
    )


def refusal(reply: HttpReply, api: str) -> BrokerError:
    """Our error for an answer that is none: google.rpc.Status as JSON, or whatever a proxy says. Pure but for the clock."""
    error = error_in(reply)
    name, text = error.get("status"), error.get("message")
    if not isinstance(name, str):
        name = "RESOURCE_EXHAUSTED" if reply.status == 429 else ""
    if not isinstance(text, str) or not text:
        text = "" if error else f"the answer is {reply.content_type or 'untyped'}, not an error of Google's"
    return faults.mapped(name, text, faults.json_details(error), reply.headers, status=reply.status, api=api)


def error_in(reply: HttpReply) -> Mapping[str, Any]:
    """The ``error`` of a refusal; empty where there is none to be read."""
    try:
        body: Any = reply.json()
    except MalformedReply:
        return {}
    if isinstance(body, list) and body:  # some front ends wrap it
        body = body[0]
    if not isinstance(body, Mapping):
        return {}
    error = body.get("error")
    if isinstance(error, Mapping):
        return error
    # A google.rpc.Status by itself, as gateways that transcode gRPC write it.
    return body if error is None and isinstance(body.get("code"), int) and "message" in body else {}
