"""Azure Language's client: azure-ai-textanalytics makes the request, the broker's transport carries it, we read it.

The SDK is given a pipeline of its own (azure-core, ``PipelineClient(pipeline=…)``): one policy that puts the header
which authorizes, and nothing that repeats, waits, follows or logs. Of the answer the SDK is shown nothing: its reader
takes twice the time of its request, drops members it does not know, and reads a list of answers by place if none failed.

This module imports azure-core and azure-ai-textanalytics; :mod:`broker_azure.language_methods` loads it with the first call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from azure.ai.textanalytics import DetectLanguageInput, TextAnalyticsClient, TextDocumentInput
from azure.ai.textanalytics import __version__ as sdk_version
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline import Pipeline, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy, SansIOHTTPPolicy

from broker.contract import Context, HttpReply, guard_loggers
from broker.errors import BrokerError, MalformedReply, Outcome, ProviderFault
from broker_azure.transport import BrokerTransport, broker_error

API_VERSION = "2023-04-01"
"""The newest that the SDK has (5.4.0)."""
_AGENT = f"mlbroker azsdk-python-ai-textanalytics/{sdk_version}"
_UNUSED = "the pipeline's own policy authorizes"


class Exchange:
    """One request on its way through the SDK: its attempt, what authorizes it, the answer that came."""

    __slots__ = ("context", "header", "reply")

    def __init__(self, context: Context, header: tuple[str, str]) -> None:
        self.context = context
        self.header = header
        self.reply: HttpReply | None = None


CURRENT: ContextVar[Exchange] = ContextVar("broker_azure_language")
"""Set around each call of the SDK: clients outlive attempts, and many attempts share one at the same time."""


class _Authorize(SansIOHTTPPolicy[Any, Any]):
    """Puts the header; keeps the answer for us, and from the SDK's reader."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        name, value = CURRENT.get().header
        headers = request.http_request.headers
        headers[name] = value
        headers["User-Agent"] = _AGENT

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:  # noqa: ARG002 # azure-core's signature
        CURRENT.get().reply = response.http_response.reply
        response.context[ContentDecodePolicy.CONTEXT_NAME] = None


def make_client(endpoint: str) -> Any:
    """A client for one resource. It holds no connection and no credential."""
    client = TextAnalyticsClient(
        endpoint,
        AzureKeyCredential(_UNUSED),
        api_version=API_VERSION,
        pipeline=Pipeline(BrokerTransport(lambda: CURRENT.get().context), [_Authorize()]),
    )
    guard_loggers("azure")
    return client


def send(
    client: Any,
    method: str,
    documents: Sequence[dict[str, str]],
    options: Mapping[str, Any],
    exchange: Exchange,
) -> HttpReply:
    """One wire request through the SDK; the answer as it came, 2xx or a refusal.

    Raises what the transport raises, and :class:`ProviderFault` where the SDK fails before sending.
    """
    mark = CURRENT.set(exchange)
    try:
        inputs = [_input(each) for each in documents]
        getattr(client, method)(inputs, cls=_nothing, show_stats=True, **options)
    except BrokerError:
        raise  # a deadline, say: the transport's own words
    except Exception as error:  # noqa: BLE001 # whatever an SDK raises must not reach the caller as it is
        ours = broker_error(error)
        if ours is not None:
            raise ours from None
        if exchange.reply is None:
            # Its words may repeat the text.
            raise ProviderFault(
                f"the Azure SDK did not send the request ({type(error).__name__}); try another version of "
                f"azure-ai-textanalytics than {sdk_version}",
                outcome=Outcome.REJECTED,
            ) from None
        # A refusal: its body is read by us, with all levels of its code.
    finally:
        CURRENT.reset(mark)
    if exchange.reply is None:
        raise MalformedReply(
            "the SDK answered without a request; is azure-ai-textanalytics stubbed or patched?"
        )
    return exchange.reply


def _input(document: dict[str, str]) -> Any:
    """The SDK's own model of a document; a mapping it would first make into one, which takes longer."""
    return TextDocumentInput(**document) if "language" in document else DetectLanguageInput(**document)


def _nothing(*_: Any) -> None:
    """In the place of the SDK's reader of results."""
