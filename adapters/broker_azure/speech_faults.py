"""Codes of Azure Speech and of Blob, beside those that all of Azure shares.

Sources: ``ErrorCode`` and ``DetailedErrorCode`` of Azure/azure-rest-api-specs, SpeechToText stable/2025-10-15;
learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from broker.contract import Fault, HttpReply
from broker.errors import AuthFailed, BadInput, QuotaExhausted, Throttled, Unavailable

_WRITER = (
    "give the identity the role 'Storage Blob Data Contributor' on the container that staging names, or a staging_sas with "
    "sp=rcwd that has not expired, and allow this network in the storage account's firewall"
)
_READER = (
    "Speech could not read the recording: give the Speech resource's system-assigned managed identity the role 'Storage "
    "Blob Data Reader' on the container that staging names, or set a staging_sas that lasts longer than the job"
)
_CONTAINER = "make the container that staging names; it is not made by itself"
_LANGUAGE = "nothing was understood, or in no language that was looked for; name the language, or candidates that hold it"
_CHANNELS = (
    "see how many channels the recording has; one or two are taken, and speakers are told apart in one only"
)


def _rows(fault: Fault, *codes: str) -> Iterator[tuple[str, Fault]]:
    return ((code, fault) for code in codes)


ROWS: dict[int | str, Fault] = {
    # ---- Speech
    **dict(
        _rows(
            Fault(error=BadInput),
            "UnprocessableEntity",
            "NotAllowed",
            "DeleteNotAllowed",
            "InvalidPayload",
            "InvalidTranscription",
            "InvalidTimeToLive",
            "InvalidSasValidityDuration",
            "InvalidBaseModel",
            "InvalidModelUri",
            "ModelDeprecated",
            "ModelMismatch",
            "NoUtf8WithBom",
            "OnlyOneOfUrlsOrContainerOrDataset",
            "ExceededNumberOfRecordingsUris",
            "UnsupportedFilter",
            "UnsupportedPagination",
        )
    ),
    "InvalidLocale": Fault(error=BadInput, advice="see https://aka.ms/speech/locales for the locales"),
    **dict(
        _rows(Fault(error=BadInput, advice=_LANGUAGE), "NoLanguageIdentified", "MultipleLanguagesIdentified")
    ),
    **dict(
        _rows(
            Fault(
                error=BadInput,
                advice="send WAV, FLAC, MP3, OGG or WebM, not damaged (M4A is not always read), of one channel where speakers are "
                "told apart; write it anew as FLAC, as with ffmpeg -i IN -ac 1 OUT.flac",
            ),
            "InvalidAudioFormat",
            "EmptyAudioFile",
            "InvalidData",
        )
    ),
    "AudioLengthLimitExceeded": Fault(error=BadInput, advice="cut it into parts"),
    "LimitExceeded": Fault(error=BadInput, advice="cut it into parts"),
    **dict(
        _rows(
            Fault(error=BadInput, advice=_CHANNELS),
            "BadChannelConfiguration",
            "InvalidChannelSpecification",
            "InvalidChannels",
        )
    ),
    **dict(
        _rows(
            Fault(error=AuthFailed, advice=_READER),
            "InaccessibleCustomerStorage",
            "InvalidRecordingsUri",
            "InvalidUri",
        )
    ),
    **dict(_rows(Fault(error=AuthFailed), "InvalidPermissions", "SubscriptionNotFound")),
    "InvalidSubscription": Fault(
        error=AuthFailed, advice="batch and fast transcription need a resource of the standard tier (S0)"
    ),
    **dict(_rows(Fault(error=QuotaExhausted), "QuotaViolation", "SkuLimitsExist")),
    **dict(
        _rows(Fault(error=Unavailable), "InternalCommunicationFailed", "UnexpectedError", "PipelineError")
    ),
    # ---- Blob
    **dict(
        _rows(
            Fault(error=AuthFailed, advice=_WRITER),
            "AuthenticationFailed",
            "AuthorizationFailure",
            "AuthorizationPermissionMismatch",
            "AuthorizationProtocolMismatch",
            "AuthorizationServiceMismatch",
            "AuthorizationResourceTypeMismatch",
            "AuthorizationSourceIPMismatch",
            "InsufficientAccountPermissions",
            "InvalidAuthenticationInfo",
            "NoAuthenticationInformation",
            "PublicAccessNotPermitted",
        )
    ),
    "AccountIsDisabled": Fault(error=AuthFailed, advice="the storage account is disabled; enable it"),
    **dict(_rows(Fault(error=BadInput, advice=_CONTAINER), "ContainerNotFound", "ContainerBeingDeleted")),
    "BlobNotFound": Fault(error=BadInput, advice="the recording or the result is no longer there"),
    **dict(
        _rows(
            Fault(error=BadInput),
            "BlobImmutableDueToPolicy",
            "InvalidBlobType",
            "LeaseIdMissing",
            "RequestBodyTooLarge",
            "SnapshotsPresent",
        )
    ),
    "OperationTimedOut": Fault(error=Unavailable),
    "AccountBeingCreated": Fault(error=Throttled),
}

_XML = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<\?xml\b[^>]*\?>\s*<Error>(.{0,20000})", re.DOTALL)
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<\r\n]{0,1000})")


def blob_error(reply: HttpReply) -> tuple[list[str], str] | None:
    """Code and message of an error of Blob's; None for other answers.

    The header says the code too, also where there is no body. Of the message only its first line is told: the others
    repeat ids, and what stands behind it (``AuthenticationErrorDetail``) repeats what was signed.
    """
    header = reply.headers.get("x-ms-error-code", "")
    found = _XML.match(reply.content)
    if found is None and (not header or reply.content.lstrip()[:1] == b"{"):
        return None
    body = b"" if found is None else found.group(1)
    code = _CODE.search(body)
    message = _MESSAGE.search(body)
    name = header or (code.group(1).decode("ascii") if code else "")
    text = message.group(1).decode("utf-8", "replace") if message else ""
    return ([name] if name else []), text
