"""The cell of transcription.stream at Amazon Transcribe."""

from __future__ import annotations

from broker.contract import OperationSpec, StreamLimits, streamed_seconds
from broker.types import SpeechOption
from broker_aws.settings import STREAMS

EXTENSIONS = (
    "aws_vocabulary_name",
    "aws_vocabulary_filter_name",
    "aws_vocabulary_filter_method",
    "aws_language_model_name",
    "aws_partial_results_stability",
)
OPTIONS = frozenset({SpeechOption.CANDIDATES, SpeechOption.DIARIZE})
_LANGUAGES = (
    "en-US en-GB es-US fr-CA fr-FR en-AU it-IT de-DE pt-BR ja-JP ko-KR zh-CN th-TH es-ES ar-SA pt-PT ca-ES ar-AE hi-IN "
    "zh-HK nl-NL no-NO sv-SE pl-PL fi-FI zh-TW en-IN en-IE en-NZ en-AB en-ZA en-WL de-CH af-ZA eu-ES hr-HR cs-CZ da-DK "
    "fa-IR gl-ES el-GR he-IL id-ID lv-LV ms-MY ro-RO ru-RU sr-RS sk-SK so-SO tl-PH uk-UA vi-VN zu-ZA"
)
LANGUAGES = tuple(_LANGUAGES.split())
"""``LanguageCode`` of aws-sdk-cpp 1.11.643, transcribestreaming."""

SPEC = OperationSpec(
    operation="transcription.stream",
    service=STREAMS,
    sku="aws.transcribe.streaming",
    meter=streamed_seconds,
    limits=StreamLimits(
        rates=(8_000, 48_000),
        longest=4 * 3600.0,
        pace=1.0,
        source="https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html and .../streaming.html",
    ),
    languages=LANGUAGES,
    needs_language=True,
    options=OPTIONS,
    extensions=EXTENSIONS,
    unproven=True,
    notes=(
        "StartStreamTranscription by WebSocket: words with times, and of final results with confidences; language, or "
        "at least two candidates, is needed; sound is sent as fast as it is spoken; send silence where nobody speaks: "
        "after 15 s without any sound the service ends the stream; a stream lasts at most 4 hours"
    ),
)
