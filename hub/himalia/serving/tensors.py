"""Tensors as the Open Inference Protocol writes them: in JSON, and in bytes behind the JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from himalia.serving.errors import BadInputError

Array = npt.NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{f"UINT{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
}
"""numpy's type of each of the protocol's datatypes but BYTES, whose elements are text or bytes."""

DATATYPES = {dtype: name for name, dtype in DTYPES.items()}
BYTES = "BYTES"

_MOST_DIMENSIONS = 32
_LENGTH = 4  # bytes that say how long an element of BYTES is, little-endian
_KINDS = {"b": ("b", "true or false"), "i": ("iu", "whole numbers"), "u": ("iu", "whole numbers")}
_NUMBERS = ("iuf", "numbers")


@dataclass(slots=True)
class Tensor:
    """A named array; elements of BYTES are `str`, `bytes` where they came as bytes, and None where one is missing."""

    name: str
    datatype: str
    values: Array
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its dimensions."""
        return self.values.shape


class Reader:
    """Makes tensors of a request's `inputs`; `data` is what follows the JSON, read from front to back."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self, item: Any) -> Tensor:
        """One tensor. Raises BadInputError, naming it."""
        if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
            raise BadInputError("Each input is an object with name, shape, datatype and data.")
        name, datatype, parameters = item["name"], item.get("datatype"), item.get("parameters") or {}
        if datatype != BYTES and datatype not in DTYPES:
            known = ", ".join([*DTYPES, BYTES])
            raise BadInputError(f"Input {name!r} has the datatype {datatype!r}; the protocol knows {known}.")
        if not isinstance(parameters, dict):
            raise BadInputError(f"The parameters of input {name!r} are an object.")
        shape, size = _shape(name, item.get("shape")), parameters.get("binary_data_size")
        if size is not None:
            values = _from_bytes(name, datatype, shape, self._next(name, size))
        elif "data" in item:
            values = _from_json(name, datatype, shape, item["data"])
        else:
            raise BadInputError(f"Input {name!r} has no data.")
        return Tensor(name, datatype, values, parameters)

    def end(self) -> None:
        """Raise BadInputError unless all bytes belonged to a tensor."""
        if self._at != len(self._data):
            raise BadInputError(f"{len(self._data) - self._at} bytes at the end belong to no input.")

    def _next(self, name: str, size: Any) -> memoryview:
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(self._data) - self._at:
            left = len(self._data) - self._at
            raise BadInputError(
                f"Input {name!r} has binary_data_size {size!r}, but {left} bytes are left in the body."
            )
        self._at += size
        return self._data[self._at - size : self._at]


def to_json(tensor: Tensor) -> dict[str, Any]:
    """A tensor of the answer; what is not finite is null, since JSON has no word for it."""
    values = tensor.values.reshape(-1)
    if tensor.datatype.startswith("FP") and not np.isfinite(values).all():
        data = [value if math.isfinite(value) else None for value in values.tolist()]
        return {**_described(tensor), "data": data}
    return {**_described(tensor), "data": values.tolist()}


def to_bytes(tensor: Tensor) -> tuple[dict[str, Any], bytes]:
    """A tensor of the answer whose elements follow the JSON, and those."""
    if tensor.datatype == BYTES:
        elements = [(one or "").encode() for one in tensor.values.reshape(-1)]
        data = b"".join(len(one).to_bytes(_LENGTH, "little") + one for one in elements)
    else:
        dtype = DTYPES[tensor.datatype].newbyteorder("<")
        data = np.ascontiguousarray(tensor.values, dtype).tobytes()
    described = _described(tensor)
    described["parameters"] = {**described.get("parameters", {}), "binary_data_size": len(data)}
    return described, data


def _described(tensor: Tensor) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "datatype": tensor.datatype,
    }
    if tensor.parameters:
        shown["parameters"] = dict(tensor.parameters)
    return shown


def _shape(name: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or not all(type(one) is int and one >= 0 for one in shape):
        raise BadInputError(f"The shape of input {name!r} is a list of whole numbers, not {_short(shape)}.")
    if len(shape) > _MOST_DIMENSIONS:
        raise _too_deep(name)
    return tuple(shape)


def _from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> Array:
    if not isinstance(data, list):
        raise BadInputError(f"The data of input {name!r} is a list.")
    if datatype == BYTES:
        return _sized(name, shape, _texts(name, data))
    dtype = DTYPES[datatype]
    kinds, words = _KINDS.get(dtype.kind, _NUMBERS)
    array = _array(name, data, dtype)
    if array.size and array.dtype.kind not in kinds:
        raise BadInputError(f"Input {name!r} has the datatype {datatype}, so its data are {words} only.")
    if array.size and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise BadInputError(f"Input {name!r} has numbers that do not fit its datatype {datatype}.")
    with np.errstate(over="ignore"):
        return _sized(name, shape, array.astype(dtype, copy=False))


def _array(name: str, data: list[Any], dtype: np.dtype[Any]) -> Array:
    try:
        array = np.array(data)
        if array.dtype.kind == "O" and dtype.kind == "f" and all(_may_be_float(one) for one in array.flat):
            array = array.astype(np.float64)  # null is what JSON writes where a number is missing
    except (ValueError, OverflowError):  # rows of different lengths
        raise BadInputError(f"The rows of input {name!r} have different lengths.") from None
    return array


def _may_be_float(one: Any) -> bool:
    return one is None or (isinstance(one, int | float) and not isinstance(one, bool))


def _texts(name: str, data: list[Any]) -> Array:
    elements = list(_leaves(name, data))
    array = np.empty(_nested_shape(data), dtype=object)
    if len(elements) != array.size:
        raise BadInputError(f"The rows of input {name!r} have different lengths.")
    if not all(one is None or isinstance(one, str) for one in elements):
        raise BadInputError(f"Input {name!r} has the datatype BYTES, so its data are texts only.")
    array.reshape(-1)[:] = elements
    return array


def _too_deep(name: str) -> BadInputError:
    return BadInputError(f"Input {name!r} has more than {_MOST_DIMENSIONS} dimensions.")


def _nested_shape(data: Any) -> tuple[int, ...]:
    shape = []
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0] if data else None
    return tuple(shape)


def _leaves(name: str, data: list[Any], depth: int = 1) -> Iterator[Any]:
    if depth > _MOST_DIMENSIONS:
        raise _too_deep(name)
    for one in data:
        if isinstance(one, list):
            yield from _leaves(name, one, depth + 1)
        else:
            yield one


def _sized(name: str, shape: tuple[int, ...], array: Array) -> Array:
    """`array` in the shape that was said; it may be written flat."""
    if array.shape == shape:
        return array
    if array.ndim != 1:
        raise BadInputError(
            f"Input {name!r} says it has the shape {list(shape)}, but its data have {list(array.shape)}."
        )
    if array.size != math.prod(shape):
        raise BadInputError(
            f"Input {name!r} says it has the shape {list(shape)}, which makes {math.prod(shape)} elements, "
            f"but it has {array.size}."
        )
    return array.reshape(shape)


def _from_bytes(name: str, datatype: str, shape: tuple[int, ...], data: memoryview) -> Array:
    if datatype == BYTES:
        elements = list(_elements(name, data))
        array = np.empty(len(elements), dtype=object)
        array[:] = elements
        return _sized(name, shape, array)
    dtype = DTYPES[datatype]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise BadInputError(
            f"Input {name!r} of the shape {list(shape)} and the datatype {datatype} takes "
            f"{math.prod(shape) * dtype.itemsize} bytes, but {len(data)} were sent."
        )
    # A copy, since a model may write to what it is given.
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _elements(name: str, data: memoryview) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        start = at + _LENGTH
        at = start + int.from_bytes(data[start - _LENGTH : start], "little")
        if at > len(data) or start > len(data):
            raise BadInputError(f"An element of input {name!r} says it is longer than what was sent.")
        yield bytes(data[start:at])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
