"""Places as people see the picture: truths are of the upright picture, some providers' answers of the stored one."""

from __future__ import annotations

from broker.types.geometry import Box, Frame


def upright(box: Box, frame: Frame | None) -> Box:
    """The same place in the upright picture.

    Where the provider says that its places are of the pixels as they are stored, they are turned as EXIF says (CIPA DC-008,
    tag 0x0112). Where it does not say, they stay as they are.
    """
    if frame is None or frame.upright is not False or frame.orientation in (None, 1):
        return box
    left, top, width, height = box.left, box.top, box.width, box.height
    right, bottom = 1.0 - left - width, 1.0 - top - height
    turned = {
        2: (right, top, width, height),
        3: (right, bottom, width, height),
        4: (left, bottom, width, height),
        5: (top, left, height, width),
        6: (bottom, left, height, width),
        7: (bottom, right, height, width),
        8: (top, right, height, width),
    }.get(frame.orientation or 1, (left, top, width, height))
    return Box(left=max(0.0, turned[0]), top=max(0.0, turned[1]), width=turned[2], height=turned[3])
