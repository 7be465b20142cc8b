"""The gRPC channel to Vision: one per process, its own retries off, sizes capped.

The call is a plain unary RPC of bytes. Google's client above it (gapic and proto-plus) costs twice as
much CPU as the RPC itself, repeats failed calls by itself for up to 600 s, and without ``timeout`` never
gives up; what it adds on the wire is one header, ``x-goog-api-client``, which is sent here too
(``vision_v1/services/image_annotator/transports``; BatchAnnotateImages has no routing header).
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from broker.contract import Context, ForkGate, PerProcess, guard_loggers, plain, redact
from broker.errors import NotConfigured
from broker_gcp.credentials import Authorization, Headers
from broker_gcp.settings import INSTALL, Endpoint, GcpSettings, endpoint_of

METHOD = "/google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages"
MAX_REPLY = 32 * 1024 * 1024
"""A larger answer is refused. The channel's own cap lies above it, for what the channel refuses comes
as RESOURCE_EXHAUSTED and would look like throttling."""
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")


# gRPC's own fork handler hangs, in the parent, once in a thousand forks in the midst of calls (1.85).
_CALLING = ForkGate(patience=5.0)


class Progress:
    """How far a call surely did not get.

    ``reached`` is False when no connection existed, True when one did, None when it was not watched.
    """

    __slots__ = ("reached",)

    def __init__(self) -> None:
        self.reached: bool | None = None


class Line:
    """A channel, with what is known of its connection."""

    def __init__(self, channel: Any, authorization: Authorization, user_agent: str) -> None:
        self.channel = channel
        self.authorization = authorization
        self._header = ("x-goog-api-client", user_agent)
        # No deserializer: gRPC reports a failing one as INTERNAL, like a failing server. Bytes are read by us.
        self._call = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)
        self._answered = False

    def send(self, content: bytes, authorization: Headers, context: Context, progress: Progress) -> bytes:
        """One RPC within what is left of the deadline. Raises ``grpc.RpcError``.

        gRPC asks a call's own credentials for metadata only when a connection is there to send it on
        (grpc core, client_auth_filter: a filter of the subchannel), so credentials that were never asked
        prove that nothing was sent. UNAVAILABLE alone does not say, and message texts are no evidence.
        Being asked costs a thread hop (0.15 ms), so a line that answered its last call is not watched:
        should that one break, the call counts as possibly billed.
        """
        metadata = (self._header, *authorization)
        credentials = None if self._answered else watch(progress)
        try:
            with _CALLING:
                answer: bytes = self._call(
                    content, timeout=context.remaining(), metadata=metadata, credentials=credentials
                )
        except BaseException:
            self._answered = False
            raise
        self._answered = True
        return answer


class Lines:
    """The account's line, lazily made under a lock, anew in a forked child.

    The parent's is kept there, not closed: closing a channel that lives in another process can hang
    (grpc issue 18321).
    """

    def __init__(self, settings: GcpSettings) -> None:
        self._line = PerProcess(partial(_make, settings))

    def line(self) -> Line:
        """The line. Raises :class:`NotConfigured`; connects to nothing."""
        return self._line.get()

    def close(self) -> None:
        """Close the channel."""
        line = self._line.take()
        if line is not None:
            line.channel.close()


def watch(progress: Progress) -> Any:
    """Credentials of a call that tell when there is a connection to send it on."""
    import grpc

    call_credentials: Any = grpc.metadata_call_credentials

    progress.reached = False

    def asked(_context: Any, callback: Any) -> None:
        progress.reached = True
        callback((), None)

    return call_credentials(asked, name="mlbroker-watch")


def _make(settings: GcpSettings) -> Line:
    endpoint = endpoint_of(settings)
    try:
        import grpc  # noqa: F401 # channel_to has use for it
        from google.api_core.gapic_v1.client_info import ClientInfo
        from google.cloud.vision_v1 import gapic_version
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    if settings.api_key is not None and settings.credentials_file is not None:
        raise NotConfigured("both api_key and credentials_file are set for provider gcp; keep one")
    channel = channel_to(endpoint)
    client_info: Any = ClientInfo
    info = client_info(gapic_version=gapic_version.__version__, user_agent="mlbroker")
    guard_loggers("google", "grpc")
    watch(Progress())  # grpc imports this part of itself on first use: now, where a fork waits for it
    return Line(channel, Authorization(settings, endpoint), info.to_user_agent())


def channel_to(endpoint: Endpoint) -> Any:
    """A channel; it connects with the first call. Raises :class:`NotConfigured` for a CA file that cannot be read."""
    import grpc

    credentials = _local(grpc) if endpoint.loopback else _tls(grpc, endpoint)
    return grpc.secure_channel(
        endpoint.target,
        credentials,
        options=[
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # Despite its name this is how long one connection attempt may take (20 s by default).
            ("grpc.min_reconnect_backoff_ms", 5_000),
            # gRPC's own pause after a failed connection grows to two minutes; the broker paces attempts.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 5_000),
        ],
    )


def _local(grpc: Any) -> Any:
    """Plain text, refused by gRPC for any address that is not this machine."""
    return grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)


def _tls(grpc: Any, endpoint: Endpoint) -> Any:
    """The system's trust, or the CA file that the usual variables name; gRPC itself knows one of its own only."""
    if not os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        for variable in _CA_VARIABLES:
            path = os.environ.get(variable)
            if path and not os.path.isdir(path):
                try:
                    with open(path, "rb") as file:
                        return grpc.ssl_channel_credentials(root_certificates=file.read())
                except OSError as error:
                    raise NotConfigured(
                        f"{variable} names {path!r}, which cannot be read as CA file for {endpoint.target}"
                    ) from error
    return grpc.ssl_channel_credentials()


def sanitised(error: Any) -> BaseException:
    """The vendor's exception as a cause, without frames.

    It shows code, details and debug text and keeps no request and no sent metadata; should those texts
    hold what looks like a secret, a plain one with the redacted text takes its place.
    """
    import grpc

    shown = " ".join(str(text) for text in (error.details(), error.debug_error_string()) if text)
    if redact(shown, len(shown)) != plain(shown).strip():
        return grpc.RpcError(f"{error.code().name}: {redact(shown)}")
    error.__cause__ = error.__context__ = None
    kept: BaseException = error.with_traceback(None)
    return kept
