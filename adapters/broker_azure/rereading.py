"""Answers that were kept as Azure sent them, read again: the readers of the live call, without the call.

Image Analysis 4.0, Content Safety, Language, Speech (fast and batch transcription) and AI Search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from broker.contract import given, needed, reading
from broker.errors import MalformedReply, ProviderError
from broker.types import JsonValue, QueryRequest
from broker_azure import (
    content_safety,
    language_methods,
    search_answer,
    search_request,
    speech,
    speech_result,
    vision_reply,
)
from broker_azure.language_answers import answers_in

if TYPE_CHECKING:
    from broker_azure.search_settings import IndexShape

Body = dict[str, Any]
Reader = Callable[[Body, Any], Any]

_READERS: dict[str, tuple[str, Reader]] = {
    "vision.label": ("tagsResult", lambda body, _: vision_reply.labels_of(body)),
    "vision.detect_objects": (
        "objectsResult",
        lambda body, asked: vision_reply.objects_of(body, asked.image),
    ),
    "vision.detect_text": ("readResult", lambda body, asked: vision_reply.text_of(body, asked.image)),
    "vision.caption": ("captionResult", lambda body, asked: vision_reply.caption_of(body, asked.image)),
    "vision.moderate": ("categoriesAnalysis", lambda body, _: content_safety.moderation_of(body)),
    "text.moderate": ("categoriesAnalysis", lambda body, _: content_safety.moderation_of(body)),
}
"""The member that an answer has, and its reader."""
_TASKS: Mapping[str, language_methods.Task[Any, Any]] = {
    "text.sentiment": language_methods.SENTIMENT,
    "text.entities": language_methods.ENTITIES,
    "text.key_phrases": language_methods.KEY_PHRASES,
    "text.detect_language": language_methods.DETECT_LANGUAGE,
    "text.detect_pii": language_methods.DETECT_PII,
    "text.redact": language_methods.REDACT,
}
_KINDS = {
    "text.sentiment": ("SentimentAnalysis", "sentimentAnalysisTasks"),
    "text.entities": ("EntityRecognition", "entityRecognitionTasks"),
    "text.key_phrases": ("KeyPhraseExtraction", "keyPhraseExtractionTasks"),
    "text.detect_language": ("LanguageDetection", "languageDetectionTasks"),
    "text.detect_pii": ("PiiEntityRecognition", "entityRecognitionPiiTasks"),
    "text.redact": ("PiiEntityRecognition", "entityRecognitionPiiTasks"),
}
"""What a job calls its tasks: their kind since 2022-05-01, their list in 3.1."""
_SPEECH, _QUERY, _SUGGEST = "transcription.transcribe", "search.query", "search.suggest"
READS = frozenset({*_READERS, *_TASKS, _SPEECH, _QUERY, _SUGGEST})


def reread(operation: str, raw: JsonValue, request: Any, *, shape: Callable[[str | None], IndexShape]) -> Any:
    """The result. Raises :class:`MalformedReply`, and the mapped error of a document that was refused.

    :param shape: how an index's fields are called, by its name.
    """
    if not isinstance(raw, dict):
        raise MalformedReply(f"this is no kept answer of {operation}: it is no object")
    if operation in _TASKS:
        return _studied(operation, raw, request)
    with reading("a kept answer"):
        if operation == _SPEECH:
            return _heard(raw, request)
        if operation == _QUERY:
            return _found(raw, request, shape(request.index))
        if operation == _SUGGEST:
            if search_request.completes(request) or _are_words(raw):
                return search_answer.completions_of(raw)
            return search_answer.suggestions_of(raw, shape(request.index))
        member, read = _READERS[operation]
        if operation == "vision.caption" and request.dense:
            member, read = (
                "denseCaptionsResult",
                lambda body, asked: vision_reply.dense_captions_of(body, asked.image),
            )
        if member not in raw:
            raise MalformedReply(f"this is no kept answer of {operation}: it has no {member}")
        return read(raw, request)


def _studied(operation: str, raw: Body, request: Any) -> Any:
    """The one document of an answer, or a document that was one of a batch and is kept by itself."""
    task = _TASKS[operation]
    if "tasks" in raw:
        with reading("a kept answer"):
            raw = _task_of_job(raw, *_KINDS[operation])
    if "documents" not in raw and "results" not in raw and "errors" not in raw:
        with reading("a kept answer"):
            return task.read(raw, request)
    with reading("a kept answer"):
        answers = answers_in(raw, status=200, request_id=None)
    several = len(answers.found) + len(answers.failed)
    if several > 1:
        raise MalformedReply(
            f"this answers {several} texts at once; keep each of its documents as a file of its own"
        )
    item = answers.sole().item("0", lambda document: task.read(document, request), raw=False)
    if isinstance(item, ProviderError):
        raise item
    return item.payload


def _task_of_job(job: Body, kind: str, listed: str) -> Body:
    """The results of the one task of a kind. Raises ValueError."""
    tasks: Body = needed(job, "tasks", dict)
    found = [
        each
        for each in given(tasks, "items", list) or ()
        if needed(each, "kind", str).removesuffix("LROResults") == kind
    ]
    found += given(tasks, listed, list) or ()
    results = [each["results"] for each in found if given(each, "results", dict) is not None]
    if len(results) != 1:
        raise ValueError(f"the job has {len(results)} results of {kind}, not one")
    return {"results": results[0]}


def _heard(raw: Body, request: Any) -> Any:
    if "recognizedPhrases" in raw or "combinedRecognizedPhrases" in raw:
        return speech_result.transcript_of(raw, request)
    return speech.transcript_of(raw, channels=request.channels and request.audio.channels > 1)


def _found(raw: Body, request: QueryRequest, shape: IndexShape) -> Any:
    return search_answer.results_of(raw, request, shape, status=200)


def _are_words(raw: Body) -> bool:
    """Autocomplete's, which have no document behind them."""
    found = raw.get("value")
    return isinstance(found, list) and any(
        isinstance(each, dict) and "queryPlusText" in each for each in found
    )
