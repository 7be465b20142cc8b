"""Read evidence from TOML. A file has ``provider = "…"`` and ``[[evidence]]`` tables; docs/maturity.md has the format."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    model_validator,
)

from broker.errors import NotConfigured
from broker.maturity.checklist import Checklist, Evidence, Member
from broker.maturity.quotas import Quota

_Calls = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Text = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^\S(.*\S)?$")]


def _day(value: object) -> object:
    if value == "undated":
        return None
    if type(value) is date:
        return value
    raise ValueError('dates are written plainly (2026-11-21); "undated" where the source gives none')


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    member: Member
    grade: Annotated[StrictInt, Field(ge=0, le=4)]
    says: _Text
    source: _Text
    dated: Annotated[date | None, BeforeValidator(_day)]
    services: tuple[_Text, ...] = ()
    operations: tuple[_Text, ...] = ()


class _Rate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    per_second: tuple[_Calls, _Calls]
    says: _Text
    source: _Text
    dated: Annotated[date | None, BeforeValidator(_day)]
    services: tuple[_Text, ...] = ()
    operations: tuple[_Text, ...] = ()

    @model_validator(mode="after")
    def _upwards(self) -> _Rate:
        if self.per_second[0] > self.per_second[1]:
            raise ValueError("per_second goes from the lower to the higher number")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: _Text
    evidence: tuple[_Row, ...] = ()
    quota: tuple[_Rate, ...] = ()


class EvidenceError(NotConfigured):
    """A file of evidence cannot be used; the text names the file and the slip.

    :param slips: all that is wrong with it, a line each.
    """

    def __init__(self, slips: Sequence[str]) -> None:
        self.slips = tuple(slips)
        more = len(self.slips) - 1
        super().__init__(f"{self.slips[0]} (and {more} more)" if more else self.slips[0])


def parse(text: str, name: str) -> tuple[Evidence, ...]:
    """The evidence of one file. Raises :class:`EvidenceError`."""
    found = _file(text, name)
    return tuple(Evidence(provider=found.provider, **dict(row)) for row in found.evidence)


def parse_quotas(text: str, name: str) -> tuple[Quota, ...]:
    """The quotas of one file. Raises :class:`EvidenceError`."""
    found = _file(text, name)
    return tuple(
        Quota(
            provider=found.provider,
            low=row.per_second[0],
            high=row.per_second[1],
            says=row.says,
            source=row.source,
            dated=row.dated,
            services=row.services,
            operations=row.operations,
        )
        for row in found.quota
    )


def _file(text: str, name: str) -> _File:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise EvidenceError([f"{name} is not TOML: {error}"]) from None
    try:
        return _File.model_validate(document)
    except ValidationError as error:
        raise EvidenceError([_told(name, each) for each in error.errors(include_url=False)]) from None


def _told(name: str, slip: Any) -> str:
    place = ", ".join(
        f"row {part + 1}" if isinstance(part, int) else part for part in slip["loc"] if part != "evidence"
    )
    return f"{name}{f', {place}' if place else ''}: {slip['msg'].removeprefix('Value error, ')}"


def read(path: str) -> str:
    """A file of one's own. Raises :class:`EvidenceError`."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise EvidenceError([f"{path} cannot be read: {reason}"]) from None


@cache
def _shipped_texts() -> tuple[tuple[str, str], ...]:
    folder = files("broker.maturity") / "data"
    found = sorted(
        (each for each in folder.iterdir() if each.name.endswith(".toml")), key=lambda each: each.name
    )
    return tuple((each.name, each.read_text("utf-8")) for each in found)


@cache
def shipped() -> tuple[Evidence, ...]:
    """The evidence of this release."""
    return tuple(row for name, text in _shipped_texts() for row in parse(text, name))


def checklist(own: Sequence[str] = ()) -> Checklist:
    """The shipped evidence, and over it that of files of one's own. Raises :class:`EvidenceError`."""
    return Checklist([*shipped(), *(each for path in own for each in parse(read(path), path))])


def quotas(own: Sequence[str] = ()) -> tuple[Quota, ...]:
    """Those of files of one's own; else, provider by provider, the shipped ones. Raises :class:`EvidenceError`."""
    mine = tuple(each for path in own for each in parse_quotas(read(path), path))
    taken = {each.provider for each in mine}
    theirs = (each for name, text in _shipped_texts() for each in parse_quotas(text, name))
    return (*mine, *(each for each in theirs if each.provider not in taken))
