"""Read a PyTorch weights file without PyTorch, and without running what a pickle may ask for.

The format is the one ``torch.save`` wrote before version 1.6: five pickles (magic number, protocol
version, facts of the system, the tensors, the names of the storages) and then each storage as a count
and its raw little-endian numbers. Source: ``torch/serialization.py``, ``_legacy_save`` and ``_legacy_load``.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections import OrderedDict
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

Numbers: TypeAlias = NDArray[Any]


class WeightsError(ValueError):
    """The file is not a plain weights file: cut, of another format, or asking for code to be run."""


class _Storage(NamedTuple):
    key: str
    kind: str
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    """Stands for ``torch._utils._rebuild_tensor_v2``; gradients and hooks are left out."""
    return _Tensor(storage, offset, shape, strides)


KINDS: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}

_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    **{("torch", kind): kind for kind in KINDS},
}


class RestrictedUnpickler(pickle.Unpickler):
    """Knows the four names a weights file needs, and refuses every other."""

    def find_class(self, module: str, name: str, /) -> Any:
        """What a name in the pickle stands for. Raises :class:`WeightsError` for one we do not expect."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise WeightsError(f"the weights file asks for {module}.{name}, which no weights need") from None

    def persistent_load(self, pid: Any, /) -> _Storage:
        """A storage that follows behind the pickles: ``("storage", kind, key, device, count, view)``."""
        tag, kind, key, _, count, view = pid
        if tag != "storage" or kind not in KINDS or view is not None:
            raise WeightsError("the weights file names a storage of unknown kind")
        return _Storage(str(key), kind, int(count))


def read_weights(data: bytes) -> dict[str, Numbers]:
    """All tensors by name. Raises :class:`WeightsError` for anything but a sound weights file."""
    file = io.BytesIO(data)
    try:
        _check_head(file)
        tensors: dict[str, _Tensor] = _load(file)
        keys: list[str] = _load(file)
        kinds = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        storages = {key: _read_storage(file, kinds[key]) for key in keys}
        return {name: _view(storages[tensor.storage.key], tensor) for name, tensor in tensors.items()}
    except WeightsError:
        raise
    except (
        Exception
    ) as error:  # a cut or changed pickle makes Python stumble over anything, OverflowError too
        raise WeightsError(f"the weights file is broken: {type(error).__name__}") from error


def _check_head(file: io.BytesIO) -> None:
    if _load(file) != MAGIC or _load(file) != PROTOCOL:
        raise WeightsError("this is not a PyTorch weights file of the format before 1.6")
    if not _load(file)["little_endian"]:
        raise WeightsError("the weights are big-endian")


def _load(file: io.BytesIO) -> Any:
    return RestrictedUnpickler(file).load()


def _read_storage(file: io.BytesIO, storage: _Storage) -> Numbers:
    (count,) = struct.unpack("<q", file.read(8))
    if count != storage.size:
        raise WeightsError("a storage has another size than its tensors say")
    kind = KINDS[storage.kind]
    return np.frombuffer(file.read(count * kind.itemsize), dtype=kind, count=count)


def _view(storage: Numbers, tensor: _Tensor) -> Numbers:
    """The tensor within its storage. Strides count numbers, and need not be those of a packed array."""
    if len(tensor.shape) != len(tensor.strides) or min(tensor.shape + tensor.strides, default=0) < 0:
        raise WeightsError("a tensor has an impossible shape")
    last = tensor.offset + sum(
        (n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True)
    )
    if tensor.offset < 0 or not math.prod(tensor.shape) or last >= len(storage):
        raise WeightsError("a tensor reaches beyond its storage")
    return np.lib.stride_tricks.as_strided(
        storage[tensor.offset :],
        shape=tensor.shape,
        strides=tuple(stride * storage.itemsize for stride in tensor.strides),
        writeable=False,
    )
