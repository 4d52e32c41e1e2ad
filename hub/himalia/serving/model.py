"""A loaded MLflow model: tensors in, tensors out."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, ErrorCode
from mlflow.pyfunc import PyFuncModel, load_model

from himalia.serving import signature
from himalia.serving.errors import BadInputError, LoadError, ServingError
from himalia.serving.tensors import BYTES, DATATYPES, Array, Tensor

_INTERNAL = ErrorCode.Name(INTERNAL_ERROR)


class Model:
    """What a request is asked of; used by one thread at a time."""

    def __init__(self, pyfunc: PyFuncModel) -> None:
        self._pyfunc = pyfunc
        given = pyfunc.metadata.signature
        schema = given.inputs if given else None
        self.inputs = signature.fields(schema, "input")
        self.outputs = signature.fields(given.outputs if given else None, "output")
        self.flavors = sorted(pyfunc.metadata.flavors)
        self._known_params = [param.name for param in (given.params if given else None) or ()]
        self._unnamed = schema is not None and not schema.has_input_names()

    @classmethod
    def load(cls, folder: Path) -> Model:
        """The model in a folder that MLflow wrote. Raises LoadError; runs code of the model's."""
        if not (folder / "MLmodel").is_file():
            raise LoadError(f"{folder} holds no model: the file MLmodel is missing.")
        try:
            # In its sandbox a model's folder is a link, and MLflow refuses files that lie behind one.
            return cls(load_model(str(folder.resolve())))
        except Exception as error:  # the model's own code and all that it imports
            traceback.print_exc()
            raise LoadError(f"The model in {folder} cannot be loaded: {_told(error)}") from error

    def predict(self, tensors: Sequence[Tensor], params: Mapping[str, Any]) -> list[Tensor]:
        """The model's answer. Raises BadInputError, and ServingError when the model fails."""
        self._check(params)
        data = self._data(tensors)
        try:
            answer = self._pyfunc.predict(data, params=dict(params)) if params else self._pyfunc.predict(data)
        except Exception as error:  # the model's own code
            raise self._refused(error) from error
        return self._tensors(answer)

    def _check(self, params: Mapping[str, Any]) -> None:
        for name in params:
            if name not in self._known_params:
                known = ", ".join(self._known_params) or "none"
                raise BadInputError(f"The model has no parameter {name!r}. Its parameters: {known}.")

    # What goes in

    def _data(self, tensors: Sequence[Tensor]) -> Any:
        if not tensors:
            raise BadInputError("The request has no inputs.")
        if not self.inputs:
            return self._free(tensors)
        if self._unnamed and len(tensors) == len(self.inputs):
            tensors = [_renamed(one, field.name) for one, field in zip(tensors, self.inputs, strict=True)]
        given = signature.chosen(tensors, self.inputs)
        wanted = [field for field in self.inputs if field.name in given]
        if self.inputs[0].column:
            frame = signature.table({one.name: signature.column(given[one.name], one) for one in wanted})
            return frame.set_axis(range(len(wanted)), axis=1) if self._unnamed else frame
        arrays = {one.name: signature.array(given[one.name], one) for one in wanted}
        return next(iter(arrays.values())) if self._unnamed else arrays

    @staticmethod
    def _free(tensors: Sequence[Tensor]) -> Any:
        """For a model without a signature: one tensor as an array, several as the columns of a table."""
        values = [signature.text(t.name, t.values) if t.datatype == BYTES else t.values for t in tensors]
        if len(tensors) == 1:
            return values[0]
        for tensor in tensors:
            if len(tensor.shape) != 1:
                raise BadInputError(
                    f"The model has no signature, so several inputs are the columns of a table: the shape of "
                    f"{tensor.name!r} is [rows], not {list(tensor.shape)}."
                )
        return signature.table({tensor.name: one for tensor, one in zip(tensors, values, strict=True)})

    def _refused(self, error: Exception) -> ServingError:
        if isinstance(error, MlflowException) and error.error_code != _INTERNAL:
            return BadInputError(f"The model does not take this input: {error.message}")
        if not self.inputs and isinstance(error, ValueError | TypeError | LookupError):
            # Without a signature only the model itself knows what it takes.
            return BadInputError(f"The model does not take this input: {_told(error)}")
        traceback.print_exception(error)
        return ServingError(f"The model failed: {_told(error)}")

    # What comes out

    def _tensors(self, answer: Any) -> list[Tensor]:
        parts = _parts(answer)
        names = [field.name for field in self.outputs]
        if len(names) != len(parts):
            names = [name or f"output-{number}" for number, (name, _) in enumerate(parts)]
        return [_tensor(name, values) for name, (_, values) in zip(names, parts, strict=True)]


def _renamed(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.datatype, tensor.values, tensor.parameters)


def _parts(answer: Any) -> list[tuple[str, Any]]:
    """The named arrays of what a model answers; "" for one without a name."""
    if isinstance(answer, pd.DataFrame):
        return [(str(name), answer[name].to_numpy()) for name in answer.columns]
    if isinstance(answer, pd.Series):
        return [(str(answer.name or ""), answer.to_numpy())]
    if isinstance(answer, Mapping):
        return [(str(name), values) for name, values in answer.items()]
    return [("", answer)]


def _tensor(name: str, values: Any) -> Tensor:
    array = _as_array(values)
    datatype = DATATYPES.get(array.dtype)
    if datatype is not None:
        return Tensor(name, datatype, array)
    if array.dtype.kind == "M":
        array = np.datetime_as_string(array)
    if array.dtype.kind not in "OUS":
        raise ServingError(
            f"The model's output {name!r} is of the type {array.dtype}, which no tensor can hold."
        )
    elements = [_element(one) for one in array.reshape(-1).tolist()]
    texts = np.empty(len(elements), dtype=object)
    texts[:] = elements
    return Tensor(name, BYTES, texts.reshape(array.shape))


def _as_array(values: Any) -> Array:
    if hasattr(values, "toarray"):  # a sparse matrix
        values = values.toarray()
    if isinstance(values, list | tuple) and any(isinstance(one, Mapping) for one in values):
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found
    try:
        array: Array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.empty(len(values), dtype=object)
        array[:] = values
    return array if array.ndim else array.reshape(1)


def _element(one: Any) -> str | None:
    """An element of BYTES: text as it is, None where it is missing, anything else as JSON."""
    if one is None or one is pd.NA or one is pd.NaT or (isinstance(one, float) and one != one):
        return None
    if isinstance(one, bytes):
        return one.decode(errors="replace")
    return one if isinstance(one, str) else json.dumps(one, default=str)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
