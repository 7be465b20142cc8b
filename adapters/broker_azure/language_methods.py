"""The text operations of the Azure adapter, each alone and for several documents in one request."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from broker.contract import Batch, Context, PerProcess, Reply
from broker.errors import BadInput, NotConfigured, ProviderError
from broker.types import (
    BatchRequest,
    DocumentSentiment,
    EntityRequest,
    EntitySet,
    JsonValue,
    KeyPhraseRequest,
    KeyPhraseSet,
    LanguageRequest,
    LanguageSet,
    PiiRequest,
    PiiSet,
    RedactedText,
    RedactRequest,
    SentimentRequest,
    TextRequest,
)
from broker_azure import faults, language
from broker_azure.language_answers import Answers, answers_of, items_of
from broker_azure.language_tags import vendor_code

if TYPE_CHECKING:
    from broker_azure.rest import Resources

R = TypeVar("R", bound=TextRequest)
P = TypeVar("P")

SERVICE = "language"
INSTALL = "azure-ai-textanalytics is not installed; pip install 'mlbroker[azure]'"
_MODEL_VERSION = re.compile(r"(latest|\d{4}-\d{2}-\d{2})(-preview)?")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CATEGORY = re.compile(r"[A-Za-z0-9]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[R, P]):
    """One kind of analysis.

    :param method: of the SDK's ``TextAnalyticsClient``.
    :param read: makes the payload of a document of the answer.
    :param options: the SDK's keywords for our extensions, each checked; beside those that all tasks have.
    :param hint: what stands beside a document's text: its language or country.
    :param offsets: the answer has places in the text.
    """

    method: str
    read: Callable[[Any, R], P]
    options: Mapping[str, tuple[str, Callable[[str, JsonValue], Any]]]
    hint: Callable[[R], tuple[str, str]]
    offsets: bool = True


def _spoken(request: TextRequest) -> tuple[str, str]:
    if request.language is None:  # the pipeline refuses it before: the SDK would say "en"
        raise BadInput("Azure Language must be told the language: pass language='en'")
    return "language", vendor_code(request.language)


def _country(request: LanguageRequest) -> tuple[str, str]:
    """No hint unless one is given; the SDK's own default is the United States."""
    country = request.country
    if country is None:
        return "country_hint", ""
    if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
        raise BadInput(f"country must be two letters of ISO 3166-1 such as 'DE', not {country!r:.40}")
    return "country_hint", country.upper()


def _flag(name: str, given: JsonValue) -> bool:
    if not isinstance(given, bool):
        raise BadInput(f"{name} must be true or false, not {given!r:.80}")
    return given


def _model(name: str, given: JsonValue) -> str:
    if not isinstance(given, str) or not _MODEL_VERSION.fullmatch(given):
        raise BadInput(f"{name} must be 'latest' or a date such as '2022-11-01', not {given!r:.80}")
    return given


def _domain(name: str, given: JsonValue) -> str:
    if given not in ("phi", "none") or not isinstance(given, str):
        raise BadInput(f"{name} must be 'phi' (health) or 'none', not {given!r:.80}")
    return given


def _categories(name: str, given: JsonValue) -> list[str]:
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(each, str) and _CATEGORY.fullmatch(each) for each in names):
        raise BadInput(f"{name} must be a list of names such as ['Person', 'DEIdentityCardNumber']")
    return list(dict.fromkeys(str(each) for each in names))


_ALL: dict[str, tuple[str, Callable[[str, JsonValue], Any]]] = {
    "azure_model_version": ("model_version", _model),
    "azure_disable_service_logs": ("disable_service_logs", _flag),
}
_PERSONAL = {
    **_ALL,
    "azure_domain": ("domain_filter", _domain),
    "azure_pii_categories": ("categories_filter", _categories),
}

SENTIMENT: Task[SentimentRequest, DocumentSentiment] = Task(
    method="analyze_sentiment",
    read=lambda document, request: language.sentiment(document, request.text),
    options={**_ALL, "azure_opinion_mining": ("show_opinion_mining", _flag)},
    hint=_spoken,
)
ENTITIES: Task[EntityRequest, EntitySet] = Task(
    method="recognize_entities",
    read=lambda document, request: language.entities(document, request.text),
    options=_ALL,
    hint=_spoken,
)
KEY_PHRASES: Task[KeyPhraseRequest, KeyPhraseSet] = Task(
    method="extract_key_phrases",
    read=lambda document, _: language.key_phrases(document),
    options=_ALL,
    hint=_spoken,
    offsets=False,
)
DETECT_LANGUAGE: Task[LanguageRequest, LanguageSet] = Task(
    method="detect_language",
    read=lambda document, _: language.languages(document),
    options=_ALL,
    hint=_country,
    offsets=False,
)
DETECT_PII: Task[PiiRequest, PiiSet] = Task(
    method="recognize_pii_entities",
    read=lambda document, request: language.personal_data(document, request.text),
    options=_PERSONAL,
    hint=_spoken,
)
REDACT: Task[RedactRequest, RedactedText] = Task(
    method="recognize_pii_entities",
    read=language.redaction,
    options=_PERSONAL,
    hint=_spoken,
)


