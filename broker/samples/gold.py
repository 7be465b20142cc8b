"""Gold: a data set with truths, found by the call's tag ``item`` or by the digest of its input."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.datasets.dataset import open_dataset
from broker.datasets.item import Item, Kind
from broker.datasets.options import ReadOptions
from broker.errors import BrokerError
from broker.types.json import JsonValue

log = logging.getLogger("broker")

ITEM_TAG = "item"
"""A call that has it says which item of the data set it is about."""
MOST_DIGESTS = 20_000
"""Files of a larger set are not read for their digests; its calls say which item they are about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldTruth:
    """One item's truth.

    :param where: file and line, for messages.
    """

    item: str
    raw: JsonValue = field(repr=False)
    cluster: str | None
    where: str


class Gold:
    """One use case's. Read when first needed, and again when its file has changed. Not shared by threads.

    :param path: of the data set; ``operation``: what its items are for.
    """

    def __init__(self, path: str, operation: str) -> None:
        self._path = os.path.expanduser(path)
        self._operation = operation
        self._stamp: tuple[int, int] | None = None
        self._by_id: dict[str, GoldTruth] = {}
        self._by_digest: dict[str, GoldTruth] = {}
        self.source = os.path.basename(self._path)
        """For the record: which data set."""

    def truth(self, tags: Mapping[str, str], digest: str | None) -> GoldTruth | None:
        """The truth of a call; None: the set does not have it. Raises :class:`BrokerError` where it cannot be read.

        :param digest: SHA-256 of the input; None: the input is not here.
        """
        self._refresh()
        named = tags.get(ITEM_TAG)
        if named is not None:
            return self._by_id.get(named)
        return None if digest is None else self._by_digest.get(digest)

    def _refresh(self) -> None:
        try:
            status = os.stat(self._path)
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = (0, 0)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        by_id: dict[str, GoldTruth] = {}
        by_digest: dict[str, GoldTruth] = {}
        options = ReadOptions(kind=Kind.of(self._operation))
        items: list[Item] = [
            each for each in open_dataset(self._path, options).items() if each.truth is not None
        ]
        digested = len(items) <= MOST_DIGESTS or not any(each.kind.is_file for each in items)
        for each in items:
            found = GoldTruth(item=each.id, raw=each.truth, cluster=each.cluster, where=each.where)
            by_id[each.id] = found
            if digested:
                try:
                    by_digest[each.digest()] = found
                except BrokerError as error:
                    log.warning("an item of %s has no input to compare with: %s", self.source, error)
        if not digested:
            log.warning(
                "%s has more than %d files; its calls are found by their tag %r only",
                self.source,
                MOST_DIGESTS,
                ITEM_TAG,
            )
        self._by_id, self._by_digest = by_id, by_digest
