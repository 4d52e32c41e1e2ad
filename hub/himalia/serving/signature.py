"""What a model takes and gives, read from its MLflow signature (https://mlflow.org/docs/latest/ml/model/signatures)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from himalia.serving.errors import BadInputError
from himalia.serving.tensors import BYTES, DATATYPES, DTYPES, Array, Tensor

_COLUMNS = {
    DataType.boolean: "BOOL",
    DataType.integer: "INT32",
    DataType.long: "INT64",
    DataType.float: "FP32",
    DataType.double: "FP64",
    DataType.string: BYTES,
    DataType.binary: BYTES,
    DataType.datetime: BYTES,
}
"""The datatype of each of MLflow's column types; lists, objects and maps are BYTES holding JSON."""

_CONTENT = {DataType.binary: "base64", DataType.datetime: "datetime", DataType.string: "str"}


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output; a `column` is a column of a table and no tensor of its own."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    column: bool = False
    required: bool = True
    content: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the protocol's metadata shows it; `parameters` say what stands in BYTES, and what may be left out."""
        shown: dict[str, Any] = {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}
        parameters: dict[str, Any] = {"content_type": self.content} if self.content else {}
        if not self.required:
            parameters["optional"] = True
        return {**shown, "parameters": parameters} if parameters else shown


def fields(schema: Schema | None, unnamed: str) -> list[Field]:
    """The fields of a schema; one without a name is called `unnamed` and its number."""
    return [
        _field(spec, f"{unnamed}-{number}") for number, spec in enumerate(schema.inputs if schema else ())
    ]


def _field(spec: Any, unnamed: str) -> Field:
    name = str(spec.name) if spec.name is not None else unnamed
    if isinstance(spec, TensorSpec):
        datatype = DATATYPES.get(np.dtype(spec.type), BYTES)
        return Field(name, datatype, tuple(spec.shape))
    assert isinstance(spec, ColSpec)  # a schema is of one or the other
    # Lists, objects and maps are no DataType.
    simple = spec.type if isinstance(spec.type, DataType) else None
    datatype = _COLUMNS[simple] if simple else BYTES
    content = (_CONTENT.get(simple) if simple else "json") if datatype == BYTES else None
    return Field(name, datatype, (-1,), column=True, required=spec.required, content=content)


def array(tensor: Tensor, field: Field) -> Array:
    """The tensor as the field's type and shape want it. Raises BadInputError, naming the input."""
    _check_shape(tensor, field)
    return _as_type(tensor, field)


def column(tensor: Tensor, field: Field) -> Array:
    """The tensor as a column of a table. Raises BadInputError, naming the input."""
    if not _is_column(tensor):
        raise BadInputError(
            f"Input {tensor.name!r} is a column: its shape is [rows] or [rows, 1], not {list(tensor.shape)}."
        )
    values = _as_type(tensor, field).reshape(-1)
    return values if field.content is None else _content(tensor.name, values, field.content)


def table(columns: dict[str, Array]) -> pd.DataFrame:
    """A table of columns that must be equally long. Raises BadInputError, naming the one that is not."""
    first = next(iter(columns), "")
    for name, values in columns.items():
        if len(values) != len(columns[first]):
            rows = f"{len(values)} rows, but {first!r} has {len(columns[first])}"
            raise BadInputError(f"Input {name!r} has {rows}.")
    return pd.DataFrame(columns)


def chosen(tensors: Sequence[Tensor], wanted: Sequence[Field]) -> dict[str, Tensor]:
    """The tensors by name. Raises BadInputError for one that is unknown, given twice or missing."""
    known = {field.name for field in wanted}
    given: dict[str, Tensor] = {}
    listed = ", ".join(field.name for field in wanted)
    for tensor in tensors:
        if tensor.name not in known:
            raise BadInputError(f"The model has no input {tensor.name!r}. Its inputs are: {listed}.")
        if tensor.name in given:
            raise BadInputError(f"Input {tensor.name!r} is given twice.")
        given[tensor.name] = tensor
    for field in wanted:
        if field.required and field.name not in given:
            raise BadInputError(f"Input {field.name!r} is missing. The model's inputs are: {listed}.")
    return given


def _check_shape(tensor: Tensor, field: Field) -> None:
    fits = len(tensor.shape) == len(field.shape) and all(
        wanted in (-1, size) for size, wanted in zip(tensor.shape, field.shape, strict=True)
    )
    if not fits:
        raise BadInputError(
            f"Input {tensor.name!r} has the shape {list(tensor.shape)}, but the model takes "
            f"[{', '.join('any' if size < 0 else str(size) for size in field.shape)}]."
        )


def _as_type(tensor: Tensor, field: Field) -> Array:
    if tensor.datatype == field.datatype:
        return tensor.values
    given, wanted = DTYPES.get(tensor.datatype), DTYPES.get(field.datatype)
    if given is None or wanted is None or "b" in (given.kind, wanted.kind) or _loses(given, wanted):
        raise BadInputError(
            f"Input {tensor.name!r} has the datatype {tensor.datatype}, but the model takes {field.datatype}."
        )
    if wanted.kind in "iu" and tensor.values.size:
        limits = np.iinfo(wanted)
        if int(tensor.values.min()) < limits.min or int(tensor.values.max()) > limits.max:
            raise BadInputError(f"Input {tensor.name!r} has numbers that do not fit {field.datatype}.")
    return tensor.values.astype(wanted)


def _loses(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    return given.kind == "f" and wanted.kind != "f"


def _is_column(tensor: Tensor) -> bool:
    return len(tensor.shape) == 1 or (len(tensor.shape) == 2 and tensor.shape[1] == 1)


def text(name: str, values: Array) -> Array:
    """Elements of BYTES as text. Raises BadInputError where they are none."""
    try:
        decoded = [one.decode() if isinstance(one, bytes) else one for one in values.reshape(-1)]
    except UnicodeDecodeError:
        raise BadInputError(f"Input {name!r} is text, but not all of it is UTF-8.") from None
    found = np.empty(len(decoded), dtype=object)
    found[:] = decoded
    return found.reshape(values.shape)


def _content(name: str, values: Array, content: str) -> Array:
    """A column of BYTES as what it holds."""
    if content == "base64":
        return _binary(name, values)
    texts = text(name, values)
    try:
        if content == "datetime":
            found: Array = pd.to_datetime(pd.Series(texts), format="ISO8601").to_numpy()
            return found
        if content == "json":
            parsed = [None if one is None else json.loads(one) for one in texts]
            found = np.empty(len(parsed), dtype=object)
            found[:] = parsed
            return found
    except (ValueError, RecursionError):
        words = {"datetime": "times as ISO 8601 writes them", "json": "JSON texts"}[content]
        raise BadInputError(f"The elements of input {name!r} are {words}.") from None
    return texts


def _binary(name: str, values: Array) -> Array:
    try:
        decoded = [base64.b64decode(one, validate=True) if isinstance(one, str) else one for one in values]
    except (ValueError, binascii.Error):
        raise BadInputError(
            f"The elements of input {name!r} are bytes: written in base64, or sent as binary data."
        ) from None
    found = np.empty(len(decoded), dtype=object)
    found[:] = decoded
    return found
