"""A picture in its serialized request, copied once.

Through the generated classes a picture is copied twice, into the message and out of it again, and both copies are new
memory. Its place is fixed, so it is written around it: ``requests`` is field 1 of BatchAnnotateImagesRequest, ``image``
field 1 of AnnotateImageRequest, ``content`` field 1 of Image, each a tag, a length and the bytes. Source:
google/cloud/vision/v1/image_annotator.proto and https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

_FIRST = b"\x0a"
"""Tag of field 1, of a type that has a length."""


def batch_of_one(picture: bytes, rest: bytes) -> bytes:
    """A serialized BatchAnnotateImagesRequest.

    :param rest: its one AnnotateImageRequest, serialized without the picture.
    """
    content = _FIRST + _length(len(picture))
    image = _FIRST + _length(len(content) + len(picture)) + content
    return b"".join(
        (_FIRST, _length(len(image) + len(picture) + len(rest)), image, picture, rest),
    )


def _length(number: int) -> bytes:
    """A varint: seven bits a byte, the lowest first; all but the last with the high bit."""
    if 0x7F < number <= 0x3FFF:  # the usual sizes of a picture, without a loop
        return bytes((number & 0x7F | 0x80, number >> 7))
    if 0x3FFF < number <= 0x1FFFFF:
        return bytes((number & 0x7F | 0x80, number >> 7 & 0x7F | 0x80, number >> 14))
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
