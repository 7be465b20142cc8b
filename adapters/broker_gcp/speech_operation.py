"""Speech-to-Text v2: what a long-running operation of ``batchRecognize`` says. Pure.

Sources: OperationMetadata and BatchRecognizeResponse of google/cloud/speech/v2/cloud_speech.proto, Operation of
google/longrunning/operations.proto. "done" without an error does not mean success: the one file has an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.contract import Phase, Progress, given, needed
from broker.errors import AuthFailed, Outcome, ProviderError
from broker.types import JsonValue
from broker_gcp import faults
from broker_gcp.proto_json import spelled
from broker_gcp.settings import SPEECH
from broker_gcp.speech_answer import billed_seconds

Message = Mapping[str, JsonValue]
_AGENT = (
    "Speech-to-Text reads and writes buckets as its own service agent: grant "
    "service-PROJECT_NUMBER@gcp-sa-speech.iam.gserviceaccount.com roles/storage.objectUser on the bucket"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A submission by what it asked for."""

    file: str
    config: dict[str, JsonValue] = field(repr=False)
    output: dict[str, JsonValue]
    dynamic: bool = False


def progress(operation: Message) -> Progress:
    """Where it stands. Raises ValueError."""
    failed = failure(operation)
    if failed is not None:
        return Progress(phase=Phase.FAILED, state=f"error {failed.code or 'without a code'}", error=failed)
    percent = _percent(operation)
    if not given(operation, "done", bool):
        return Progress(phase=Phase.RUNNING, state="not done", percent=percent)
    inline_or_address(the_file(needed(operation, "response", dict)))
    return Progress(phase=Phase.SUCCEEDED, state="done", percent=percent)


def failure(operation: Message) -> ProviderError | None:
    """Why the operation, or its one file, failed; None where neither did. Raises ValueError."""
    whole = _error_in(operation)
    if whole is not None:
        return _status(whole)
    response = given(operation, "response", dict)
    if response is None:
        return None
    own = _error_in(the_file(response))
    if own is None:
        return None
    error = _status(own)
    billed = billed_seconds(response)
    if billed is not None:  # Google says whether it billed something all the same
        error.outcome = Outcome.AMBIGUOUS if billed else Outcome.REJECTED
    return error


def the_file(response: Message) -> dict[str, JsonValue]:
    """The result of the one file, whatever name it is under. Raises ValueError.

    The response of version 1 is that of one file already, and has the list of its results itself.
    """
    if isinstance(response.get("results"), list):
        return {"transcript": dict(response)}
    results = needed(response, "results", dict)
    if len(results) != 1:
        raise ValueError(f"there are results of {len(results)} files where one was sent")
    return needed(results, next(iter(results)), dict)


def inline(result: Message) -> dict[str, JsonValue] | None:
    """BatchRecognizeResults that came with the operation; ``transcript`` is the older name of ``inlineResult.transcript``."""
    own = given(result, spelled(result, "inlineResult"), dict)
    return given(result, "transcript", dict) if own is None else needed(own, "transcript", dict)


def address(result: Message) -> str:
    """Where the result was written; ``uri`` is the older name of ``cloudStorageResult.uri``. Raises ValueError."""
    own = given(result, spelled(result, "cloudStorageResult"), dict)
    return (given(own, "uri", str) if own else None) or needed(result, "uri", str)


def inline_or_address(result: Message) -> None:
    """Raises ValueError for a result that is neither here nor anywhere else."""
    if inline(result) is None:
        address(result)


def results_in(whole: Message) -> list[JsonValue]:
    """The list of results of BatchRecognizeResults or RecognizeResponse. Raises ValueError.

    Nothing was said where it is left out, as proto3's JSON leaves out what is empty.
    """
    results = given(whole, "results", list)
    if results is None and whole and given(whole, "metadata", dict) is None:
        raise ValueError("it has neither results nor metadata")
    return results or []


def output_of(operation: Message) -> str | None:
    """Where the request wants its result."""
    output = _member(_request(operation), "recognitionOutputConfig")
    return given(_member(output, "gcsOutputConfig"), "uri", str)


def ran_as(operation: Message) -> tuple[str | None, bool | None]:
    """The model, and whether it was a dynamic batch; None where the operation does not repeat its request."""
    request = _request(operation)
    return given(_member(request, "config"), "model", str), (_is_dynamic(request) if request else None)


def is_of(operation: JsonValue, wanted: Wanted) -> bool:
    """Whether an operation is that of a submission, and did not fail."""
    if not isinstance(operation, Mapping) or _has_error(operation):
        return False
    request = _request(operation)
    files = given(request, "files", list) or []
    if len(files) != 1 or given(files[0], "uri", str) != wanted.file or _file_failed(operation):
        return False
    output = wanted.output.get("gcsOutputConfig")
    if isinstance(output, Mapping):  # made from the key
        return (output_of(operation) or "").rstrip("/") == output.get("uri")
    return (
        output_of(operation) is None
        and _is_dynamic(request) is wanted.dynamic
        and _plain(_member(request, "config")) == _plain(wanted.config)
    )


def _plain(value: JsonValue) -> JsonValue:
    """Without what may be left out: zero, empty and false members; names in one case, as Google writes languages anew."""
    if isinstance(value, Mapping):
        members = {name: _plain(each) for name, each in value.items()}
        return {name: each for name, each in members.items() if each not in (None, False, 0, "", [], {})}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.lower() if isinstance(value, str) else value


def _is_dynamic(request: Message) -> bool:
    return given(request, spelled(request, "processingStrategy"), str) == "DYNAMIC_BATCHING"


def _file_failed(operation: Message) -> bool:
    files = _member(_member(_metadata(operation), "batchRecognizeMetadata"), "transcriptionMetadata")
    return any(isinstance(each, Mapping) and _has_error(each) for each in files.values())


def _has_error(item: Message) -> bool:
    return _error_in(item) is not None


def _error_in(item: Message) -> dict[str, JsonValue] | None:
    """A google.rpc.Status that is not OK; OK is 0, which proto3's JSON leaves out unless it is told otherwise."""
    error = given(item, "error", dict)
    return error if error and (error.get("code") not in (0, None) or error.get("message")) else None


def _percent(operation: Message) -> int | None:
    metadata = _metadata(operation)
    percent = given(metadata, spelled(metadata, "progressPercent"), int)
    return percent if percent is not None and 0 <= percent <= 100 else None


def _metadata(operation: Message) -> Message:
    return given(operation, "metadata", dict) or {}


def _request(operation: Message) -> Message:
    return _member(_metadata(operation), "batchRecognizeRequest")


def _member(item: Message, name: str) -> Message:
    return given(item, spelled(item, name), dict) or {}


def _status(status: dict[str, JsonValue]) -> ProviderError:
    """A google.rpc.Status inside a message, where the code is a number."""
    number: Any = status.get("code", 2)  # UNKNOWN
    name = faults.NAMES[number] if type(number) is int and 0 < number < len(faults.NAMES) else str(number)
    error = faults.mapped(
        name, given(status, "message", str) or "", faults.json_details(status), {}, api=SPEECH.api
    )
    if isinstance(error, AuthFailed) and name == "PERMISSION_DENIED":
        return AuthFailed(f"{error.args[0]}; {_AGENT}", code=error.code)
    return error
