"""Opening a data set: a folder or a table, read item by item, as often as wanted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from broker.datasets import conll, folder
from broker.datasets.item import Item, Kind
from broker.datasets.lookup import Lookup
from broker.datasets.options import BESIDE, FOLDER_NAME, NO_TRUTH, ReadOptions
from broker.datasets.snapshot import DatasetSnapshot, Digest
from broker.datasets.table_items import Reading, items_of, kind_of_table
from broker.datasets.tables import SUFFIXES, is_table
from broker.datasets.truths import Truths, apart, beside_folder, truth_file
from broker.errors import BadDataset


@dataclass(slots=True)
class _Tally:
    """What one reading met."""

    ignored: Counter[str] = field(default_factory=Counter)
    left_over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Inputs, and what is right for them where somebody has said so.

    :param path: the folder or the table; whole.
    """

    path: str
    kind: Kind
    options: ReadOptions

    def items(self) -> Iterator[Item]:
        """One after the other, in the same order each time; nothing is kept.

        Raises :class:`~broker.errors.BadDataset` naming file and line, :class:`~broker.errors.NotConfigured` for Parquet
        without pyarrow.
        """
        return self._items(_Tally())

    def snapshot(self, progress: Callable[[int], None] | None = None) -> DatasetSnapshot:
        """Reads all of it, files too, and says what it holds. ``progress`` is told how many items were read."""
        tally = _Tally()
        with Digest() as digest:
            for item in self._items(tally):
                digest.add(item)
                if progress is not None:
                    progress(digest.count)
            return digest.snapshot(self.path, self.kind, tally.ignored, tally.left_over)

    def _items(self, tally: _Tally) -> Iterator[Item]:
        is_folder = os.path.isdir(self.path)
        place = self.path if is_folder else os.path.dirname(self.path)
        with Lookup() as seen, apart(place, self.kind, self.options) as truths:
            found = with_truth = 0
            for item in self._folder(tally, truths) if is_folder else self._table(truths):
                if not seen.add(item.id):
                    raise BadDataset(
                        f"{item.where}: its id is that of an item before it; each needs one of its own"
                    )
                found += 1
                with_truth += item.truth is not None
                yield item
            tally.left_over = truths.left_over()
        if not found:
            raise BadDataset("there is no item in it", path=self.path)
        if tally.left_over and not with_truth:
            raise BadDataset(
                "no item has a truth, for the truths name others; they go by id, of files the path within the folder",
                path=self.path,
            )

    def _folder(self, tally: _Tally, truths: Truths) -> Iterator[Item]:
        for name in folder.files(self.path, self.kind, tally.ignored):
            path = os.path.join(self.path, name)
            yield Item(
                id=name,
                kind=self.kind,
                input=path if self.kind.is_file else folder.text_of(path),
                truth=truths.of(name, path),
                where=path,
            )

    def _table(self, truths: Truths) -> Iterator[Item]:
        reading = Reading(path=self.path, kind=self.kind, options=self.options, truth_apart=_apart(self))
        for item, path in items_of(reading):
            truth = item.truth if item.truth is not None else truths.of(item.id, path)
            yield item if truth is item.truth else replace(item, truth=truth)


def _apart(dataset: Dataset) -> bool:
    """The truth is not a column of the table."""
    asked = dataset.options.truth
    if asked is None:
        return False
    special = asked in (FOLDER_NAME, BESIDE, NO_TRUTH) or asked.startswith(BESIDE + ":")
    return special or truth_file(os.path.dirname(dataset.path), asked) is not None


def open_dataset(path: str | os.PathLike[str], options: ReadOptions | None = None) -> Dataset:
    """A folder of files, or a table (CSV, TSV, JSONL, Parquet, CoNLL); nothing is read yet but what tells its kind.

    Raises :class:`~broker.errors.BadDataset` where it is not there, is neither, or leaves its kind in doubt.
    """
    given = options or ReadOptions()
    whole = os.path.abspath(os.fspath(path))
    if os.path.isdir(whole):
        if given.id or given.input or given.stratum or given.cluster or given.tags:
            raise BadDataset("columns are of a table; this is a folder", path=whole)
        if given.truth is None:
            given = replace(given, truth=beside_folder(whole))
        elif not (
            given.truth in (FOLDER_NAME, BESIDE, NO_TRUTH)
            or given.truth.startswith(BESIDE + ":")
            or truth_file(whole, given.truth)
        ):
            raise BadDataset(
                f"truth of a folder is a file, {FOLDER_NAME!r}, {BESIDE!r} or {NO_TRUTH!r}", path=whole
            )
        return Dataset(path=whole, kind=given.kind or folder.kind_of(whole), options=given)
    if not os.path.exists(whole):
        raise BadDataset("there is no such file or folder", path=whole)
    if not os.path.isfile(whole) or not (is_table(whole) or conll.is_conll(whole)):
        raise BadDataset(
            f"a data set is a folder or a file that ends in {', '.join(SUFFIXES)} or .conll", path=whole
        )
    return Dataset(path=whole, kind=given.kind or kind_of_table(whole, given), options=given)
