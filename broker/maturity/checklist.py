"""The checklist: what is asked of a service, what each grade means, and the evidence that was found.

Evidence is data (``data/*.toml``). What a service's adapter already says in its manifest (closed to new customers, retiring
on a day) stands there and only there; :mod:`broker.maturity.score` reads it from the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from types import MappingProxyType

from broker.types.markup import Shown

STALE_AFTER = timedelta(days=90)
"""Evidence that is older, or of no known day, is marked stale. It still counts: terms change more slowly than prices."""


class Member(str, Enum):
    """What is asked of a service."""

    LAUNCH_STAGE = "launch_stage"
    SLA = "sla"
    DEPRECATION_POLICY = "deprecation_policy"
    VERSION_PINNING = "version_pinning"
    VERSION_RETURNED = "version_returned"
    CHANGE_LOG = "change_log"
    LANGUAGES = "languages"
    REGIONS = "regions"
    QUOTAS = "quotas"
    SDK = "sdk"
    DATA_USE = "data_use"
    INCIDENTS = "incidents"

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS.get(self, self.value.replace("_", " "))


_WORDS = {
    Member.SLA: "SLA",
    Member.SDK: "SDK upkeep",
    Member.QUOTAS: "quotas",
    Member.DATA_USE: "data-use terms",
}

GRADES: Mapping[Member, tuple[str, str, str, str, str]] = MappingProxyType(
    {
        Member.LAUNCH_STAGE: (
            "has ended",
            "closed to new customers, or its retirement is announced",
            "preview, beta or alpha",
            "generally available, its successor is recommended",
            "generally available",
        ),
        Member.SLA: (
            "none",
            "a target without credits",
            "below 99.5 % with credits",
            "99.5 % with credits, or 99.9 % under conditions",
            "99.9 % or more with credits",
        ),
        Member.DEPRECATION_POLICY: (
            "none",
            "less than 6 months' notice",
            "changes are announced, no length of notice",
            "6 months, or 12 under conditions",
            "12 months or more",
        ),
        Member.VERSION_PINNING: (
            "only the latest",
            "the API's version",
            "a channel (stable, latest)",
            "a generation of the model",
            "a dated version of the model",
        ),
        Member.VERSION_RETURNED: (
            "no version in the answer",
            "the API's version",
            "the model's name",
            "the model's generation",
            "the model's version in every answer",
        ),
        Member.CHANGE_LOG: (
            "none",
            "announcements only",
            "undated notes",
            "dated, without the models' changes",
            "dated release notes of the product",
        ),
        Member.LANGUAGES: ("one", "2 to 4", "5 to 19", "20 to 49", "50 or more"),
        Member.REGIONS: (
            "not told where",
            "one, or global only",
            "2 to 4, or a choice of parts of the world",
            "5 to 9",
            "10 or more on 3 continents",
        ),
        Member.QUOTAS: (
            "neither published nor raised",
            "published in part",
            "published",
            "published, and grow with what is bought",
            "published, and an increase can be requested",
        ),
        Member.SDK: (
            "none",
            "no release in 24 months",
            "a release in 24 months",
            "a release in 12 months",
            "a release in 90 days",
        ),
        Member.DATA_USE: (
            "content is used, no way out",
            "use can be refused on request",
            "used to improve the service unless opted out",
            "kept for a while, not used for training",
            "serves the request only",
        ),
        Member.INCIDENTS: (
            "not published",
            "present state only, to customers",
            "present state, public",
            "state by service and region, public",
            "history by product, public",
        ),
    }
)
"""What the grades 0 to 4 of each member mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Shown):
    """What one source says of one member.

    :param services: for these services of the provider (the vendor's names, as in the manifest); empty: for all.
    :param operations: for these operations; empty: for all.
    :param grade: 0 to 4, as :data:`GRADES` has it.
    :param says: the source in one line, in our words.
    :param source: its address, or a file of this package's source (``docs/local.md``).
    :param dated: the day it gives of itself, or on which an installed package was read; None: it gives none.
    """

    provider: str
    member: Member
    grade: int
    says: str
    source: str
    dated: date | None = None
    services: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()

    def speaks_of(self, provider: str, service: str, operation: str) -> bool:
        """Whether it is about this cell."""
        return (
            self.provider == provider
            and (not self.services or service in self.services)
            and (not self.operations or operation in self.operations)
        )

    @property
    def closeness(self) -> tuple[bool, bool]:
        """How narrowly it is meant; the narrower one is taken."""
        return bool(self.operations), bool(self.services)

    def stale(self, as_of: date) -> bool:
        """Whether it is over 90 days old on a day, or of no known day."""
        return self.dated is None or as_of - self.dated > STALE_AFTER


class Checklist:
    """All evidence; of two about the same cell the narrower one holds, and of equals the one that came later.

    So rows of your own, given after the shipped ones, take their place.
    """

    def __init__(self, evidence: Iterable[Evidence]) -> None:
        self._evidence: tuple[Evidence, ...] = tuple(evidence)

    @property
    def evidence(self) -> Sequence[Evidence]:
        """In the order given."""
        return self._evidence

    def of(self, provider: str, service: str, operation: str) -> dict[Member, Evidence]:
        """What is known of a cell; members without evidence are missing: unknown."""
        found: dict[Member, Evidence] = {}
        for each in self._evidence:
            if each.speaks_of(provider, service, operation):
                held = found.get(each.member)
                if held is None or each.closeness >= held.closeness:
                    found[each.member] = each
        return found
