"""Sensitive Data Protection (Cloud DLP) over REST: personal data in a text, by content:inspect.

Redaction is made from the same answer: Google's own content:deidentify gives the changed text and counts, but no places
in the given one, has masks of its own, and bills what it transforms besides what it inspects.
Source: google/privacy/dlp/v2/dlp.proto; in JSON an int64 is a string.
"""

from __future__ import annotations

from broker.contract import Context, given, needed, reading
from broker.errors import BadInput, MalformedReply
from broker.types import (
    Confidence,
    JsonValue,
    PiiEntity,
    PiiRequest,
    PiiSet,
    RedactRequest,
    located,
)
from broker_gcp.pii_map import INFO_TYPES, kind_of
from broker_gcp.proto_json import spelled, word
from broker_gcp.rest import Rest

EXTENSIONS = ("gcp_info_types", "gcp_min_likelihood")
_LIKELIHOODS = ("VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")
_WORDS = ("LIKELIHOOD_UNSPECIFIED", *_LIKELIHOODS)


async def findings(
    rest: Rest, request: PiiRequest | RedactRequest, context: Context
) -> tuple[PiiSet, dict[str, JsonValue]]:
    """What was found, and the whole answer.

    Raises :class:`MalformedReply` also where Google says that these are not all: a part must not pass for the whole.
    """
    asked = _asked(request)
    parent = await rest.parent(context)
    body = await rest.post(f"/v2/{parent}/content:inspect", asked, context)
    return findings_of(body, request.text), body


def findings_of(body: dict[str, JsonValue], text: str) -> PiiSet:
    """What an answer of content:inspect says. Raises :class:`MalformedReply`."""
    with reading("a find"):
        result = needed(body, "result", dict)
        if given(result, spelled(result, "findingsTruncated"), bool):
            raise MalformedReply(
                "Google left out some of its finds (findingsTruncated), so this is not all there is; send less text at "
                "once, or ask for fewer kinds by the extension gcp_info_types or surer ones by gcp_min_likelihood"
            )
        return PiiSet(entities=tuple(_find(each, text) for each in given(result, "findings", list) or ()))


def _asked(request: PiiRequest | RedactRequest) -> dict[str, JsonValue]:
    names = request.extensions.get("gcp_info_types", list(INFO_TYPES))
    if not isinstance(names, list) or not names or not all(isinstance(each, str) for each in names):
        raise BadInput(f"gcp_info_types must be a list of names such as EMAIL_ADDRESS, not {names!r:.80}")
    least = request.extensions.get("gcp_min_likelihood", _LIKELIHOODS[0])
    if least not in _LIKELIHOODS:
        raise BadInput(f"gcp_min_likelihood must be one of {', '.join(_LIKELIHOODS)}, not {least!r:.80}")
    return {
        "item": {"value": request.text},
        "inspectConfig": {
            "infoTypes": [{"name": each} for each in names],
            "minLikelihood": least,
            "includeQuote": True,
        },
    }


def _find(item: JsonValue, text: str) -> PiiEntity:
    category = needed(needed(item, spelled(item, "infoType"), dict), "name", str)
    location = needed(item, "location", dict)
    where = needed(location, spelled(location, "codepointRange"), dict)
    # Half-open; a start of 0 may be left out. A quote above 4096 bytes may be, too.
    begin, end = _count(where.get("start", 0)), _count(where.get("end"))
    quote, begin, end, sound = located(text, given(item, "quote", str), begin, end)
    return PiiEntity(
        text=quote,
        begin=begin,
        end=end,
        offset_ok=sound,
        kind=kind_of(category),
        category=category,
        confidence=Confidence.likelihood(word(item, "likelihood", _WORDS)),
    )


def _count(value: JsonValue) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("a place is no whole number")
