"""One request to one service of the account: address, authorization, and refusals as our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from broker.contract import Content, Context, HttpReply, redact
from broker.errors import AuthFailed, NotConfigured
from broker_azure import faults
from broker_azure.settings import (
    INSTALL,
    SEARCH,
    WHAT_TO_TYPE,
    AzureSettings,
    Endpoint,
    credential_source,
    endpoint_of,
)
from broker_azure.token import SEARCH_SCOPE, Tokens

_BEARER = "Bearer "
_KEY_HEADERS = {SEARCH: "api-key"}


class Resources:
    """The account's resources by service name (:data:`broker_azure.settings.SERVICES`), and the credential for them."""

    def __init__(self, settings: AzureSettings) -> None:
        self._settings = settings
        self._endpoints: dict[str, Endpoint] = {}
        self.tokens = Tokens()
        self._search_tokens = Tokens(SEARCH_SCOPE)

    async def post(
        self,
        service: str,
        path: str,
        context: Context,
        *,
        params: Mapping[str, str],
        content: Content | None = None,
        body: Any = None,
    ) -> HttpReply:
        """One wire request; the answer is 2xx.

        :param content: sent as it is (``application/octet-stream``); None: ``body`` is sent as JSON.

        Raises :class:`NotConfigured`, the mapped refusals of :mod:`broker_azure.faults`, and what the transport raises.
        """
        kind = "application/octet-stream"
        if content is None:
            kind = "application/json"
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return await self.send("POST", service, path, context, params=params, content=content, kind=kind)

    async def send(
        self,
        method: str,
        service: str,
        path: str,
        context: Context,
        *,
        params: Mapping[str, str],
        content: Content = b"",
        kind: str = "",
    ) -> HttpReply:
        """As :meth:`post`, by any method and with any media type; one without content has none."""
        headers = {"Accept": "application/json"}
        if kind:
            headers = {"Content-Type": kind, **headers}
        reply = await self.exchange(
            method, service, path, context, params=params, headers=headers, content=content
        )
        if not 200 <= reply.status < 300:
            raise faults.refusal(reply)
        return reply

    async def exchange(
        self,
        method: str,
        service: str,
        path: str,
        context: Context,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        content: Content = b"",
    ) -> HttpReply:
        """One wire request; the answer is whatever came.

        Raises :class:`NotConfigured`, and what the transport raises.
        """
        endpoint = self.endpoint_for(service)
        name, value = await self._authorize(service, context)
        reply = await context.http.send(
            method, endpoint.base + path, headers={**headers, name: value}, params=params, content=content
        )
        if reply.status == 401:
            self.refuse(service, (name, value))
        return reply

    def takes_token(self, service: str) -> bool:
        """Whether a service is called with a token, for want of a key."""
        return self._settings.key_for(service) is None

    def renew(self, service: str, refused: AuthFailed, context: Context) -> bool:
        """Fetch another token; a key has no other."""
        return (
            refused.status == 401 and self.takes_token(service) and self._tokens_for(service).renew(context)
        )

    def close(self) -> None:
        """Release the credential."""
        self.tokens.close()
        self._search_tokens.close()

    def endpoint_for(self, service: str) -> Endpoint:
        """The checked address of a service. Raises :class:`NotConfigured` with what to set."""
        endpoint = self._endpoints.get(service)
        if endpoint is None:
            endpoint = endpoint_of(self._settings, service)
            if endpoint.regional and self.takes_token(service):
                # learn.microsoft.com/azure/ai-services/authentication: tokens need a custom subdomain.
                raise NotConfigured(
                    f"{redact(endpoint.base)} is a regional endpoint, which takes keys only; set the resource's own "
                    f"(https://<name>.cognitiveservices.azure.com), or: {WHAT_TO_TYPE}"
                )
            self._endpoints[service] = endpoint
        return endpoint

    def header(self, service: str, context: Context) -> tuple[str, str]:
        """The header that authorizes, for an SDK's client: fetches a token where it stands, if none is held."""
        return self._held(service) or ("Authorization", _BEARER + self._tokens_for(service).get(context))

    def refuse(self, service: str, header: tuple[str, str]) -> None:
        """The service said 401 to this header: a token is not used again."""
        if self.takes_token(service):
            self._tokens_for(service).refuse(header[1].removeprefix(_BEARER))

    def _tokens_for(self, service: str) -> Tokens:
        """A token is for one kind of resource."""
        return self._search_tokens if service == SEARCH else self.tokens

    async def _authorize(self, service: str, context: Context) -> tuple[str, str]:
        """The header that authorizes; a token is fetched off the event loop, and only when none is held."""
        held = self._held(service)
        if held is not None:
            return held
        return "Authorization", _BEARER + await context.http.run_blocking(
            partial(self._tokens_for(service).get, context)
        )

    def _held(self, service: str) -> tuple[str, str] | None:
        """The header, if nothing must be fetched for it. Raises :class:`NotConfigured` where nothing could be."""
        key = self._settings.key_for(service)
        if key is not None:
            return _KEY_HEADERS.get(service, "Ocp-Apim-Subscription-Key"), key.get_secret_value()
        token = self._tokens_for(service).held()
        if token is None:
            problem = credential_source(self._settings, (service,))[1] if installed() else INSTALL
            if problem:  # at once: the chain would first ask the metadata service of a machine that has none
                raise NotConfigured(problem)
            return None
        return "Authorization", _BEARER + token


def installed() -> bool:
    """Whether azure-identity can be imported, without importing it."""
    try:
        return find_spec("azure.identity") is not None
    except ImportError:
        return False
