"""Print drawn for the tests, of which the true places are known."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image as pillow
from PIL import ImageDraw, ImageFont

from broker.types import Image
from broker_local import text
from broker_local.picture import decode


def words_drawn(lines: Sequence[str], size: int) -> list[float]:
    """Draw lines of print and read them: how much of the true and the found width of each word is shared.

    Words of lines that were not read letter for letter are left out.
    """
    font = ImageFont.load_default(size=size)
    picture = pillow.new("RGB", (1200, 60 + len(lines) * size * 2), "white")
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text((40, 30 + number * size * 2), line, fill="black", font=font)
    file = io.BytesIO()
    picture.save(file, format="PNG")
    read = text._reader.get().read(decode(Image.from_bytes(file.getvalue())))
    shared: list[float] = []
    for line in lines:
        for found in (each for each in read if each.text == line):
            begin = 0
            for word in found.words:
                begin = line.index(word.text, begin)
                start = 40 + pen.textlength(line[:begin], font=font)
                begin += len(word.text)
                end = 40 + pen.textlength(line[:begin], font=font)
                left, right = word.corners[0][0], word.corners[1][0]
                both = max(0.0, min(end, right) - max(start, left))
                shared.append(both / (max(end, right) - min(start, left)))
    return shared
