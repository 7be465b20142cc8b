"""What a run's file holds: its tables, and rows as they go in and come out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from broker.errors import NotConfigured

VERSION = 1
SCORES = """
CREATE TABLE score (question INTEGER NOT NULL, metric INTEGER NOT NULL, parts TEXT NOT NULL, failed INTEGER NOT NULL,
    PRIMARY KEY (question, metric)) WITHOUT ROWID;
CREATE TABLE metric (number INTEGER PRIMARY KEY, id TEXT NOT NULL, version INTEGER NOT NULL);
"""
"""Made anew whenever scores are, so that they have today's form in every run."""
SCHEMA = f"""
{SCORES}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lane (number INTEGER PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL, operation TEXT NOT NULL,
    origin TEXT NOT NULL, options TEXT NOT NULL, note TEXT NOT NULL, stopped TEXT, busy REAL NOT NULL DEFAULT 0,
    busy_answers INTEGER NOT NULL DEFAULT 0, least INTEGER);
CREATE TABLE item (number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, input TEXT NOT NULL, truth TEXT,
    stratum TEXT, cluster TEXT, tags TEXT NOT NULL, source TEXT NOT NULL);
CREATE TABLE question (number INTEGER PRIMARY KEY, lane INTEGER NOT NULL, repetition INTEGER NOT NULL, item INTEGER NOT NULL,
    state INTEGER NOT NULL, call_id TEXT NOT NULL, at TEXT NOT NULL, cold INTEGER NOT NULL DEFAULT 0, attempts INTEGER,
    errors INTEGER, throttled INTEGER, latency REAL, seconds REAL, waited REAL, known TEXT, at_risk TEXT, unpriced INTEGER,
    currency TEXT, model TEXT, error_kind TEXT, error TEXT, UNIQUE (lane, repetition, item));
CREATE INDEX item_id ON item (id);
CREATE INDEX question_item ON question (item, lane, repetition);
CREATE TABLE answer (question INTEGER PRIMARY KEY, answer BLOB NOT NULL, raw BLOB);
CREATE TABLE given_up (lane INTEGER NOT NULL, call_id TEXT NOT NULL, known TEXT, at_risk TEXT, unpriced INTEGER, currency TEXT);
CREATE TABLE sitting (number INTEGER PRIMARY KEY, began TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0, command TEXT NOT NULL);
"""


SPENT = (
    "SELECT known, at_risk FROM question JOIN lane ON lane.number = question.lane WHERE origin = ? UNION ALL "
    "SELECT known, at_risk FROM given_up JOIN lane ON lane.number = given_up.lane WHERE origin = ?"
)


class State(IntEnum):
    """Of a question."""

    ANNOUNCED = 1
    """On its way; after a crash: nobody knows yet."""
    ANSWERED = 2
    FAILED = 3
    UNSETTLED = 4
    """It was paid for, or may have been, and its answer is lost."""


class StoreUnusable(NotConfigured):
    """Answers cannot be kept, so nothing more may be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One item, asked of one lane once. ``lane`` and ``item`` are their numbers in the store."""

    lane: int
    repetition: int
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a question ended. Durations in seconds; what is not known is None.

    :param ok: there is an answer. ``answer``: as text, ``raw``: the vendor's whole one.
    :param cold: its time does not count (warm-up).
    :param latency: of the attempt that answered, ``seconds``: of the whole call, ``waited``: between attempts.
    :param known: what surely was billed; None: a recording that does not tell.
    """

    ok: bool
    answer: str | None = None
    raw: str | None = None
    cold: bool = False
    attempts: int | None = None
    errors: int | None = None
    throttled: int | None = None
    latency: float | None = None
    seconds: float | None = None
    waited: float | None = None
    known: Decimal | None = None
    at_risk: Decimal = Decimal(0)
    unpriced: int = 0
    currency: str = "USD"
    model: str | None = None
    error_kind: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """An item as it was asked. ``truth`` is JSON; None: there is none."""

    number: int
    id: str
    kind: str
    input: str
    truth: str | None
    stratum: str | None
    cluster: str | None
    tags: str
    source: str


def packed(text: str) -> bytes:
    """A stored answer's bytes."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 6)


def unpacked(data: bytes) -> str:
    """A stored answer's text. Of a damaged one nothing, which no reader takes for an answer."""
    try:
        return zlib.decompress(data).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError):
        return ""
