"""What is asked of Amazon Transcribe for one recording: the arguments of StartTranscriptionJob.

Sources: the service model ``transcribe/2017-10-26`` of botocore; docs.aws.amazon.com/transcribe/latest/dg: how-input.html
(channels, sample rates), limits-guidelines.html (lengths), pii-redaction-batch.html, lang-id-batch.html.

What the service would refuse is refused here, before anything is stored. Format and sample rate are not told: they may be left
out, and the job fails where they are not what the service finds in the file itself.
"""

from __future__ import annotations

from typing import Any

from broker.contract import AudioLimits
from broker.errors import BadInput, Unsupported
from broker.types import Audio, SpeechOption, TranscribeRequest
from broker_aws import options
from broker_aws.s3 import Place
from broker_aws.transcribe_languages import NOT_FOUND_OUT, REDACTED, code_of

_QUOTAS = "https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html"
LIMITS = AudioLimits(
    formats=("flac", "m4a", "mp3", "ogg", "wav", "webm"),
    max_bytes=2_000_000_000,  # "2 GB", read as the smaller of its two meanings
    max_milliseconds=4 * 3_600_000,
    source=_QUOTAS,
)
OPTIONS = frozenset(
    {
        SpeechOption.CANDIDATES,
        SpeechOption.DIARIZE,
        SpeechOption.MAX_SPEAKERS,
        SpeechOption.CHANNELS,
        SpeechOption.REDACT,
    }
)
VOCABULARY = "aws_vocabulary_name"
FILTER = "aws_vocabulary_filter_name"
FILTER_METHOD = "aws_vocabulary_filter_method"
SEVERAL = "aws_identify_multiple_languages"
EXTENSIONS = (VOCABULARY, FILTER, FILTER_METHOD, SEVERAL)

SPEAKERS = 10
"""``MaxSpeakerLabels`` where the request does not say: the service must be told one, and its console's is 10."""
_SPEAKERS = range(2, 31)
_RATES = range(8_000, 48_001)
_SHORTEST_MS = 500
_MOST_CHANNELS = 2
_METHODS = ("remove", "mask", "tag")


def parameters(request: TranscribeRequest, name: str, place: str, output: Place | None) -> dict[str, Any]:
    """Arguments of ``start_transcription_job``.

    :param name: of the job.
    :param place: of the recording, ``s3://…``.
    :param output: of the result; None: where the service keeps results, for 90 days.
    """
    wanted: dict[str, Any] = {
        "TranscriptionJobName": name,
        "Media": {"MediaFileUri": str(Place.of(place))},
        **asked_of(request),
    }
    if output is not None:
        wanted["OutputBucketName"] = output.bucket
        wanted["OutputKey"] = output.key
    return wanted


def asked_of(request: TranscribeRequest) -> dict[str, Any]:
    """The arguments that do not depend on places. Raises :class:`BadInput` and :class:`Unsupported`."""
    _check_sound(request.audio)
    wanted = _language(request)
    settings = _settings(request)
    if settings:
        wanted["Settings"] = settings
    if ("VocabularyName" in settings or "VocabularyFilterName" in settings) and "LanguageCode" not in wanted:
        raise BadInput(
            f"{VOCABULARY} and {FILTER} are of one language; pass it as language, for none is found out then"
        )
    if request.redact:
        if wanted.get("LanguageCode") not in REDACTED:
            raise Unsupported(
                "Amazon Transcribe leaves out personal data (redact) only where it is told the language, and only in "
                f"{', '.join(REDACTED)}; pass one of these as language, or leave redact out"
            )
        # Only the redacted text: the other one would lie beside it.
        wanted["ContentRedaction"] = {"RedactionType": "PII", "RedactionOutput": "redacted"}
    return wanted


def _check_sound(audio: Audio) -> None:
    def refuse(text: str) -> BadInput:
        return BadInput(f"{audio.name}: {text}")

    if audio.milliseconds < _SHORTEST_MS:
        raise refuse(f"{audio.milliseconds} ms is below the least of {_SHORTEST_MS} ms; add silence to it")
    if audio.channels > _MOST_CHANNELS:
        raise refuse(
            f"Amazon Transcribe takes one or two channels, not {audio.channels}; mix it down, as with ffmpeg -ac 2"
        )
    if audio.sample_rate not in _RATES:
        raise refuse(
            f"Amazon Transcribe takes sample rates from 8,000 to 48,000 Hz, not {audio.sample_rate:,}; resample it, as with "
            "ffmpeg -ar 16000"
        )


def _language(request: TranscribeRequest) -> dict[str, Any]:
    codes = list(dict.fromkeys(code_of(each) for each in request.candidates))
    several = request.extensions.get(SEVERAL, False)
    if not isinstance(several, bool):
        raise BadInput(f"{SEVERAL} is true or false, not {several!r:.80}")
    if request.language is not None:
        if several:
            raise BadInput(
                f"{SEVERAL} finds the languages out; pass candidates, or none, in place of language"
            )
        return {"LanguageCode": code_of(request.language)}
    if len(codes) == 1:
        if several:
            raise BadInput(f"{SEVERAL} looks for two candidates or more; pass the one as language")
        return {"LanguageCode": codes[0]}
    for each in codes:
        if each in NOT_FOUND_OUT:
            raise Unsupported(
                f"Amazon Transcribe does not find {each} out; pass it as language, or leave it out of the candidates"
            )
    wanted: dict[str, Any] = {"IdentifyMultipleLanguages" if several else "IdentifyLanguage": True}
    if codes:
        wanted["LanguageOptions"] = codes
    return wanted


def _settings(request: TranscribeRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if request.diarize:
        most = SPEAKERS if request.max_speakers is None else request.max_speakers
        if most not in _SPEAKERS:
            raise BadInput(f"Amazon Transcribe tells 2 to 30 speakers apart (max_speakers), not {most}")
        found |= {"ShowSpeakerLabels": True, "MaxSpeakerLabels": most}
    if request.channels and request.audio.channels > 1:  # one channel is by itself already
        found["ChannelIdentification"] = True
    said = request.extensions
    if VOCABULARY in said:
        found["VocabularyName"] = options.text(said, VOCABULARY)
    if (FILTER in said) != (FILTER_METHOD in said):
        raise BadInput(f"{FILTER} and {FILTER_METHOD} ({', '.join(_METHODS)}) go together; pass both")
    if FILTER in said:
        method = options.text(said, FILTER_METHOD)
        if method not in _METHODS:
            raise BadInput(f"{FILTER_METHOD} is one of {', '.join(_METHODS)}, not {method!r:.80}")
        found |= {
            "VocabularyFilterName": options.text(said, FILTER),
            "VocabularyFilterMethod": method,
        }
    return found
