"""A request whose picture was written around is the one that Google's own classes would write."""

from __future__ import annotations

import pytest

from broker.types import LabelRequest
from broker.types.media import Image

pytest.importorskip("google.cloud.vision_v1")
from broker_gcp import vision
from broker_gcp.framing import batch_of_one


def by_google(picture: bytes, most: int, model: str) -> bytes:
    from google.cloud.vision_v1.types import image_annotator as types

    batch = types.BatchAnnotateImagesRequest.pb()()
    one = batch.requests.add()
    one.image.content = picture
    one.features.add(**vision.shapes().feature, max_results=most, model=model)
    content: bytes = batch.SerializeToString()
    return content


# Where a length begins to take another byte, in each of the three that are written.
SIZES = sorted(
    edge + step for edge in (1, 127, 128, 16_384, 2_097_152) for step in range(-24, 25) if edge + step > 0
)


@pytest.mark.parametrize("size", SIZES)
def test_every_length_is_written_as_google_writes_it(size: int) -> None:
    picture = b"\xff" * size
    rest = vision._wanted(100, "")
    assert batch_of_one(picture, rest) == by_google(picture, 100, "")


def test_the_options_of_a_request_are_in_it() -> None:
    image = Image(data=b"not looked at here", format="jpeg", width=9, height=9)
    options = {"gcp_max_results": 7, "gcp_model": "builtin/latest"}
    wanted = LabelRequest(image=image, extensions=dict(options))
    assert vision.request_bytes(wanted) == by_google(image.data, 7, "builtin/latest")
    assert vision.request_bytes(LabelRequest(image=image)) == by_google(image.data, 100, "")
