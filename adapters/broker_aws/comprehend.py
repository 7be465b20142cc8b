"""Amazon Comprehend: what is asked of it, one text or several at once.

Sources: the service model ``comprehend/2017-11-27`` of botocore;
docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html and supported-languages.html there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from broker.contract import Batch, BatchLimits, Reply, TextLimits, TextUnit, given, needed, reading
from broker.errors import MalformedReply, ProviderError
from broker.types import BatchRequest, JsonValue, TextRequest
from broker_aws import faults

P = TypeVar("P")
Read = Callable[[Any, str], P]
"""From a result's members and the text that it is of to a payload. Raises ValueError for an unusable one."""

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "ar", "hi", "ja", "ko", "zh", "zh-TW")
PII_LANGUAGES = ("en", "es")
TOXICITY_LANGUAGES = ("en",)

_QUOTAS = "https://docs.aws.amazon.com/comprehend/latest/dg/guidelines-and-limits.html"
# "100 KB" and "5 KB" are 100,000 and 5,000 bytes: so says the service when it refuses ("Max length of request text
# allowed is 5000 bytes"). Its "1 KB" of a toxicity segment is taken in the same way.
LONG = TextLimits(max_size=100_000, unit=TextUnit.BYTE, source=_QUOTAS)
SHORT = TextLimits(max_size=5_000, unit=TextUnit.BYTE, source=_QUOTAS)
SEGMENT = TextLimits(
    max_size=1_000,
    unit=TextUnit.BYTE,
    source="https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectToxicContent.html",
)
BATCH = BatchLimits(max_items=25, max_item=5_000, source=_QUOTAS)
SEGMENTS = BatchLimits(max_items=10, max_bytes=10_000, source=SEGMENT.source)

_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


def language_code(tag: str) -> str:
    """Comprehend's code for a BCP-47 tag that the manifest admits.

    >>> [language_code(tag) for tag in ("pt-BR", "zh-Hans-HK", "zh-Hant", "zh-HK")]
    ['pt', 'zh', 'zh-TW', 'zh-TW']
    """
    primary, *rest = tag.lower().split("-")
    if primary == "zh" and "hans" not in rest and _TRADITIONAL.intersection(rest):
        return "zh-TW"
    return primary


def one(request: TextRequest) -> dict[str, Any]:
    """Arguments of an operation on one text."""
    return {"Text": request.text, **_language(request.language)}


def several(request: BatchRequest) -> dict[str, Any]:
    """Arguments of a ``batch_detect_…`` method."""
    return {"TextList": [each.text for each in request.items], **_language(request.language)}


def segments(texts: list[str], language: str | None) -> dict[str, Any]:
    """Arguments of ``detect_toxic_content``: a text is a segment."""
    return {"TextSegments": [{"Text": text} for text in texts], **_language(language)}


def _language(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {"LanguageCode": language_code(tag)}


def items_of(
    body: dict[str, JsonValue], request: BatchRequest, read: Read[P], *, status: int, request_id: str | None
) -> Batch[P]:
    """The results and errors of a batch, each put to its text by its ``Index``.

    A text with neither, or with more than one, is a ``MalformedReply`` of its own. Raises ValueError without a list of
    results.
    """
    found: list[list[Reply[P] | ProviderError]] = [[] for _ in request.items]
    results: list[Any] = needed(body, "ResultList", list)
    errors: list[Any] = given(body, "ErrorList", list) or []
    for result in results:
        place = _place(result, len(found))
        if place is not None:
            text = request.items[place].text
            found[place].append(_item(result, text, read, request.raw, status, request_id))
    for error in errors:
        place = _place(error, len(found))
        if place is not None:
            found[place].append(faults.item_error(error, request_id=request_id))
    return Batch(items=tuple(each[0] if len(each) == 1 else _gap(len(each), request_id) for each in found))


def segments_of(
    body: dict[str, JsonValue],
    request: BatchRequest,
    read: Read[P],
    *,
    status: int,
    request_id: str | None,
) -> Batch[P]:
    """The results of ``detect_toxic_content``, which have no index: AWS says that they match the input list.

    Raises ValueError for another number of results than of segments: nobody could say whose they are.
    """
    results: list[Any] = needed(body, "ResultList", list)
    if len(results) != len(request.items):
        raise ValueError(f"there are {len(results)} results for {len(request.items)} texts")
    return Batch(
        items=tuple(
            _item(result, each.text, read, request.raw, status, request_id)
            for result, each in zip(results, request.items, strict=True)
        )
    )


class Sort(Protocol):
    """:func:`items_of` or :func:`segments_of`."""

    def __call__(
        self,
        body: dict[str, JsonValue],
        request: BatchRequest,
        read: Read[P],
        *,
        status: int,
        request_id: str | None,
    ) -> Batch[P]: ...


def _place(item: Any, many: int) -> int | None:
    """Whose it is; None where nobody can say, so that somebody's gap is found."""
    index = given(item, "Index", int)
    return index if index is not None and 0 <= index < many else None


def _item(
    result: Any, text: str, read: Read[P], raw: bool, status: int, request_id: str | None
) -> Reply[P] | ProviderError:
    try:
        with reading("the result of this text", status=status, request_id=request_id):
            return Reply(payload=read(result, text), request_id=request_id, raw=result if raw else None)
    except MalformedReply as error:
        return error


def _gap(many: int, request_id: str | None) -> MalformedReply:
    what = "left this text out" if many == 0 else f"gave {many} answers to this text"
    return MalformedReply(f"the answer to the batch {what}", request_id=request_id)
