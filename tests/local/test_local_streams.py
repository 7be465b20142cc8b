"""Streams on this machine: phrases are final when they are over, long ones too, in flat memory."""

from __future__ import annotations

import sys
import tracemalloc
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, NotConfigured, Unsupported
from broker.contract import Context
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest

np = pytest.importorskip("numpy", reason="numpy is not installed (extra: local-speech)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: local-speech)")

from broker_local import listening, moonshine, needs, phrasing  # noqa: E402 - behind what they import

RATE = 16_000
RNG = np.random.default_rng(11)


def speech(seconds: float, *, rate: int = RATE, loud: float = 0.2) -> Any:
    """What goes up and down as syllables do, five a second, with a little noise."""
    time = np.arange(int(seconds * rate)) / rate
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 5 * time)
    return (loud * swell * np.sin(2 * np.pi * 220 * time) + RNG.normal(0, 1e-4, len(time))).astype(np.float32)


def quiet(seconds: float, *, rate: int = RATE, noise: float = 1e-4) -> Any:
    return RNG.normal(0, noise, int(seconds * rate)).astype(np.float32)


def found(samples: Any, *, rate: int = RATE, block: int = 1600) -> list[tuple[float, float, float]]:
    """Of each phrase: when its sound begins and ends, and how much had been heard when it was final; in seconds."""
    phrases = phrasing.Phrases(rate)
    out = []
    for place in range(0, len(samples), block):
        for each in phrases.hear(samples[place : place + block]):
            out.append((each.begin / rate, each.end / rate, phrases.heard / rate))
    out.extend((each.begin / rate, each.end / rate, phrases.heard / rate) for each in phrases.rest())
    return out


def close(one: float, other: float, within: float = 0.06) -> bool:
    return abs(one - other) <= within


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("block", [160, 1600, 44_100])
def test_a_phrase_is_final_half_a_second_after_it(rate: int, block: int) -> None:
    sound = np.concatenate(
        [
            quiet(1, rate=rate),
            speech(2, rate=rate),
            quiet(2, rate=rate),
            speech(3, rate=rate),
            quiet(1, rate=rate),
        ]
    )
    one, two = found(sound, rate=rate, block=block)
    assert close(one[0], 1)
    assert close(one[1], 3)
    assert close(two[0], 5)
    assert close(two[1], 8)
    heard_late = block / rate
    assert one[2] - one[1] <= phrasing.PAUSE + 0.06 + heard_late
    assert two[2] - two[1] <= phrasing.PAUSE + 0.06 + heard_late


def test_in_a_noisy_room_too() -> None:
    noise = RNG.normal(0, 0.01, RATE * 20).astype(np.float32)  # 26 dB below the voice's loudest
    sound = np.concatenate([quiet(4), speech(3), quiet(3), speech(2), quiet(3)])
    sound = sound + noise[: len(sound)]
    phrases = [each for each in found(sound) if each[1] > 3.5]
    assert len(phrases) == 2
    assert close(phrases[0][1], 7, 0.3)
    assert phrases[0][2] < 8.5, "not only when 15 s have gone by"


def test_one_who_does_not_pause_is_cut_at_the_quietest_place_of_fifteen_seconds() -> None:
    sound = speech(40)
    phrases = found(np.concatenate([sound, quiet(1)]))
    assert len(phrases) >= 3
    for (_, end, _), (begin, _, _) in pairwise(phrases):
        assert close(end, begin, 0.25), "nothing is lost between them"
    assert all(end - begin <= 15.1 for begin, end, _ in phrases)


def test_silence_and_a_steady_hum_are_no_phrases() -> None:
    assert found(quiet(60)) == []
    hum = (0.02 * np.sin(2 * np.pi * 50 * np.arange(RATE * 60) / RATE)).astype(np.float32)
    assert len(found(hum)) <= 1, "the first seconds may be one: what the room is like is not known yet"


def test_memory_is_flat() -> None:
    phrases = phrasing.Phrases(RATE)

    def hear(seconds: int) -> None:
        for number in range(seconds):
            for _ in phrases.hear(speech(1) if number % 7 else quiet(1)):
                pass

    hear(35)
    tracemalloc.start()
    hear(35)
    before, _ = tracemalloc.get_traced_memory()
    hear(350)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 200_000
    assert peak < 8_000_000, "some copies of the fifteen seconds that a phrase has at most"


