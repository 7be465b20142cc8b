"""What the tests of the local provider share: a cache folder of their own, drawn pictures, the data sets."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from broker.contract import Context
from broker.contract.context import Http
from broker.types import Image
from broker_local import LocalAdapter, LocalSettings

DATASETS = Path(os.environ.get("MLBROKER_TEST_DATASETS", Path(__file__).parents[2] / "../shared/datasets"))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The graph is built once for all tests, and the user's own cache stays as it is."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "mlbroker"


@pytest.fixture
def adapter() -> LocalAdapter:
    return LocalAdapter(LocalSettings())


@pytest.fixture
def context() -> Context:
    """Of a call to which time and network mean nothing."""
    return Context(call_id="c1", attempt=1, operation="", http=cast("Http", object()), remaining=lambda: 60.0)


@pytest.fixture
def drawn() -> Callable[..., Image]:
    """Lines of black print on white, as a picture file."""

    def draw(
        *lines: str, size: tuple[int, int] = (700, 240), format: str = "PNG", turn: Any = None, **save: Any
    ) -> Image:
        from PIL import Image as pillow
        from PIL import ImageDraw, ImageFont

        picture = pillow.new("RGB", size, "white")
        pen = ImageDraw.Draw(picture)
        for number, line in enumerate(lines):
            pen.text((40, 40 + 80 * number), line, fill="black", font=ImageFont.load_default(size=40))
        if turn is not None:
            picture = picture.transpose(turn)
        out = io.BytesIO()
        picture.save(out, format=format, **save)
        return Image.from_bytes(out.getvalue())

    return draw


@pytest.fixture
def dataset() -> Callable[[str], Path]:
    """The folder of a data set; the test is skipped where it is not."""

    def find(name: str) -> Path:
        folder = DATASETS / name
        if not folder.is_dir():
            pytest.skip(
                f"the data set {name} is not here; set MLBROKER_TEST_DATASETS to the data sets' folder"
            )
        return folder

    return find
