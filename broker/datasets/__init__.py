"""Inputs and what is right for them, read from folders and tables; see docs/datasets.md."""

from __future__ import annotations

from broker.datasets.dataset import Dataset, open_dataset
from broker.datasets.item import Item, Kind
from broker.datasets.options import ReadOptions
from broker.datasets.snapshot import DatasetSnapshot

__all__ = ["Dataset", "DatasetSnapshot", "Item", "Kind", "ReadOptions", "open_dataset"]
