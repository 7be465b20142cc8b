"""What is wrong with evidence, and what is missing or old."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from broker.contract.manifest import Manifest, Support
from broker.maturity.checklist import Checklist, Evidence, Member
from broker.maturity.score import assess_all
from broker.types.markup import Shown

_OWN_FILE = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_STATUSES = ("ga", "preview", "retiring", "closed_to_new")


def slips(checklist: Checklist, manifests: Sequence[Manifest], as_of: date) -> list[str]:
    """What cannot be meant, a line each."""
    by_name = {each.provider: each for each in manifests}
    found: list[str] = []
    for row in checklist.evidence:
        where = f"{row.provider}, {row.member.value}, {', '.join((*row.services, *row.operations)) or 'all'}"
        found += [f"{where}: {each}" for each in _row(row, by_name.get(row.provider), as_of)]
    for manifest in manifests:
        found += _lifecycles(manifest)
    return found


def _row(row: Evidence, manifest: Manifest | None, as_of: date) -> Iterator[str]:
    if not link(row.source):
        yield f"the source {row.source!r} is no https address and no file of this package's source"
    if row.dated is not None and row.dated > as_of:
        yield f"it is dated {row.dated}, which is still to come"
    if manifest is None:
        return  # an adapter that is not here
    usable = [spec for spec in manifest.operations if spec.support is Support.YES]
    known = {spec.service for spec in usable}
    for name in row.services:
        if name not in known:
            yield f"{row.provider} has no service {name!r}"
    for name in row.operations:
        if not any(
            row.speaks_of(row.provider, spec.service, name) and spec.operation == name for spec in usable
        ):
            yield f"no operation {name!r} of {row.provider} is meant by it"
    if row.member is Member.LAUNCH_STAGE:
        for spec in usable:
            if spec.lifecycle.status != "ga" and row.speaks_of(row.provider, spec.service, spec.operation):
                yield f"the launch stage of {spec.operation} stands in the adapter's manifest"


def _lifecycles(manifest: Manifest) -> Iterator[str]:
    for spec in manifest.operations:
        life = spec.lifecycle
        where = f"{manifest.provider}, {spec.operation}"
        if life.status not in _STATUSES:
            yield f"{where}: the manifest's lifecycle {life.status!r} is none of {', '.join(_STATUSES)}"
        elif life.status != "ga" and not link(life.source):
            yield f"{where}: the manifest's lifecycle {life.status!r} names no source"


def link(source: str) -> bool:
    """Whether a source can be followed: an https address, or a relative path."""
    if any(ord(sign) <= 32 or ord(sign) == 127 or sign in "<>\"'`" for sign in source):
        return False
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    return bool(_OWN_FILE.fullmatch(source)) and ".." not in source.split("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Members of a service without evidence.

    :param members: each with the operations that lack it; empty: all of the service.
    """

    provider: str
    service: str
    members: tuple[tuple[Member, tuple[str, ...]], ...]

    def __str__(self) -> str:
        told = [
            f"{member.value} ({', '.join(names)})" if names else member.value
            for member, names in self.members
        ]
        return f"{self.provider} {self.service}: no evidence of {', '.join(told)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Evidence that is over 90 days old. ``days``: its age; None: it gives no day."""

    row: Evidence
    days: int | None

    def __str__(self) -> str:
        row = self.row
        age = "of no known day" if self.days is None else f"{self.days:,} days old"
        of = ", ".join((*row.services, *row.operations)) or "all"
        return f"{row.provider}, {row.member.value}, {of}: evidence {age}: {row.source}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing(Shown):
    """How one provider's evidence stands.

    :param rows: of evidence, of which ``stale`` are over 90 days old and ``undated`` give no day; ``oldest``: day of the oldest.
    :param known: members of its cells (service and operation) with evidence, of ``asked`` that are asked.
    """

    provider: str
    rows: int
    stale: int
    undated: int
    oldest: date | None
    known: int
    asked: int


def gaps(checklist: Checklist, manifests: Sequence[Manifest], as_of: date) -> list[Gap]:
    """Members without evidence, service by service."""
    missing: dict[tuple[str, str], dict[Member, list[str]]] = {}
    operations: dict[tuple[str, str], list[str]] = {}
    for each in assess_all(list(manifests), checklist, as_of):
        cell = (each.provider, each.service)
        operations.setdefault(cell, []).append(each.operation)
        for member in each.unknown:
            missing.setdefault(cell, {}).setdefault(member, []).append(each.operation)
    return [
        Gap(
            provider=cell[0],
            service=cell[1],
            members=tuple(
                (member, () if len(names) == len(operations[cell]) else tuple(names))
                for member, names in members.items()
            ),
        )
        for cell, members in missing.items()
    ]


def stale_rows(checklist: Checklist, as_of: date) -> list[Stale]:
    """Evidence over 90 days old, the oldest first, and behind it what gives no day."""
    found = [
        Stale(row=row, days=None if row.dated is None else (as_of - row.dated).days)
        for row in checklist.evidence
        if row.stale(as_of)
    ]
    return sorted(found, key=lambda each: (each.days is None, -(each.days or 0)))


def standings(checklist: Checklist, manifests: Sequence[Manifest], as_of: date) -> list[Standing]:
    """Of each provider, in the order of the manifests; behind them those that only evidence names."""
    names = dict.fromkeys(
        (*(each.provider for each in manifests), *(each.provider for each in checklist.evidence))
    )
    cells = assess_all(list(manifests), checklist, as_of)
    found = []
    for name in names:
        rows = [each for each in checklist.evidence if each.provider == name]
        mine = [each for each in cells if each.provider == name]
        found.append(
            Standing(
                provider=name,
                rows=len(rows),
                stale=sum(each.dated is not None and each.stale(as_of) for each in rows),
                undated=sum(each.dated is None for each in rows),
                oldest=min((each.dated for each in rows if each.dated is not None), default=None),
                known=sum(len(each.known) for each in mine),
                asked=len(Member) * len(mine),
            )
        )
    return found


def warnings(checklist: Checklist, manifests: Sequence[Manifest], as_of: date) -> list[str]:
    """Members without evidence and evidence that is stale, a line for each service and each row."""
    return [
        *map(str, gaps(checklist, manifests, as_of)),
        *map(str, stale_rows(checklist, as_of)),
    ]
