"""Speech on this machine: real clips, cut at pauses, in flat memory, and honest about what it has not."""

from __future__ import annotations

import io
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, DeadlineExceeded, NotConfigured, Unsupported
from broker.contract import Context
from broker.types import Audio, TranscribeRequest

np = pytest.importorskip("numpy", reason="numpy is not installed (extra: local-speech)")
soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed (extra: local-speech)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: local-speech)")

from broker_local import moonshine, needs, pauses, sound, speech  # noqa: E402 - behind what they import

RATE = 16_000
RNG = np.random.default_rng(7)


def tone(seconds: float, *, rate: int = RATE, pitch: float = 300.0) -> Any:
    return (np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate) / 2).astype(np.float32)


def quiet(seconds: float, *, rate: int = RATE) -> Any:
    return np.zeros(int(seconds * rate), dtype=np.float32)


def written(samples: Any, rate: int = RATE, **kind: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, **(kind or {"format": "WAV", "subtype": "PCM_16"}))
    return out.getvalue()


def context(remaining: Iterator[float] | None = None) -> Context:
    nothing: Any = None
    left = remaining if remaining is not None else iter(lambda: 60.0, None)
    return Context(
        call_id="1",
        attempt=1,
        operation="transcription.transcribe",
        http=nothing,
        remaining=lambda: next(left),
    )


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Without the model: the lengths of the pieces it would be given."""
    lengths: list[int] = []

    def recognize(samples: Any) -> str:
        lengths.append(len(samples))
        return f"Piece {len(lengths)}."

    monkeypatch.setattr(moonshine, "recognize", recognize)
    return lengths


def transcribe(data: bytes) -> Any:
    return speech.transcribe(TranscribeRequest(audio=Audio.load(data)), context()).payload


@pytest.fixture(scope="module")
def model() -> None:
    if absent := needs.missing("local-speech"):
        pytest.skip(f"{', '.join(absent)} is not installed (extra: local-speech)")


@pytest.fixture(scope="module")
def clip(datasets_folder: Path) -> Path:
    return datasets_folder / "transcription" / "mixed-english" / "wav" / "lj_LJ001-0030.wav"


@pytest.mark.local_models
@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG"])
def test_a_sentence_is_heard_whatever_it_is_wrapped_in(clip: Path, kind: str) -> None:
    samples, rate = soundfile.read(clip, dtype="float32")
    data = written(samples, rate, format=kind)
    with Broker(provider="local", deadline=120) as broker:
        result = broker.transcription.transcribe(data, language="en-US")
    assert "roman character not only in italy" in result.value.text.lower()
    (segment,) = result.value.segments
    assert segment.words is None
    assert segment.confidence.value is None
    assert 0 <= segment.start_ms < segment.end_ms <= result.value.duration_ms
    assert result.value.languages[0].language == "en"
    assert result.cost.amount == 0
    assert result.attempts[0].usage[0].quantity * 1000 == Audio.load(data).milliseconds


@pytest.mark.local_models
@pytest.mark.usefixtures("model")
def test_another_rate_and_two_channels_are_heard_alike(clip: Path) -> None:
    samples, _ = soundfile.read(clip, dtype="float32")
    up = sound.resampled(samples, RATE, 44_100)
    plain = transcribe(clip.read_bytes())
    stereo = transcribe(written(np.stack([up, up], axis=1), 44_100))
    assert stereo.text == plain.text


@pytest.mark.local_models
@pytest.mark.usefixtures("model")
def test_a_long_recording_is_cut_between_sentences(clip: Path) -> None:
    folder = clip.parent
    clips = [soundfile.read(folder / f"lj_LJ001-00{n}.wav", dtype="float32")[0] for n in (25, 30, 31, 36)]
    whole = np.concatenate([each for clip in clips for each in (clip, quiet(0.6))])
    value = transcribe(written(whole))
    assert len(value.segments) >= 3
    for words in ("pleasanter and easier to read", "in germany and france", "printing in the monastery"):
        assert words in value.text.lower()
    times = [(each.start_ms, each.end_ms) for each in value.segments]
    assert all(one[1] <= other[0] for one, other in pairwise(times))
    assert times[-1][1] <= value.duration_ms
    assert value.to_srt().count("-->") == len(value.segments)


@pytest.mark.local_models
@pytest.mark.usefixtures("model")
def test_what_is_silent_says_nothing() -> None:
    value = transcribe(written(quiet(3.0)))
    assert (value.text, value.segments) == ("", ())
    assert value.duration_ms == 3000


def test_weights_that_are_not_there_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needs, "_found", lambda module: module != "moonshine_voice")
    assert needs.missing("local-speech") == ("moonshine-voice",)
    (told,) = [each for each in needs.lacking() if "recordings" in each]
    assert "pip install 'mlbroker[local-speech]'" in told
    elsewhere = moonshine.Pinned(
        module="no_such_package", place=("x.ort",), sha256="", command="pip install it"
    )
    with pytest.raises(NotConfigured, match="pip install it"):
        elsewhere.read()


def test_another_language_is_refused() -> None:
    with Broker(provider="local") as broker, pytest.raises(Unsupported, match="it takes en"):
        broker.transcription.transcribe(written(tone(1.0)), language="de")


def test_what_cannot_be_decoded_is_bad_input() -> None:
    data = written(tone(1.0), format="FLAC")
    with pytest.raises(speech.sound.BadInput, match="cannot be decoded"):
        transcribe(data[:42] + bytes(len(data) - 42))


def test_times_are_where_sound_sets_in_and_ends(heard: list[int]) -> None:
    value = transcribe(written(np.concatenate([quiet(1.0), tone(2.0), quiet(1.0)])))
    (segment,) = value.segments
    assert abs(segment.start_ms - 1000) <= 20
    assert abs(segment.end_ms - 3000) <= 20


def test_a_cut_is_made_in_the_pause_and_loses_nothing(heard: list[int]) -> None:
    parts = [tone(9.0), quiet(0.5), tone(9.0), quiet(0.5), tone(9.0)]
    value = transcribe(written(np.concatenate(parts)))
    assert sum(heard) == sum(len(each) for each in parts)
    due = [(0, 9000), (9500, 18_500), (19_000, 28_000)]
    assert len(value.segments) == len(due)
    for segment, (start, end) in zip(value.segments, due, strict=True):
        assert abs(segment.start_ms - start) <= 20
        assert abs(segment.end_ms - end) <= 20


def test_without_a_pause_no_piece_is_longer_than_the_model_takes(heard: list[int]) -> None:
    noise = RNG.normal(0, 0.1, 60 * RATE).astype(np.float32)
    transcribe(written(noise))
    assert sum(heard) == 60 * RATE
    assert max(heard) <= pauses.LONGEST * RATE
    assert min(heard) >= RATE // 100


def test_an_hour_takes_no_more_memory_than_minutes(heard: list[int], tmp_path: Path) -> None:
    minute = np.concatenate([tone(9.5), quiet(0.5)] * 6)

    def peak(minutes: int) -> int:
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        tracemalloc.start()
        try:
            speech.transcribe(TranscribeRequest(audio=Audio.load(path)), context())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(2), peak(60)
    assert sum(heard) == 62 * 60 * RATE
    assert many < few + 1_000_000, "the segments' texts, and no samples"


def test_the_deadline_is_looked_at_before_each_piece(heard: list[int]) -> None:
    data = written(np.concatenate([tone(9.0), quiet(0.5)] * 4))
    request = TranscribeRequest(audio=Audio.load(data))
    with pytest.raises(DeadlineExceeded, match=r"of 38 s were transcribed"):
        speech.transcribe(request, context(iter([5.0, 3.0, 0.0])))
    assert len(heard) == 2


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_another_rate(rate: int) -> None:
    made = sound.resampled(tone(1.0, rate=rate), rate, RATE)
    due = tone(1.0)
    assert abs(len(made) - RATE) <= 1
    middle = slice(500, RATE - 500)
    assert np.abs(made[middle] - due[middle]).max() < 0.005


def test_what_is_too_high_for_the_rate_does_not_fold_back() -> None:
    made = sound.resampled(tone(1.0, rate=48_000, pitch=11_000.0), 48_000, RATE)
    assert np.abs(made[500:-500]).max() < 0.005


@pytest.mark.parametrize(
    ("tokens", "size"),
    [([5] * 4, 1), ([9, 5, 6, 5, 6, 5, 6, 5, 6], 2), ([5, 5, 5], 0), ([1, 2, 3, 4, 5, 6, 7, 8], 0)],
)
def test_a_decoder_that_repeats_itself_is_noticed(tokens: list[int], size: int) -> None:
    assert moonshine.looping(tokens) == size


def test_tokens_are_text_in_utf8_without_the_special_ones() -> None:
    data = (
        b"\x05<unk>\x03<s>\x04</s>\x06\xe2\x96\x81caf\x02\xc3\xa9\x08<<ST_1>>\x00"
        + bytes([128, 1])
        + b"x" * 128
    )
    words = moonshine.words_of(data)
    assert words[6:] == (b"", b"x" * 128)
    assert moonshine.text_of([1, 3, 4, 5, 2], words) == "café"


@pytest.mark.parametrize("absent", ["soundfile", "onnxruntime", "numpy"])
def test_a_missing_package_is_told_with_the_command_that_installs_it(
    absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tone(1.0))
    for name in ("speech", "sound", "pauses", "moonshine", "runtime"):
        monkeypatch.delitem(sys.modules, f"broker_local.{name}", raising=False)
        monkeypatch.delattr(f"broker_local.{name}", raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    with Broker(provider="local") as broker, pytest.raises(NotConfigured, match="local-speech") as caught:
        broker.transcription.transcribe(data)
    assert absent in str(caught.value)
