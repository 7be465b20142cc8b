"""How large the local index gets and how fast it answers: ``python -m benchmarks.search_size DOCUMENTS FOLDER``.

Documents are made of words with the frequencies of a natural text (Zipf and Mandelbrot), 40 to 120 words each, with five
names of metadata; they go in through the public client. Queries are of three kinds: words of all frequencies as people type
them (two to five, none of the 100 commonest, which are stop words), the same with a filter, and the worst there are (five of
the commonest after those). Times are of the public call, ledger and all, in this process. With 0
DOCUMENTS those that are in the folder are asked only.
"""

from __future__ import annotations

import itertools
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from broker.client import Broker
from broker.types import where

VOCABULARY = 300_000
STOP = 100
QUERIES = 200


def words(rng: random.Random) -> list[str]:
    """Made-up words, the commonest first; none is a stop word of English."""
    found: dict[str, None] = {}
    while len(found) < VOCABULARY:
        syllables = rng.choice((2, 2, 3, 3, 4))
        word = "".join(rng.choice("bcdfghklmnprtvz") + rng.choice("aeiou") for _ in range(syllables))
        found[word + rng.choice(("x", "k", "m", "th"))] = None
    return list(found)


def documents(number: int, vocabulary: list[str], rng: random.Random) -> Iterator[dict[str, Any]]:
    """So many, one by one."""
    weights = list(itertools.accumulate(1.0 / (rank + 2.7) for rank in range(len(vocabulary))))
    for each in range(number):
        chosen = rng.choices(vocabulary, cum_weights=weights, k=rng.randint(46, 126))
        yield {
            "id": f"doc-{each:08}",
            "title": " ".join(chosen[:6]),
            "content": " ".join(chosen[6:]),
            "url": f"https://example.com/{each}",
            "metadata": {
                "year": 1990 + each % 35,
                "lang": ("en", "de", "fr", "es")[each % 4],
                "price": rng.randint(1, 100_000) / 100,
                "public": each % 3 == 0,
                "tags": [f"t{each % 50}", f"u{each % 7}"],
            },
        }


def typed(vocabulary: list[str], rng: random.Random) -> str:
    """Two to five words, each ten times commoner as likely as the next ten times rarer."""
    span = len(vocabulary) / STOP
    return " ".join(vocabulary[int(STOP * span ** rng.random()) - 1] for _ in range(rng.randint(2, 5)))


def told(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(
        f"{name:42} p50 {p50 * 1e3:8.1f} ms   p99 {p99 * 1e3:8.1f} ms   ({len(ordered)} queries)", flush=True
    )


def main() -> None:
    number, folder = int(sys.argv[1]), Path(sys.argv[2])
    rng = random.Random(7)
    vocabulary = words(rng)
    settings = {"local": {"search_folder": str(folder / "indexes")}}
    with Broker(
        provider="local", providers=settings, ledger={"path": str(folder / "ledger.db")}, deadline=600
    ) as broker:
        started, cpu = time.perf_counter(), time.process_time()
        refused = sum(
            not item.ok
            for item in broker.search.upsert_many(documents(number, vocabulary, rng), concurrency=1)
        )
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        size = sum(path.stat().st_size for path in (folder / "indexes").iterdir())
        print(
            f"{number:,} documents in {took:,.0f} s ({cpu:,.0f} s of one core; {cpu / max(1, number) * 1e6:,.0f} us each), "
            f"{refused} refused, {size / 1e6:,.0f} MB ({size / max(1, number):,.0f} bytes each)",
            flush=True,
        )

        def timed(text: str, **options: Any) -> float:
            started = time.perf_counter()
            broker.search.query(text, **options)
            return time.perf_counter() - started

        rng = random.Random(8)
        typed_queries = [typed(vocabulary, rng) for _ in range(QUERIES)]
        told("words as typed, first time", [timed(each) for each in typed_queries])
        told("words as typed, again", [timed(each) for each in typed_queries])
        equal, span = where("lang").equals("de"), where("year").between(2000, 2004)
        told("with lang = 'de'", [timed(each, filter=equal) for each in typed_queries])
        told("with 2000 <= year <= 2004", [timed(each, filter=span) for each in typed_queries])
        told(
            "with facets of year and tags",
            [timed(each, facets=["year", "tags"]) for each in typed_queries[:50]],
        )
        one = [vocabulary[rng.randrange(1000, 100_000)] for _ in range(QUERIES)]
        told("one rare word", [timed(each) for each in one])
        common = [" ".join(rng.sample(vocabulary[STOP : 2 * STOP], 5)) for _ in range(20)]
        told("five of the commonest words", [timed(each) for each in common])
    print(
        f"SQLite {__import__('sqlite3').sqlite_version}, {os.cpu_count()} cores, {os.getloadavg()[0]:.1f} load"
    )


if __name__ == "__main__":
    main()
