"""Real photos to try the broker on, from packages the extra ``demo`` declares; nothing is downloaded.

The packages are only located, not imported: their wheels hold the photos as files.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

COMMAND = "pip install 'mlbroker[demo]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo in a package.

    :param module: the package's import name.
    :param path: within the package.
    :param licence: as the package states it for this photo.
    """

    module: str
    path: str
    licence: str


PHOTOS = (
    Photo(module="skimage", path="data/chelsea.png", licence="CC0, Stefan van der Walt"),
    Photo(module="skimage", path="data/coffee.png", licence="CC0, Rachel Michetti"),
    Photo(module="skimage", path="data/camera.png", licence="CC0, Lav Varshney"),
    Photo(module="skimage", path="data/rocket.jpg", licence="public domain, SpaceX"),
    Photo(module="sklearn", path="datasets/images/china.jpg", licence="CC BY 2.0, danielbuechele"),
    Photo(module="sklearn", path="datasets/images/flower.jpg", licence="CC BY 2.0, vultilion"),
)
"""A cat, a cup of coffee, a man with a camera, a rocket, a palace, a flower."""

PORTRAIT = Photo(module="skimage", path="data/astronaut.png", licence="public domain, NASA")
"""For vision.detect_faces."""

PAGE = Photo(module="skimage", path="data/page.png", licence="none of its own; the package is BSD-3-Clause")
"""For vision.detect_text: a few lines of print."""


def sample_photos() -> list[Path]:
    """Paths of those of :data:`PHOTOS` that are installed.

    Raises SystemExit with the command that installs them when there are none.
    """
    found = [path for path in map(_path, PHOTOS) if path is not None]
    if not found:
        raise SystemExit(f"The sample photos are not installed; type: {COMMAND}")
    return found


def locate(photo: Photo) -> Path:
    """Where the photo lies on this machine. Raises SystemExit with the command that installs it."""
    path = _path(photo)
    if path is None:
        raise SystemExit(f"The sample photo {photo.module}/{photo.path} is not installed; type: {COMMAND}")
    return path


def _path(photo: Photo) -> Path | None:
    spec = importlib.util.find_spec(photo.module)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / photo.path
    return path if path.is_file() else None


if __name__ == "__main__":
    for each in sample_photos():
        print(each)