# ---------------------------------------------------------------- results


class Pieces:
    """Sound as an adapter is given it."""

    def __init__(self, samples: Any, clock: list[float]) -> None:
        self._data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        self._place = 0
        self._clock = clock

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._data[self._place : self._place + 3200]
        self._place += 3200
        self._clock[0] += 0.1
        if not piece:
            raise StopIteration
        return piece

    def when_left(self, interrupt: Any) -> None: ...


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Without the model: the lengths of the pieces it would be given."""
    lengths: list[int] = []

    def recognize(samples: Any) -> str:
        lengths.append(len(samples))
        return f"{len(samples) / RATE:.1f} s."

    monkeypatch.setattr(moonshine, "recognize", recognize)
    return lengths


def events(samples: Any, *, takes: float = 0.0, **more: Any) -> list[StreamEvent]:
    """In real time, by a clock of its own; recognising takes so many seconds."""
    nothing: Any = None
    clock = [0.0]
    context = Context(call_id="1", attempt=1, operation="", http=nothing, remaining=lambda: 60.0)
    sound = Pieces(samples, clock)
    out = []
    request = StreamRequest(sound=SoundFormat(), **more)
    for each in listening.listen(request, sound, context, lambda: clock[0]):
        clock[0] += takes
        out.append(each)
    return out


@pytest.mark.usefixtures("heard")
def test_partial_results_come_about_every_second_of_a_phrase_and_then_the_final_one() -> None:
    found = events(np.concatenate([speech(3.5), quiet(2), speech(1.7), quiet(1)]))
    assert [each.final for each in found] == [False, False, False, True, False, True]
    starts = [each.segment.start_ms or 0 for each in found]
    assert starts == sorted(starts)
    assert all(each.segment.words is None and each.segment.confidence.value is None for each in found)
    assert [each.final for each in events(speech(3.5), partials=False)] == [True]


@pytest.mark.usefixtures("heard")
def test_a_slow_machine_gives_fewer_partial_results_and_all_final_ones() -> None:
    sound = np.concatenate([speech(6), quiet(1)] * 3)
    quick, slow = events(sound), events(sound, takes=3.0)
    assert sum(each.final for each in quick) == sum(each.final for each in slow) == 3
    assert sum(not each.final for each in slow) < sum(not each.final for each in quick)


def test_what_is_no_word_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moonshine, "recognize", lambda _: " .")
    assert events(np.concatenate([speech(3), quiet(1)])) == []


def test_without_the_extra_it_says_what_to_install_with_nothing_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "broker_local.moonshine", None)
    monkeypatch.delattr("broker_local.moonshine", raising=False)
    with Broker(provider="local") as broker:
        with pytest.raises(NotConfigured, match="local-speech"):
            list(broker.transcription.stream([b"\0" * 32_000]))
        with pytest.raises(Unsupported, match="takes en"):
            list(broker.transcription.stream([b"\0" * 32_000], language="de"))


# ---------------------------------------------------------------- real speech


@pytest.fixture(scope="module")
def model() -> None:
    if absent := needs.missing("local-speech"):
        pytest.skip(f"{', '.join(absent)} is not installed (extra: local-speech)")


@pytest.mark.usefixtures("model")
def test_a_real_clip_through_the_public_client(datasets_folder: Path) -> None:
    clip = datasets_folder / "transcription" / "mixed-english" / "wav" / "lj_LJ001-0030.wav"
    with wave.open(str(clip), "rb") as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    chunks = [data[place : place + 4000] for place in range(0, len(data), 4000)]
    with Broker(provider="local") as broker:
        stream = broker.transcription.stream(chunks, sample_rate=rate, partials=False, language="en")
        finals = list(stream)
        text = stream.transcript().text.lower()
        assert "roman character not only in italy" in text
        assert all(each.final for each in finals)
        assert stream.cost.amount == 0
        assert stream.milliseconds == -(-len(data) // 2 * 1000 // rate)
        assert stream.provenance.model_version == moonshine.VERSION
        assert len(stream.result.attempts) == 1
