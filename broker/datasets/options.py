"""How a data set is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.datasets.item import Kind
from broker.errors import BadDataset

FOLDER_NAME = "folder-name"
BESIDE = "beside"
NO_TRUTH = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What is not plain from the files themselves. Names are of columns; None: see docs/datasets.md for what is looked for.

    :param kind: what inputs are; None: seen from the files, where they leave no doubt.
    :param truth: a column; or a file (``truth.csv``, ``truth.jsonl``, ``qrels.txt``); ``"folder-name"``: the sub-folder says
        the class; ``"beside"`` or ``"beside:.gt.txt"``: a file of the same name; ``"none"``: truth is left out.
    :param truth_column: of the truth in a table that stands apart from the items.
    :param root: folder that paths in a table are relative to; None: the table's own. No path leads out of it.
    :param id: of the items' names; ``input``: of the path, text or query.
    :param stratum: of the group; ``cluster``: of what belongs together; ``tags``: of further columns to keep.
    """

    kind: Kind | None = None
    truth: str | None = None
    truth_column: str | None = None
    root: str | None = None
    id: str | None = None
    input: str | None = None
    stratum: str | None = None
    cluster: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind is not None:
            try:
                object.__setattr__(self, "kind", Kind(self.kind))
            except ValueError:
                raise BadDataset(
                    f"kind is one of {', '.join(each.value for each in Kind)}, not {self.kind!r:.40}"
                ) from None
        tags: Any = self.tags
        if isinstance(tags, str):
            raise BadDataset(f"tags is a list of columns: write [{tags!r:.40}]")
        object.__setattr__(self, "tags", tuple(tags))
        for name in ("truth", "truth_column", "root", "id", "input", "stratum", "cluster"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise BadDataset(f"{name} is a text that is not empty")
