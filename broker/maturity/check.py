"""What is wrong with evidence, and what is missing or old."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import urlsplit

from broker.contract.manifest import Manifest, Support
from broker.maturity.checklist import Checklist, Evidence, Member
from broker.maturity.score import assess_all

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


def warnings(checklist: Checklist, manifests: Sequence[Manifest], as_of: date) -> list[str]:
    """Members without evidence and evidence that is stale, a line for each service and kind."""
    missing: dict[tuple[str, str], dict[Member, list[str]]] = {}
    operations: dict[tuple[str, str], list[str]] = {}
    for each in assess_all(list(manifests), checklist, as_of):
        cell = (each.provider, each.service)
        operations.setdefault(cell, []).append(each.operation)
        for member in each.unknown:
            missing.setdefault(cell, {}).setdefault(member, []).append(each.operation)
    found: list[str] = []
    for cell, members in missing.items():
        told = [
            member.value if len(names) == len(operations[cell]) else f"{member.value} ({', '.join(names)})"
            for member, names in members.items()
        ]
        found.append(f"{' '.join(cell)}: no evidence of {', '.join(told)}")
    for row in checklist.evidence:
        if row.stale(as_of):
            age = "of no known day" if row.dated is None else f"{(as_of - row.dated).days} days old"
            of = ", ".join((*row.services, *row.operations)) or "all"
            found.append(f"{row.provider}, {row.member.value}, {of}: evidence {age}: {row.source}")
    return found
