"""What a data set held when it was used, so that figures can say what they are of."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from broker.datasets.item import Item, Kind
from broker.datasets.lookup import Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSnapshot:
    """The same items with the same content and truth always have the same digest, in whatever order they come.

    :param id: the file's or folder's name, ``@``, and the beginning of the digest.
    :param with_truth: items that have one.
    :param sha256: of the lines ``id TAB sha256 of the input TAB sha256 of the truth NEWLINE``, ordered by their bytes.
    :param left_over: truths of items that there are not.
    :param ignored: files in the folder that are no inputs of this kind, by their ending.
    """

    id: str
    kind: Kind
    count: int
    with_truth: int
    sha256: str
    left_over: int = 0
    ignored: tuple[tuple[str, int], ...] = ()


class Digest:
    """Makes a snapshot item by item, in flat memory."""

    def __init__(self) -> None:
        self._lines = Lookup()
        self.count = self._with_truth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)

    def add(self, item: Item) -> None:
        """One item. Ids differ, as a data set sees to."""
        self._lines.add(item.id, f"{item.digest()}\t{item.truth_digest()}")
        self.count += 1
        self._with_truth += item.truth is not None

    def snapshot(self, path: str, kind: Kind, ignored: Counter[str], left_over: int) -> DatasetSnapshot:
        """Of all that was added."""
        whole = hashlib.sha256()
        for name, digests in self._lines.ordered():
            whole.update(f"{name}\t{digests}\n".encode())
        found = whole.hexdigest()
        return DatasetSnapshot(
            id=f"{os.path.basename(path)}@{found[:12]}",
            kind=kind,
            count=self.count,
            with_truth=self._with_truth,
            sha256=found,
            left_over=left_over,
            ignored=tuple(sorted(ignored.items())),
        )
