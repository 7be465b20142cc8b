"""From a chart's specification to an SVG that can stand in the page: no script, no style, named for screen readers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from broker.errors import NotConfigured
from broker.report.model import Standing
from broker.report.style import GREY, STANDINGS
from broker.types.markup import harmless

if TYPE_CHECKING:
    from types import ModuleType

_SVG = "http://www.w3.org/2000/svg"
_MISSING = "the report's page needs the extra 'report': pip install 'mlbroker[report]'; --markdown and --json need nothing"
_HATCHED = {STANDINGS[Standing.BEATEN]: ("M0,8 L8,0", 8), GREY: ("M4,5 L6,5", 10)}
"""Lines drawn over a filled area, by its colour, so that it is known without it."""


def altair() -> ModuleType:
    """The library that charts are described with. Raises :class:`~broker.errors.NotConfigured` naming the extra."""
    try:
        import altair as found
        import vl_convert as _  # noqa: F401 # it would be missed only after the work
    except ImportError as error:
        raise NotConfigured(f"{_MISSING} ({error.name or error} is missing)") from None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart twice: for wide pages and print, and for phones.

    :param wide: SVG elements, as text; ``narrow``: the same content with other proportions.
    :param said: what is seen, in words.
    """

    wide: str
    narrow: str
    said: str


def drawn(wide: Mapping[str, Any], narrow: Mapping[str, Any], said: str, name: str) -> Drawing:
    """Both sizes of a chart.

    :param name: unique in the page; ids inside begin with it.
    """
    return Drawing(wide=_svg(wide, said, f"{name}-w"), narrow=_svg(narrow, said, f"{name}-n"), said=said)


def _svg(specification: Mapping[str, Any], said: str, name: str) -> str:
    import vl_convert

    # It is static and ours, and fetches nothing: all values are inside.
    text = vl_convert.vegalite_to_svg(dict(specification), allowed_base_urls=[])
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(text)  # noqa: S314 # made by vl-convert in this process
    _quiet(root)
    _renamed(root, name)
    _hatch(root, name)
    root.set("role", "img")
    root.set("aria-label", harmless(said))
    root.set("focusable", "false")
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    return ElementTree.tostring(root, encoding="unicode")


def _quiet(root: ElementTree.Element) -> None:
    """One picture with one name: what is inside says nothing by itself, follows nothing and runs nothing."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}script", f"{{{_SVG}}}style", f"{{{_SVG}}}foreignObject"):
                parent.remove(child)
        for key in list(parent.attrib):
            bare = key.rpartition("}")[2]
            if bare.startswith(("aria-", "on")) or bare in (
                "role",
                "href",
                "style",
                "class",
                "pointer-events",
            ):
                del parent.attrib[key]


def _renamed(root: ElementTree.Element, name: str) -> None:
    """Ids are unique in a page."""
    numbers = itertools.count(1)
    known = {each.attrib["id"]: f"{name}-{next(numbers)}" for each in root.iter() if "id" in each.attrib}
    for each in root.iter():
        for key, value in each.attrib.items():
            if key == "id":
                each.set(key, known[value])
            elif value.startswith("url(#") and value.endswith(")"):
                each.set(key, f"url(#{known.get(value[5:-1], value[5:-1])})")


def _hatch(root: ElementTree.Element, name: str) -> None:
    """Half transparent areas of a hatched colour get lines over them."""
    used: dict[str, str] = {}
    for parent in list(root.iter()):
        for place, child in reversed(list(enumerate(parent))):
            fill = child.get("fill", "")
            if fill not in _HATCHED or child.get("fill-opacity") is None:
                continue
            pattern = used.setdefault(fill, f"{name}-hatch{len(used)}")
            over = ElementTree.Element(
                child.tag, {k: v for k, v in child.attrib.items() if not k.startswith("stroke")}
            )
            over.set("fill", f"url(#{pattern})")
            over.set("fill-opacity", "1")
            parent.insert(place + 1, over)
    definitions = ElementTree.Element(f"{{{_SVG}}}defs")
    for fill, pattern in used.items():
        lines, size = _HATCHED[fill]
        tile = ElementTree.SubElement(
            definitions,
            f"{{{_SVG}}}pattern",
            {"id": pattern, "width": str(size), "height": str(size), "patternUnits": "userSpaceOnUse"},
        )
        ElementTree.SubElement(
            tile,
            f"{{{_SVG}}}path",
            {"d": lines, "stroke": fill, "stroke-width": "1", "stroke-opacity": "0.55"},
        )
    if used:
        root.insert(0, definitions)
