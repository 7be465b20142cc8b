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

PAGE = Photo(module="skimage", path="data/page.png", licence="BSD-3-Clause, the scikit-image team")
"""For vision.detect_text: a few lines of print."""


def sample_photos() -> list[Path]:
    """Paths of the photos in :data:`PHOTOS`. Raises SystemExit with the command that installs them."""
    return [locate(photo) for photo in PHOTOS]


def locate(photo: Photo) -> Path:
    """Where the photo lies on this machine. Raises SystemExit with the command that installs it."""
    spec = importlib.util.find_spec(photo.module)
    path = Path(spec.origin).parent / photo.path if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise SystemExit(f"The sample photo {photo.module}/{photo.path} is not installed; type: {COMMAND}")
    return path


if __name__ == "__main__":
    for each in sample_photos():
        print(each)
