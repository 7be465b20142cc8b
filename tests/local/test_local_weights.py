"""A weights file is numbers and nothing else: what it may ask for is listed, all else is refused."""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker_local.weights import MAGIC, PROTOCOL, WeightsError, read_weights


class _Named:
    """Pickles as a call of a global that need not exist here."""

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        self.module, self.name, self.arguments = module, name, arguments


class _Storage:
    def __init__(self, kind: str, key: str, count: int) -> None:
        self.kind, self.key, self.count = kind, key, count


class _Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]  # the Python one can be taught globals
    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, _Storage):
            return ("storage", _Named("torch", value.kind), value.key, "cpu", value.count, None)
        return None

    def save_named(self, value: _Named) -> None:
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        if value.arguments:
            self.save(tuple(value.arguments))
            self.write(pickle.REDUCE)

    dispatch[_Named] = save_named


def _pickled(value: Any) -> bytes:
    out = io.BytesIO()
    _Pickler(out, 2).dump(value)
    return out.getvalue()


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any) -> _Named:
    return _Named("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, False, OrderedDict())


def _file(tensors: Any, numbers: dict[str, np.ndarray[Any, Any]]) -> bytes:
    head = _pickled(MAGIC) + _pickled(PROTOCOL) + _pickled({"little_endian": True})
    body = b"".join(struct.pack("<q", each.size) + each.tobytes() for each in numbers.values())
    return head + _pickled(tensors) + _pickled(list(numbers)) + body


NUMBERS = np.arange(12, dtype="<f4")


def test_a_tensor_whose_strides_are_not_packed_is_read_in_its_own_order() -> None:
    storage = _Storage("FloatStorage", "7", 12)
    found = read_weights(_file({"w": _tensor(storage, 0, (3, 4), (1, 3))}, {"7": NUMBERS}))
    assert found["w"].tolist() == NUMBERS.reshape(4, 3).T.tolist()


def test_tensors_may_share_a_storage_and_start_within_it() -> None:
    storage = _Storage("FloatStorage", "7", 12)
    found = read_weights(
        _file({"a": _tensor(storage, 0, (2,), (1,)), "b": _tensor(storage, 10, (2,), (1,))}, {"7": NUMBERS})
    )
    assert (found["a"].tolist(), found["b"].tolist()) == ([0, 1], [10, 11])


def test_a_file_that_asks_for_code_is_refused_and_nothing_is_run(tmp_path: Any) -> None:
    trace = tmp_path / "run"
    attack = _file({"w": _Named("os", "system", f"touch {trace}")}, {})
    with pytest.raises(WeightsError, match=r"os\.system"):
        read_weights(attack)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "torch.load", "posix.system"])
def test_every_name_that_weights_do_not_need_is_refused(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    with pytest.raises(WeightsError):
        read_weights(_file({"w": _Named(module, attribute, "x")}, {}))


def test_a_file_cut_anywhere_is_refused() -> None:
    whole = _file({"w": _tensor(_Storage("FloatStorage", "7", 12), 0, (3, 4), (4, 1))}, {"7": NUMBERS})
    for length in range(len(whole)):
        with pytest.raises(WeightsError):
            read_weights(whole[:length])


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (4, 4), (4, 1)),
        (9, (4,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (0,), (1,)),
    ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(offset: int, shape: Any, strides: Any) -> None:
    storage = _Storage("FloatStorage", "7", 12)
    with pytest.raises(WeightsError):
        read_weights(_file({"w": _tensor(storage, offset, shape, strides)}, {"7": NUMBERS}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        pickle.dumps({"a": 1}),
        pickle.BINBYTES8 + b"\xff" * 8,  # OverflowError
        pickle.BINGET + b"\x07",  # KeyError
        pickle.LONG4 + b"\xff" * 4,  # UnpicklingError
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(WeightsError):
        read_weights(data)


@given(st.binary(max_size=200))
@example(pickle.PROTO + b"\x02" + pickle.LONG4 + b"\x00\x00\x00\x80")
def test_no_file_makes_it_stumble_in_another_way(data: bytes) -> None:
    with pytest.raises(WeightsError):
        read_weights(data)


@given(st.data())
def test_a_file_with_any_one_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    sound = _file({"w": _tensor(_Storage("FloatStorage", "7", 12), 0, (3, 4), (4, 1))}, {"7": NUMBERS})
    where = data.draw(st.integers(0, len(sound) - 1))
    changed = sound[:where] + bytes([data.draw(st.integers(0, 255))]) + sound[where + 1 :]
    with suppress(WeightsError):
        read_weights(changed)
