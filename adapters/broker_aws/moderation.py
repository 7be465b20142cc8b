"""Rekognition DetectModerationLabels: what in a picture might do harm.

Sources: the service model ``rekognition/2016-06-27`` of botocore; the taxonomy of version 7 in
docs.aws.amazon.com/rekognition/latest/dg/moderation-api.html and that of the versions before in
docs.aws.amazon.com/rekognition/latest/dg/moderation-response-transform.html.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from broker.contract import given, needed, one_image
from broker.types import Confidence, Harm, ModerationLabel, ModerationSet, Request, Unit, Usage
from broker_aws import options
from broker_aws.wire import NO_PICTURE

METHOD = "detect_moderation_labels"
EXTENSIONS = ("aws_min_confidence", "aws_project_version")
VERSION = "ModerationModelVersion"
_CUSTOM = (Usage(sku="aws.rekognition.custom_moderation", unit=Unit.IMAGE, quantity=Decimal(1)),)


def _each(harm: Harm, *names: str) -> dict[str, Harm]:
    return dict.fromkeys(names, harm)


HARMS: dict[str, Harm] = {
    **_each(
        Harm.SEXUAL,
        "Explicit",
        "Explicit Nudity",
        "Exposed Male Genitalia",
        "Exposed Female Genitalia",
        "Exposed Buttocks or Anus",
        "Exposed Female Nipple",
        "Explicit Sexual Activity",
        "Sex Toys",
        # before version 7
        "Nudity",
        "Graphic Male Nudity",
        "Graphic Female Nudity",
        "Sexual Activity",
        "Illustrated Explicit Nudity",
        "Illustrated Nudity Or Sexual Activity",
        "Adult Toys",
    ),
    **_each(
        Harm.SUGGESTIVE,
        "Non-Explicit Nudity of Intimate parts and Kissing",
        "Non-Explicit Nudity",
        "Bare Back",
        "Exposed Male Nipple",
        "Partially Exposed Buttocks",
        "Partially Exposed Female Breast",
        "Implied Nudity",
        "Obstructed Intimate Parts",
        "Obstructed Female Nipple",
        "Obstructed Male Genitalia",
        "Kissing on the Lips",
        "Swimwear or Underwear",
        "Female Swimwear or Underwear",
        "Male Swimwear or Underwear",
        # before version 7
        "Suggestive",
        "Female Swimwear Or Underwear",
        "Male Swimwear Or Underwear",
        "Partial Nudity",
        "Barechested Male",
        "Revealing Clothes",
        "Sexual Situations",
    ),
    **_each(
        Harm.VIOLENCE,
        "Violence",
        "Graphic Violence",
        "Weapon Violence",
        "Physical Violence",
        "Blood & Gore",
        "Explosions and Blasts",
        # before version 7
        "Graphic Violence Or Gore",
    ),
    **_each(Harm.WEAPONS, "Weapons"),
    **_each(Harm.SELF_HARM, "Self-Harm", "Self Injury"),
    **_each(
        Harm.SHOCKING,
        "Visually Disturbing",
        "Death and Emaciation",
        "Emaciated Bodies",
        "Corpses",
        "Crashes",
        "Air Crash",
        # before version 7
        "Hanging",
        "Explosions And Blasts",
    ),
    **_each(
        Harm.DRUGS,
        "Drugs & Tobacco",
        "Products",
        "Pills",
        "Drugs & Tobacco Paraphernalia & Use",
        "Smoking",
        "Alcohol",
        "Alcohol Use",
        "Drinking",
        "Alcoholic Beverages",
        # before version 7
        "Drugs",
        "Drug Products",
        "Drug Use",
        "Drug Paraphernalia",
        "Tobacco",
        "Tobacco Products",
    ),
    **_each(Harm.PROFANITY, "Rude Gestures", "Middle Finger"),
    **_each(Harm.GAMBLING, "Gambling"),
    **_each(Harm.HATE, "Hate Symbols", "Nazi Party", "White Supremacy", "Extremist"),
}
"""By the vendor's names, as it writes them in each version."""


def meter(request: Request) -> tuple[Usage, ...]:
    """One image; with an adapter of the customer's own it is another product with its own price."""
    return _CUSTOM if "aws_project_version" in request.extensions else one_image(request)


def parameters(request: Request) -> dict[str, Any]:
    """Arguments of ``detect_moderation_labels``: the widest answer. Raises :class:`BadInput`."""
    said = request.extensions
    wanted: dict[str, Any] = {
        "Image": NO_PICTURE,
        "MinConfidence": 0,  # the service's own default of 50 would hide the rest
    }
    if "aws_min_confidence" in said:
        wanted["MinConfidence"] = options.percent(said, "aws_min_confidence")
    if "aws_project_version" in said:
        wanted["ProjectVersion"] = options.text(said, "aws_project_version")
    return wanted


def moderation_of(body: dict[str, Any]) -> ModerationSet:
    """All labels with those above them, and what kind of picture it is. Raises ValueError for an unusable answer."""
    items: list[Any] = needed(body, "ModerationLabels", list)
    above = {needed(each, "Name", str): given(each, "ParentName", str) or "" for each in items}
    kinds: list[Any] = given(body, "ContentTypes", list) or []
    return ModerationSet(
        labels=tuple(
            ModerationLabel(
                harm=HARMS.get(each["Name"], Harm.OTHER),
                name=each["Name"],
                confidence=Confidence.percent(each.get("Confidence")),
                parents=_parents(given(each, "ParentName", str) or "", above),
            )
            for each in items
        ),
        content_types=tuple(
            (needed(each, "Name", str), Confidence.percent(each.get("Confidence"))) for each in kinds
        ),
    )


def _parents(name: str, above: dict[str, str]) -> tuple[str, ...]:
    """Upwards through the labels of this answer; a top-level label's parent is the empty name."""
    found: list[str] = []
    while name and name not in found:
        found.append(name)
        name = above.get(name, "")
    return tuple(found)
