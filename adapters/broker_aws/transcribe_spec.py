"""The cell of Amazon Transcribe: jobs on recordings in S3, and nothing else for recordings."""

from __future__ import annotations

from dataclasses import replace

from broker.contract import JobPath, OperationSpec, audio_seconds
from broker.types import Request, TranscribeRequest, Usage
from broker_aws.transcribe_languages import TAGS
from broker_aws.transcribe_request import EXTENSIONS, LIMITS, OPTIONS, SPEAKERS

SERVICE = "transcribe"
SKU = "aws.transcribe.batch"
REDACTION = "aws.transcribe.redaction_addon"


def seconds(request: Request) -> tuple[Usage, ...]:
    """The meter: as :func:`audio_seconds`, and the same once more under its own sku where personal data is left out.

    Transcribe does not say what it bills; its price list counts seconds of the whole recording, whatever its channels.
    """
    uses = audio_seconds(request)
    if isinstance(request, TranscribeRequest) and request.redact:
        return (*uses, *(replace(each, sku=REDACTION) for each in uses))
    return uses


JOB = JobPath(
    service=SERVICE,
    sku=SKU,
    limits=LIMITS,
    options=OPTIONS,
    staging="s3://bucket/folder",
    reads=("s3://",),
    # A job's name is unique within an account: a second submission of it is refused, and the first one adopted.
    settle_seconds=0.0,
    notes="StartTranscriptionJob; the result is written below the staging folder, or, without one, kept by the service for as "
    "long as the job; a job that runs cannot be stopped",
    unproven=True,
)
SPEC = OperationSpec(
    operation="transcription.transcribe",
    service=SERVICE,
    sku=SKU,
    meter=seconds,
    limits=LIMITS,
    languages=TAGS,
    options=OPTIONS,
    direct=False,
    job=JOB,
    extensions=EXTENSIONS,
    notes="jobs only, on a recording that is put into a private bucket of the user's first (staging) or is in one already "
    f"(s3://…); confidence is of words; up to {SPEAKERS} speakers are told apart unless max_speakers says otherwise; without a "
    "language the one that prevails is found out (aws_identify_multiple_languages: all that are spoken); redact needs the "
    "language and is billed beside; two channels at most; no hints and no profanity but by a vocabulary or filter that the "
    "account has (aws_vocabulary_name, aws_vocabulary_filter_name); of a language without a region its likeliest one is taken "
    "(en: en-US)",
    unproven=True,
)
