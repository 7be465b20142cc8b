"""Document ids as those of Vertex AI Search and back.

Google's have letters, digits, ``-`` and ``_``, 128 at most (its schema names RFC 1034 and the limit; ids in upper case and
with ``_`` are common). An id that is one goes as it is; any other, a file's path for instance, becomes ``b64-`` and the
URL-safe Base64 of its UTF-8. So two ids never share one, ids that others have put into the data store stay what they are, and
what stands in a URL is always one part of it.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

LONGEST = 128
_CODED = "b64-"
_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}", re.ASCII)


def key_of(given: str) -> str | None:
    """Google's id; None where it would be too long, so that no document can have it."""
    if _KEY.fullmatch(given) and not given.startswith(_CODED):
        return given
    key = _CODED + urlsafe_b64encode(given.encode()).decode("ascii").rstrip("=")
    return key if len(key) <= LONGEST else None


def id_of(key: str) -> str:
    """The id behind one of Google's; that itself where it is none of ours."""
    if not key.startswith(_CODED):
        return key
    coded = key[len(_CODED) :]
    try:
        found = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        return key
    return found if key_of(found) == key else key


def id_problem(given: str) -> str:
    """Why this can be no document's id; empty: it can."""
    if key_of(given) is not None:
        return ""
    return (
        f"its id is too long for Vertex AI Search, which takes {LONGEST} letters without accents, digits, - and _; another id "
        "is coded, and has room for 93 bytes"
    )
