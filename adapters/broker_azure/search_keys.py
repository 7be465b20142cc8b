"""Document ids as Azure AI Search's keys and back.

A key has letters, digits, ``_``, ``-`` and ``=``, 1,024 at most, and does not begin with ``_``
(learn.microsoft.com/rest/api/searchservice/naming-rules, which advises URL-safe Base64 for anything else). An id that is
a key goes as it is; any other, a file's path for instance, becomes ``b64=`` and the Base64 of its UTF-8. So two ids never
share a key, and keys that others have put into the index stay what they are.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

LONGEST = 1024
_CODED = "b64="
_KEY = re.compile(r"[A-Za-z0-9=-][A-Za-z0-9_=-]*", re.ASCII)


def key_of(given: str) -> str | None:
    """The key; None for an id that would make too long a one, so that no document can have it."""
    if _KEY.fullmatch(given) and not given.startswith(_CODED):
        key = given
    else:
        key = _CODED + urlsafe_b64encode(given.encode()).decode("ascii").rstrip("=")
    return key if len(key) <= LONGEST else None


def id_of(key: str) -> str:
    """The id behind a key; the key itself where it is none of ours."""
    if not key.startswith(_CODED):
        return key
    coded = key[len(_CODED) :]
    try:
        found = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        return key
    return found if key_of(found) == key else key