def installed() -> bool:
    """Whether the SDK for texts can be imported, without importing it."""
    try:
        return find_spec("azure.ai.textanalytics") is not None
    except ImportError:  # azure or azure.ai is not there
        return False


class LanguageMethods:
    """What :class:`broker_azure.AzureAdapter` has of Azure Language.

    Every method is one wire request. It raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of
    :mod:`broker_azure.faults` (of a single document also those inside of a 200), :class:`MalformedReply`, and what the
    transport raises.
    """

    _resources: Resources

    def __init__(self) -> None:
        self._language: PerProcess[Any] = PerProcess(self._make_language)

    def sentiment(self, request: SentimentRequest, context: Context, /) -> Reply[DocumentSentiment]:
        """Sentiment of the text and of its sentences."""
        return self._single(SENTIMENT, request, context)

    def sentiment_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[DocumentSentiment]]:
        """The same for up to 10 texts."""
        return self._several(SENTIMENT, request, context)

    def entities(self, request: EntityRequest, context: Context, /) -> Reply[EntitySet]:
        """Named entities."""
        return self._single(ENTITIES, request, context)

    def entities_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[EntitySet]]:
        """The same for up to 5 texts."""
        return self._several(ENTITIES, request, context)

    def key_phrases(self, request: KeyPhraseRequest, context: Context, /) -> Reply[KeyPhraseSet]:
        """Key phrases."""
        return self._single(KEY_PHRASES, request, context)

    def key_phrases_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[KeyPhraseSet]]:
        """The same for up to 10 texts."""
        return self._several(KEY_PHRASES, request, context)

    def detect_language(self, request: LanguageRequest, context: Context, /) -> Reply[LanguageSet]:
        """The language of the text."""
        return self._single(DETECT_LANGUAGE, request, context)

    def detect_language_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[LanguageSet]]:
        """The same for up to 1,000 texts."""
        return self._several(DETECT_LANGUAGE, request, context)

    def detect_pii(self, request: PiiRequest, context: Context, /) -> Reply[PiiSet]:
        """Personal data."""
        return self._single(DETECT_PII, request, context)

    def detect_pii_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[PiiSet]]:
        """The same for up to 5 texts."""
        return self._several(DETECT_PII, request, context)

    def redact(self, request: RedactRequest, context: Context, /) -> Reply[RedactedText]:
        """The text without personal data, by the same request as :meth:`detect_pii`."""
        return self._single(REDACT, request, context)

    def redact_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[RedactedText]]:
        """The same for up to 5 texts."""
        return self._several(REDACT, request, context)

    def _single(self, task: Task[R, P], request: R, context: Context) -> Reply[P]:
        answers = self._ask(task, (request,), request.extensions, context).sole()
        item = answers.item("0", partial(_read, task, request), raw=False)
        if isinstance(item, ProviderError):
            raise item
        return replace(item, raw=answers.body) if request.raw else item

    def _several(self, task: Task[Any, P], request: BatchRequest, context: Context) -> Reply[Batch[P]]:
        answers = self._ask(task, request.items, request.extensions, context)
        items = items_of(answers, [partial(_read, task, each) for each in request.items], raw=request.raw)
        return Reply(
            payload=Batch(items=items),
            request_id=answers.request_id,
            model_version=answers.version,
            raw=answers.body if request.raw else None,
        )

    def _ask(
        self, task: Task[R, P], requests: Sequence[R], extensions: Mapping[str, JsonValue], context: Context
    ) -> Answers:
        options = _options(task, extensions)
        documents = []
        for place, request in enumerate(requests):
            name, hint = task.hint(request)
            documents.append({"id": str(place), name: hint, "text": request.text})
        client = self._language.get()
        from broker_azure.language_client import Exchange, send

        header = self._resources.header(SERVICE, context)
        reply = send(client, task.method, documents, options, Exchange(context, header))
        if not 200 <= reply.status < 300:
            if reply.status == 401:
                self._resources.refuse(SERVICE, header)
            raise faults.refusal(reply)
        return answers_of(reply)

    def _make_language(self) -> Any:
        endpoint = self._resources.endpoint_for(SERVICE)
        try:
            from broker_azure.language_client import make_client
        except ImportError as error:
            raise NotConfigured(INSTALL) from error
        return make_client(endpoint.base)

    def _close_language(self) -> None:
        client = self._language.take()
        if client is not None:
            client.close()


def _read(task: Task[R, P], request: R, document: Any) -> P:
    return task.read(document, request)


def _options(task: Task[Any, Any], extensions: Mapping[str, JsonValue]) -> dict[str, Any]:
    """The SDK's keywords. Raises :class:`BadInput` for an option of the wrong type."""
    # The service keeps texts for 48 hours for troubleshooting unless told not to; by itself it does not keep those that
    # are searched for personal data (azure-ai-textanalytics, keyword disable_service_logs). Here none is kept, unless the
    # caller allows it.
    options: dict[str, Any] = {"disable_service_logs": True}
    if task.offsets:
        options["string_index_type"] = "UnicodeCodePoint"
    for name, given in extensions.items():
        found = task.options.get(name)
        if found is not None:
            keyword, checked = found
            options[keyword] = checked(name, given)
    return options
