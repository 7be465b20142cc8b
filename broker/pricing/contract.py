"""The book in force: the shipped rows, those of adapters, and the user's own over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from broker.errors import NotConfigured
from broker.pricing.book import PriceBook
from broker.pricing.check import Placed, PriceError, slips
from broker.pricing.load import read, shipped
from broker.types.money import Price


def in_force(own: Sequence[str], adapters: Iterable[Price] = ()) -> PriceBook:
    """The shipped book, adapters' rows for what it lacks, and over both the contract prices of files.

    Raises :class:`~broker.errors.NotConfigured`, naming file and row, for a file that must not be used.
    """
    base = shipped().extended(adapters)
    if not own:
        return base
    rows, wrong = contract_rows(own, base)
    if wrong:
        rest = f" (and {len(wrong) - 1} more; 'mlbroker prices check' lists all)" if len(wrong) > 1 else ""
        raise NotConfigured(f"contract prices: {wrong[0]}{rest}")
    return PriceBook([*(row for _, row in rows), *base.rows()])


def contract_rows(own: Sequence[str], base: PriceBook) -> tuple[list[Placed], list[str]]:
    """The rows of contract files, and all that is wrong with them, by themselves and beside the book."""
    rows: list[Placed] = []
    wrong: list[str] = []
    for path in dict.fromkeys(own):
        try:
            found, bad = read(_text(path), path, base)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            wrong.append(
                f"{path} cannot be read: {reason}; give the right path, or take it out of prices.files"
            )
            continue
        rows += found
        wrong += bad
    listed = [Placed(f"the price book ({row.id})", row) for row in base.rows()]
    # The book has been held to the rules already, and some adapter's rows need not keep all of them.
    known = set(slips(listed))
    return rows, wrong + [each for each in slips([*listed, *rows]) if each not in known]


def check_files(names: Sequence[str]) -> tuple[list[Placed], list[str]]:
    """The rows of any price files, each held to the rules of its kind, and all that is wrong with them.

    A file with a row whose confidence is ``contract`` or left out is a contract file and lies over the shipped
    book; the others make one book together.
    """
    rows: list[Placed] = []
    wrong: list[str] = []
    own: list[str] = []
    for path in dict.fromkeys(names):
        try:
            found, bad = read(_text(path), path)
        except (OSError, ValueError):
            own.append(path)  # where it is told
            continue
        if any("'confidence' is missing" in each or "prices.files" in each for each in bad):
            own.append(path)
        else:
            rows += found
            wrong += bad
    wrong += slips(rows)
    more, bad = contract_rows(own, shipped()) if own else ([], [])
    return rows + more, wrong + bad


def _text(path: str) -> str:
    with open(os.path.expanduser(path), encoding="utf-8") as file:
        return file.read()


__all__ = ["PriceError", "check_files", "contract_rows", "in_force"]
