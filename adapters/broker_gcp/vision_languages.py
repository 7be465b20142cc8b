"""The languages that Vision's text detection takes as hints, and how a BCP-47 tag becomes one.

Source: cloud.google.com/vision/docs/languages, state of 2026-04-08. An unlisted hint is refused by the service.
"""

from __future__ import annotations

_SUPPORTED = """
af sq ar hy be bn bg ca zh hr cs da nl en et fil fi fr de el gu iw hi hu is id it ja kn km ko lo lv lt mk ms ml mr ne
no fa pl pt pa ro ru ru-PETR1708 sr sr-Latn sk sl es sv tl ta te th tr uk vi yi
"""
_EXPERIMENTAL = """
am grc as az az-Cyrl eu bs my ceb chr dv dz eo gl ka ht ga jv kk ky la mt mn or ps sa si sw syr bo ti ur uz uz-Cyrl cy
zu
"""
_MAPPED = """
ace ach ada ak alg arn ast ath ay ban bm bnt ba btk bem bik bi br ce zh-Hans zh-Hant zh-Hant-HK cho cv cr mus crh dak
dua efi en-GB ee fo fj fon fr-CA ff gaa lg gay gil got gn ha haw hz hil iba ig ilo kab kac kl kam kr kaa kha ki rw kv
kg kos kj ln nds loz lu luo mad mg man gv mi mh men enm gmh min moh lol nah nv ng niu nd nso ny nyn tog nzi oc oj ang
fro goh non pro os pam pag pap pt-PT qu rm rom rn sah sm sg sco gd sn son st es-419 su ss ty tg tt tem to ts tn tk udm
ve vot fy wo xh yo zap
"""
_CODES = {code.lower(): code for code in f"{_SUPPORTED} {_EXPERIMENTAL} {_MAPPED}".split()}
_OTHERS = {
    "he": "iw",
    "nb": "no",
    "nn": "no",
    "zh-cn": "zh-Hans",
    "zh-sg": "zh-Hans",
    "zh-tw": "zh-Hant",
    "zh-mo": "zh-Hant",
    "zh-hk": "zh-Hant-HK",
}
"""Today's tags for what Vision calls by another one."""
_TODAY = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv"}
"""Withdrawn language codes that Google still uses, and the ones in force (IANA language subtag registry)."""

LANGUAGES = tuple(sorted({*_CODES.values(), "he", "nb", "nn"} - {"iw"}))
"""BCP-47 tags that ``language=`` takes."""


def hint(tag: str) -> str:
    """Vision's code for a tag of :data:`LANGUAGES` or a longer one: the longest that is listed."""
    parts = tag.lower().split("-")
    for size in range(len(parts), 0, -1):
        known = "-".join(parts[:size])
        code = _OTHERS.get(known) or _CODES.get(known)
        if code is not None:
            return code
    return tag  # admission has refused it already


def spoken(code: str) -> str | None:
    """The BCP-47 tag for a code of Vision's; None for ``und``, by which it says that it does not know."""
    if not code or code == "und":
        return None
    primary, dash, rest = code.partition("-")
    return f"{_TODAY.get(primary, primary)}{dash}{rest}"
